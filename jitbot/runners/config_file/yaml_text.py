"""YAML as text: where a key stands by PyYAML's marks, and how it is put, so that every other character stays.

Programs read YAML 1.1 or 1.2; what is written has to mean the same to both, so both readings are given.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from jitbot.runners.config_file.format import Key, NotEditable, Step
from jitbot.runners.config_file.splice import Member, Span, dropped, inserted

MOST_ALIASES = 20
"""A few dozen that refer to each other can stand for more than fits into memory."""

DEEPEST = 50

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_LOOSE = re.compile(r"[ \t]*(#.*)?")


class Yaml:
    """See `Format`."""

    def readings(self, text: str) -> Sequence[Any]:
        try:
            _demand_modest(text)
            return _read(text)
        except (yaml.YAMLError, YAMLError, RecursionError) as error:
            raise NotEditable(f"it is not read ({type(error).__name__})") from error

    def source(self, text: str, key: Key) -> str | None:
        node = _find(text, key)
        if node is None:
            return None
        span = _span(text, node)
        return text[span.start : span.end]

    def put(self, text: str, key: Key, source: str) -> str:
        node = _find(text, key)
        if node is None:
            return _inserted(text, _mapping(text, key), _key(str(key[-1])), source)
        span = _span(text, node)
        if text[span.start : span.end].startswith(("&", "*", "!")):
            raise NotEditable("its value has an anchor, an alias or a tag: change it by hand")
        return span.replaced(text, source if span.start < span.end else f" {source}")

    def drop(self, text: str, key: Key) -> str:
        mapping = _mapping(text, key)
        members = _members(text, mapping)
        member = next(each for each in members if each.name == key[-1])
        if mapping.flow_style:
            return dropped(text, members, member)
        start, end = text.rfind("\n", 0, member.key.start) + 1, _line_end(text, member.value.end)
        if text[start : member.key.start].strip():
            raise NotEditable("it stands on one line with something else: change it by hand")
        return Span(start, min(end + 1, len(text))).replaced(text, "")

    def render(self, value: Any, like: str | None) -> str:
        if isinstance(value, str) and like and like[0] not in "\"'" and _is_plain(value):
            return value
        if isinstance(value, str) and like and like[0] == "'" and not re.search(r"['\n]", value):
            return f"'{value}'"
        return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _demand_modest(text: str) -> None:
    """See that a text can be read in little time and memory; what comes first is read first. Raises: NotEditable."""
    depth = aliases = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > DEEPEST or aliases > MOST_ALIASES:
            raise NotEditable(f"it is nested deeper than {DEEPEST}, or has more than {MOST_ALIASES} aliases")


def _read(text: str) -> Sequence[Any]:
    return [YAML(typ="safe", pure=True).load(text), yaml.safe_load(text)]


def _is_plain(text: str) -> bool:
    """Tell whether a text is the same text without quotes, to every reader."""
    return bool(_PLAIN.fullmatch(text)) and all(reading == text for reading in _read(text))


def _key(name: str) -> str:
    return name if _is_plain(name) else json.dumps(name, ensure_ascii=False)


def _find(text: str, key: Key) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in key:
        node = _child(node, step)
    return node


def _child(node: yaml.Node | None, step: Step) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if _is_name(name) and name.value == step), None)
    return None


def _is_name(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str"


def _mapping(text: str, key: Key) -> yaml.MappingNode:
    node = _find(text, key[:-1])
    if not isinstance(node, yaml.MappingNode):
        raise NotEditable("what should hold it is not found as text: change it by hand")
    return node


def _members(text: str, mapping: yaml.MappingNode) -> Sequence[Member]:
    return [Member(str(name.value), _span(text, name), _span(text, value)) for name, value in mapping.value]


def _span(text: str, node: yaml.Node) -> Span:
    """Return where a node stands; what is written in lines ends before the comments and empty lines that follow it."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        end = start + len(text[start:end].rstrip())
    elif isinstance(node, yaml.CollectionNode) and not node.flow_style:
        lines = text[start:end].split("\n")
        while len(lines) > 1 and _LOOSE.fullmatch(lines[-1]):
            lines.pop()
        end = start + len("\n".join(lines))
    return Span(start, end)


def _inserted(text: str, mapping: yaml.MappingNode, key: str, source: str) -> str:
    if mapping.flow_style:
        return inserted(text, mapping.start_mark.index, _members(text, mapping), key, source)
    at = _line_end(text, _span(text, mapping).end)
    return Span(at, at).replaced(text, f"\n{' ' * mapping.start_mark.column}{key}: {source}")


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
