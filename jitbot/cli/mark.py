"""The file in which an auditor keeps up to where the record was verified: `jitbot audit verify --mark FILE`.

It is worth as much as it is out of reach of whoever can write the database.
"""

import json
from pathlib import Path

from jitbot.audit import Mark
from jitbot.errors import SettingsError


def read(path: Path | None) -> Mark:
    """Read a mark; the beginning of the record where there is none yet. Raises: SettingsError."""
    if path is None or not path.exists():
        return Mark()
    try:
        kept = json.loads(path.read_text())
        return Mark(int(kept["count"]), bytes.fromhex(kept["hash"]))
    except OSError as error:
        raise SettingsError(f"The mark {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path} is no mark of `jitbot audit verify`: move it away.") from error


def write(path: Path, mark: Mark) -> None:
    """Keep a mark, whole or not at all. Raises: SettingsError."""
    half = path.with_name(f"{path.name}.new")
    try:
        half.write_text(json.dumps({"count": mark.count, "hash": mark.hash.hex()}) + "\n")
        half.replace(path)
    except OSError as error:
        raise SettingsError(f"The mark {path} cannot be written: {error.strerror}.") from error
