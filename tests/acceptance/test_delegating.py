"""Standing in: a colleague reviews in somebody's place, one hop, never beside them, and only by a signed delegation."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from jitbot.explain import explain
from jitbot.model import Answer, DeliveryKind, Request, Review, StandIn, Standing, State, UserId, Verdict
from jitbot.service.stand_ins import UNREAD
from jitbot.store import tables
from tests.town import ANN, BO, CY, DI, EVE, TEAM, Town

FLO = UserId("U0FLO")


def delegate(town: Town, user: UserId, to: str, words: str = "for 3d") -> Answer:
    return town.do(DeliveryKind.DELEGATE, user, to=to, text=words)


def end(town: Town, user: UserId, **body: Any) -> Answer:
    return town.do(DeliveryKind.END_DELEGATION, user, **body)


def needs(town: Town, request: Request) -> list[tuple[tuple[UserId, ...], tuple[UserId, ...], object]]:
    decision = town.see(request).decision
    assert decision is not None
    return [(need.approved_by, need.candidates, dict(need.stand_ins)) for need in decision.needs]


def tree(town: Town, request: Request) -> str:
    decision = town.see(request).decision
    assert decision is not None
    return explain(decision, str)


def test_a_stand_in_approves_in_the_place_of_the_delegator(town: Town) -> None:
    assert "Eve reviews in your place until" in delegate(town, BO, EVE).text
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert needs(town, request) == [((), (EVE, CY), {EVE: BO})], "the stand-in is asked in the delegator's place"
    town.approve(EVE, request)
    assert town.state(request) is State.SUCCEEDED
    (review,) = town.ledger.reviews(request)
    assert review.selectors == ()
    assert [(each.delegator, each.selectors) for each in review.on_behalf_of] == [(BO, ("group:oncall",))]
    assert "<@U0EVE> for <@U0BO>".replace("<@", "").replace(">", "") in tree(town, request)


def test_without_a_delegation_an_outsider_stays_one(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert "can't review" in town.approve(EVE, request).text
    delegate(town, BO, EVE)
    end(town, BO)
    assert "can't review" in town.approve(EVE, request).text


def test_delegator_and_stand_in_together_are_one_human(town: Town) -> None:
    delegate(town, CY, EVE)
    request = town.ask(ANN, "admin", ttl="30m")
    town.approve(CY, request)
    town.approve(EVE, request)
    assert town.state(request) is State.PENDING, "Cy could fill either place, and Eve stands only for Cy"
    town.approve(DI, request)
    assert town.state(request) is State.ACTIVE


def test_somebody_eligible_on_their_own_who_also_stands_in_counts_once(town: Town) -> None:
    delegate(town, BO, DI)
    request = town.ask(ANN, "admin", ttl="30m")
    town.approve(DI, request)
    assert town.state(request) is State.PENDING
    town.approve(CY, request)
    assert town.state(request) is State.ACTIVE


def test_a_stand_in_is_moved_to_where_their_approval_helps(town: Town) -> None:
    delegate(town, BO, DI)
    request = town.ask(ANN, "admin", ttl="30m")
    town.approve(DI, request)
    assert needs(town, request)[1][0] == (DI,), "as herself, one of the leads"
    town.edit("groups:\n", "groups:\n  more: [U0EVE]\n", "people.yml")
    town.edit("from: [group:leads], count: 1", "from: [group:leads, group:more], count: 1")
    town.edit("oncall: [U0BO, U0CY]", "oncall: [U0BO]", "people.yml")
    town.approve(EVE, request)
    assert town.state(request) is State.ACTIVE, "Di for Bo, who is on call, and Eve for herself"
    assert needs(town, request)[0] == ((DI,), (), {DI: BO})


def test_one_hop_only(town: Town) -> None:
    delegate(town, BO, DI)
    answer = delegate(town, DI, EVE)
    assert not answer.refused
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert "can't review" in town.approve(EVE, request).text
    town.approve(DI, request)
    assert town.state(request) is State.SUCCEEDED


def test_whoever_delegates_to_somebody_away_is_told_that_it_goes_no_further(town: Town) -> None:
    delegate(town, DI, EVE)
    assert "Di has a stand-in too, who does not stand in for you" in delegate(town, BO, DI).text


def test_delegations_by_or_to_the_requester_do_not_count_for_that_request(town: Town) -> None:
    delegate(town, BO, EVE)
    delegate(town, CY, ANN)
    own = town.ask(BO, "restart", service="api", env="prod")
    assert "can't review" in town.approve(EVE, own).text, "Eve stands for Bo, who asks"
    assert "their own" in town.approve(BO, own).text
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert "their own" in town.approve(ANN, request).text
    assert needs(town, request)[0][1] == (EVE, CY), "Cy is asked in person, since Ann cannot stand for anybody here"


def test_a_stand_in_can_deny_and_the_delegator_is_told_of_both(town: Town) -> None:
    delegate(town, BO, EVE)
    first = town.ask(ANN, "restart", service="api", env="prod")
    town.deny(EVE, first, "wait for the backup")
    assert town.state(first) is State.DENIED
    second = town.ask(ANN, "restart", service="api", env="prod")
    town.approve(EVE, second)
    said = town.said("notice")
    assert f"Eve denied {first.name} Restart a service in your place." in said
    assert f"Eve approved {second.name} Restart a service in your place." in said


def test_who_reviews_as_themselves_tells_nobody_that_they_stood_in(town: Town) -> None:
    delegate(town, BO, CY)
    town.approve(CY, town.ask(ANN, "restart", service="api", env="prod"))
    assert not [each for each in town.said("notice") if "in your place." in each]


def test_an_approval_stands_though_the_delegation_has_ended(town: Town) -> None:
    delegate(town, BO, EVE)
    request = town.ask(ANN, "admin", ttl="30m")
    town.approve(EVE, request)
    assert "reviews given before stand" in end(town, BO).text
    town.approve(DI, request)
    assert town.state(request) is State.ACTIVE


@pytest.mark.parametrize("gone", [BO, EVE])
def test_an_approval_falls_when_either_of_the_two_has_left(town: Town, gone: UserId) -> None:
    delegate(town, BO, EVE)
    request = town.ask(ANN, "admin", ttl="30m")
    town.approve(EVE, request)
    town.directory.set(gone, Standing.DEACTIVATED)
    town.approve(DI, request)
    assert town.state(request) is State.PENDING


def test_an_approval_for_somebody_who_cannot_be_looked_up_does_not_count_yet(town: Town) -> None:
    delegate(town, BO, EVE)
    request = town.ask(ANN, "admin", ttl="30m")
    town.approve(EVE, request)
    town.directory.unknown = {BO}
    town.approve(DI, request)
    decision = town.see(request).decision
    assert decision is not None and "user:U0BO" in decision.unread
    assert town.state(request) is State.PENDING


def test_a_stand_in_has_to_be_a_full_member_at_the_click(town: Town) -> None:
    delegate(town, BO, EVE)
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.directory.set(EVE, Standing.GUEST)
    assert "can't review" in town.approve(EVE, request).text
    assert needs(town, town.ask(ANN, "restart", service="api", env="prod"))[0][1] == (BO, CY), "Bo is asked again"


def test_it_ends_to_the_instant(town: Town) -> None:
    delegate(town, BO, EVE, "for 30m")
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.forward(minutes=31)
    assert "can't review" in town.approve(EVE, request).text


def test_a_stand_in_may_end_what_the_delegator_may_end(town: Town) -> None:
    request = town.ask(ANN, "admin", ttl="30m")
    town.approve(BO, request)
    town.approve(DI, request)
    assert "Only who asked" in town.drop(EVE, request).text
    delegate(town, CY, EVE)
    assert town.service.queries.visible(EVE, request.id).id == request.id
    town.drop(EVE, request)
    assert town.state(request) is State.REVOKED


def test_what_waits_for_the_delegator_waits_for_the_stand_in(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert town.service.queries.pending(EVE) == []
    delegate(town, BO, EVE)
    assert [each.id for each in town.service.queries.pending(EVE)] == [request.id]


REFUSED = {
    "oneself": (BO, "for 3d", "You cannot stand in for yourself"),
    "nobody known": ("U0NOBODY", "for 3d", "nobody with the id"),
    "no time": (EVE, "", "Until when?"),
    "an end that is over": (EVE, "until 2020-01-01", "is over already"),
    "too long": (EVE, "for 15d", "14 days are the most"),
    "a word that is no time": (EVE, "until doomsday", "not a time that I understand"),
    "a long note": (EVE, f"for 3d {'x' * 201}", "The note is too long"),
    "a hidden character": (EVE, "for 3d a\x07b", "The note"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_delegated_is_refused_with_what_to_do(town: Town, name: str) -> None:
    to, words, why = REFUSED[name]
    answer = delegate(town, BO, to, words)
    assert answer.refused
    assert why in answer.text
    assert town.service.queries.delegations(BO) == []
    assert [event.kind for event in town.trail.events()] == ["policies", "refused"]


@pytest.mark.parametrize("standing", [each for each in Standing if each is not Standing.MEMBER])
def test_only_full_members_delegate_and_stand_in(town: Town, standing: Standing) -> None:
    town.directory.set(EVE, standing)
    assert "Only full members" in delegate(town, BO, EVE).text
    assert "Only full members" in delegate(town, EVE, BO).text


def test_while_people_cannot_be_looked_up_nothing_is_delegated(town: Town) -> None:
    town.directory.down = True
    assert "Try again in a minute" in delegate(town, BO, EVE).text


def test_two_stand_ins_at_once_are_refused_until_the_first_has_ended(town: Town) -> None:
    delegate(town, BO, EVE, "for 1h")
    answer = delegate(town, BO, DI)
    assert answer.refused and "Eve stands in for you until" in answer.text
    assert not delegate(town, CY, EVE).refused, "one person may stand in for several"
    town.forward(hours=2)
    assert not delegate(town, BO, DI).refused


def test_two_stand_ins_named_in_the_same_instant_are_one(town: Town) -> None:
    keys = [town.take_in(DeliveryKind.DELEGATE, BO, to=to, text="for 3d") for to in (DI, EVE)]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(town.service.intake.work, keys))
    assert [answer is not None and answer.refused for answer in answers].count(True) == 1
    assert len(town.service.queries.delegations(BO)) == 1


def test_the_end_is_understood_in_the_delegators_own_zone_and_said(town: Town) -> None:
    town.directory.people[BO] = replace(town.directory.people[BO], zone="America/New_York")
    answer = delegate(town, BO, EVE, 'until tomorrow 18:00 "on leave"')
    (made,) = town.service.queries.delegations(BO)
    assert made.note == "on leave"
    assert f"(America/New_York), that is {made.ends_at:%Y-%m-%d %H:%M} UTC" in answer.text
    assert made.ends_at.hour in (22, 23)
    assert "They say: “on leave”" in "".join(town.said("notice"))


def test_either_of_the_two_can_end_it_and_the_other_is_told(town: Town) -> None:
    delegate(town, BO, EVE)
    assert "nothing to end" in end(town, DI).text
    assert "Ended: Eve for Bo." in end(town, EVE, **{"with": BO}).text
    assert "nothing to end" in end(town, BO).text
    assert any("Eve has ended their standing in for you." in each for each in town.said("notice"))
    delegate(town, BO, EVE)
    assert "Ended" in end(town, EVE).text, "a stand-in without a stand-in of their own gives it back"
    delegate(town, BO, EVE)
    end(town, BO)
    assert any("Bo has ended your standing in for them." in each for each in town.said("notice"))


def test_a_stand_in_for_several_gives_one_of_them_back(town: Town) -> None:
    delegate(town, BO, EVE)
    delegate(town, CY, EVE)
    assert "Ended: Eve for Cy." in end(town, EVE, **{"with": CY}).text
    (left,) = town.service.queries.delegations(EVE)
    assert left.delegator == BO


def test_whoever_cannot_be_looked_up_is_named_by_id(town: Town) -> None:
    delegate(town, BO, EVE)
    town.directory.unknown = {EVE}
    assert "Ended: U0EVE for Bo." in end(town, BO).text


def test_each_making_and_ending_is_in_the_signed_record(town: Town) -> None:
    delegate(town, BO, EVE, "for 3d leave")
    end(town, BO)
    _policies, made, ended = town.trail.events()
    assert (made.kind, made.body["by"], made.body["delegation"]["delegate"]) == ("delegated", BO, EVE)
    assert ended.kind == "delegation_ended"
    assert ended.body["delegation"]["ended_at"] is not None
    assert town.trail.verify() == 3


def run(town: Town, statement: str, **values: object) -> None:
    with town.database.write() as connection:
        assert connection.execute(text(statement), values).rowcount == 1


def insert_row(town: Town, delegator: UserId, to: UserId) -> None:
    now = town.ledger.now()
    with town.database.write() as connection:
        connection.execute(
            tables.delegations.insert().values(
                delegator=delegator,
                delegate=to,
                team=TEAM,
                created_at=now - timedelta(minutes=1),
                ends_at=now + timedelta(days=1),
                note="",
            )
        )


def alarms(town: Town) -> list[str]:
    return [each for each in town.said("alarm") if "DELEGATION DOES NOT COUNT" in each]


def test_a_delegation_written_into_the_database_does_not_count_and_alarms_once(town: Town) -> None:
    insert_row(town, BO, EVE)
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert "can't review" in town.approve(EVE, request).text
    assert needs(town, request)[0][1] == (BO, CY)
    (alarm,) = alarms(town)
    assert "Delegation 1 (U0BO to U0EVE) has no signed record." in alarm
    assert [event.kind for event in town.trail.events()].count("tampered") == 1
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED, "what is honest goes on"


CHANGES = {
    "another stand-in": "UPDATE delegations SET delegate = 'U0EVE'",
    "another delegator": "UPDATE delegations SET delegator = 'U0CY', delegate = 'U0EVE'",
    "another team": "UPDATE delegations SET team = 'T0OTHER'",
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_altered_delegation_does_not_count_and_alarms(town: Town, name: str) -> None:
    delegate(town, BO, DI)
    run(town, CHANGES[name])
    request = town.ask(ANN, "restart", service="api", env="prod")
    for user in (EVE, DI):
        assert "can't review" in town.approve(user, request).text
    (alarm,) = alarms(town)
    assert "is not what its signed record says" in alarm


def test_a_prolonged_delegation_does_not_count_and_alarms(town: Town) -> None:
    delegate(town, BO, EVE, "for 1h")
    town.forward(hours=2)
    later = town.ledger.now() + timedelta(days=3)
    with town.database.write() as connection:
        connection.execute(tables.delegations.update().values(ends_at=later))
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert "can't review" in town.approve(EVE, request).text
    assert alarms(town)


def test_an_ended_delegation_that_is_opened_again_does_not_count(town: Town) -> None:
    delegate(town, BO, EVE)
    end(town, BO)
    run(town, "UPDATE delegations SET ended_at = NULL")
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert "can't review" in town.approve(EVE, request).text
    assert alarms(town)


def test_where_the_record_does_not_hold_no_delegation_counts_and_the_decision_says_so(town: Town) -> None:
    delegate(town, BO, EVE)
    town.restart()
    run(town, "UPDATE events SET body = replace(body, 'U0EVE', 'U0DI') WHERE kind = 'delegated'")
    facts = town.service._facts.read(town.book.policy, "restart", [ANN])
    assert facts.delegations == () and UNREAD in facts.unread
    assert alarms(town)


def test_whoever_delegates_while_the_record_does_not_hold_is_told(town: Town) -> None:
    delegate(town, BO, EVE)
    town.restart()
    run(town, "UPDATE events SET body = replace(body, 'U0EVE', 'U0DI') WHERE kind = 'delegated'")
    assert "no delegation counts until" in delegate(town, CY, BO).text


def test_an_event_that_was_emptied_takes_its_delegation_with_it(town: Town) -> None:
    delegate(town, BO, EVE)
    town.restart()
    run(town, "UPDATE events SET body = NULL, salt = NULL WHERE kind = 'delegated'")
    facts = town.service._facts.read(town.book.policy, "restart", [ANN])
    assert facts.delegations == ()


def test_a_cut_off_end_of_the_record_is_noticed(town: Town) -> None:
    delegate(town, BO, EVE)
    assert town.delegations.standing(town.ledger.now()).standing
    end(town, BO)
    run(town, "DELETE FROM events WHERE kind = 'delegation_ended'")
    run(town, "UPDATE delegations SET ended_at = NULL")
    facts = town.service._facts.read(town.book.policy, "restart", [ANN])
    assert facts.delegations == ()


def test_a_record_changed_before_what_was_seen_is_noticed(town: Town) -> None:
    delegate(town, BO, EVE)
    assert town.delegations.standing(town.ledger.now()).standing
    run(town, "UPDATE events SET hash = :hash WHERE kind = 'delegated'", hash=b"x" * 32)
    facts = town.service._facts.read(town.book.policy, "restart", [ANN])
    assert facts.delegations == ()
    with pytest.raises(Exception, match="do not count now"):
        town.service.queries.delegations(BO)


def test_an_approval_in_somebodys_place_that_nobody_gave_runs_nothing(town: Town) -> None:
    request = town.ask(ANN, "admin", ttl="30m")
    forged = Review(EVE, TEAM, Verdict.APPROVE, town.ledger.now(), 1, (), "", (StandIn(BO, ("group:oncall",)),))
    values = {name: getattr(forged, name) for name in forged.__dataclass_fields__}
    with town.database.write() as connection:
        connection.execute(tables.reviews.insert().values(request=request.id, **values))
    town.approve(DI, request)
    assert town.state(request) is State.APPROVED, "the rows say so"
    assert "tampered" in town.kinds(request)
    assert town.runner.started == []


def test_another_process_sees_it_and_only_reads_on(town: Town) -> None:
    twin = town.twin()
    delegate(town, BO, EVE)
    assert [each.delegate for each in twin.delegations.standing(town.ledger.now()).standing] == [EVE]
    town.ask(ANN, "restart", service="api", env="staging")
    delegate(town, CY, EVE)
    assert [each.delegator for each in twin.delegations.standing(town.ledger.now()).standing] == [BO, CY]
    twin.close()


def test_what_is_long_over_is_forgotten(town: Town) -> None:
    delegate(town, BO, EVE, "for 1h")
    assert town.delegations.standing(town.ledger.now()).standing
    town.forward(days=20)
    delegate(town, CY, EVE)
    (standing,) = town.delegations.standing(town.ledger.now()).standing
    assert standing.delegator == CY
    assert list(town.delegations._signed) == [standing.id]
