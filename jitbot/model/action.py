"""An action: something a team lets people ask for, as its policy file says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from jitbot.model.break_glass import BreakGlass
from jitbot.model.facts import FactCall
from jitbot.model.limits import Limits
from jitbot.model.parts import Waves
from jitbot.model.people import Selector
from jitbot.model.rules import Rule
from jitbot.model.verification import Verification


class ParameterType(StrEnum):
    """The kinds of values a form can ask for."""

    CHOICE = "choice"
    MULTI_CHOICE = "multi-choice"
    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DURATION = "duration"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of the form. `minimum` and `maximum` bound integers, and durations in whole seconds."""

    name: str
    type: ParameterType
    label: str
    hint: str = ""
    required: bool = True
    default: Any = None
    options: tuple[str, ...] = ()
    pattern: str | None = None
    max_length: int = 300
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class ReasonRule:
    """Whether a reason is asked for, and the RE2 pattern that some part of it must match."""

    required: bool = True
    pattern: str | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Timebox:
    """How long a grant lasts when nothing is asked for, and at most."""

    default: timedelta
    max: timedelta


@dataclass(frozen=True, slots=True)
class Action:
    """One entry below `actions:`; `inputs` are the runner's, with `{parameter}` templates still in them."""

    name: str
    title: str
    team: str
    channel: str
    runner: str
    inputs: Mapping[str, Any]
    parameters: tuple[Parameter, ...]
    requesters: tuple[Selector, ...]
    rules: tuple[Rule, ...]
    reason: ReasonRule = field(default_factory=ReasonRule)
    timebox: Timebox | None = None
    description: str = ""
    risk: str = "medium"
    lapse_after: timedelta = timedelta(hours=8)
    start_within: timedelta = timedelta(hours=1)
    time_limit: timedelta = timedelta(minutes=5)
    facts: tuple[FactCall, ...] = ()
    start_later: timedelta | None = None
    """How far ahead a start may be planned; None where it starts at once."""
    limits: Limits | None = None
    verify: Verification | None = None
    """How its runs are watched; None where nobody looks after the start."""
    for_each: Waves | None = None
    """How it is done on each of many targets; None where there is one."""
    beneficiary: str = ""
    """The parameter that names for whom it is done; empty where that is the requester."""
    break_glass: tuple[BreakGlass, ...] = ()
    """What guardrails grant for it, narrowed by the action itself; the first that names somebody holds for them."""
    pool: str = ""
    """The pool whose workers carry it out; empty where this process does."""
    where: str = ""

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter of that name, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)
