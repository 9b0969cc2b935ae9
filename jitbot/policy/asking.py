"""What goes with every request: why (`reason`) and for how long (`ttl`)."""

from datetime import timedelta

import re2

from jitbot.errors import InvalidInput
from jitbot.model import Action, ReasonRule
from jitbot.policy.durations import format_duration, parse_duration
from jitbot.policy.parameters import refuse_unprintable

LONGEST_REASON = 3000
"""What Slack's text inputs take."""


def parse_reason(action: Action, text: str | None) -> str:
    """Return the reason exactly as typed, empty where none is given or needed. Raises: InvalidInput."""
    given = text or ""
    try:
        _check_reason(action.reason, given)
    except InvalidInput as error:
        raise _fault("reason", f"A reason {error}") from None
    return given if given.strip() else ""


def _check_reason(rule: ReasonRule, given: str) -> None:
    hint = f" {rule.hint}" if rule.hint else ""
    if not given.strip():
        if rule.required:
            raise InvalidInput(f"is needed.{hint}")
        return
    refuse_unprintable(given)
    if len(given) > LONGEST_REASON:
        raise InvalidInput(f"is too long: {len(given)} characters, and {LONGEST_REASON} are the most.")
    if rule.pattern is not None and not re2.search(rule.pattern, given):
        raise InvalidInput(f"must contain something that matches {rule.pattern}.{hint}")


def parse_ttl(action: Action, asked: str | timedelta | None) -> timedelta | None:
    """Return how long the grant shall last: the timebox's default when nothing is asked for.

    Never more than the timebox's maximum, and never quietly less than what was asked. Raises: InvalidInput.
    """
    if action.timebox is None:
        if asked is not None:
            raise _fault("for", f"{action.name} has no timebox, so leave `for` out.")
        return None
    if asked is None:
        return action.timebox.default
    length = parse_length(asked)
    if length > action.timebox.max:
        most = format_duration(action.timebox.max)
        raise _fault("for", f"{action.name} lasts {most} at most, not {format_duration(length)}.")
    return length


def parse_length(asked: str | timedelta) -> timedelta:
    """Read how long a grant shall last, whole seconds above zero. Raises: InvalidInput, of the field `for`."""
    try:
        return parse_duration(asked if isinstance(asked, str) else _exact(asked))
    except InvalidInput as error:
        raise _fault("for", str(error)) from None


def _exact(length: timedelta) -> str:
    if length.microseconds or length <= timedelta(0):
        raise InvalidInput("A timebox is a number of whole seconds, above zero.")
    return format_duration(length)


def _fault(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, {field: message})
