"""TOML as text, by tomlkit, which keeps comments and layout by itself."""

import tomllib
from collections.abc import Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Item, Table

from jitbot.runners.config_file.format import Key, NotEditable


class Toml:
    """See `Format`."""

    def readings(self, text: str) -> Sequence[Any]:
        try:
            return [tomllib.loads(text)]
        except RecursionError as error:
            raise NotEditable("it is nested too deeply") from error

    def source(self, text: str, key: Key) -> str | None:
        try:
            found = _walk(_parsed(text), key)
        except (KeyError, IndexError):
            return None
        return found.as_string() if isinstance(found, Item) and not isinstance(found, AoT | Table) else None

    def put(self, text: str, key: Key, source: str) -> str:
        document = _parsed(text)
        _walk(document, key[:-1])[key[-1]] = tomlkit.value(source)
        return tomlkit.dumps(document)

    def drop(self, text: str, key: Key) -> str:
        document = _parsed(text)
        del _walk(document, key[:-1])[key[-1]]
        return tomlkit.dumps(document)

    def render(self, value: Any, like: str | None) -> str:
        try:
            table = tomlkit.inline_table().append("x", value)
        except (TOMLKitError, ValueError, TypeError) as error:
            raise NotEditable("TOML has no such value") from error
        return table.as_string()[len("{x = ") : -1]


def _parsed(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise NotEditable(f"it is not read ({type(error).__name__})") from error


def _walk(document: tomlkit.TOMLDocument, key: Key) -> Any:
    here: Any = document
    for step in key:
        here = here[step]
    return here
