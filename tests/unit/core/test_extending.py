"""Extensions as values: whatever is typed, nothing but the end moves, and never beyond the most."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.errors import InvalidInput
from jitbot.model import Action, Decision, Mark, Outcome, Owed, Reason, Request, State, Timebox
from jitbot.service.drafting import digest
from jitbot.service.extending import draft_extension, why_not
from jitbot.slack.oneliner import about_one
from tests.unit.core.builders import NOW, a_request, a_snapshot, an_action

HALF, MOST = timedelta(minutes=30), timedelta(hours=4)
DECISION = Decision(Outcome.ALLOW, "glass", "", Reason(Mark.YES, "glass"))
ACTION: Action = an_action(timebox=Timebox(HALF, MOST))
lengths = st.one_of(
    st.text(max_size=20),
    st.from_regex(r"\A-?[0-9]{1,9}(ms|s|m|h|d|w)?( ?[0-9]{1,3}[smhd])?\Z"),
    st.sampled_from(
        ["30m", "3h30m", "3h31m", "4h", "1s", " 30m ", "30m\x00", "30m;id", "-30m", "$(id)", "\u0663\u0660m", "1e3s"]
    ),
)


def granted(**changes: object) -> Request:
    request = a_request(
        state=State.ACTIVE, ttl=HALF, granted_at=NOW, expires_at=NOW + HALF, snapshot=a_snapshot(held_at_most=MOST)
    )
    return replace(request, **changes)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=300)
@given(ttl=lengths, reason=st.text(max_size=200), late=st.timedeltas(timedelta(0), HALF))
def test_whatever_is_typed_only_the_end_moves_and_never_beyond_the_most(ttl: str, reason: str, late: timedelta) -> None:
    parent = granted(expires_at=NOW + HALF + late)
    try:
        extension = draft_extension(parent, ACTION, {"ttl": ttl, "reason": reason, "params": {"x": 1}}, NOW)
    except InvalidInput:
        return
    longer = extension.extension
    assert longer is not None
    assert parent.expires_at is not None
    assert parent.expires_at < longer.until <= NOW + MOST
    assert extension.ttl is not None
    assert longer.until - NOW <= extension.ttl <= MOST
    for same in ("action", "requester", "beneficiary", "params", "team"):
        assert getattr(extension, same) == getattr(parent, same)
    assert (extension.snapshot.inputs, extension.snapshot.target) == (parent.snapshot.inputs, parent.snapshot.target)
    assert not extension.break_glass
    assert digest(extension) != digest(parent)


@settings(deadline=None, max_examples=200)
@given(text=st.text(min_size=1, max_size=120))
def test_no_line_breaks_the_reading_of_it(text: str) -> None:
    try:
        about_one(text)
    except InvalidInput:
        return


def test_the_room_is_counted_from_when_it_was_granted() -> None:
    assert granted().room == MOST - HALF
    assert granted(expires_at=NOW + MOST).room == timedelta(0)
    assert granted(snapshot=a_snapshot(held_at_most=None)).room == timedelta(0)
    assert granted(granted_at=None).room == timedelta(0)


def test_behind_broken_glass_the_room_is_what_guardrails_leave() -> None:
    owes = Owed(timedelta(days=1), (), longest=timedelta(hours=1))
    assert granted(break_glass=True, decision=replace(DECISION, owes=owes)).room == HALF
    assert granted(break_glass=True, decision=replace(DECISION, owes=replace(owes, longest=None))).room == timedelta(0)
    assert granted(break_glass=True).room == timedelta(0)


@pytest.mark.parametrize("state", [state for state in State if state is not State.ACTIVE])
def test_only_what_is_held_can_be_extended(state: State) -> None:
    assert why_not(granted(state=state), NOW)
    assert why_not(granted(), NOW) == ""
