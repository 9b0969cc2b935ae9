"""What every runner that logs in over SSH can be told: where, as whom, and by which keys each side proves who it is."""

import ipaddress
import re
from typing import Annotated, Self

import asyncssh
from pydantic import AfterValidator, BaseModel, Field, model_validator

from jitbot.outbound.values import STRICT, Secret

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_USER = r"^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,127}$"


def _host(host: str) -> str:
    host = host.lower()
    if _NAME.fullmatch(host):
        return host
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError:
        raise ValueError("write a host name or an address, without port, user and brackets") from None


def _key(key: Secret) -> Secret:
    if key.prefix:
        raise ValueError("a key takes no prefix: write {secret: NAME}")
    return key


def one_public_key(line: str) -> str:
    """Return a public key as one line of type and base64, without its comment. Raises: ValueError."""
    words = line.split()
    if "\n" in line.strip() or len(words) < 2 or "-cert-" in words[0]:
        raise ValueError("write one public key as in a .pub file: `ssh-ed25519 AAAA…`")
    plain = " ".join(words[:2])
    try:
        asyncssh.import_public_key(plain)
    except (asyncssh.KeyImportError, ValueError):
        raise ValueError(f"this is no public key that SSH knows: {plain[:60]!r}") from None
    return plain


def full_path(path: str) -> str:
    """Return a full path as it is. Raises: ValueError."""
    if not path.startswith("/") or "\0" in path:
        raise ValueError("write the full path")
    return path


FullPath = Annotated[str, Field(max_length=4_000), AfterValidator(full_path)]
PublicKey = Annotated[str, Field(max_length=8_000), AfterValidator(one_public_key)]
PrivateKey = Annotated[Secret, AfterValidator(_key)]
"""A private key, by the name of the secret that holds it in OpenSSH's own form, without a passphrase."""


class SshInputs(BaseModel):
    """Where to log in. The host proves itself by a key that is known beforehand; none is ever learned."""

    model_config = STRICT

    host: Annotated[str, Field(max_length=253), AfterValidator(_host)]
    port: int = Field(default=22, ge=1, le=65535)
    user: str = Field(pattern=_USER)
    key: PrivateKey
    host_keys: tuple[PublicKey, ...] = ()
    """The host's public keys, as in its `/etc/ssh/ssh_host_*_key.pub`."""
    known_hosts: FullPath | None = None
    """A file of known hosts on jitbot's machine, instead; `@cert-authority` and `@revoked` lines count too."""

    @model_validator(mode="after")
    def _host_is_known(self) -> Self:
        if bool(self.host_keys) == (self.known_hosts is not None):
            raise ValueError("say how the host is known: give host_keys or known_hosts, one of the two")
        return self

    @property
    def address(self) -> str:
        """Return `host:port`, as the operator allows it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def place(self) -> str:
        """Return where it is done and as whom, for people."""
        return f"{self.user}@{self.address}"
