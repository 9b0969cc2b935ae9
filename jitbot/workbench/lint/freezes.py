"""Freezes that outlive what they were for."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from jitbot.model import Policy
from jitbot.workbench.lint.advice import Advice, Topic

LONGEST = timedelta(days=366)


def freezes(policy: Policy, at: datetime) -> Iterator[Advice]:
    """Advise on freezes by dates that as good as never end, and on those that are over; calendars are not read."""
    for freeze in policy.calendar.freezes.values():
        last = max((span.end for span in freeze.spans), default=None)
        if last is None:
            continue
        day = (last - timedelta(seconds=1)).astimezone(freeze.zone).date()
        if any(span.end - span.start > LONGEST for span in freeze.spans):
            message = (
                f"this freeze lasts until {day}, as good as for ever. Write a date within a year; "
                "what is never to be done is better refused by a guardrail."
            )
            yield Advice(freeze.where, Topic.LONG_FREEZE, message)
        elif last <= at and freeze.calendar is None:
            yield Advice(freeze.where, Topic.PAST_FREEZE, f"this freeze is over since {day}. Take it out.")
