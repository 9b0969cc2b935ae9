"""Break-glass: only where guardrails grant it, at once, told to everybody who was not asked, reviewed afterwards."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from jitbot.errors import Tampered
from jitbot.model import Answer, DeliveryKind, Mark, Request, RequestId, Review, Standing, State
from jitbot.store import tables
from tests.acceptance.killing import Death, Killed, die_inside, exorcise, haunt
from tests.town import ANN, BO, CY, DI, EVE, PEOPLE, POLICY, Town

GUARDRAILS = """
break_glass:
  - applies_to: [admin, restart]
    who: [group:sre]
    max: 1h
    review_within: 24h
    tell: ["#security"]
guardrails:
  - {name: change freeze, applies_to: [admin], when: risk == 'medium', deny: A freeze is on., break_glass: passes}
  - {name: never by robots, when: request.source == 'robot', deny: Not by robots.}
"""
GROUPS = PEOPLE.replace("leads: [U0CY, U0DI]", "leads: [U0CY, U0DI, U0EVE]\n  sre: [U0ANN, U0BO]\n  none: []")


@pytest.fixture
def guarded(town: Town) -> Town:
    """Give a town in which Ann and Bo may break the glass for `admin` and `restart`."""
    town.files = {"payments.yml": POLICY, "people.yml": GROUPS, "guardrails.yml": GUARDRAILS}
    town.service.book.reload()
    assert not town.service.book.fault, town.service.book.fault
    return town


def try_to_break(town: Town, user: str = ANN, action: str = "admin", **more: str) -> Answer:
    body = {"action": action, "params": {}, "reason": "INC-9 all is down", "ttl": "30m"} | more
    return town.do(DeliveryKind.ASK, user, **body, break_glass=True)  # type: ignore[arg-type]


def broken(town: Town, user: str = ANN) -> Request:
    answer = try_to_break(town, user)
    assert answer.request is not None, answer.text
    assert not answer.refused, answer.text
    return town.ledger.get(answer.request)


def reviewed(town: Town, user: str, request: Request, *, accepted: bool = True, comment: str = "") -> Answer:
    said = {"accepted": accepted, "comment": comment, "revision": town.see(request).revision}
    return town.do(DeliveryKind.REVIEW_AFTER, user, request.id, **said)  # type: ignore[arg-type]


def test_it_runs_at_once_though_a_freeze_denies_and_people_would_be_asked(guarded: Town) -> None:
    refused = guarded.try_to_ask(ANN, "admin", ttl="30m")
    assert refused.text == "A freeze is on."
    request = broken(guarded)
    assert request.state is State.ACTIVE
    assert guarded.runner.started == [request.run_key]
    assert request.obligation is not None
    assert request.obligation.due_at - (request.started_at or request.created_at) == timedelta(hours=24)


def test_everybody_who_was_skipped_and_the_channels_are_told(guarded: Town) -> None:
    request = broken(guarded)
    told = [each for each in guarded.outbox.claim(1000, timedelta(0)) if "without approval" in each.text]
    assert {each.to for each in told} == {BO, CY, DI, EVE, "#security"}
    assert all("INC-9 all is down" in each.text and f"<@{ANN}>" in each.text for each in told)
    assert all(each.request == request.id for each in told)


def test_what_is_owed_is_on_disk_before_anything_happens(guarded: Town) -> None:
    seen: list[object] = []
    guarded.runner.on_start = lambda inputs, run: seen.append(guarded.ledger.owed(10))
    request = broken(guarded)
    assert seen == [[request.id]]


@pytest.mark.parametrize("dying", [haunt, die_inside])
@pytest.mark.parametrize("step", range(1, 9))
def test_killed_at_any_step_it_is_owed_once_it_has_begun(
    make_town: Callable[[], Town], dying: Callable[[Town, int], Death], step: int
) -> None:
    town = make_town()
    town.files = {"payments.yml": POLICY, "people.yml": GROUPS, "guardrails.yml": GUARDRAILS}
    town.service.book.reload()
    dying(town, step)
    with contextlib.suppress(Killed):
        try_to_break(town)
    exorcise(town)
    requests = town.ledger.find()
    assert len(town.runner.started) <= 1
    assert [bool(request.started_at) for request in requests] == [
        request.obligation is not None for request in requests
    ]
    for request in requests:
        told = [text for text in town.said("notice") if "could have been asked" in text]
        assert len(told) == (4 if request.started_at else 0)
        assert town.kinds(request).count("owed") == bool(request.started_at)
    town.close()


def test_who_is_not_named_is_refused_with_who_is(guarded: Town) -> None:
    answer = try_to_break(guarded, CY)
    assert answer.refused
    assert answer.text == "Only sre may break the glass for admin. Ask without it, and people decide."
    assert guarded.runner.started == []


def test_where_guardrails_grant_nothing_nobody_may(guarded: Town) -> None:
    answer = try_to_break(guarded, action="tune", params={"value": 5})  # type: ignore[arg-type]
    assert "guardrails do not grant it" in answer.text


@pytest.mark.parametrize("standing", [Standing.GUEST, Standing.STRANGER, Standing.DEACTIVATED])
def test_a_guest_is_refused_though_the_group_names_them(guarded: Town, standing: Standing) -> None:
    guarded.directory.set(ANN, standing)
    assert try_to_break(guarded).refused
    assert guarded.runner.started == []


def test_a_reason_is_needed_though_the_action_asks_for_none(guarded: Town) -> None:
    guarded.edit(
        "    timebox: {default: 30m, max: 4h}\n    rules:\n      - name: two",
        "    reason: false\n    timebox: {default: 30m, max: 4h}\n    rules:\n      - name: two",
    )
    assert try_to_break(guarded, reason=" ").text == "Break-glass needs a reason. Say what is happening."


def test_longer_than_granted_is_refused_and_never_clamped(guarded: Town) -> None:
    assert try_to_break(guarded, ttl="61m").text == (
        "Break-glass lasts 1h at most, not 1h1m. Ask for less, as in for=1h."
    )
    assert not try_to_break(guarded, ttl="60m").refused


def test_it_passes_only_guardrails_that_say_so(guarded: Town) -> None:
    guarded.edit(", break_glass: passes", "", file="guardrails.yml")
    assert try_to_break(guarded).text == "A freeze is on."


def test_a_guardrail_that_asks_for_people_is_still_waited_for(guarded: Town) -> None:
    guarded.edit(
        "guardrails:\n", "guardrails:\n  - {name: a lead looks, review: [{from: [group:leads]}]}\n", "guardrails.yml"
    )
    request = broken(guarded)
    assert request.state is State.PENDING
    assert request.obligation is None
    guarded.approve(CY, request)
    now = guarded.see(request)
    assert now.state is State.ACTIVE
    assert now.obligation is not None


def test_who_may_cannot_be_read_so_nobody_may(guarded: Town) -> None:
    guarded.edit("sre: [U0ANN, U0BO]", "sre: ['@sre']", "people.yml")
    answer = try_to_break(guarded)
    assert "could not be read" in answer.text
    assert guarded.runner.started == []


def test_an_approver_reviews_it_afterwards(guarded: Town) -> None:
    request = broken(guarded)
    assert not reviewed(guarded, CY, request, comment="right so").refused
    owed = guarded.see(request).obligation
    assert owed is not None
    assert (owed.accepted, owed.reviewed_by, owed.comment) == (True, CY, "right so")
    assert guarded.kinds(request)[-1] == "reviewed_after"
    assert "was accepted by" in guarded.said("notice")[-1]
    assert guarded.ledger.owed(10) == []
    assert "reviewed already" in reviewed(guarded, DI, request).text


def test_an_objection_needs_words_and_is_told_to_the_channels(guarded: Town) -> None:
    request = broken(guarded)
    assert reviewed(guarded, CY, request, accepted=False).text == "Say what was wrong with it."
    reviewed(guarded, CY, request, accepted=False, comment="the runbook says otherwise")
    assert any("objected to" in each for each in guarded.said("alarm"))


def test_who_broke_the_glass_never_reviews_it(guarded: Town) -> None:
    request = broken(guarded, BO)
    assert "own break-glass" in reviewed(guarded, BO, request).text


def test_an_outsider_does_not_review_it(guarded: Town) -> None:
    request = broken(guarded)
    guarded.directory.set(CY, Standing.GUEST)
    assert "You can't review" in reviewed(guarded, CY, request).text
    guarded.directory.unknown.add(DI)
    assert "could not be read" in reviewed(guarded, DI, request).text


def test_a_comment_that_cannot_be_shown_is_refused(guarded: Town) -> None:
    request = broken(guarded)
    assert reviewed(guarded, CY, request, comment="a\x07b").text.startswith("The comment ")


def test_a_review_of_another_drawing_or_of_nothing_owed_is_refused(guarded: Town) -> None:
    request = broken(guarded)
    stale = guarded.do(DeliveryKind.REVIEW_AFTER, CY, request.id, accepted=True, revision=7)
    assert "has changed since" in stale.text
    plain = guarded.ask(ANN, "restart", service="api", env="staging")
    assert "owes no review" in reviewed(guarded, CY, plain).text


def test_an_overdue_review_is_said_once_a_day_and_bars_the_next_time(guarded: Town) -> None:
    request = broken(guarded)
    guarded.forward(hours=25)
    guarded.settle()
    guarded.settle()
    late = [each for each in guarded.said("alarm") if each.startswith("Overdue")]
    assert len(late) == 1
    guarded.forward(hours=24)
    guarded.settle()
    assert guarded.kinds(request).count("overdue") == 2
    assert try_to_break(guarded).text == (
        f"The review of your last break-glass is overdue: {request.name}. Have it reviewed first."
    )
    assert not try_to_break(guarded, BO).refused, "another person is not barred"
    reviewed(guarded, CY, request)
    assert any("was accepted" in each for each in guarded.said("alarm"))
    assert not try_to_break(guarded).refused


def test_a_guardrail_may_leave_the_next_time_open(guarded: Town) -> None:
    guarded.edit('tell: ["#security"]', 'tell: ["#security"]\n    bar_when_overdue: false', "guardrails.yml")
    broken(guarded)
    guarded.forward(hours=25)
    assert not try_to_break(guarded).refused


def test_what_is_owed_survives_a_restart_and_is_said_by_one_process(guarded: Town) -> None:
    request = broken(guarded)
    guarded.restart()
    guarded.forward(hours=25)
    twin = guarded.twin()
    for each in (guarded, twin):
        each.service.sweep.tick()
    assert guarded.kinds(request).count("overdue") == 1
    twin.close()


def test_an_obligation_taken_out_of_the_database_is_owed_all_the_same(guarded: Town) -> None:
    request = broken(guarded)
    guarded.forward(hours=25)
    with guarded.database.write() as connection:
        connection.execute(delete(tables.obligations))
        connection.execute(update(tables.requests).where(tables.requests.c.id == request.id).values(obligation=None))
    assert "is overdue" in try_to_break(guarded).text
    assert any("taken out of the database" in each for each in guarded.said("alarm"))


def test_a_forged_review_does_not_count(guarded: Town) -> None:
    request = broken(guarded)
    guarded.forward(hours=25)
    with guarded.database.write() as connection:
        row = connection.execute(tables.events.select().order_by(tables.events.c.seq.desc()).limit(1)).one()._mapping
        forged = {**row, "seq": row["seq"] + 1, "kind": "reviewed_after", "request": request.id}
        connection.execute(tables.events.insert().values(forged))
        connection.execute(update(tables.chain).values(count=forged["seq"], hash=forged["hash"]))
    with pytest.raises(Tampered):
        guarded.trail.owing()
    answer = try_to_break(guarded)
    assert answer.refused
    assert len(guarded.runner.started) == 1


def test_an_overdue_row_that_is_not_owed_any_more_is_left_alone(guarded: Town) -> None:
    request = broken(guarded)
    reviewed(guarded, CY, request)
    with guarded.database.write() as connection:
        connection.execute(update(tables.obligations).values(look_at=request.created_at))
    guarded.service.sweep.tick()
    guarded.service.sweep.tick()
    assert "overdue" not in guarded.kinds(request)
    assert guarded.kinds(request).count("looked") == 1, "the row by which it is found was put right"


def test_a_row_about_nothing_that_is_owed_is_taken_out(guarded: Town) -> None:
    request = guarded.ask(ANN, "restart", service="api", env="staging")
    row = {"request": request.id, "person": BO, "due_at": request.created_at, "look_at": request.created_at}
    with guarded.database.write() as connection:
        connection.execute(tables.obligations.insert().values(row))
    guarded.service.sweep.tick()
    assert guarded.ledger.owed(10) == []
    assert guarded.said("alarm") == []


def test_who_was_written_into_the_row_as_a_reviewer_is_none(guarded: Town) -> None:
    request = broken(guarded)
    assert request.obligation is not None
    with guarded.database.write() as connection:
        bent = replace(request.obligation, reviewers=("user:U0BO",))
        connection.execute(update(tables.requests).where(tables.requests.c.id == request.id).values(obligation=bent))
    guarded.edit("oncall: [U0BO, U0CY]", "oncall: [U0CY]", "people.yml")
    assert "You can't review" in reviewed(guarded, BO, request).text
    assert any("was changed in the database" in each for each in guarded.said("alarm"))
    assert not reviewed(guarded, CY, request).refused


def test_a_row_that_was_bent_is_put_right_when_it_is_overdue(guarded: Town) -> None:
    request = broken(guarded)
    with guarded.database.write() as connection:
        connection.execute(update(tables.requests).where(tables.requests.c.id == request.id).values(obligation=None))
    guarded.forward(minutes=31)
    guarded.settle()
    guarded.forward(hours=25)
    guarded.settle()
    owed = guarded.see(request).obligation
    assert owed is not None
    assert owed.reminded_at is not None
    assert len([each for each in guarded.said("alarm") if "was changed in the database" in each]) == 1


def test_without_its_record_nothing_is_reviewed(guarded: Town) -> None:
    request = broken(guarded)
    with guarded.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.kind == "owed").values(body="{}"))
    assert "does not hold" in reviewed(guarded, CY, request).text
    guarded.forward(hours=25)
    guarded.settle()
    assert "overdue" not in guarded.kinds(request)


def test_a_request_that_moves_while_it_is_reviewed_is_looked_at_again(guarded: Town) -> None:
    request = broken(guarded)
    rebuild, calls = guarded.trail.rebuild, []

    def slowly(which: RequestId) -> tuple[Request, Sequence[Review]]:
        found = rebuild(which)
        calls.append(which)
        if len(calls) == 1:
            with guarded.ledger.begin() as entry:
                entry.amend(entry.get(which), "checked", "worker", outcome="moved")
        return found

    guarded.trail.rebuild = slowly  # type: ignore[method-assign]
    assert not reviewed(guarded, CY, request).refused
    assert len(calls) == 2


def test_a_flag_put_into_the_row_is_found_before_it_runs(guarded: Town) -> None:
    request = guarded.ask(ANN, "restart", service="api", env="prod")
    assert request.state is State.PENDING
    with guarded.database.write() as connection:
        connection.execute(update(tables.requests).where(tables.requests.c.id == request.id).values(break_glass=True))
    guarded.service.intake.work(guarded.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1))
    guarded.settle()
    assert guarded.runner.started == []
    assert any("REFUSED TO RUN" in each for each in guarded.said("alarm"))


def test_who_may_review_finds_it_among_what_waits(guarded: Town) -> None:
    request = broken(guarded)
    assert [each.id for each in guarded.service.queries.owed(CY)] == [request.id]
    assert guarded.service.queries.owed(ANN) == []
    guarded.directory.down = True
    assert guarded.service.queries.owed(CY) == []


def test_the_form_asks_only_those_who_may(guarded: Town) -> None:
    queries = guarded.service.queries
    admin, tune = queries.action("admin"), queries.action("tune")
    assert queries.may_break_glass(ANN, admin)
    assert not queries.may_break_glass(CY, admin)
    assert not queries.may_break_glass(ANN, tune)
    guarded.directory.set(ANN, Standing.GUEST)
    assert not queries.may_break_glass(ANN, admin)


def test_the_digest_tells_broken_glass_from_asking(guarded: Town) -> None:
    queries = guarded.service.queries
    body = {"params": {}, "reason": "INC-1", "ttl": "30m"}
    asked = queries.preview(ANN, queries.action("admin"), body)
    glass = queries.preview(ANN, queries.action("admin"), {**body, "break_glass": True, "reason": ""})
    assert asked.digest != glass.digest
    assert glass.decision is not None
    assert glass.decision.owes is not None
    assert glass.decision.tree.label == "BREAK-GLASS"
    assert Mark.UNTRIED in {each.mark for each in glass.decision.tree.children}


def test_it_is_refused_just_before_the_run_when_it_is_no_longer_granted(guarded: Town) -> None:
    key = guarded.take_in(DeliveryKind.ASK, ANN, action="admin", params={}, reason="INC-9", ttl="30m", break_glass=True)
    answer = guarded.service.intake.work(key)
    assert answer is not None
    assert answer.request is not None
    guarded.edit("who: [group:sre]", "who: [group:leads]", "guardrails.yml")
    guarded.settle()
    assert guarded.ledger.get(answer.request).state is State.DENIED
    assert guarded.runner.started == []
