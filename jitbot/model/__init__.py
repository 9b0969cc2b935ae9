"""The nouns of jitbot: plain immutable values, no behaviour beyond what their fields say."""

from jitbot.model.action import Action, Parameter, ParameterType, ReasonRule, Timebox
from jitbot.model.attributes import Attribute, Given
from jitbot.model.calendar import DAY, Calendar, Freeze, Holidays, WeeklySpan, Window
from jitbot.model.decision import Decision, Mark, Need, Reason
from jitbot.model.delegation import Delegated, Delegation, DelegationId, StandIn
from jitbot.model.delivery import Answer, AuditEvent, Copy, Delivery, DeliveryKind, Outgoing, Topic
from jitbot.model.facts import CALENDAR_AHEAD, FactCall, FactKind, Facts, Span
from jitbot.model.people import Group, Kind, Person, Selector, Standing, UserId
from jitbot.model.policy import Policy
from jitbot.model.request import (
    WORKERS_OWN,
    Health,
    HealthState,
    Plan,
    Receipt,
    Request,
    RequestId,
    Review,
    Snapshot,
    State,
    UndoCause,
    Verdict,
)
from jitbot.model.rules import Condition, Entry, Guardrail, Outcome, Reviews, Rule, Tested, Truth

__all__ = [
    "CALENDAR_AHEAD",
    "DAY",
    "WORKERS_OWN",
    "Action",
    "Answer",
    "Attribute",
    "AuditEvent",
    "Calendar",
    "Condition",
    "Copy",
    "Decision",
    "Delegated",
    "Delegation",
    "DelegationId",
    "Delivery",
    "DeliveryKind",
    "Entry",
    "FactCall",
    "FactKind",
    "Facts",
    "Freeze",
    "Given",
    "Group",
    "Guardrail",
    "Health",
    "HealthState",
    "Holidays",
    "Kind",
    "Mark",
    "Need",
    "Outcome",
    "Outgoing",
    "Parameter",
    "ParameterType",
    "Person",
    "Plan",
    "Policy",
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
    "StandIn",
    "Standing",
    "State",
    "Tested",
    "Timebox",
    "Topic",
    "Truth",
    "UndoCause",
    "UserId",
    "Verdict",
    "WeeklySpan",
    "Window",
]
