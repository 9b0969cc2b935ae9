"""The life of a request: one table, one drawing, one function.

Who may cause an event is policy; whether it is possible is here. Terminal states are those nothing leaves.

```
DECIDING    allow -> APPROVED · ask -> PENDING · deny -> DENIED · withdraw -> WITHDRAWN
PENDING     approve -> APPROVED · deny -> DENIED · withdraw -> WITHDRAWN · lapse -> LAPSED · revise -> PENDING
APPROVED    start -> RUNNING · deny -> DENIED · ask -> PENDING · withdraw -> WITHDRAWN · miss -> MISSED
RUNNING     verify -> VERIFYING · succeed -> SUCCEEDED · grant -> ACTIVE · refuse -> FAILED · fail -> FAILED
            stop -> UNDOING · undo -> UNDOING · expire -> UNDOING · lose -> UNSURE · repeat -> RUNNING
VERIFYING   succeed -> SUCCEEDED · grant -> ACTIVE · unhealthy -> UNDOING · fail -> FAILED · drop -> UNDOING
            stop -> UNDOING · expire -> UNDOING
ACTIVE      expire -> UNDOING · revoke -> UNDOING · drop -> UNDOING · requester_gone -> UNDOING
UNDOING     end_expired -> EXPIRED · end_revoked -> REVOKED · end_rolled_back -> ROLLED_BACK · end_failed -> FAILED
UNSURE      verify -> VERIFYING · succeed -> SUCCEEDED · grant -> ACTIVE · fail -> FAILED · undo -> UNDOING
            expire -> UNDOING
```
"""

from enum import StrEnum

from jitbot.model import State, UndoCause


class Event(StrEnum):
    """What can happen to a request."""

    ALLOW = "allow"
    ASK = "ask"
    APPROVE = "approve"
    DENY = "deny"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    REVISE = "revise"
    START = "start"
    MISS = "miss"
    VERIFY = "verify"
    SUCCEED = "succeed"
    GRANT = "grant"
    REFUSE = "refuse"
    FAIL = "fail"
    STOP = "stop"
    EXPIRE = "expire"
    LOSE = "lose"
    REPEAT = "repeat"
    UNHEALTHY = "unhealthy"
    DROP = "drop"
    REVOKE = "revoke"
    REQUESTER_GONE = "requester_gone"
    UNDO = "undo"
    END_EXPIRED = "end_expired"
    END_REVOKED = "end_revoked"
    END_ROLLED_BACK = "end_rolled_back"
    END_FAILED = "end_failed"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.DECIDING, Event.ALLOW): State.APPROVED,
    (State.DECIDING, Event.ASK): State.PENDING,
    (State.DECIDING, Event.DENY): State.DENIED,
    (State.DECIDING, Event.WITHDRAW): State.WITHDRAWN,
    (State.PENDING, Event.APPROVE): State.APPROVED,
    (State.PENDING, Event.DENY): State.DENIED,
    (State.PENDING, Event.WITHDRAW): State.WITHDRAWN,
    (State.PENDING, Event.LAPSE): State.LAPSED,
    (State.PENDING, Event.REVISE): State.PENDING,
    (State.APPROVED, Event.START): State.RUNNING,
    (State.APPROVED, Event.DENY): State.DENIED,
    (State.APPROVED, Event.ASK): State.PENDING,
    (State.APPROVED, Event.WITHDRAW): State.WITHDRAWN,
    (State.APPROVED, Event.MISS): State.MISSED,
    (State.RUNNING, Event.VERIFY): State.VERIFYING,
    (State.RUNNING, Event.SUCCEED): State.SUCCEEDED,
    (State.RUNNING, Event.GRANT): State.ACTIVE,
    (State.RUNNING, Event.REFUSE): State.FAILED,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.STOP): State.UNDOING,
    (State.RUNNING, Event.UNDO): State.UNDOING,
    (State.RUNNING, Event.EXPIRE): State.UNDOING,
    (State.RUNNING, Event.LOSE): State.UNSURE,
    (State.RUNNING, Event.REPEAT): State.RUNNING,
    (State.VERIFYING, Event.SUCCEED): State.SUCCEEDED,
    (State.VERIFYING, Event.GRANT): State.ACTIVE,
    (State.VERIFYING, Event.UNHEALTHY): State.UNDOING,
    (State.VERIFYING, Event.FAIL): State.FAILED,
    (State.VERIFYING, Event.DROP): State.UNDOING,
    (State.VERIFYING, Event.STOP): State.UNDOING,
    (State.VERIFYING, Event.EXPIRE): State.UNDOING,
    (State.ACTIVE, Event.EXPIRE): State.UNDOING,
    (State.ACTIVE, Event.REVOKE): State.UNDOING,
    (State.ACTIVE, Event.DROP): State.UNDOING,
    (State.ACTIVE, Event.REQUESTER_GONE): State.UNDOING,
    (State.UNDOING, Event.END_EXPIRED): State.EXPIRED,
    (State.UNDOING, Event.END_REVOKED): State.REVOKED,
    (State.UNDOING, Event.END_ROLLED_BACK): State.ROLLED_BACK,
    (State.UNDOING, Event.END_FAILED): State.FAILED,
    (State.UNSURE, Event.VERIFY): State.VERIFYING,
    (State.UNSURE, Event.SUCCEED): State.SUCCEEDED,
    (State.UNSURE, Event.GRANT): State.ACTIVE,
    (State.UNSURE, Event.FAIL): State.FAILED,
    (State.UNSURE, Event.UNDO): State.UNDOING,
    (State.UNSURE, Event.EXPIRE): State.UNDOING,
}

TERMINAL = frozenset(State) - {state for state, _ in TRANSITIONS}

HOLDING = frozenset({State.RUNNING, State.VERIFYING, State.ACTIVE, State.UNDOING, State.UNSURE})
"""The states in which a request may have touched its target and is not finished with it."""

ENDED_BY: dict[UndoCause, Event] = {
    UndoCause.EXPIRY: Event.END_EXPIRED,
    UndoCause.REVOCATION: Event.END_REVOKED,
    UndoCause.DROP: Event.END_REVOKED,
    UndoCause.REQUESTER_GONE: Event.END_REVOKED,
    UndoCause.STOP: Event.END_ROLLED_BACK,
    UndoCause.UNHEALTHY: Event.END_ROLLED_BACK,
    UndoCause.NOT_STARTED: Event.END_FAILED,
    UndoCause.PARTWAY: Event.END_ROLLED_BACK,
}
"""How a request ends once it is undone, by why the undo began."""


def after(state: State, event: Event) -> State | None:
    """Return the state that `event` leads to, or None where the table has no such move."""
    return TRANSITIONS.get((state, event))
