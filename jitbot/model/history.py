"""Looking back: which earlier requests count, and by what became of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jitbot.model.ids import RequestId
from jitbot.model.people import UserId
from jitbot.model.request import State


class Became(StrEnum):
    """What became of a request, as policies ask for it."""

    ASKED = "asked"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVOKED = "revoked"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    MISSED = "missed"


ENDS: dict[Became, tuple[State, ...]] = {
    Became.SUCCEEDED: (State.SUCCEEDED, State.EXPIRED),
    Became.FAILED: (State.FAILED, State.ROLLED_BACK),
    Became.REVOKED: (State.REVOKED,),
    Became.DENIED: (State.DENIED,),
    Became.WITHDRAWN: (State.WITHDRAWN,),
    Became.LAPSED: (State.LAPSED,),
    Became.MISSED: (State.MISSED,),
}
"""The states in which such a request has ended. A grant that ended on time has succeeded; `asked` and `started` say
nothing of an end."""


@dataclass(frozen=True, slots=True)
class Past:
    """Earlier requests: of this requester, action and target where they are given, since an instant, and without one.

    When a request was asked, was started or ended is what counts, by `became`; `rule` is the one that decided it last.
    """

    since: datetime
    without: RequestId
    became: Became = Became.ASKED
    requester: UserId | None = None
    action: str | None = None
    target: str | None = None
    rule: str | None = None
