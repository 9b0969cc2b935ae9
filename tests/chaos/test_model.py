"""The model itself: each promise that is broken is found, and what keeps all of them is let pass."""

from dataclasses import replace

import pytest

from tests.chaos.far_side import Effect
from tests.chaos.model import Act, Event, Pace, Row, Story, excused, judge
from tests.chaos.town import ACTIONS

PACE = Pace(lapse=6, time_limit=4, timebox=4, lease=2, margin=1)
ANN, BO, DI = "U0ANN", "U0BO", "U0DI"
KEY = "jit-7-1"


def a_story(action: str, *acts: Act, requester: str = ANN) -> Story:
    return Story("T-1", ACTIONS[action], requester, acts=[Act(0, requester, "ask", acked=True), *acts])


def approved(at: float = 1, by: str = BO, *, acked: bool = True) -> Act:
    return Act(at, by, "approve", acked)


def record(*kinds: str) -> tuple[Event, ...]:
    """Return events, one a second: `kind by what`, what is left out where there is nothing to say."""
    parts = [each.split() for each in kinds]
    return tuple(Event(at, words[0], words[1], (words[2:] or [""])[0]) for at, words in enumerate(parts))


def effects(*acts: str, key: str = KEY, since: float = 2.0) -> list[Effect]:
    return [Effect(since + at, what, key, "1") for at, what in enumerate(acts)]


def held(*, undone_at: float = 7.5) -> Story:
    """Return the story of a grant that was held for its four seconds, from 2.5 on."""
    story = a_story("hold", approved())
    events = [*record("requested U0ANN", "reviewed U0BO approve"), Event(2.5, "grant", "worker")]
    story.rows = [Row(7, "expired", tuple(events))]
    story.effects = [*effects("start"), Effect(undone_at, "undo", KEY, "1")]
    return story


def done(action: str = "turn") -> Story:
    story = a_story(action, approved())
    story.rows = [Row(7, "succeeded", record("requested U0ANN", "reviewed U0BO approve", "succeed worker"))]
    story.effects = effects("start")
    return story


@pytest.mark.parametrize("story", [held(), done()], ids=["a grant", "a run"])
def test_nothing_is_wrong_with_what_kept_every_promise(story: Story) -> None:
    assert judge(story, [], PACE) == []


def test_a_request_that_was_taken_in_is_not_lost() -> None:
    assert judge(a_story("turn"), [], PACE) == ["U0ANN was told that T-1 is taken in, and the ledger does not hold it"]
    unheard = a_story("turn")
    unheard.acts = [replace(unheard.acts[0], acked=False)]
    assert judge(unheard, [], PACE) == []


def test_one_question_makes_one_request() -> None:
    story = done()
    story.rows.append(Row(8, "lapsed", ()))
    assert judge(story, [], PACE) == ["was asked once and stands in the ledger as JIT-8 too"]


@pytest.mark.parametrize("what", ["approve", "deny", "withdraw", "drop"])
def test_an_act_that_was_acknowledged_is_on_record_done_or_refused(what: str) -> None:
    story = done()
    story.acts.append(Act(3, DI, what, acked=True))
    assert judge(story, [], PACE) == [f"U0DI's {what} was acknowledged, and the record holds neither it nor a refusal"]
    row = story.rows[0]
    story.rows = [replace(row, events=(*row.events, Event(3, "refused", DI, what)))]
    assert judge(story, [], PACE) == []


def test_an_act_that_nobody_acknowledged_may_be_lost() -> None:
    story = done()
    story.acts.append(approved(by=DI, acked=False))
    assert judge(story, [], PACE) == []


@pytest.mark.parametrize(("act", "state"), [("reviewed U0DI deny", "denied"), ("withdraw U0ANN", "withdrawn")])
def test_a_no_that_is_on_record_is_heeded(act: str, state: str) -> None:
    story = done()
    story.rows = [replace(story.rows[0], events=record("requested U0ANN", "reviewed U0BO approve", act))]
    assert judge(story, [], PACE) == [f"it was {state}, and has ended as succeeded"]


