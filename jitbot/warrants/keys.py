"""Lists of public keys, one a line: `service 3b6a27bc…` on a worker, `prod-eu 9f1c…` for each worker of a pool."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from jitbot.errors import SettingsError
from jitbot.warrants.own_file import read_own

SERVICE = "service"
"""Whose keys those are that sign warrants."""
Keys = Mapping[str, Sequence[Ed25519PublicKey]]

_LINE = re.compile(r"(?P<name>[a-z][a-z0-9-]{0,39})[ \t]+(?P<key>[0-9a-f]{64})")


def key_line(name: str, public: Ed25519PublicKey) -> str:
    """Return the line that lists a key."""
    return f"{name} {public.public_bytes_raw().hex()}"


def read_keys(path: Path, variable: str) -> Keys:
    """Return the keys that a file lists, by name; what follows a `#` is for people. Raises: SettingsError."""
    found: dict[str, list[Ed25519PublicKey]] = {}
    for number, line in enumerate(read_own(path, variable).splitlines(), 1):
        said = line.partition("#")[0].strip()
        if not said:
            continue
        match = _LINE.fullmatch(said)
        if match is None:
            raise SettingsError(f"{variable}: {path}:{number}: write a name and a key of 64 hex digits, as printed.")
        found.setdefault(match["name"], []).append(Ed25519PublicKey.from_public_bytes(bytes.fromhex(match["key"])))
    return found


def trusted(path: Path | None, variable: str) -> Sequence[Ed25519PublicKey]:
    """Return the keys that may sign warrants for this machine. Raises: SettingsError where there is none."""
    if path is None:
        raise SettingsError(
            f"{variable} is not set: a worker believes only what is signed. Run `jitbot pool trust` with the service's "
            f"settings, put what it prints into a file here, and name that in {variable}."
        )
    keys = read_keys(path, variable).get(SERVICE, ())
    if not keys:
        raise SettingsError(f"{variable}: {path} has no line `{SERVICE} KEY`. `jitbot pool trust` prints it.")
    return keys
