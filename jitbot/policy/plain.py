"""Values of conditions as JSON has them, and back."""

from datetime import datetime, timedelta
from typing import Any

from jitbot.model import FactKind


def plain(value: Any) -> Any:
    """Write a value of a condition as JSON has it: seconds for a duration, ISO text for an instant."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, datetime) else value


def restored(kind: FactKind, value: Any) -> Any:
    """Turn a written value back into what conditions see."""
    if kind is FactKind.DURATION:
        return timedelta(seconds=value)
    return datetime.fromisoformat(value) if kind is FactKind.INSTANT else value
