"""What the operator grants on this machine: secrets by name, hosts and paths by list."""

import json
import os
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, quote_plus

from jitbot.errors import NotGranted, SettingsError
from jitbot.ports import Site

HIDDEN = "•••"
SHORTEST_SECRET = 6
"""Shorter values would be replaced all over innocent text, and are no secrets."""

_PREFIX = "JITBOT_SECRET_"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_HOST = re.compile(r"(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


class RedactingSite(Site, Protocol):
    """A site that also knows how to keep its secrets out of text."""

    def redact(self, text: str) -> str:
        """Return the text with every secret value replaced by `•••`."""


class EnvironmentSite:
    """Secrets from variables `JITBOT_SECRET_<NAME>` as they were when it was made; hosts from a given list.

    The secret `pager-key` is the variable `JITBOT_SECRET_PAGER_KEY`.
    """

    def __init__(
        self, hosts: Iterable[str], environment: Mapping[str, str] = os.environ, paths: Iterable[str | Path] = ()
    ) -> None:
        self.hosts = frozenset(_host(host) for host in hosts)
        self.paths = frozenset(_path(path) for path in paths)
        self._secrets = {name: value for name, value in environment.items() if name.startswith(_PREFIX)}
        hidden = {form for value in self._secrets.values() for form in _forms(value)}
        self._hidden = sorted(hidden, key=len, reverse=True)

    def secret(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise NotGranted(f"{name!r} is no name of a secret: use letters, digits, - and _.")
        variable = _PREFIX + name.upper().replace("-", "_")
        value = self._secrets.get(variable, "")
        if not value:
            raise NotGranted(f"The secret {name!r} is not set: set {variable} in the environment of jitbot.")
        if len(value) < SHORTEST_SECRET:
            raise NotGranted(
                f"The secret {name!r} ({variable}) is too short to be kept out of logs: "
                f"use {SHORTEST_SECRET} characters or more."
            )
        return value

    def redact(self, text: str) -> str:
        for form in self._hidden:
            text = text.replace(form, HIDDEN)
        return text


def _host(host: str) -> str:
    host = host.strip().lower()
    if not _HOST.fullmatch(host):
        raise SettingsError(f"{host!r} is no host that could be allowed: write `host` or `host:port`.")
    return host


def _path(path: str | Path) -> Path:
    if not Path(path).is_absolute() or ".." in Path(path).parts or Path(path) == Path("/"):
        raise SettingsError(f"{str(path)!r} cannot be granted to runners: write a full path, without `..` and not `/`.")
    return Path(path)


def _forms(value: str) -> Iterator[str]:
    """Yield what a secret looks like in text: itself, its lines, and how URLs, JSON and headers write it."""
    for part in {value, *value.splitlines()}:
        if len(part) >= SHORTEST_SECRET:
            yield part
            yield quote(part, safe="")
            yield quote_plus(part)
            yield json.dumps(part)[1:-1]
            yield json.dumps(part, ensure_ascii=False)[1:-1]
            yield b64encode(part.encode(errors="surrogateescape")).decode()
