"""A loaded policy set: what teams and the organisation say, checked and ready to decide by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jitbot.model.action import Action
from jitbot.model.attributes import Attribute
from jitbot.model.calendar import Calendar
from jitbot.model.facts import FactCall
from jitbot.model.people import Account, Group, Selector, UserId
from jitbot.model.rules import Guardrail


@dataclass(frozen=True, slots=True)
class Policy:
    """Every action, guardrail and group of one folder of policy files; `digest` is over the files' bytes.

    `facts` are the organisation's, for its guardrails; `on_call` says of each rota where it is read. `may_end` names
    who may end whatever anybody holds or runs, `may_halt` who may halt anything, and `may_lift` who may lift halts, two
    of them together; they decide nothing by it.
    """

    actions: Mapping[str, Action] = field(default_factory=dict)
    guardrails: tuple[Guardrail, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)
    accounts: Mapping[UserId, Account] = field(default_factory=dict)
    facts: tuple[FactCall, ...] = ()
    on_call: Mapping[str, FactCall] = field(default_factory=dict)
    calendar: Calendar = field(default_factory=Calendar)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    digest: str = ""
    may_end: tuple[Selector, ...] = ()
    may_halt: tuple[Selector, ...] = ()
    may_lift: tuple[Selector, ...] = ()
