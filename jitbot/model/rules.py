"""Rules: what a policy says about one action, in the order of its file.

A rule's outcome is to allow, to deny, or to ask for reviews. A condition carries its text, its position and
the compiled test, so that deciding needs no expression engine of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from jitbot.model.limits import Quota
from jitbot.model.people import Selector


class Outcome(StrEnum):
    """What a rule, and in the end a decision, says."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"


class Truth(StrEnum):
    """What a condition came to. ERROR is not false: it never loosens anything."""

    TRUE = "true"
    FALSE = "false"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Tested:
    """A condition's result, with the values it saw and the names it needed and did not find."""

    truth: Truth
    seen: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A CEL expression, where it stands (`file:line`), the names it looks at, and its compiled test.

    `test` takes the bindings (dotted name to value; what could not be read is left out) and never raises.
    """

    text: str
    where: str
    test: Callable[[Mapping[str, Any]], Tested] = field(compare=False, repr=False)
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """So many approvals by distinct people from any of the selectors; those that `quiet` names are not pinged."""

    sources: tuple[Selector, ...]
    count: int = 1
    quiet: tuple[Selector, ...] = ()


@dataclass(frozen=True, slots=True)
class Reviews:
    """What must be met: any one of the alternatives, each a set of entries met by distinct humans.

    `any_of` in a policy is expanded at load into alternatives, 64 at most.
    """

    alternatives: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True, slots=True)
class Tier:
    """Who may approve besides, once a request has waited for so long."""

    after: timedelta
    to: tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What happens while reviews are waited for, counted from when the request began to wait.

    `fallback` counts for an entry that names nobody who could approve now, or whose sources cannot be read.
    """

    remind_after: timedelta | None = None
    lapse_after: timedelta | None = None
    escalate: tuple[Tier, ...] = ()
    fallback: tuple[Selector, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of an action. `when` is None for a rule that always matches, `quota` for one that is never used up."""

    name: str
    outcome: Outcome
    when: Condition | None = None
    reviews: Reviews | None = None
    message: str = ""
    where: str = ""
    quota: Quota | None = None
    waiting: Waiting = field(default_factory=Waiting)


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One of the organisation's rules: it denies, adds reviews or keeps people apart, for some actions or (empty) all.

    `apart` is set where whoever was approved by the requester within that time may not approve; its rule then allows.
    """

    rule: Rule
    applies_to: tuple[str, ...] = ()
    apart: timedelta | None = None
    passes: bool = False
    """Whether break-glass passes it."""

    def covers(self, action: str) -> bool:
        """Tell whether this guardrail looks at that action."""
        return not self.applies_to or action in self.applies_to
