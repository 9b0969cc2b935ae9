"""Which Postgres server, as whom, and how the way there is protected: the inputs that all its runners share."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from jitbot.errors import NotGranted
from jitbot.outbound.text import visible
from jitbot.outbound.values import STRICT, Secret
from jitbot.ports import Site

NAME_BYTES = 63
"""Postgres cuts longer names off, so that another object would be meant: NAMEDATALEN in its documentation."""
OURS = "jitbot:"
"""How the names of roles begin that jitbot makes for itself."""

_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])")


def _name(name: str) -> str:
    if len(name.encode(errors="replace")) > NAME_BYTES:
        raise ValueError(f"is longer than the {NAME_BYTES} bytes of a name in Postgres")
    if visible(name) != name or "\t" in name:
        raise ValueError("has characters that cannot be seen, which no name needs")
    return name


def _foreign(name: str) -> str:
    if name.startswith(OURS):
        raise ValueError(f"begins with {OURS}, as the roles do that jitbot makes for itself")
    return name


def _host(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise ValueError("must be one host's name or address in small letters; IPv6 in brackets")
    return host


def _full(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be a full path")
    return path


Name = Annotated[str, Field(min_length=1), AfterValidator(_name)]
"""A name in Postgres, as it is written there: it is quoted, so capitals count."""
RoleName = Annotated[Name, AfterValidator(_foreign)]


class Server(BaseModel):
    """One server, and the login with which jitbot comes there."""

    model_config = STRICT

    host: Annotated[str, AfterValidator(_host)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 5432
    database: Name = "postgres"
    user: Name
    password: Secret | None = None
    tls: Literal["verify-full", "require", "disable"] = "verify-full"
    authority: Annotated[Path, AfterValidator(_full)] | None = None
    """A PEM file with the certificates that are trusted; without it, those that OpenSSL trusts here."""

    @property
    def address(self) -> str:
        """Return `host:port`, as the operator allows it."""
        return f"{self.host}:{self.port}"


def demand_allowed(server: Server, site: Site) -> None:
    """See that the operator lets jitbot talk to this server. Raises: NotGranted.

    The port must be named: a bare host in the list was allowed for the web.
    """
    if server.address not in site.hosts:
        raise NotGranted(
            f"jitbot may not talk to {server.address}: it is not among the hosts that its operator allows "
            f"(for Postgres with the port: {server.address})."
        )
