"""Reads a file that decides what a machine may do: its operator's own, and nobody else can write it."""

import os
import stat
from pathlib import Path

from jitbot.errors import SettingsError


def read_own(path: Path, variable: str, policies: Path | None = None) -> str:
    """Return the text of an operator's file, which must not lie among the policies. Raises: SettingsError."""
    try:
        real = path.resolve(strict=True)
        about, content = real.stat(), real.read_bytes()
    except OSError as error:
        raise SettingsError(f"{variable}: {path} cannot be read ({error.strerror}).") from None
    if policies is not None and real.is_relative_to(policies.resolve()):
        raise SettingsError(
            f"{variable}: {path} lies among the policies ({policies}), whose authors must not change it: put it "
            "elsewhere."
        )
    if about.st_uid not in (0, os.geteuid()) or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingsError(
            f"{variable}: {path} can be written by others: make it root's or jitbot's own, and run: chmod go-w {path}"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{variable}: {path} is not UTF-8 text; save the file as UTF-8.") from None
