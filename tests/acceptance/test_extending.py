"""A grant that is to end later: asked for like anything else, and applied only while the grant is held."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import DeliveryKind, Receipt, Request, State
from jitbot.ports import Run
from tests.town import ANN, BO, CY, DI, PEOPLE, POLICY, FakeInputs, Town

TARGET = "prod/work_mem"
HALF = timedelta(minutes=30)


@pytest.fixture
def town(make_town: Callable[[], Town]) -> Iterator[Town]:
    """Give a town on SQLite; what only Postgres shows is in the tests of races and of being killed."""
    town = make_town()
    yield town
    town.close()


def granted(town: Town, **asked: str) -> Request:
    """Have Ann hold what two people have approved."""
    request = town.ask(ANN, "admin", **asked)
    town.approve(BO, request)
    town.approve(DI, request)
    assert town.state(request) is State.ACTIVE
    return town.see(request)


def approved(town: Town, extension: Request) -> Request:
    town.approve(BO, extension)
    town.approve(DI, extension)
    return town.see(extension)


def ends(town: Town, request: Request, at: object) -> None:
    """See that a grant ends at that instant, and not before."""
    now = town.see(request)
    assert (now.state, now.expires_at, now.due_at) == (State.ACTIVE, at, at)


def told(town: Town, extend: Callable[[FakeInputs, Receipt | None, Run], Receipt]) -> None:
    """Have the runner be one whose target ends grants by itself, and has to be told of a later end."""
    town.runner.ends_by_itself = True  # type: ignore[attr-defined]
    town.runner.extend = extend  # type: ignore[attr-defined]
    town.restart()


def test_what_is_approved_ends_later_and_is_undone_then(town: Town) -> None:
    grant = granted(town)
    assert grant.expires_at is not None
    extension = town.extend(ANN, grant, "1h")
    assert town.state(extension) is State.PENDING
    ends(town, grant, grant.expires_at)
    assert approved(town, extension).state is State.SUCCEEDED
    later = grant.expires_at + timedelta(hours=1)
    ends(town, grant, later)
    assert town.see(grant).extended_by == extension.id
    assert town.kinds(grant)[-1] == "extended"
    assert "JIT-1 Administer the payments service: ends 1 h later: JIT-2 was approved." in town.said("notice")
    town.forward(minutes=89)
    town.settle()
    ends(town, grant, later)
    town.forward(minutes=2)
    town.settle()
    assert (town.state(grant), town.runner.started, town.runner.undone) == (State.EXPIRED, ["jit-1-1"], ["jit-1-1"])
    town.trail.verify()


def test_policy_alone_may_let_it_through(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200)
    extension = town.extend(ANN, grant)
    assert extension.state is State.SUCCEEDED
    before = town.see(grant).granted_at
    assert before is not None
    ends(town, grant, before + HALF + HALF)


def test_it_is_the_same_action_for_the_same_person_and_touches_nothing(town: Town) -> None:
    grant = granted(town)
    extension = town.extend(ANN, grant)
    assert (extension.action, extension.beneficiary, extension.params) == (grant.action, ANN, grant.params)
    assert (extension.snapshot.inputs, extension.snapshot.target) == (grant.snapshot.inputs, grant.snapshot.target)
    assert extension.extension is not None
    assert (extension.extension.of, extension.extension.since) == (grant.id, grant.expires_at)
    assert extension.ttl == HALF + HALF
    approved(town, extension)
    assert town.runner.started == ["jit-1-1"]


def test_its_digest_covers_the_grant_and_the_new_end(town: Town) -> None:
    first, second = granted(town), granted(town)
    one, other, longer = town.extend(ANN, first), town.extend(ANN, second), None
    town.withdraw(ANN, one)
    longer = town.extend(ANN, first, "31m")
    assert len({one.digest, other.digest, longer.digest, first.digest}) == 4


def test_only_who_asked_can_extend_and_nobody_approves_their_own(town: Town) -> None:
    grant = granted(town)
    refused = town.try_to_extend(BO, grant)
    assert (refused.refused, refused.text) == (
        True,
        "Only who asked for JIT-1 can extend it. Ask for your own with /jit.",
    )
    extension = town.extend(ANN, grant)
    assert town.approve(ANN, extension).refused
    assert town.state(extension) is State.PENDING


def test_all_extensions_together_never_go_beyond_the_most(town: Town) -> None:
    grant = granted(town)
    assert town.try_to_extend(ANN, grant, "3h31m").text == (
        "JIT-1 can be extended by 3 h 30 min at most, not by 3 h 31 min."
    )
    for _ in range(2):
        assert approved(town, town.extend(ANN, grant, "1h45m")).state is State.SUCCEEDED
    assert grant.granted_at is not None
    ends(town, grant, grant.granted_at + timedelta(hours=4))
    assert town.try_to_extend(ANN, grant, "1m").text == (
        "JIT-1 lasts as long as it may in all. Ask for it anew when it has ended."
    )


def test_rules_judge_how_long_it_lasts_in_all(town: Town) -> None:
    town.edit("rules: [{name: free, allow: true}]", "rules: [{when: request.ttl <= duration('45m'), allow: true}]")
    grant = town.ask(ANN, "tune", value=200)
    assert town.try_to_extend(ANN, grant, "30m").text == "No rule allows this."
    assert town.extend(ANN, grant, "15m").state is State.SUCCEEDED
    assert town.try_to_extend(ANN, grant, "1m").refused


def test_a_rule_can_speak_of_extensions(town: Town) -> None:
    town.edit(
        "rules: [{name: free, allow: true}]",
        "rules: [{when: request.extends, deny: Once is enough.}, {name: free, allow: true}]",
    )
    assert town.try_to_extend(ANN, town.ask(ANN, "tune", value=200)).text == "Once is enough."


def test_without_a_length_it_is_the_usual_one_or_what_is_left(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200, ttl="3h50m")
    assert town.extend(ANN, grant, "").ttl == timedelta(hours=4)


@pytest.mark.parametrize("ttl", ["0m", "-5m", "soon", "1.5h", "9999999999d", "30m; rm", "\u0663\u0660m"])
def test_any_other_length_is_refused_and_nothing_is_taken_in(town: Town, ttl: str) -> None:
    grant = town.ask(ANN, "tune", value=200)
    assert town.try_to_extend(ANN, grant, ttl).refused
    assert len(town.ledger.find()) == 1


def test_a_reason_is_needed_where_the_action_needs_one(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200)
    assert town.try_to_extend(ANN, grant, reason=" ").text == "A reason is needed."


def test_one_at_a_time(town: Town) -> None:
    grant = granted(town)
    extension = town.extend(ANN, grant)
    words = "JIT-2 asks for that already. To ask for another time, withdraw it first."
    assert town.try_to_extend(ANN, grant).text == words
    town.withdraw(ANN, extension)
    assert town.extend(ANN, grant).id == extension.id + 1


def test_what_is_not_held_cannot_be_extended(town: Town) -> None:
    waiting = town.ask(ANN, "admin")
    assert town.try_to_extend(ANN, waiting).text == "JIT-1 is not granted yet: it is pending."
    grant = town.ask(ANN, "tune", value=200)
    town.drop(ANN, grant)
    assert town.try_to_extend(ANN, grant).text == "JIT-2 holds nothing: it is revoked. Ask for it anew."
    done = town.ask(ANN, "restart", service="api", env="staging")
    assert town.try_to_extend(ANN, done).text == "JIT-3 holds nothing: it is succeeded. Ask for it anew."


def test_an_extension_is_not_extended_itself(town: Town) -> None:
    grant = granted(town)
    extension = town.extend(ANN, grant)
    assert town.try_to_extend(ANN, extension).text == "JIT-2 is an extension itself. Extend JIT-1."


def test_what_is_due_is_not_extended_though_nobody_has_ended_it_yet(town: Town) -> None:
    grant = granted(town)
    town.forward(minutes=31)
    answer = town.service.intake.work(_extend(town, grant))
    assert answer is not None
    assert answer.text == "JIT-1 has just ended. Ask for it anew."


def _extend(town: Town, grant: Request) -> str:
    return town.take_in(DeliveryKind.EXTEND, ANN, grant.id, ttl="30m", reason="INC-2")


def test_what_was_dropped_before_the_approval_is_not_extended(town: Town) -> None:
    grant = granted(town)
    extension = town.extend(ANN, grant)
    town.drop(ANN, grant)
    missed = approved(town, extension)
    assert (missed.state, missed.outcome) == (
        State.MISSED,
        "JIT-1 has ended meanwhile, so there was nothing to extend. Ask for it anew.",
    )
    assert (town.state(grant), town.see(grant).expires_at) == (State.REVOKED, grant.expires_at)


def test_it_lapses_with_the_grant(town: Town) -> None:
    grant = granted(town)
    extension = town.extend(ANN, grant)
    assert extension.lapses_at == grant.expires_at
    town.forward(minutes=31)
    assert town.approve(BO, extension).refused
    assert (town.state(extension), town.state(grant)) == (State.LAPSED, State.EXPIRED)


def test_approved_in_the_last_instant_it_comes_too_late_for_a_grant_that_is_due(town: Town) -> None:
    grant = granted(town)
    extension = town.extend(ANN, grant)
    town.approve(BO, extension)
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, DI, extension.id, revision=1))
    assert town.state(extension) is State.APPROVED
    town.forward(minutes=31)
    town.service.sweep.attend(extension.id)
    assert town.state(extension) is State.MISSED
    assert town.state(grant) is State.ACTIVE
    town.settle()
    assert town.state(grant) is State.EXPIRED


def test_an_edit_of_what_the_action_does_refuses_it(town: Town) -> None:
    grant = granted(town)
    extension = town.extend(ANN, grant)
    town.edit("with: {what: admin, where: prod}", "with: {what: admin, where: staging}")
    refused = town.approve(BO, extension)
    assert "admin is another action by now than when this was granted, so it cannot be extended." in refused.text
    town.forward(minutes=31)
    town.settle()
    assert (town.state(extension), town.state(grant)) == (State.LAPSED, State.EXPIRED)


def test_an_edit_just_before_it_is_applied_refuses_it(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200)
    town.service.intake.work(town.take_in(DeliveryKind.EXTEND, ANN, grant.id, ttl="30m", reason="INC-2"))
    town.edit("value: {type: integer, min: 1, max: 1000}", "value: {type: integer, min: 1, max: 900}")
    town.settle()
    extension = town.ledger.find()[0]
    assert extension.state is State.DENIED
    assert "is another action by now" in extension.outcome
    ends(town, grant, grant.expires_at)


def test_a_stricter_rule_counts_until_it_is_applied(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200)
    town.service.intake.work(town.take_in(DeliveryKind.EXTEND, ANN, grant.id, ttl="30m", reason="INC-2"))
    town.edit("rules: [{name: free, allow: true}]", "rules: [{review: [{from: [group:oncall]}]}]")
    town.settle()
    extension = town.ledger.find()[0]
    assert extension.state is State.PENDING
    town.approve(BO, extension)
    assert town.state(extension) is State.SUCCEEDED


def test_it_takes_its_place_in_a_quota_and_none_among_those_held(town: Town) -> None:
    town.edit("rules: [{name: free, allow: true}]", "rules: [{name: free, allow: {at_most: 2, per: 1h}}]")
    town.edit(
        "    timebox: {default: 30m, max: 4h}\n    rules: [{name: free",
        "    timebox: {default: 30m, max: 4h}\n    limits: {held_by_one: 1, held: 1}\n    rules: [{name: free",
    )
    assert town.book.fault == ""
    grant = town.ask(ANN, "tune", value=200)
    assert town.extend(ANN, grant).state is State.SUCCEEDED
    assert town.try_to_extend(ANN, grant).text == "No rule allows this."


def test_an_approver_cannot_change_it(town: Town) -> None:
    extension = town.extend(ANN, granted(town))
    answer = town.approve_changed(BO, extension, ttl="5m")
    assert answer.text == "JIT-2 extends JIT-1 to one certain end. Approve or deny it as it is."
    assert town.state(extension) is State.PENDING


def test_a_bent_grant_is_not_extended(town: Town) -> None:
    grant = granted(town)
    with town.database.write() as connection:
        connection.exec_driver_sql("UPDATE requests SET beneficiary = 'U0EVE' WHERE id = 1")
    assert town.try_to_extend(ANN, grant).text == "JIT-1 is not what its record says, so it cannot be extended."
    assert "NOT EXTENDED" in town.said("alarm")[-1]


def test_a_grant_that_was_bent_since_it_was_asked_is_not_extended(town: Town) -> None:
    grant = granted(town)
    extension = town.extend(ANN, grant)
    with town.database.write() as connection:
        connection.exec_driver_sql("UPDATE requests SET beneficiary = 'U0EVE' WHERE id = 1")
    assert approved(town, extension).state is State.APPROVED
    assert "REFUSED TO RUN" in town.said("alarm")[-1]
    assert town.see(grant).expires_at == grant.expires_at


def test_whoever_holds_it_is_reminded_before_it_ends(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200)
    assert ending_soon(town) == []
    town.forward(minutes=24)
    assert ending_soon(town) == []
    town.forward(minutes=2)
    assert ending_soon(town) == [(ANN, grant.id)]


def ending_soon(town: Town) -> list[tuple[str, int | None]]:
    claimed = town.outbox.claim(1000, timedelta(0))
    return [(each.to, each.request) for each in claimed if each.topic == "ending"]


def test_an_extension_puts_the_reminder_off(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200)
    town.extend(ANN, grant, "1h")
    town.forward(minutes=26)
    assert ending_soon(town) == []
    town.forward(minutes=60)
    assert ending_soon(town) == [(ANN, grant.id)]


def test_what_is_that_short_is_not_reminded_of(town: Town) -> None:
    town.ask(ANN, "tune", value=200, ttl="9m")
    town.forward(minutes=8)
    assert ending_soon(town) == []


GLASS = """
guardrails: []
break_glass:
  - {who: [group:engineering], max: 1h, review_within: 24h, tell: ["#security"]}
