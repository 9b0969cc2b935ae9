"""A file of the operator's, in YAML: read as strictly as policies, and out of reach of those who write them."""

import os
import stat
from pathlib import Path
from typing import Any

from jitbot.errors import PolicyError, SettingsError
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.yaml_events import parse


def read_operators_file(variable: str, file: Path, policies: Path) -> Any:
    """Return what stands in the file that a variable names. Raises: SettingsError."""

    def wrong(why: str) -> SettingsError:
        return SettingsError(f"{variable}: {file} {why}.")

    try:
        real = file.resolve(strict=True)
        about, text = real.stat(), real.read_bytes()
    except OSError as error:
        raise wrong(f"cannot be read ({error.strerror})") from None
    if real.is_relative_to(policies.resolve()):
        raise wrong(f"lies among the policies ({policies}), whose authors must not change it: put it elsewhere")
    if about.st_uid not in (0, os.geteuid()) or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise wrong("can be written by others: make it root's or jitbot's own, mode 644 or less")
    issues = Issues()
    try:
        document = parse(file.name, text.decode(), issues)
        issues.raise_if_any()
    except (PolicyError, UnicodeDecodeError) as error:
        raise wrong(f"is no plain YAML: {error}") from None
    return document.value if document is not None else None
