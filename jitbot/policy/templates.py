"""Templates in a runner's inputs: `{x}` stands for parameter x, `{{` and `}}` for braces.

They are filled in one pass, so that a value which looks like a template stays what it is. A text that is one `{x}` and
nothing else becomes the value itself, with its type. Keys are literal.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jitbot.errors import PolicyError

_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")


def fill(inputs: Any, params: Mapping[str, Any]) -> Any:
    """Return the inputs with every template filled in. Raises: PolicyError for a name that is not there."""
    return _walk(inputs, lambda text: _filled(text, params))


def names_in(inputs: Any) -> set[str]:
    """Return the parameters that any text in these inputs stands for."""
    found: set[str] = set()
    _walk(inputs, lambda text: found.update(match["name"] for match in _TOKEN.finditer(text) if match["name"]))
    return found


def faults(text: str, known: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Find what cannot be filled in: an offset into the text, and the token that stands there."""
    for match in _TOKEN.finditer(text):
        if match[0] in ("{", "}") or (match["name"] is not None and match["name"] not in known):
            yield match.start(), match[0]


def _walk(value: Any, change: Callable[[str], Any]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _walk(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(item, change) for item in value]
    return value


def _filled(text: str, params: Mapping[str, Any]) -> Any:
    whole = _TOKEN.fullmatch(text)
    if whole and whole["name"] is not None:
        value = _look_up(whole["name"], params)
        return list(value) if isinstance(value, list | tuple) else value
    return _TOKEN.sub(lambda match: _written(match, params), text)


def _written(match: re.Match[str], params: Mapping[str, Any]) -> str:
    if match["name"] is None:
        return match[0][0]
    value = _look_up(match["name"], params)
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


def _look_up(name: str, params: Mapping[str, Any]) -> Any:
    if name not in params:
        raise PolicyError(f"the template {{{name}}} names no parameter.")
    return params[name]
