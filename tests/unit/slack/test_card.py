"""The card: its first line says everything, its buttons fit the state, and no text breaks it."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.model import (
    Extension,
    Obligation,
    Outcome,
    Part,
    Plan,
    Progress,
    RequestId,
    Stage,
    State,
    UndoCause,
    Verdict,
    Verification,
    Watch,
)
from jitbot.sandbox.block_check import check_blocks
from jitbot.service.facing import face
from jitbot.slack.limits import MESSAGE_TEXT
from jitbot.slack.spans import Drawing
from jitbot.slack.text import size
from jitbot.slack.views.card import CardFor, draw_card
from tests.unit.slack.drawn import ANN, BO, NAMES, NOW, make_decision, make_request, make_review

NASTY = [
    "<!channel> <!here> <@U0BO> <!subteam^S1>",
    "*bold* _it_ `code` ```block``` ~no~ > quote",
    "&<>" * 1000,
    "😀" * 3000,
    "fix: db / Account: x#999",
    "\u202eevil\u200b\u2066x\x00\x1b[31m",
    "a\n" * 1500,
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢" * 50,
]
texts = st.one_of(st.text(max_size=4000), st.sampled_from(NASTY), st.text("&<>*`😀\u202e", max_size=3000))


def buttons(drawing: Drawing) -> list[str]:
    return [each["action_id"] for block in drawing.blocks if block["type"] == "actions" for each in block["elements"]]


def assert_fits(drawing: Drawing) -> None:
    assert check_blocks(drawing.blocks, "message") == []
    assert 0 < size(drawing.text) <= MESSAGE_TEXT
    assert "<!channel" not in drawing.text
    assert "mrkdwn" not in json.dumps(drawing.blocks), "nothing anybody typed is interpreted"


@pytest.mark.parametrize("private", [False, True], ids=["channel", "own"])
@pytest.mark.parametrize("state", State)
def test_every_state_has_a_card_that_slack_takes(state: State, private: bool) -> None:
    request = make_request(
        state=state,
        outcome="4 of 6 pods",
        ttl=timedelta(minutes=30),
        approved_at=NOW,
        started_at=NOW,
        granted_at=NOW,
        ended_at=NOW + timedelta(seconds=41),
        expires_at=NOW + timedelta(minutes=30),
    )
    drawing = draw_card(request, [make_review()], NAMES, CardFor(private=private, ping=True))
    assert_fits(drawing)
    assert "JIT-1042" in drawing.text.splitlines()[0]
    assert "Restart a service: api, prod" in drawing.text.splitlines()[0]


@pytest.mark.parametrize(
    ("state", "shared", "own"),
    [
        (State.PENDING, ["jit:approve", "jit:approve_changed", "jit:deny"], ["jit:withdraw"]),
        (State.APPROVED, ["jit:deny"], ["jit:withdraw"]),
        (State.RUNNING, [], []),
        (State.VERIFYING, [], []),  # its plan cannot be undone
        (State.ACTIVE, ["jit:drop"], ["jit:drop"]),
        (State.UNDOING, [], []),
        (State.UNSURE, ["jit:happened", "jit:not_happened", "jit:look"], ["jit:look"]),
        (State.SUCCEEDED, [], ["jit:again"]),
        (State.LAPSED, [], ["jit:again"]),
    ],
)
def test_buttons_are_those_of_the_state(state: State, shared: list[str], own: list[str]) -> None:
    request = make_request(state=state)
    assert buttons(draw_card(request, [], NAMES, CardFor())) == [*shared, "jit:details"]
    assert buttons(draw_card(request, [], NAMES, CardFor(private=True))) == [*own, "jit:details"]


def test_a_button_carries_the_request_its_revision_and_what_was_shown_and_nothing_else() -> None:
    drawing = draw_card(make_request(), [], NAMES, CardFor())
    values = {each["value"] for block in drawing.blocks if block["type"] == "actions" for each in block["elements"]}
    assert values == {f"1042.2.{face(make_request())}"}


@pytest.mark.parametrize(
    "other",
    [
        {"requester": "U0EVE"},
        {"beneficiary": "U0EVE"},
        {"action": "admin"},
        {"params": {"service": "worker"}},
        {"reason": "another one"},
        {"ttl": timedelta(hours=9)},
        {"starts_at": NOW},
        {"break_glass": True},
        {"extension": Extension(RequestId(7), NOW, NOW + timedelta(hours=1))},
        *(
            {"snapshot": replace(make_request().snapshot, **{name: "x"})}
            for name in ("title", "team", "target", "pool")
        ),
        {"snapshot": replace(make_request().snapshot, inputs={"x": 1})},
        {"snapshot": replace(make_request().snapshot, plan=Plan("does something else", "as before"))},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_is_shown_otherwise_is_another_face(other: dict[str, Any]) -> None:
    assert face(make_request(**other)) != face(make_request())


def test_what_comes_later_leaves_the_face_as_it_is() -> None:
    later = make_request(state=State.APPROVED, approved_at=NOW, outcome="fine", version=9, digest="d")
    assert face(later) == face(make_request())


@pytest.mark.parametrize("risk", ["high", "critical"])
def test_what_is_risky_asks_once_more(risk: str) -> None:
    approve = draw_card(make_request(risk=risk), [], NAMES, CardFor()).blocks[1]["elements"][0]
    assert "Restart a service: api, prod" in approve["confirm"]["text"]["text"]
    assert "confirm" not in draw_card(make_request(), [], NAMES, CardFor()).blocks[1]["elements"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "x" * 2000},
        {"params": {"text": "x" * 500}},
        {"params": {f"p{number}": "x" * 100 for number in range(30)}},
        {"plan": Plan("x" * 3000, "f")},
        {"plan": Plan("short", "f", diff="-old\n+new\n" * 500)},
        {"plan": None, "inputs": {"body": "x" * 5000}},
    ],
    ids=["reason", "value", "values", "plan", "diff", "inputs"],
)
def test_a_card_that_cannot_show_everything_offers_review_and_not_approve(changes: dict[str, object]) -> None:
    drawing = draw_card(make_request(**changes), [], NAMES, CardFor())
    assert buttons(drawing) == ["jit:review", "jit:deny", "jit:details"]
    assert_fits(drawing)


def test_people_are_pinged_only_by_the_first_post() -> None:
    first = json.dumps(draw_card(make_request(), [], NAMES, CardFor(ping=True)).blocks)
    later = json.dumps(draw_card(make_request(), [], NAMES, CardFor()).blocks)
    assert '"type": "user"' in first
    assert '"type": "user"' not in later
    assert "one of oncall: Bo or Cy" in later


def test_a_denial_says_who_and_why() -> None:
    card = draw_card(
        make_request(state=State.DENIED), [make_review(Verdict.DENY, comment="wait for <!here>")], NAMES, CardFor()
    )
    assert "denied by Bo: “wait for &lt;!here&gt;”" in card.text


def test_a_refusal_by_policy_says_why() -> None:
    refused = make_request(
        state=State.DENIED, decision=make_decision(outcome=Outcome.DENY, summary="Nobody can approve.")
    )
    assert "refused: Nobody can approve." in draw_card(refused, [], NAMES, CardFor(private=True)).text


def test_an_undo_that_keeps_failing_is_never_shown_as_ended() -> None:
    card = draw_card(make_request(state=State.UNDOING, undo_attempts=4, outcome="timeout"), [], NAMES, CardFor())
    assert card.text.startswith("🚨")
    assert "NOT ended: undoing has failed 4 times" in card.text


def test_who_approved_already_and_who_is_still_needed_stand_by_name() -> None:
    decision = make_decision()
    need = replace(decision.needs[0], count=2, approved_by=(BO,), candidates=(ANN,))
    card = draw_card(make_request(decision=replace(decision, needs=(need,))), [make_review()], NAMES, CardFor())
    assert "waits for approval, 1 of 2" in card.text
    assert "✓ oncall: Bo" in card.text
    assert "○ one of oncall: Ann" in card.text


@settings(deadline=None, max_examples=40)
@given(texts, texts, texts, texts)
def test_no_text_breaks_a_card(reason: str, value: str, title: str, summary: str) -> None:
    request = make_request(
        reason=reason,
        params={"a": value, value[:30] or "b": [value, 3]},
        title=title,
        plan=Plan(summary, "f", diff=value),
        outcome=summary,
        decision=make_decision(summary=title, unread=(value,)),
    )
    for state in (State.PENDING, State.FAILED, State.UNSURE):
        review = [make_review(Verdict.DENY, comment=reason)]
        assert_fits(draw_card(replace(request, state=state), review, {BO: value[:80] or "x"}, CardFor(note=title)))


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=3000))
def test_a_reason_that_fits_is_shown_whole(reason: str) -> None:
    card = draw_card(make_request(reason=reason), [], NAMES, CardFor())
    if "jit:approve" in buttons(card) and reason.strip() and reason.isprintable():
        assert quoted(card) == reason


def quoted(card: Drawing) -> str:
    quote = next(part for part in card.blocks[0]["elements"] if part["type"] == "rich_text_quote")
    return "".join(element.get("text", element.get("url")) for element in quote["elements"])


def test_an_address_in_a_reason_can_be_followed_and_shows_where_it_leads() -> None:
    reason = "see https://pd.example/incidents/482?x=<!channel>, and http://evil\u202e.io."
    card = draw_card(make_request(reason=reason), [], NAMES, CardFor())
    quote = next(part for part in card.blocks[0]["elements"] if part["type"] == "rich_text_quote")
    links = [each for each in quote["elements"] if each["type"] == "link"]
    assert links[0]["url"].startswith("https://pd.example/incidents/482")
    assert all(set(each) == {"type", "url"} for each in links), "an address never hides behind other words"
    assert_fits(card)


def test_a_planned_start_stands_on_the_card_before_and_after_the_approval() -> None:
    at = NOW + timedelta(days=1)
    waiting = draw_card(make_request(starts_at=at), [], NAMES, CardFor())
    assert_fits(waiting)
    assert f"<!date^{int(at.timestamp())}^" in waiting.text
    assert "starts as planned when approved" in waiting.text
    approved = make_request(state=State.APPROVED, starts_at=at, start_by=at + timedelta(hours=1))
    first = draw_card(approved, [make_review()], NAMES, CardFor()).text.splitlines()[0]
    assert "approved, to start <!date^" in first


def test_what_an_approver_changed_stands_on_the_card_with_their_name() -> None:
    reviews = [make_review(comment="for 15 min instead of 30 min")]
    waiting = draw_card(make_request(changed_by=BO), reviews, NAMES, CardFor())
    assert_fits(waiting)
    assert "Changed by  Bo: for 15 min instead of 30 min. Approvals given before are asked for again." in waiting.text
    held = draw_card(make_request(changed_by=BO, state=State.ACTIVE), reviews, NAMES, CardFor()).text
    assert "Changed by  Bo: for 15 min instead of 30 min\n" in held
    assert "Changed by" not in draw_card(make_request(), reviews, NAMES, CardFor()).text


def test_a_card_that_can_be_approved_can_be_approved_with_changes_and_a_cut_one_cannot() -> None:
    whole = draw_card(make_request(), [], NAMES, CardFor())
    cut = draw_card(make_request(reason="x" * 3000), [], NAMES, CardFor())
    assert buttons(whole) == ["jit:approve", "jit:approve_changed", "jit:deny", "jit:details"]
    assert buttons(cut) == ["jit:review", "jit:deny", "jit:details"]


def test_a_refusal_names_people_by_their_names() -> None:
    refused = make_request(state=State.DENIED, outcome="One person may hold 1: <@U0BO> holds JIT-7.")
    assert "refused: One person may hold 1: Bo holds JIT-7." in draw_card(refused, [], NAMES, CardFor()).text


MINUTE = timedelta(minutes=1)
VERIFY = Verification(2 * MINUTE, MINUTE, "facts.firing > before.facts.firing")


def test_how_a_run_is_watched_stands_on_the_card_before_it_is_approved() -> None:
    plan = Plan("rolls api back to 41", "f", undoable=True)
    drawing = draw_card(make_request(verify=VERIFY, plan=plan), [], NAMES, CardFor())
    said = "Watched  for 2 min; undone when facts.firing &gt; before.facts.firing or the runner finds it unhealthy"
    assert said in drawing.text
    assert_fits(drawing)
    by_runner = replace(VERIFY, unhealthy_when="")
    assert (
        "undone when the runner finds it unhealthy"
        in draw_card(make_request(verify=by_runner, plan=plan), [], NAMES, CardFor()).text
    )
    left = draw_card(make_request(verify=replace(VERIFY, check=False)), [], NAMES, CardFor()).text
    assert "left as it is, and told when facts.firing &gt; before.facts.firing\n" in left


def test_a_condition_that_does_not_fit_has_to_be_looked_at_whole() -> None:
    long = replace(VERIFY, unhealthy_when=" || ".join(f"facts.firing > {number}" for number in range(90)))
    assert buttons(draw_card(make_request(verify=long), [], NAMES, CardFor()))[0] == "jit:review"


def test_what_is_watched_can_be_rolled_back_by_hand_and_says_how_it_is() -> None:
    plan, watch = Plan("rolls back", "f", undoable=True), Watch(until=NOW + MINUTE)
    request = make_request(state=State.VERIFYING, verify=VERIFY, plan=plan, watch=watch)
    drawing = draw_card(request, [], NAMES, CardFor())
    assert buttons(drawing) == ["jit:drop", "jit:details"]
    assert buttons(draw_card(request, [], NAMES, CardFor(private=True))) == ["jit:drop", "jit:details"]
    assert '"Roll back now"' in json.dumps(drawing.blocks)
    assert "started and watched, ends <!date^" in drawing.text.splitlines()[0]
    unwell = replace(request, watch=replace(watch, unhealthy=1, said="facts.firing is 3"))
    first = draw_card(unwell, [], NAMES, CardFor()).text.splitlines()[0]
    assert ", unhealthy at the last look: facts.firing is 3" in first


def test_what_is_undone_for_being_unhealthy_says_so() -> None:
    request = make_request(state=State.UNDOING, undo_cause=UndoCause.UNHEALTHY, outcome="facts.firing is 3")
    first = draw_card(request, [], NAMES, CardFor()).text.splitlines()[0]
    assert "unhealthy, being undone: facts.firing is 3" in first
    undone = replace(request, watch=Watch(undone=True))
    first = draw_card(undone, [], NAMES, CardFor()).text.splitlines()[0]
    assert "unhealthy, undone, looking whether that helped: facts.firing is 3" in first


@pytest.mark.parametrize(
    ("count", "line"),
    [(6, "✓ web0 · ✗ web1 · ? web2 · ○ web3 · … web4 · ↩ web5"), (21, "15 not begun, 2 begun, 1 done, 1 failed")],
)
def test_each_of_many_targets_shows_how_far_it_has_come(count: int, line: str) -> None:
    stages = [Stage.DONE, Stage.REFUSED, Stage.UNSURE, Stage.WAITING, Stage.BEGUN, Stage.UNDONE]
    stages += [Stage.WAITING] * (count - 7) + [Stage.BEGUN] * (count > 6)
    running = make_request(
        state=State.RUNNING,
        parts=tuple(Part(f"web{number}", f"host:web{number}") for number in range(count)),
        progress=tuple(Progress(stage) for stage in stages),
    )
    drawing = draw_card(running, [], NAMES, CardFor())
    assert_fits(drawing)
    assert f"running, 1 of {count} done" in drawing.text.splitlines()[0]
    assert line in drawing.text
    assert f"{count} targets: " in drawing.text


def test_what_runs_and_can_be_stopped_has_a_button_that_says_what_becomes_of_it() -> None:
    plan = Plan("restarts", "f", undoable=True)
    running = make_request(state=State.RUNNING, stoppable=True, plan=plan)
    drawing = draw_card(running, [], NAMES, CardFor())
    assert buttons(drawing) == ["jit:drop", "jit:details"]
    assert "is stopped. What it has done by then is undone." in json.dumps(drawing.blocks)
    blind = make_request(state=State.RUNNING, stoppable=True, plan=None)
    cannot = draw_card(blind, [], NAMES, CardFor(private=True))
    assert "What it has done by then cannot be undone." in json.dumps(cannot.blocks)
    stopping = draw_card(replace(running, stopped_by=BO), [], NAMES, CardFor())
    assert buttons(stopping) == ["jit:details"]
    assert "being stopped" in stopping.text.splitlines()[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": State.ACTIVE}, "Bo has looked: it happened"),
        ({"state": State.FAILED}, "Bo has looked: it did not happen"),
        ({"state": State.FAILED, "watch": Watch({"facts.n": 1})}, "Bo has looked: it did not happen"),
        ({"state": State.FAILED, "watch": Watch({}, NOW)}, "Bo has looked: it happened"),
        ({"state": State.UNDOING, "undo_cause": UndoCause.NOT_STARTED}, "Bo has looked: it did not happen"),
        ({"state": State.UNDOING, "undo_cause": UndoCause.UNHEALTHY}, "Bo has looked: it happened"),
        ({"state": State.FAILED, "parts": (Part("a", "a"), Part("b", "b"))}, "Bo has looked"),
    ],
)
def test_a_card_says_who_has_looked_and_which_it_was(changes: dict[str, Any], said: str) -> None:
    card = draw_card(make_request(settled_by=BO, **changes), [], NAMES, CardFor())
    assert f"Settled  {said}" in card.text.split("\n")


def test_what_is_unsure_behind_broken_glass_can_be_settled_too() -> None:
    owed = Obligation(NOW, ("group:sre",))
    card = draw_card(make_request(state=State.UNSURE, break_glass=True, obligation=owed), [], NAMES, CardFor())
    assert buttons(card) == ["jit:review_after", "jit:happened", "jit:not_happened", "jit:look", "jit:details"]


@pytest.mark.parametrize("ttl", [None, timedelta(minutes=30)])
def test_who_settles_is_told_what_follows_however_long_the_rest_is(ttl: timedelta | None) -> None:
    request = make_request(state=State.UNSURE, ttl=ttl, params={f"p{each}": "x" * 80 for each in range(9)})
    drawing = draw_card(request, [], NAMES, CardFor())
    asking = [each["confirm"]["text"]["text"] for each in drawing.blocks[-1]["elements"] if "confirm" in each]
    assert len(asking) == 2
    assert ("It is held until its time is over" if ttl else "It counts as done") in asking[0]
    assert ("It is undone all the same" if ttl else "nothing is undone") in asking[1]
    assert all("your name goes on record" in each for each in asking)
    assert_fits(drawing)


def test_an_extension_is_drawn_as_what_it_is_and_fits() -> None:
    longer = Extension(RequestId(7), NOW, NOW + timedelta(minutes=30))
    for state in State:
        drawing = draw_card(make_request(state=state, extension=longer, ttl=timedelta(hours=1)), [], NAMES, CardFor())
        assert "Extend: Restart a service" in drawing.text
        assert "Extends  JIT-7: ends <!date^" in drawing.text
        assert_fits(drawing)


def test_the_card_says_how_far_a_run_has_come() -> None:
    running = make_request(state=State.RUNNING, last_line="4 of 6 pods <!here>")
    assert "· running: 4 of 6 pods &lt;!here&gt; ·" in draw_card(running, [], NAMES, CardFor()).text
    again = draw_card(replace(running, attempts=2), [], NAMES, CardFor()).text
    assert "· running again, attempt 2: 4 of 6 pods" in again
    stopping = draw_card(replace(running, stopped_by=BO), [], NAMES, CardFor()).text
    assert "· being stopped: 4 of 6 pods" in stopping
    done = draw_card(replace(running, state=State.SUCCEEDED), [], NAMES, CardFor()).text
    assert "4 of 6" not in done.splitlines()[0]


@pytest.mark.parametrize(
    ("failed", "words"), [(0, "· being undone ·"), (1, "· being undone, try 2 ·"), (2, "· being undone, try 3 ·")]
)
def test_the_card_says_how_often_an_undo_was_tried(failed: int, words: str) -> None:
    undoing = make_request(state=State.UNDOING, undo_attempts=failed)
    assert words in draw_card(undoing, [], NAMES, CardFor()).text


@pytest.mark.parametrize("private", [False, True])
def test_the_output_button_is_there_where_there_is_more(private: bool) -> None:
    request = make_request(state=State.FAILED)
    with_more = buttons(draw_card(request, [], NAMES, CardFor(private=private, output=True)))
    without = buttons(draw_card(request, [], NAMES, CardFor(private=private)))
    assert with_more == [*without[:-1], "jit:output", "jit:details"]


def test_the_pool_stands_on_the_card_and_what_waits_for_its_workers_says_so() -> None:
    asked = make_request()
    asked = replace(asked, snapshot=replace(asked.snapshot, pool="prod-eu"))
    assert "· pool prod-eu" in draw_card(asked, [], NAMES, CardFor()).text
    nobody = "No worker of pool prod-eu answered within 5 s; nothing was done."
    waiting = replace(asked, state=State.APPROVED, outcome=nobody)
    first = draw_card(waiting, [make_review()], NAMES, CardFor()).text.splitlines()[0]
    assert f"approved, waits for a worker of pool prod-eu: {nobody}" in first
