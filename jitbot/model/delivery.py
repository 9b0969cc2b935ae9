"""What comes in and what goes out: rows of the inbox and the outbox.

A delivery is kept under its own unique key before it is acknowledged, so that a repeated one falls on the key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from jitbot.model.ids import RequestId
from jitbot.model.people import UserId


class DeliveryKind(StrEnum):
    """The use case a delivery asks for."""

    ASK = "ask"
    APPROVE = "approve"
    APPROVE_CHANGED = "approve_changed"
    DENY = "deny"
    WITHDRAW = "withdraw"
    DROP = "drop"
    EXTEND = "extend"
    SETTLE = "settle"
    LOOK = "look"
    DELEGATE = "delegate"
    END_DELEGATION = "end_delegation"
    REVIEW_AFTER = "review_after"
    HALT = "halt"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing somebody did. `received_at` is the time of the click; `body` holds ids and typed values only."""

    key: str
    kind: DeliveryKind
    user: UserId
    team: str
    body: Mapping[str, Any]
    received_at: datetime
    request: RequestId | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a use case says to the person who asked; empty text where the card already says it all."""

    text: str = ""
    request: RequestId | None = None
    refused: bool = False


class Topic(StrEnum):
    """What an outbox row wants said."""

    CARD = "card"  # every copy of the request's card, in the channel and the requester's DM
    THREAD = "thread"  # lines under the card
    CALL = "call"  # people are pinged under the card, as long as it waits for them
    SUMMARY = "summary"  # one line in the channel when it has ended
    NOTICE = "notice"  # a DM to one person
    ENDING = "ending"  # a DM to whoever holds a grant, some minutes before its end
    ALARM = "alarm"  # to the operators' channel
    RESULT = "result"  # a DM to the requester with what a run found, read when it is sent: the row names it only
    OUTPUT = "output"  # a DM with the output of a request, to one person who has asked for it
    HALT = "halt"  # to the operators' channel: a halt as it stands when this is sent; the text is its number
    REDRAW = "redraw"  # the copies of a card, when there is nothing else to say
    NEWS = "news"  # to the channel in which policy changes are announced


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One thing to be said. Rows with the same `key` are coalesced while they wait."""

    key: str
    topic: Topic
    request: RequestId | None
    text: str = ""
    to: str = ""
    """A user id or a channel, where the topic and the request do not say it."""
    id: int = 0
    attempts: int = 0
    fence: int = 0


@dataclass(frozen=True, slots=True)
class Copy:
    """One drawing of a request's card: where it stands, and which version it shows.

    `ts` is None while the post is under way or its outcome unknown; a click then adopts the message.
    """

    request: RequestId
    place: str
    """What was addressed: a channel, or a person for a DM."""
    channel: str = ""
    ts: str | None = None
    version: int = -1
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One appended, signed and chained fact, as read back."""

    seq: int
    at: datetime
    kind: str
    request: RequestId | None
    body: Mapping[str, Any] = field(default_factory=dict)
    deleted: bool = False
    """Whether the body was deleted, and is empty for that."""
