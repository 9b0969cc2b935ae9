"""Halts: one person stops starts, nothing ends by it, and two people lift it."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from jitbot.errors import Conflict, Tampered
from jitbot.model import HALTS, DeliveryKind, Request, Standing, State, UserId
from jitbot.service.halt_cards import HaltCards
from jitbot.service.halt_changes import want
from jitbot.store import tables
from tests import halting
from tests.halting import a_while, halt, lift
from tests.town import ANN, BO, CY, DI, EVE, Town


@pytest.fixture
def watched(town: Town) -> Town:
    """Give a town where Eve may halt anything, and Ann, Cy and Di lift it."""
    return halting.watched(town)


def restart(town: Town, by: UserId = ANN, env: str = "staging") -> Request:
    return town.ask(by, "restart", service="api", env=env)


def test_nothing_starts_while_everything_is_halted_and_all_of_it_once_two_have_lifted_it(watched: Town) -> None:
    answer = halt(watched)
    assert answer.text.startswith("H-1: everything is halted.")
    waiting = restart(watched)
    assert (watched.state(waiting), watched.runner.started) == (State.APPROVED, [])
    assert watched.see(waiting).halted == "everything is halted by <@U0EVE>, H-1: “something is wrong”"
    assert "A second person has to say so within an hour" in lift(watched, CY).text
    a_while(watched)
    assert watched.state(waiting) is State.APPROVED
    assert lift(watched, DI).text == "H-1 is lifted: everything may start again."
    a_while(watched)
    assert (watched.state(waiting), watched.see(waiting).halted) == (State.SUCCEEDED, "")
    assert [event.kind for event in watched.trail.events() if event.kind == HALTS] == [HALTS] * 3
    watched.trail.verify()


@pytest.mark.parametrize(
    ("about", "of", "stopped"),
    [
        ("action", "restart", ["restart"]),
        ("person", "U0ANN", ["restart", "tune"]),
        ("person", "U0BO", []),
        ("all", "", ["restart", "tune"]),
    ],
)
def test_a_halt_stops_what_it_is_about_and_nothing_else(watched: Town, about: str, of: str, stopped: list[str]) -> None:
    assert not halt(watched, about, of).refused
    asked = {"restart": restart(watched), "tune": watched.ask(ANN, "tune", value=200)}
    assert [name for name, request in asked.items() if watched.state(request) is State.APPROVED] == stopped


def test_whatever_a_halted_person_has_approved_does_not_start(watched: Town) -> None:
    planned = watched.ask(ANN, "restart", service="api", env="prod")
    watched.runner.on_start = lambda inputs, run: pytest.fail("it was started")
    approving = watched.take_in(DeliveryKind.APPROVE, BO, planned.id, revision=1)
    halt(watched, "person", BO)
    watched.work(approving)
    assert watched.state(planned) is State.APPROVED
    assert f"everything of <@{BO}> is halted" in watched.see(planned).halted


def test_what_is_held_ends_on_time_and_can_be_dropped_denied_and_withdrawn(watched: Town) -> None:
    held, dropped = watched.ask(ANN, "tune", value=200), watched.ask(BO, "admin")
    for approver in (CY, DI):
        watched.approve(approver, dropped)
    denied, withdrawn = restart(watched, env="prod"), restart(watched, BO, env="prod")
    halt(watched)
    assert not watched.drop(BO, dropped).refused
    assert not watched.deny(CY, denied).refused
    assert not watched.withdraw(BO, withdrawn).refused
    watched.forward(minutes=31)
    watched.settle()
    states = [watched.state(each) for each in (held, dropped, denied, withdrawn)]
    assert states == [State.EXPIRED, State.REVOKED, State.DENIED, State.WITHDRAWN]
    assert watched.runner.world["prod/work_mem"] == 100


def test_people_go_on_to_approve_what_is_halted_and_it_waits(watched: Town) -> None:
    request = restart(watched, env="prod")
    halt(watched, "action", "restart")
    assert "is halted" in watched.see(request).halted
    watched.approve(BO, request)
    assert watched.state(request) is State.APPROVED
    lift(watched, CY)
    lift(watched, DI)
    a_while(watched)
    assert watched.state(request) is State.SUCCEEDED


def test_what_waits_longer_than_it_may_is_missed_and_never_starts(watched: Town) -> None:
    halt(watched)
    request = restart(watched)
    watched.forward(hours=25)
    watched.settle()
    assert (watched.state(request), watched.runner.started) == (State.MISSED, [])


def test_one_person_lifts_nothing_by_saying_so_twice(watched: Town) -> None:
    halt(watched)
    lift(watched, CY)
    assert "You have said so already" in lift(watched, CY).text
    assert watched.state(restart(watched)) is State.APPROVED


def test_whoever_set_it_may_be_one_of_the_two(watched: Town) -> None:
    assert not halt(watched, by=CY).refused
    lift(watched, CY)
    assert not lift(watched, DI).refused
    assert watched.state(restart(watched)) is State.SUCCEEDED


def test_a_word_from_more_than_an_hour_ago_does_not_count(watched: Town) -> None:
    halt(watched)
    lift(watched, CY)
    watched.forward(minutes=61)
    assert "A second person has to" in lift(watched, DI).text
    assert not lift(watched, CY).refused
    assert watched.world.halts.known.standing == ()


@pytest.mark.parametrize("how", ["deactivated", "out of the group", "halted"])
def test_the_first_word_does_not_count_once_its_person_may_not_lift_any_more(watched: Town, how: str) -> None:
    halt(watched)
    lift(watched, CY)
    if how == "deactivated":
        watched.directory.set(CY, Standing.DEACTIVATED)
    elif how == "halted":
        halt(watched, "person", CY)
    else:
        watched.write("people.yml", watched.files["people.yml"].replace("leads: [U0CY, U0DI]", "leads: [U0DI]"))
    assert "A second person has to" in lift(watched, DI).text
    assert len(watched.world.halts.known.standing) >= 1


def test_two_accounts_of_one_person_are_one_person(watched: Town) -> None:
    for user in (CY, DI):
        person = watched.directory.people[user]
        watched.directory.people[user] = type(person)(
            person.id, person.team, person.name, email=f"{user[:1]}@acme.example"
        )
    halt(watched)
    lift(watched, CY)
    refused = lift(watched, DI)
    assert refused.refused
    assert "are one person" in refused.text


def test_a_stand_in_and_the_one_stood_in_for_are_not_two(watched: Town) -> None:
    watched.do(DeliveryKind.DELEGATE, CY, to=DI, text="for 3d")
    halt(watched)
    lift(watched, CY)
    assert "stands in for the other" in lift(watched, DI).text
    lift(watched, ANN)
    assert watched.world.halts.known.standing == ()


def test_a_halted_person_neither_halts_nor_lifts(watched: Town) -> None:
    halt(watched)
    halt(watched, "person", CY)
    assert "You are halted (H-2)" in lift(watched, CY).text
    assert "You are halted (H-2)" in lift(watched, CY, "H-2").text
    assert "You are halted (H-2)" in halt(watched, "action", "tune", by=CY).text


def test_nor_do_they_with_another_account(watched: Town) -> None:
    for user, name in ((CY, "cy"), (DI, "cy+test")):
        watched.directory.people[user] = replace(watched.directory.people[user], email=f"{name}@acme.example")
    halt(watched, "person", CY)
    assert "You are halted (H-1)" in lift(watched, DI).text
    watched.directory.unknown = {CY}
    assert "Who is halted could not be looked up" in lift(watched, DI).text
    watched.directory.unknown = set()
    del watched.directory.people[CY]
    assert "A second person has to" in lift(watched, DI).text


def test_who_may_halt_what(watched: Town) -> None:
    assert "Only sre or leads or U0ANN may halt that" in halt(watched, by=BO).text
    assert "Only sre or leads or U0ANN may halt that" in halt(watched, "person", ANN, by=BO).text
    assert not halt(watched, "person", BO, by=BO).refused, "one's own account"
    assert not halt(watched, "action", "restart", by=CY).refused, "who approves it"
    assert "Only leads or U0ANN may lift halts" in lift(watched, EVE).text


@pytest.mark.parametrize("standing", [each for each in Standing if each is not Standing.MEMBER])
def test_whoever_is_no_member_halts_not_even_themselves(watched: Town, standing: Standing) -> None:
    watched.directory.set(BO, standing)
    assert f"A {standing.value} halts nothing here" in halt(watched, "person", BO, by=BO).text
    assert watched.world.halts.known.standing == ()


def test_without_a_word_in_the_guardrails_only_approvers_halt_and_nobody_lifts_from_slack(town: Town) -> None:
    assert "guardrails name nobody" in halt(town, by=CY).text
    assert not halt(town, "action", "restart", by=CY).refused
    assert "guardrails name nobody" in lift(town, CY).text


def test_who_cannot_be_looked_up_neither_halts_nor_lifts(watched: Town) -> None:
    watched.directory.unknown = {EVE}
    assert "could not be looked up just now" in halt(watched).text
    assert watched.world.halts.known.standing == ()


@pytest.mark.parametrize(
    ("about", "of", "why", "said"),
    [
        ("team", "x", "w", "is nothing that can be halted"),
        ("action", "restrat", "w", "There is no action 'restrat'. Did you mean restart?"),
        ("pool", "prod", "w", "There is no pool 'prod'. There is no pool at all."),
        ("person", "U0NOBODY", "w", "There is nobody with the id"),
        ("all", "", " ", "Say why"),
        ("all", "", "x" * 301, "301 characters, and 300 are the most"),
        ("all", "", "a\u0007b", "must not contain the control character"),
    ],
)
def test_what_cannot_be_halted_is_refused_with_what_to_do(
    watched: Town, about: str, of: str, why: str, said: str
) -> None:
    assert said in halt(watched, about, of, why=why).text


def test_a_person_who_cannot_be_looked_up_cannot_be_halted_by_name(watched: Town) -> None:
    watched.directory.unknown = {BO}
    assert "could not be looked up just now" in halt(watched, "person", BO).text


def test_the_same_is_halted_once(watched: Town) -> None:
    halt(watched, "action", "tune")
    assert "There is nothing to add to that" in halt(watched, "action", "tune").text
    assert len(watched.world.halts.known.standing) == 1


@pytest.mark.parametrize(("name", "said"), [("H-2", "is no halt"), ("x", "is no halt"), ("0", "is no halt")])
def test_only_what_is_halted_can_be_lifted(watched: Town, name: str, said: str) -> None:
    halt(watched)
    assert said in lift(watched, CY, name).text


def test_what_was_lifted_cannot_be_lifted_again(watched: Town) -> None:
    halt(watched)
    lift(watched, CY)
    lift(watched, DI)
    assert "was lifted" in lift(watched, CY, "h1").text


def test_a_record_that_does_not_hold_lifts_nothing(watched: Town) -> None:
    watched.do(DeliveryKind.DELEGATE, BO, to=EVE, text="for 3d")
    halt(watched)
    lift(watched, CY)

    def broken(at: object) -> None:
        raise Tampered("Event 3 is not whole.")

    watched.delegations.standing = broken  # type: ignore[method-assign,assignment]
    assert "The signed record does not hold just now" in lift(watched, DI).text
    watched.world.halts._known = replace(watched.world.halts.known, fault="It cannot be told.")
    watched.world.halts._begun = False
    with watched.database.write() as connection:
        connection.execute(update(tables.chain).values(halted=99))
    for answer in (lift(watched, DI), halt(watched, "action", "tune")):
        assert "The operators have to look at the record first" in answer.text
    assert len(watched.world.halts.known.standing) == 1


def test_an_event_about_halts_that_says_nothing_is_not_believed(watched: Town) -> None:
    with watched.ledger.begin() as entry:
        entry.record(HALTS, EVE, standing="nothing")
    assert "is not whole, and halts hang on it" in watched.world.halts.follow().fault
    assert watched.state(restart(watched)) is State.APPROVED


def test_a_card_that_moves_in_the_same_moment_is_drawn_by_whoever_moved_it(watched: Town) -> None:
    stale = restart(watched, env="prod")
    halt(watched)
    HaltCards(watched.world)._say(replace(stale, version=0))
    assert "is halted" in watched.see(stale).halted


def test_a_halt_from_before_the_policies_came_into_force_stands_after_a_restart(watched: Town) -> None:
    halt(watched)
    watched.edit("Restart a service", "Restart it")
    watched.restart()
    assert watched.state(restart(watched)) is State.APPROVED


def test_nothing_is_changed_as_long_as_it_cannot_be_told_what_stands_and_then_it_is_told(watched: Town) -> None:
    halt(watched)
    known = watched.world.halts.known
    with watched.database.write() as connection:
        connection.execute(update(tables.chain).values(halted=0))
    watched.settle()
    unknown = watched.world.halts.known
    with pytest.raises(Conflict, match="cannot be told"), watched.ledger.begin() as entry:
        want(entry, unknown, unknown.standing[0], CY)
    with watched.database.write() as connection:
        connection.execute(update(tables.chain).values(halted=known.as_of))
    watched.settle()
    assert watched.world.halts.known == known
    assert watched.said("alarm") == ["The record of halts holds again."]
