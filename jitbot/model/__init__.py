"""The nouns of jitbot: plain immutable values, no behaviour beyond what their fields say."""

from jitbot.model.action import Action, Parameter, ParameterType, ReasonRule, Timebox
from jitbot.model.attributes import Attribute, Given
from jitbot.model.break_glass import BreakGlass, Owed
from jitbot.model.calendar import DAY, Calendar, Freeze, Holidays, WeeklySpan, Window
from jitbot.model.changes import Author, Changes
from jitbot.model.decision import Decision, Known, Mark, Need, Reason
from jitbot.model.delegation import Delegated, Delegation, DelegationId, StandIn
from jitbot.model.delivery import Answer, AuditEvent, Copy, Delivery, DeliveryKind, Outgoing, Topic
from jitbot.model.extension import Extension
from jitbot.model.facts import CALENDAR_AHEAD, FactCall, FactKind, Facts, Span
from jitbot.model.halt import HALTS, Clearance, Halt, HaltId, HaltKind, Halts, Identity
from jitbot.model.heads import Arrival
from jitbot.model.health import Checked, Health, HealthState
from jitbot.model.history import ENDS, Became, Past
from jitbot.model.ids import RequestId
from jitbot.model.limits import Allowance, Asked, Counting, Failure, Holder, Limits, Quota, Tally
from jitbot.model.output import Chunk, Output, OutputId, Phase, Portion
from jitbot.model.parts import TOUCHED, Part, Progress, Stage, Waves
from jitbot.model.people import Account, Group, Kind, Person, Selector, Standing, UserId
from jitbot.model.policy import Policy
from jitbot.model.request import (
    WORKERS_OWN,
    Obligation,
    Outdated,
    Plan,
    Privilege,
    Receipt,
    Request,
    Review,
    Snapshot,
    State,
    UndoCause,
    Verdict,
)
from jitbot.model.rules import Condition, Entry, Guardrail, Outcome, Reviews, Rule, Tested, Tier, Truth, Waiting
from jitbot.model.verification import Verification, Watch

__all__ = [
    "CALENDAR_AHEAD",
    "DAY",
    "ENDS",
    "HALTS",
    "TOUCHED",
    "WORKERS_OWN",
    "Account",
    "Action",
    "Allowance",
    "Answer",
    "Arrival",
    "Asked",
    "Attribute",
    "AuditEvent",
    "Author",
    "Became",
    "BreakGlass",
    "Calendar",
    "Changes",
    "Checked",
    "Chunk",
    "Clearance",
    "Condition",
    "Copy",
    "Counting",
    "Decision",
    "Delegated",
    "Delegation",
    "DelegationId",
    "Delivery",
    "DeliveryKind",
    "Entry",
    "Extension",
    "FactCall",
    "FactKind",
    "Facts",
    "Failure",
    "Freeze",
    "Given",
    "Group",
    "Guardrail",
    "Halt",
    "HaltId",
    "HaltKind",
    "Halts",
    "Health",
    "HealthState",
    "Holder",
    "Holidays",
    "Identity",
    "Kind",
    "Known",
    "Limits",
    "Mark",
    "Need",
    "Obligation",
    "Outcome",
    "Outdated",
    "Outgoing",
    "Output",
    "OutputId",
    "Owed",
    "Parameter",
    "ParameterType",
    "Part",
    "Past",
    "Person",
    "Phase",
    "Plan",
    "Policy",
    "Portion",
    "Privilege",
    "Progress",
    "Quota",
    "Reason",
    "ReasonRule",
    "Receipt",
    "Request",
    "RequestId",
    "Review",
    "Reviews",
    "Rule",
    "Selector",
    "Snapshot",
    "Span",
    "Stage",
    "StandIn",
    "Standing",
    "State",
    "Tally",
    "Tested",
    "Tier",
    "Timebox",
    "Topic",
    "Truth",
    "UndoCause",
    "UserId",
    "Verdict",
    "Verification",
    "Waiting",
    "Watch",
    "Waves",
    "WeeklySpan",
    "Window",
]
