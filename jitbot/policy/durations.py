"""Durations as people write them: `30s`, `30m`, `1h30m`, `2d`. Units go from large to small, each once."""

import re
from datetime import timedelta

from jitbot.errors import InvalidInput
from jitbot.policy.wording import shown

LONGEST = timedelta(days=366)
"""No duration in a policy or a request is longer; a typing error is likelier than a timebox of a year."""

_PATTERN = re.compile(
    r"(?:(?P<days>[0-9]{1,8})d)?(?:(?P<hours>[0-9]{1,8})h)?(?:(?P<minutes>[0-9]{1,8})m)?(?:(?P<seconds>[0-9]{1,8})s)?"
)
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def parse_duration(text: str) -> timedelta:
    """Read a duration above zero and up to `LONGEST`. Raises: InvalidInput, in words."""
    match = _PATTERN.fullmatch(text)
    if match is None or not text:
        raise InvalidInput(f"{shown(text)} is not a duration; write it like 45s, 30m, 1h30m or 2d.{_hint(text)}")
    length = timedelta(**{unit: int(count) for unit, count in match.groupdict(default="0").items()})
    if not length:
        raise InvalidInput(f"{shown(text)} is no time at all; a duration must be longer than zero.")
    if length > LONGEST:
        raise InvalidInput(f"{shown(text)} is too long; {format_duration(LONGEST)} is the most.")
    return length


def format_duration(length: timedelta) -> str:
    """Write a duration the way `parse_duration` reads it, in its shortest form; parts of a second are dropped."""
    rest = int(length.total_seconds())
    parts = []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _hint(text: str) -> str:
    if re.fullmatch("[0-9]{1,8}", text):
        return f" Did you mean {text}m?"
    if _PATTERN.fullmatch(text.lower().replace(" ", "")) and text.strip():
        return f" Did you mean {text.lower().replace(' ', '')}?"
    return ""
