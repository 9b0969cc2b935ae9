"""What is known beforehand of a request that is still being typed."""

from dataclasses import dataclass, field
from datetime import timedelta

from jitbot.model import Decision, Plan
from jitbot.slack.views.people import Names


@dataclass(frozen=True, slots=True)
class Foresight:
    """What the form says will come of it: a decision with the names in it, or why none can be told."""

    decision: Decision | None = None
    plan: Plan | None = None
    words: str = ""
    names: Names = field(default_factory=dict)
    usual_wait: timedelta | None = None
    """How long requests like this one usually wait for their answer, where that is known."""
    halted: str = ""
    """Why it would not start for now, whoever approved it."""
    break_glass: bool = False
    """Whether break-glass is open to this person, so that the form offers it."""