"""


def behind_glass(town: Town) -> Request:
    town.files = {"payments.yml": POLICY, "people.yml": PEOPLE, "guardrails.yml": GLASS}
    town.service.book.reload()
    assert town.book.fault == ""
    answer = town.do(DeliveryKind.ASK, ANN, action="admin", params={}, reason="all is down", break_glass=True)
    assert answer.request is not None
    grant = town.ledger.get(answer.request)
    assert grant.state is State.ACTIVE
    return grant


def test_what_was_taken_behind_broken_glass_needs_people_to_last_longer_and_never_beyond_its_most(town: Town) -> None:
    grant = behind_glass(town)
    assert "can be extended by 30 min at most" in town.try_to_extend(ANN, grant, "31m").text
    extension = town.extend(ANN, grant, "30m")
    assert (extension.state, extension.break_glass) == (State.PENDING, False)
    assert approved(town, extension).state is State.SUCCEEDED
    assert grant.granted_at is not None
    ends(town, grant, grant.granted_at + timedelta(hours=1))


# runners whose targets end grants by themselves


def test_a_target_that_ends_it_by_itself_and_cannot_be_told_is_refused_beforehand(town: Town) -> None:
    town.runner.ends_by_itself = True  # type: ignore[attr-defined]
    town.restart()
    grant = town.ask(ANN, "tune", value=200)
    assert town.try_to_extend(ANN, grant).text == (
        "JIT-1 ends by itself at its target, which cannot be told of a later end."
    )
    assert len(town.ledger.find()) == 1


def test_a_target_is_told_and_the_receipt_is_kept(town: Town) -> None:
    seen: list[object] = []

    def extend(inputs: FakeInputs, receipt: Receipt | None, run: Run) -> Receipt:
        assert receipt is not None
        seen.append((run.key, run.until, dict(receipt.data)))
        run.log("told it")
        return Receipt({**receipt.data, "told": True}, "told it")

    told(town, extend)
    grant = town.see(town.ask(ANN, "tune", value=200))
    assert grant.expires_at is not None
    extension = town.extend(ANN, grant)
    later = grant.expires_at + HALF
    assert seen == [("jit-1-1", later, {"before": 100})]
    assert (extension.state, extension.outcome) == (State.SUCCEEDED, "told it")
    ends(town, grant, later)
    assert town.see(grant).receipt == {"before": 100, "told": True}
    assert town.said("thread") == ["changed prod/work_mem", "told it"]
    town.forward(hours=2)
    town.settle()
    assert (town.state(grant), town.runner.world[TARGET]) == (State.EXPIRED, 100)
    town.trail.verify()


def test_a_target_that_refuses_leaves_the_end_as_it_was(town: Town) -> None:
    def extend(*_: object) -> Receipt:
        raise RunnerRefused("The server is read-only.")

    told(town, extend)
    grant = town.see(town.ask(ANN, "tune", value=200))
    extension = town.extend(ANN, grant)
    assert (extension.state, extension.outcome) == (State.FAILED, "The server is read-only. JIT-1 ends as before.")
    ends(town, grant, grant.expires_at)


def test_a_target_that_does_not_answer_is_told_again_and_then_given_up(town: Town) -> None:
    tries: list[object] = []

    def extend(inputs: FakeInputs, receipt: Receipt | None, run: Run) -> Receipt:
        tries.append(run.until)
        raise RunnerUnsure("The server does not answer.")

    told(town, extend)
    grant = town.see(town.ask(ANN, "tune", value=200))
    extension = town.extend(ANN, grant)
    assert town.state(extension) is State.RUNNING
    for _ in range(3):
        town.forward(seconds=2)
        town.settle()
    assert len(tries) == 4
    assert len(set(tries)) == 1
    assert town.see(grant).gone_by == tries[0]
    town.forward(minutes=6)
    town.settle()
    failed = town.see(extension)
    assert (failed.state, failed.outcome) == (State.FAILED, "The server does not answer. JIT-1 ends as before.")
    ends(town, grant, grant.expires_at)


def test_the_undo_knows_of_the_end_that_the_target_was_perhaps_told(town: Town) -> None:
    def extend(*_: object) -> Receipt:
        raise RunnerUnsure("The server does not answer.")

    seen: list[object] = []
    told(town, extend)
    grant = town.see(town.ask(ANN, "tune", value=200))
    town.extend(ANN, grant)
    town.runner.on_undo = lambda inputs, run: seen.append(run.until)
    town.forward(hours=1)
    town.settle()
    assert grant.expires_at is not None
    assert seen == [grant.expires_at + HALF]
    assert town.state(grant) is State.EXPIRED


def test_dropped_while_its_target_is_told_it_is_undone_afterwards(town: Town) -> None:
    def extend(inputs: FakeInputs, receipt: Receipt | None, run: Run) -> Receipt:
        town.service.intake.work(_drop(town))
        town.service.sweep.attend(grant.id)
        assert town.runner.undone == []
        return Receipt({"before": 100})

    told(town, extend)
    grant = town.see(town.ask(ANN, "tune", value=200))
    extension = town.extend(ANN, grant)
    assert town.state(extension) is State.FAILED
    assert town.see(extension).outcome.startswith("JIT-1 has ended meanwhile")
    town.forward(seconds=2)
    town.settle()
    assert (town.state(grant), town.runner.undone) == (State.REVOKED, ["jit-1-1"])


def _drop(town: Town) -> str:
    return town.take_in(DeliveryKind.DROP, ANN, 1)


def test_what_comes_due_while_its_target_is_told_ends_as_before(town: Town) -> None:
    def extend(inputs: FakeInputs, receipt: Receipt | None, run: Run) -> Receipt:
        town.forward(minutes=31)
        return Receipt({"before": 100})

    told(town, extend)
    grant = town.see(town.ask(ANN, "tune", value=200))
    extension = town.extend(ANN, grant)
    failed = town.see(extension)
    assert failed.state is State.FAILED
    assert failed.outcome == "JIT-1 has ended meanwhile, so there was nothing to extend. Ask for it anew."
    assert (town.state(grant), town.see(grant).expires_at) == (State.EXPIRED, grant.expires_at)
    assert town.runner.world[TARGET] == 100


def test_nobody_starts_on_the_target_while_it_is_told(town: Town) -> None:
    seen: list[State] = []

    def extend(inputs: FakeInputs, receipt: Receipt | None, run: Run) -> Receipt:
        key = town.take_in(DeliveryKind.ASK, BO, action="tune", params={"value": 200}, reason="x")
        town.service.intake.work(key)
        other = town.ledger.find()[0]
        town.service.sweep.attend(other.id)
        seen.append(town.state(other))
        return Receipt({"before": 100})

    told(town, extend)
    town.extend(ANN, town.ask(ANN, "tune", value=200))
    assert seen == [State.APPROVED]


# several holders of one target


def test_who_is_extended_beyond_the_others_undoes_as_the_last(town: Town) -> None:
    first, second = town.ask(ANN, "tune", value=200, ttl="1h"), town.ask(CY, "tune", value=200)
    town.extend(CY, second, "2h")
    town.forward(minutes=61)
    town.settle()
    assert (town.state(first), town.see(first).handed_to) == (State.EXPIRED, second.id)
    assert town.runner.world[TARGET] == 200
    town.forward(hours=2)
    town.settle()
    assert (town.state(second), town.runner.world[TARGET]) == (State.EXPIRED, 100)


def test_an_extension_is_nobody_to_hand_over_to(town: Town) -> None:
    def extend(*_: object) -> Receipt:
        raise RunnerUnsure("The server does not answer.")

    told(town, extend)
    grant = town.ask(ANN, "tune", value=200)
    extension = town.extend(ANN, grant)
    assert town.state(extension) is State.RUNNING
    town.drop(ANN, grant)
    town.forward(minutes=6)
    for _ in range(3):
        town.settle()
        town.forward(seconds=2)
    assert (town.state(extension), town.state(grant)) == (State.FAILED, State.REVOKED)
    assert (town.see(grant).handed_to, town.runner.world[TARGET]) == (None, 100)


# what happens between the approval and the end


def allowed(town: Town) -> tuple[Request, Request]:
    """Have an extension allowed that no worker has looked at yet."""
    grant = town.see(town.ask(ANN, "tune", value=200))
    town.service.intake.work(_extend(town, grant))
    town.queue.items.clear()
    extension = town.ledger.find()[0]
    assert extension.state is State.APPROVED
    return grant, extension


def test_while_the_policies_are_broken_it_waits_as_long_as_the_grant_is_held(town: Town) -> None:
    grant, extension = allowed(town)
    town.files = {}
    town.sets.files = lambda digest: None  # type: ignore[method-assign]
    town._build()
    town.book._policy = None
    town.settle()
    assert (town.state(extension), town.state(grant)) == (State.APPROVED, State.ACTIVE)
    town.forward(minutes=31)
    town.settle()
    assert (town.state(extension), town.state(grant)) == (State.MISSED, State.EXPIRED)


def test_what_is_not_applied_in_time_is_missed_though_the_grant_is_held(town: Town) -> None:
    town.edit("    timebox: {default: 30m, max: 4h}\n    rules: [{name: free", SOON)
    grant = town.see(town.ask(ANN, "tune", value=200, ttl="2h"))
    town.service.intake.work(_extend(town, grant))
    town.forward(minutes=6)
    town.settle()
    extension = town.ledger.find()[0]
    assert (extension.state, extension.outcome) == (
        State.MISSED,
        "It was not applied in time, so JIT-1 ends as before. Ask again.",
    )


SOON = "    timebox: {default: 30m, max: 4h}\n    start_within: 5m\n    rules: [{name: free"


def test_a_runner_that_is_gone_extends_nothing(town: Town) -> None:
    grant, extension = allowed(town)
    town.catalog.gone = True
    town.settle()
    assert town.state(extension) is State.DENIED
    assert "the runner fake is not installed here any more" in town.see(extension).outcome
    assert town.see(grant).expires_at == grant.expires_at


def test_a_runner_that_cannot_extend_any_more_extends_nothing(town: Town) -> None:
    grant, extension = allowed(town)
    town.runner.ends_by_itself = True  # type: ignore[attr-defined]
    town.restart()
    town.settle()
    assert town.see(extension).outcome == "Its runner cannot extend what ends by itself."
    assert town.see(grant).expires_at == grant.expires_at


def test_dropped_at_the_very_last_it_is_missed(town: Town) -> None:
    grant, extension = allowed(town)
    town.book.follow = lambda: town.service.intake.work(_drop(town))  # type: ignore[method-assign, assignment, return-value]
    town.service.sweep.attend(extension.id)
    assert town.see(extension).outcome.startswith("JIT-1 has ended meanwhile")
    assert town.state(extension) is State.MISSED
    town.settle()
    assert town.state(grant) is State.REVOKED


def test_a_grant_that_has_moved_since_it_was_verified_is_verified_again(town: Town) -> None:
    grant, extension = allowed(town)

    def move() -> None:
        town.book.follow = lambda: None  # type: ignore[method-assign]
        with town.ledger.begin() as entry:
            entry.amend(entry.get(grant.id), "looked", "a test", outcome="touched")

    town.book.follow = move  # type: ignore[method-assign]
    town.service.sweep.attend(extension.id)
    assert town.state(extension) is State.APPROVED
    town.forward(seconds=2)
    town.settle()
    assert town.state(extension) is State.SUCCEEDED


def test_of_two_asked_in_the_same_instant_the_shorter_comes_to_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = granted(town)
    longer = town.extend(ANN, grant, "1h")
    with monkeypatch.context() as blind:
        blind.setattr(town.ledger, "find", lambda **_: [])
        shorter = town.extend(ANN, grant, "30m")
    assert approved(town, longer).state is State.SUCCEEDED
    missed = approved(town, shorter)
    assert (missed.state, missed.outcome) == (State.MISSED, "JIT-1 lasts that long already.")
    ends(town, grant, longer.extension.until if longer.extension else None)


def test_an_extension_that_was_bent_while_its_target_did_not_answer_ends_and_so_does_the_grant(town: Town) -> None:
    def extend(*_: object) -> Receipt:
        raise RunnerUnsure("The server does not answer.")

    told(town, extend)
    grant = town.see(town.ask(ANN, "tune", value=200))
    extension = town.extend(ANN, grant)
    with town.database.write() as connection:
        connection.exec_driver_sql("UPDATE requests SET reason = 'other' WHERE id = 2")
    town.forward(seconds=2)
    town.settle()
    assert "NOT EXTENDED" in town.said("alarm")[-1]
    assert (town.state(extension), town.see(grant).expires_at) == (State.FAILED, grant.expires_at)
    town.forward(minutes=31)
    town.settle()
    assert (town.state(grant), town.runner.world[TARGET]) == (State.EXPIRED, 100)


# one grant on many targets

HOSTS = """
team: web
channel: "#web"
actions:
  tune:
    title: Tune the web servers
    runner: fake
    with: {what: "{hosts}", where: prod, value: 7}
    parameters:
      hosts: {type: multi-choice, options: [web1, web2]}
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    for_each: hosts
    rules: [{name: free, allow: true}]
