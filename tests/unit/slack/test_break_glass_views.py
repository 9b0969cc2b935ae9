"""Break-glass as it is drawn: within Slack's limits whatever is typed, to be reviewed only while that is owed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.errors import InvalidInput
from jitbot.explain import source_name
from jitbot.model import Obligation, Outcome, Owed, Plan, Request, Selector, State, Tier, UserId, Waiting
from jitbot.sandbox.block_check import check_blocks
from jitbot.sandbox.view_check import checked_view
from jitbot.slack.oneliner import parse
from jitbot.slack.typed import Typed, read_confirmed, read_form
from jitbot.slack.views import break_glass, ids
from jitbot.slack.views.card import CardFor, draw_card
from jitbot.slack.views.foresight import Foresight
from jitbot.slack.views.form import form
from jitbot.slack.views.notices import alarm, call, notice
from jitbot.slack.views.people import mentioned, on_card
from jitbot.slack.views.preview import preview_lines
from tests.unit.slack.drawn import ANN, BO, CY, NAMES, NOW, make_action, make_decision, make_request

OWED = Obligation(NOW + timedelta(days=1), ("group:leads",), ("#security",))
OWES = Owed(timedelta(days=1), ("group:leads",), ("#security",), (BO, CY))
DECISION = make_decision(outcome=Outcome.ALLOW, needs=(), owes=OWES)
AHEAD = Foresight(DECISION, Plan("restarts 6 pods", "f"), names=NAMES)


def broken(**changes: Any) -> Request:
    return make_request(
        **{"break_glass": True, "state": State.ACTIVE, "obligation": OWED, "decision": DECISION} | changes
    )


def buttons(blocks: list[dict[str, Any]]) -> list[str]:
    return [each["action_id"] for block in blocks if block["type"] == "actions" for each in block["elements"]]


@given(reason=st.text(max_size=900), value=st.text(max_size=300))
def test_the_question_fits_whatever_is_typed_and_keeps_all_of_it(reason: str, value: str) -> None:
    typed = Typed("restart", {"service": value}, reason, "30m")
    view = break_glass.confirm(make_action(), typed, OWES, AHEAD)
    checked_view(view, "modal")
    if "submit" in view:
        assert read_confirmed(view) == replace(typed, break_glass=True)


def test_what_is_too_long_to_be_kept_is_not_taken_in_cut() -> None:
    view = break_glass.confirm(make_action(), Typed("restart", {}, "x" * 3000), OWES, AHEAD)
    assert "submit" not in view
    assert "too long to be kept" in str(view)


def test_the_question_says_who_is_told_and_how_many_more() -> None:
    many = tuple(UserId(f"U{index:03}") for index in range(25))
    view = break_glass.confirm(make_action(), Typed("restart"), replace(OWES, skipped=many), AHEAD)
    assert "#security, U000" in str(view)
    assert "and 15 more" in str(view)


@pytest.mark.parametrize("offered", [True, False])
def test_the_form_offers_the_choice_only_to_who_may(offered: bool) -> None:
    view = form(make_action(), Typed("restart"), {}, Foresight(break_glass=offered))
    checked_view(view, "modal")
    assert (ids.GLASS_BLOCK in str(view)) == offered


def test_a_chosen_box_is_read_and_drawn_again() -> None:
    (block,) = break_glass.choice(Typed("restart", break_glass=True))
    assert block["element"]["initial_options"] == block["element"]["options"]
    values = {ids.GLASS_BLOCK: {ids.FIELD: {"selected_options": block["element"]["options"]}}}
    assert read_form(make_action(), {"state": {"values": values}}).break_glass


@pytest.mark.parametrize(("word", "meant"), [("yes", True), ("TRUE", True), ("no", False), ("false", False)])
def test_one_line_says_yes_or_no(word: str, meant: bool) -> None:
    typed = parse(f"restart service=api break-glass={word}").typed
    assert typed is not None
    assert typed.break_glass == meant
    assert "break-glass" not in typed.params
    assert typed.body().get("break_glass", False) == meant


def test_one_line_says_nothing_else() -> None:
    with pytest.raises(InvalidInput, match="break-glass can be yes or no, not “perhaps”"):
        parse("restart break-glass=perhaps")


def test_the_card_alarms_and_says_by_when_it_must_be_reviewed() -> None:
    drawing = draw_card(broken(), (), NAMES, CardFor())
    assert drawing.text.startswith("🚨 Break-glass: Restart a service")
    assert "review owed by" in drawing.text
    assert buttons(drawing.blocks) == [ids.REVIEW_AFTER, ids.DROP, ids.DETAILS]
    check_blocks(drawing.blocks, "message")


def test_the_card_still_alarms_after_the_end_until_it_is_reviewed() -> None:
    ended = broken(state=State.EXPIRED, ended_at=NOW)
    assert draw_card(ended, (), NAMES, CardFor()).text.startswith("🚨")
    assert buttons(draw_card(ended, (), NAMES, CardFor()).blocks) == [ids.REVIEW_AFTER, ids.DETAILS]
    done = replace(OWED, accepted=True, reviewed_by=BO, reviewed_at=NOW)
    calm = draw_card(replace(ended, obligation=done), (), NAMES, CardFor())
    assert calm.text.startswith("⚪")
    assert "reviewed and accepted by Bo" in calm.text
    assert buttons(calm.blocks) == [ids.DETAILS]


def test_an_overdue_review_stands_out() -> None:
    late = broken(obligation=replace(OWED, reminded_at=NOW))
    assert "review OVERDUE since" in draw_card(late, (), NAMES, CardFor()).text


def test_the_review_shows_everything_and_is_nothing_but_details_once_given() -> None:
    view = break_glass.review_after_form(broken(), (), NAMES)
    checked_view(view, "modal")
    assert view["callback_id"] == ids.REVIEW_AFTER_VIEW
    assert "Checkout latency, INC-482" in str(view)
    done = broken(obligation=replace(OWED, accepted=False, reviewed_by=BO, reviewed_at=NOW, comment="no"))
    assert "callback_id" not in break_glass.review_after_form(done, (), NAMES)
    assert BO in on_card(done, ())


def test_messages_about_broken_glass_lead_to_its_review() -> None:
    for drawing in (notice("it was broken", broken()), alarm("it was broken", broken())):
        assert buttons(drawing.blocks) == [ids.REVIEW_AFTER, ids.DETAILS]
        check_blocks(drawing.blocks, "message")
    assert buttons(alarm("the database is gone", make_request()).blocks) == []


def test_a_call_pings_whom_it_names_and_nobody_a_text_only_looks_like() -> None:
    drawing = call(f"JIT-1 waits. <@{BO}> <@{CY}> please look. <!channel>", NAMES)
    check_blocks(drawing.blocks, "message")
    assert str(drawing.blocks).count("'type': 'user'") == 2
    assert "<!channel>" not in drawing.text
    assert mentioned(f"<@{BO}> and <@") == {BO}


def test_the_card_says_who_was_asked_also_and_since_when() -> None:
    tiers = (Tier(timedelta(minutes=20), (Selector("group", "leads"), Selector("user", str(CY)))),)
    waits = {"waits_since": NOW, "decision": make_decision(waiting=Waiting(escalate=tiers))}
    told = make_request(escalated_at=NOW + timedelta(minutes=20), **waits)
    assert "Asked also  leads or Cy, since" in draw_card(told, (), NAMES, CardFor()).text
    assert "Asked also" not in draw_card(make_request(**waits), (), NAMES, CardFor()).text
    assert CY in on_card(told, ())


def test_quiet_people_are_not_pinged_by_the_card() -> None:
    need = replace(make_decision().needs[0], quiet=(CY,))
    drawing = draw_card(make_request(decision=make_decision(needs=(need,))), (), NAMES, CardFor(ping=True))
    assert f"'user_id': '{BO}'" in str(drawing.blocks)
    assert f"'user_id': '{CY}'" not in str(drawing.blocks)


def test_a_single_person_is_called_by_their_name() -> None:
    assert source_name(Selector("user", str(ANN)), lambda user: NAMES[user]) == "Ann"
    assert source_name(Selector("group", "leads"), lambda user: NAMES[user]) == "leads"


def test_the_look_ahead_says_what_breaking_the_glass_comes_to() -> None:
    lines = preview_lines(replace(DECISION, summary="Break-glass: runs at once."), None, NAMES)
    assert lines == ["🚨 Break-glass: runs at once."]
