"""`/jit delegate`: read as it is typed, listed, and visible wherever a stand-in's review is shown."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jitbot.errors import InvalidInput
from jitbot.explain import who
from jitbot.model import Delegation, DelegationId, DeliveryKind, Need, Outcome, Selector, StandIn, State, Verdict
from jitbot.sandbox.block_check import check_blocks
from jitbot.slack.delegating import read_delegation
from jitbot.slack.oneliner import Word, parse
from jitbot.slack.views import delegations
from jitbot.slack.views.card import CardFor, draw_card
from jitbot.slack.views.people import on_card
from jitbot.slack.views.whole import details
from tests.unit.slack.drawn import ANN, BO, CY, NAMES, NOW, make_decision, make_request, make_review

MADE = Delegation(DelegationId(1), BO, CY, "T0ACME", NOW, NOW + timedelta(days=2), "on leave")
FOR_BO = (StandIn(BO, ("group:oncall",)),)


def test_a_delegation_is_read_as_it_is_typed() -> None:
    command = parse("delegate <@U0CY|cy> until Friday 18:00 “on leave”")
    assert command.word is Word.DELEGATE
    asked = read_delegation(command.about)
    assert asked.kind is DeliveryKind.DELEGATE
    assert asked.body == {"to": "U0CY", "text": "until Friday 18:00 “on leave”"}


def test_an_end_is_read_with_or_without_a_name() -> None:
    assert read_delegation("end").body == {}
    ended = read_delegation(parse("delegate END <@U0BO>").about)
    assert (ended.kind, ended.body) == (DeliveryKind.END_DELEGATION, {"with": "U0BO"})


@pytest.mark.parametrize("typed", ["", "\u2003", "@bo until Friday", "bo", "end bo", "<@U0BO>, until Friday"])
def test_a_name_that_slack_did_not_offer_is_nobody(typed: str) -> None:
    with pytest.raises(InvalidInput, match="is nobody that I know"):
        read_delegation(typed)


def test_the_list_says_who_stands_in_for_whom_until_when_and_why() -> None:
    drawn = delegations.draw([MADE, replace(MADE, delegator=ANN, delegate=BO, note="")], BO, NAMES)
    assert check_blocks(drawn.blocks, "message") == []
    assert "Cy reviews in your place until" in drawn.text
    assert "“on leave”" in drawn.text
    assert "You review in the place of Ann until" in drawn.text
    assert "/jit delegate end" in drawn.text


def test_an_empty_list_says_how_it_is_done() -> None:
    drawn = delegations.draw([], BO, NAMES)
    assert delegations.NOTHING in drawn.text
    assert "/jit delegate @colleague until Friday 18:00 on leave" in drawn.text
    assert "delegate end" not in drawn.text


def need(**changes: object) -> Need:
    asked = Need("prod needs one", (Selector("group", "leads"),), 2, (CY,), (), stand_ins=((CY, BO),))
    return replace(asked, **changes)  # type: ignore[arg-type]


def test_the_card_names_the_stand_in_and_for_whom() -> None:
    request = make_request(decision=make_decision(needs=(need(),)))
    review = replace(make_review(reviewer=CY), selectors=(), on_behalf_of=FOR_BO)
    drawn = draw_card(request, [review], NAMES, CardFor())
    assert "✓ leads: Cy for Bo" in drawn.text
    assert "waits for approval, 1 of 2" in drawn.text
    done = replace(
        request, state=State.SUCCEEDED, ended_at=NOW, decision=make_decision(outcome=Outcome.ALLOW, needs=(need(),))
    )
    assert "approved by Cy for Bo" in draw_card(done, [review], NAMES, CardFor()).text
    assert "Cy for Bo: approve" in str(details(done, [review], NAMES))
    assert on_card(request, [review]) >= {ANN, BO, CY}


def test_a_denial_names_for_whom_unless_it_was_their_own_too() -> None:
    denial = replace(make_review(Verdict.DENY, CY, "wait"), selectors=(), on_behalf_of=FOR_BO)
    request = make_request(state=State.DENIED, ended_at=NOW)
    assert "denied by Cy for Bo: “wait”" in draw_card(request, [denial], NAMES, CardFor()).text
    own = replace(denial, selectors=("group:leads",))
    assert "denied by Cy: “wait”" in draw_card(request, [own], NAMES, CardFor()).text


def test_whoever_is_asked_in_somebodys_place_is_said_to_be() -> None:
    asked = need(approved_by=(), candidates=(CY, ANN), count=1)
    assert who(asked, lambda user: NAMES[user]) == "one of leads: Cy for Bo or Ann"
    request = make_request(decision=make_decision(needs=(asked,)))
    drawn = draw_card(request, (), NAMES, CardFor(ping=True))
    assert '"user_id": "U0CY"' in str(drawn.blocks).replace("'", '"'), "the stand-in is pinged"
