"""What the operator grants on this machine: secrets by name, hosts and paths by list."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from jitbot.errors import NotGranted, SettingsError
from jitbot.outbound.redaction.patterns import HIDDEN
from jitbot.outbound.redaction.redactor import SHORTEST_SECRET, Redactor
from jitbot.outbound.secrets.environment import EnvironmentStore
from jitbot.outbound.secrets.listed import Secrets
from jitbot.ports import Site
from jitbot.warrants.ceiling import Ceiling

__all__ = ["HIDDEN", "SHORTEST_SECRET", "BareSite", "EnvironmentSite", "GrantedSite", "RedactingSite"]

_HOST = re.compile(r"(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


class RedactingSite(Site, Protocol):
    """A site that also knows how to keep its secrets out of text."""

    def redact(self, text: str) -> str:
        """Return the text with every secret replaced by `•••`: known values, and what looks like a credential."""


class GrantedSite:
    """Secrets from stores; hosts and paths from given lists."""

    def __init__(
        self, hosts: Iterable[str], paths: Iterable[str | Path], secrets: Secrets, ceiling: Ceiling | None = None
    ) -> None:
        """Grant what is listed, as far as the ceiling of this machine goes. Raises: SettingsError."""
        self.hosts = frozenset(_host(host) for host in hosts)
        if ceiling is not None:
            self.hosts &= frozenset(_host(host) for host in ceiling.hosts)
        self._ceiling = ceiling
        self.paths = frozenset(_path(path) for path in paths)
        self._secrets = secrets

    def secret(self, name: str) -> str:
        if self._ceiling is not None and not self._ceiling.allows_secret(name):
            raise NotGranted(f"The secret {name!r} is not in the ceiling of this machine (JITBOT_CEILING).")
        return self._secrets.read(name).value

    def redact(self, text: str) -> str:
        return self._secrets.redact(text)


class BareSite:
    """A site that grants nothing, for runners that run elsewhere and are only known here."""

    hosts: frozenset[str] = frozenset()
    paths: frozenset[Path] = frozenset()

    def __init__(self, redact: Callable[[str], str]) -> None:
        self.redact = redact

    def secret(self, name: str) -> str:
        raise NotGranted(f"The secret {name!r} is read by the workers of the pool, and not here.")


class EnvironmentSite(GrantedSite):
    """A site whose secrets are variables `JITBOT_SECRET_<NAME>` alone."""

    def __init__(
        self, hosts: Iterable[str], environment: Mapping[str, str] = os.environ, paths: Iterable[str | Path] = ()
    ) -> None:
        redactor = Redactor()
        store = EnvironmentStore(redactor.hide, environment)
        super().__init__(hosts, paths, Secrets({"environment": store}, redactor))


def _host(host: str) -> str:
    host = host.strip().lower()
    if not _HOST.fullmatch(host):
        raise SettingsError(f"{host!r} is no host that could be allowed: write `host` or `host:port`.")
    return host


def _path(path: str | Path) -> Path:
    if not Path(path).is_absolute() or ".." in Path(path).parts or Path(path) == Path("/"):
        raise SettingsError(f"{str(path)!r} cannot be granted to runners: write a full path, without `..` and not `/`.")
    return Path(path)