def test_what_enough_people_have_approved_does_not_lapse() -> None:
    story = done()
    story.effects = []
    story.rows = [Row(7, "lapsed", (*record("requested U0ANN", "reviewed U0BO approve"), Event(7, "lapse", "clock")))]
    assert judge(story, [], PACE) == ["it lapsed although 1 have approved it"]


@pytest.mark.parametrize("state", ["denied", "withdrawn", "missed", "revoked", "rolled_back", "lapsed"])
def test_nothing_ends_in_a_way_that_nobody_caused(state: str) -> None:
    story = a_story("turn")
    story.rows = [Row(7, state, record("requested U0ANN"))]
    assert judge(story, [], PACE) == [f"it has ended as {state}, and nobody did anything for that"]


def test_what_has_not_ended_is_told() -> None:
    story = done()
    story.rows = [replace(story.rows[0], state="unsure")]
    assert judge(story, [], PACE) == ["it has not come to an end: it is unsure"]


def test_nothing_starts_before_it_is_approved() -> None:
    story = done("both")
    assert judge(story, [], PACE) == ["it was started when 1 had approved it, and it takes 2"]


def test_nothing_fails_while_the_bot_was_alive() -> None:
    story = done()
    story.effects = []
    story.rows = [replace(story.rows[0], state="failed")]
    assert judge(story, [(9, 10)], PACE) == ["it has failed, and the bot did not die meanwhile"]
    assert judge(story, [(1, 2)], PACE) == []


def test_nothing_is_started_twice_unless_its_runner_allows_that() -> None:
    story = done()
    story.effects = effects("start", "start")
    assert judge(story, [], PACE) == [f"{KEY} was started 2 times"]
    again = a_story("again")
    again.rows, again.effects = [Row(7, "succeeded", record("requested U0ANN"))], effects("start", "start")
    assert judge(again, [], PACE) == []


def test_what_is_said_to_be_done_was_done_and_still_is() -> None:
    story = done()
    story.effects = []
    assert judge(story, [], PACE) == ["it is said to be done, and 0 of 1 were started"]
    story = done("slow")
    story.effects = effects("start", "undo")
    assert judge(story, [], PACE) == ["it is said to be done, and it was undone"]


def test_what_is_said_not_to_have_happened_did_not() -> None:
    story = done()
    story.rows = [replace(story.rows[0], state="failed")]
    assert judge(story, [(0.5, 1)], PACE) == ["it is said not to have happened, and it was started"]


@pytest.mark.parametrize("order", [("start",), ("undo", "start")])
def test_every_grant_is_undone_last_of_all(order: tuple[str, ...]) -> None:
    story = held()
    story.effects = effects(*order)
    assert judge(story, [], PACE) == [f"it has ended as expired, and {KEY} was not undone after it was started"]


def test_no_grant_is_held_beyond_its_end_but_for_the_downtime() -> None:
    late = held(undone_at=11.5)
    assert judge(late, [], PACE) == [f"{KEY} was held 5.0 s beyond its end, 4.0 s more than downtime excuses"]
    assert judge(late, [(6, 8.5)], PACE) == []


def test_each_death_excuses_until_the_bot_is_back_and_what_it_had_in_its_hands() -> None:
    assert excused(10, [], PACE) == 11
    assert excused(10, [(1, 9)], PACE) == 11
    assert excused(10, [(8, 13)], PACE) == 11 + 3 + 2
    assert excused(10, [(8, 13), (15, 16)], PACE) == 11 + 3 + 2 + 1 + 2
    assert excused(10, [(20, 30)], PACE) == 11


def test_a_story_is_told_in_order() -> None:
    assert list(done().told) == [
        "0.000 U0ANN ask",
        "0.000 record of JIT-7: requested  by U0ANN",
        "1.000 U0BO approve",
        "1.000 record of JIT-7: reviewed approve by U0BO",
        "2.000 far side: start 1 by jit-7-1",
        "2.000 record of JIT-7: succeed  by worker",
    ]
