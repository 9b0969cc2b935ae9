"""Heads of the record as an auditor has kept them: `jitbot audit verify --head FILE`."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from jitbot.audit import Head, read_heads
from jitbot.errors import SettingsError


def read_all(places: Sequence[Path]) -> list[Head]:
    """Read the heads of files, and of all files below folders. Raises: SettingsError, also where there is none."""
    heads = [head for place in places for head in _read(place)]
    if places and not heads:
        raise SettingsError(f"There is no head in {', '.join(map(str, places))}: nothing can be verified by it.")
    return heads


def told(heads: Sequence[Head]) -> str:
    """Say what heads that fit show, and for how long there was none: one that is missing was perhaps taken away."""
    instants = sorted(head.at for head in heads)
    longest = max((later - earlier for earlier, later in pairwise(instants)), default=timedelta(0))
    said = f"Heads that fit: {len(heads)}, from {instants[0]:%Y-%m-%d %H:%M} to {instants[-1]:%Y-%m-%d %H:%M} UTC"
    return f"{said}; the longest time without one was {round(longest / timedelta(minutes=1))} minutes."


def _read(place: Path) -> Iterator[Head]:
    try:
        files = sorted(each for each in place.rglob("*") if each.is_file()) if place.is_dir() else [place]
        for file in files:
            with file.open(encoding="utf-8", errors="replace") as lines:
                yield from read_heads(lines, str(file))
    except OSError as error:
        raise SettingsError(f"{place} cannot be read: {error.strerror}.") from error
