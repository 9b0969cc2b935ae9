"""Time zones: what `18:30` means to whoever typed it."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from jitbot.errors import DirectoryUnavailable, NotFound, Unavailable
from jitbot.model import UserId
from jitbot.policy.starting import needs_zone
from jitbot.ports import Directory


def zone_for(directory: Directory, user: UserId, body: Mapping[str, Any]) -> tzinfo | None:
    """Return the person's own time zone where what they typed needs one, else None. Raises: Unavailable."""
    if not needs_zone(str(body.get("at") or "")):
        return None
    try:
        return ZoneInfo(directory.person(user).zone)
    except (NotFound, DirectoryUnavailable, KeyError, ValueError, OSError):  # no such zone here: KeyError
        raise Unavailable(
            "Your time zone could not be looked up. Write the start with its offset from UTC: at=18:30+01:00"
        ) from None