"""


def on_two_hosts(town: Town) -> Request:
    town.files = {"web.yml": HOSTS, "people.yml": PEOPLE}
    town.restart()
    assert town.book.fault == ""
    request = town.ask(ANN, "tune", hosts=["web1", "web2"])
    assert town.state(request) is State.ACTIVE
    return town.see(request)


def test_a_grant_on_many_targets_ends_later_on_all_of_them(town: Town) -> None:
    grant = on_two_hosts(town)
    assert grant.expires_at is not None
    extension = town.extend(ANN, grant)
    assert extension.state is State.SUCCEEDED
    assert extension.snapshot.targets == grant.snapshot.targets
    ends(town, grant, grant.expires_at + HALF)
    town.forward(minutes=61)
    town.settle()
    assert town.state(grant) is State.EXPIRED
    assert town.runner.world == {"prod/web1": 100, "prod/web2": 100}


def test_many_targets_that_would_have_to_be_told_are_refused_beforehand(town: Town) -> None:
    told(town, lambda inputs, receipt, run: Receipt({}))
    grant = on_two_hosts(town)
    assert "ends by itself at its target" in town.try_to_extend(ANN, grant).text


def test_what_was_done_last_on_a_target_is_never_an_extension(town: Town) -> None:
    grant = town.ask(ANN, "tune", value=200)
    town.extend(ANN, grant)
    last = town.ledger.last_on(TARGET)
    assert last is not None
    assert last.id == grant.id


def test_an_edit_that_changes_nothing_of_it_leaves_it_waiting(town: Town) -> None:
    grant = granted(town)
    extension = town.extend(ANN, grant)
    text = town.files["payments.yml"].replace("title: Restart a service", "title: Restart it")
    town.files = {**town.files, "payments.yml": text}
    town.reload()
    assert town.state(extension) is State.PENDING
    assert approved(town, extension).state is State.SUCCEEDED


def test_what_was_extended_after_a_worker_took_it_up_is_not_ended(town: Town) -> None:
    grant = granted(town)
    town.forward(minutes=31)
    claimed = town.ledger.claim(grant.id, "a worker", timedelta(seconds=20))
    assert claimed is not None
    with town.ledger.begin() as entry:
        now = entry.get(grant.id)
        later = entry.now + timedelta(minutes=10)
        entry.amend(now, "extended", "worker", expires_at=later, due_at=later)
    town.service.sweep._next[State.ACTIVE](claimed)
    ends(town, grant, later)
