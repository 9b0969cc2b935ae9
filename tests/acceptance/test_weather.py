"""Bad weather: slow look-ups, a database that comes and goes, hands that were overtaken."""

import threading
from datetime import timedelta

import pytest

from jitbot import model
from jitbot.elapsed import seconds
from jitbot.errors import Conflict, DirectoryUnavailable, StoreUnavailable
from jitbot.model import (
    Condition,
    Delivery,
    DeliveryKind,
    Group,
    Guardrail,
    Outcome,
    Person,
    Policy,
    Request,
    RequestId,
    Rule,
    Standing,
    State,
    Truth,
    UserId,
)
from jitbot.service.facts import FactsReader
from tests.town import ANN, BO, CY, EVE, FakeInputs, Town


class Down:
    """Makes one method of a port fail, so many times."""

    def __init__(self, times: int = 10_000) -> None:
        self.times = times

    def __call__(self, inner: object) -> object:
        def failing(*args: object, **given: object) -> object:
            self.times -= 1
            if self.times >= 0:
                raise StoreUnavailable("the database does not answer")
            return inner(*args, **given)  # type: ignore[operator]

        return failing


def break_ledger(town: Town, method: str, down: Down) -> None:
    setattr(town.ledger, method, down(getattr(town.ledger, method)))


def test_a_sweep_that_cannot_read_waits_for_the_next(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.forward(hours=1)
    break_ledger(town, "due", Down(1))
    town.service.sweep.tick()
    assert "the sweep has to wait" in caplog.text
    town.settle()
    assert town.state(request) is State.EXPIRED


def test_chores_that_cannot_read_wait_for_the_next_time_and_hold_up_no_sweep(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.forward(hours=1)
    break_ledger(town, "overdue", Down(1))
    town.settle()
    assert "the chores have to wait" in caplog.text
    assert town.state(request) is State.EXPIRED


def test_a_claim_that_cannot_be_renewed_is_told_and_tried_again(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    def renew(inputs: FakeInputs, run: object) -> None:
        break_ledger(town, "renew", Down(1))
        town.service.sweep.renew()
        town.service.sweep.renew()

    town.runner.on_start = renew
    town.ask(ANN, "tune", value=200)
    assert caplog.text.count("could not be renewed") == 1


def test_a_refusal_that_cannot_be_recorded_is_still_told(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.withdraw(ANN, request)
    click = town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1)
    break_ledger(town, "begin", Down(1))
    answer = town.service.intake.work(click)
    assert answer is not None
    assert answer.refused
    town.forward(seconds=31)
    town.settle()
    assert town.kinds(request)[-1] == "refused"


def test_a_refusal_that_somebody_else_has_given_is_not_given_again(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.withdraw(ANN, request)
    click = town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1)
    get, twin = town.ledger.get, town.twin()

    def overtaken(request_id: RequestId) -> Request:
        town.ledger.get = get  # type: ignore[method-assign]
        twin.forward(seconds=31)
        twin.settle()
        return get(request_id)

    town.ledger.get = overtaken  # type: ignore[method-assign]
    assert town.service.intake.work(click) is None
    twin.close()
    assert town.kinds(request).count("refused") == 1


def test_what_is_withdrawn_while_it_is_planned_for_the_run_is_not_run(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1))
    twin = town.twin()

    def withdraw(inputs: FakeInputs) -> None:
        town.runner.on_plan = lambda inputs: None
        twin.service.intake.work(twin.take_in(DeliveryKind.WITHDRAW, ANN, request.id))

    town.runner.on_plan = withdraw
    town.settle()
    twin.close()
    assert (town.state(request), town.runner.started) == (State.WITHDRAWN, [])


def test_what_is_withdrawn_while_it_is_planned_anew_is_not_revised(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.edit('where: "{env}"}', 'where: "{env}", value: 7}')
    twin = town.twin()

    def withdraw(inputs: FakeInputs) -> None:
        town.runner.on_plan = lambda inputs: None
        twin.service.intake.work(twin.take_in(DeliveryKind.WITHDRAW, ANN, request.id))

    town.runner.on_plan = withdraw
    assert "was withdrawn" in town.approve(BO, request).text
    twin.close()
    assert town.see(request).revision == 1


def test_what_moves_between_the_check_of_its_record_and_its_revision_is_looked_at_again(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.edit('where: "{env}"}', 'where: "{env}", value: 7}')
    read, twin = town.service._facts.read, town.twin()

    def withdraw(*given: object) -> object:
        town.service._facts.read = read  # type: ignore[method-assign]
        twin.service.intake.work(twin.take_in(DeliveryKind.WITHDRAW, ANN, request.id))
        return read(*given)  # type: ignore[arg-type]

    town.service._facts.read = withdraw  # type: ignore[method-assign, assignment]
    assert "was withdrawn" in town.approve(BO, request).text
    twin.close()
    assert (town.state(request), town.see(request).revision) == (State.WITHDRAWN, 1)


def test_an_undo_that_was_overtaken_leaves_the_end_to_who_overtook(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    twin = town.twin()

    def overtake(inputs: FakeInputs, run: object) -> None:
        town.runner.on_undo = lambda inputs, run: None
        twin.forward(minutes=10)
        twin.settle()

    town.runner.on_undo = overtake
    town.drop(ANN, request)
    twin.close()
    assert town.state(request) is State.REVOKED
    assert town.kinds(request).count("end_revoked") == 1


def test_a_lost_start_whose_runner_is_gone_is_unsure(town: Town) -> None:
    town.service.intake.work(town.take_in(DeliveryKind.ASK, ANN, action="tune", params={"value": 200}, reason="x"))

    def die(inputs: FakeInputs, run: object) -> None:
        raise KeyboardInterrupt

    town.runner.on_start = die
    with pytest.raises(KeyboardInterrupt):
        town.settle()
    town.restart()
    town.catalog.gone = True
    town.forward(seconds=31)
    town.settle()
    assert town.ledger.find()[0].state is State.UNSURE


def test_lines_that_cannot_be_kept_now_are_kept_later_and_the_result_does_not_wait(town: Town) -> None:
    town.runner.after_start = lambda: break_ledger(town, "begin", Down(1))
    request = town.ask(ANN, "tune", value=200)
    assert (town.state(request), town.see(request).receipt) == (State.ACTIVE, {"before": 100})
    kept, passing = [], threading.Event()
    for _ in range(1000):
        kept = [event.body["bytes"] for event in town.trail.events(request.id) if event.kind == "output"]
        if kept or passing.wait(0.01):
            break
    assert kept == [len("changed prod/work_mem\n")]


def test_a_fault_of_the_policies_and_its_mending_are_on_record_and_told(town: Town) -> None:
    good = town.files
    town.reload()
    town.files = {**good, "payments.yml": "team: payments\n"}
    town.reload()
    town.reload()
    assert "The policies are broken; the last good ones stay in force.\npayments.yml:1:1" in town.said("alarm")[0]
    town.files = good
    town.reload()
    town.reload()
    assert "The policies are in order again." in town.said("news")
    events = town.trail.events()
    assert [event.kind for event in events] == ["policies", "policies_broken", "policies_mended"]
    assert {event.body["digest"] for event in events} == {town.book.policy.digest}


def test_policies_that_cannot_be_put_on_record_are_told_in_the_log(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.files = {**town.files, "payments.yml": "team: payments\n"}
    break_ledger(town, "begin", Down(1))
    town.service.reloading.reload()
    assert "the policies could not be read again" in caplog.text


def test_what_a_disk_that_hangs_takes_in_late_is_worked_on_all_the_same(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = town.world.inbox.put

    def slowly(delivery: Delivery, lease: timedelta) -> bool:
        taken = put(delivery, lease)
        town.forward(seconds=11)
        monkeypatch.setattr(town.world.claims, "clock", lambda: seconds() + 11)
        return taken

    monkeypatch.setattr(town.world.inbox, "put", slowly)
    request = town.ask(ANN, "tune", value=200)
    assert town.state(request) is State.ACTIVE


class Slow:
    """A directory that does not answer about some until it is let go."""

    def __init__(self, town: Town, people: set[UserId], handles: set[str]) -> None:
        self.go = threading.Event()
        self.remembered: dict[UserId, Person] = {}
        self._inner, self._people, self._handles = town.directory, people, handles

    def person(self, user: UserId) -> Person:
        if user in self._people:
            self.go.wait(10)
        return self._inner.person(user)

    def known(self, user: UserId) -> Person | None:
        return self.remembered.get(user)

    def by_email(self, email: str) -> UserId | None:
        return self._inner.by_email(email)

    def usergroup(self, handle: str) -> frozenset[UserId]:
        if handle in self._handles:
            self.go.wait(10)
        return self._inner.usergroup(handle)


def about(groups: dict[str, Group]) -> Policy:
    """Return policies with one guardrail that looks at every group."""
    looks = Condition(
        "requester.groups", "guardrails.yml:1", lambda values: model.Tested(Truth.FALSE), ("requester.groups",)
    )
    return Policy(groups=groups, guardrails=(Guardrail(Rule("looks", Outcome.DENY, looks)),))


def test_what_does_not_come_in_time_is_unread_never_empty(town: Town) -> None:
    slow = Slow(town, {BO}, {"slow"})
    town.directory.usergroups = {"slow": {CY}, "fast": {CY}}
    reader = FactsReader(slow, town.ledger, town.sources, lambda *asked: (), timedelta(seconds=0.2))
    groups = {"slow": Group("slow", usergroups=("slow",)), "fast": Group("fast", usergroups=("fast",))}
    began = town.ledger.now()
    facts = reader.read(about(groups), "restart", [ANN, BO])
    took = town.ledger.now() - began
    slow.go.set()
    reader.close()
    assert facts.unread == {"group:slow": "no answer in time"}
    assert facts.members == {"group:fast": frozenset({CY})}
    assert BO not in facts.people
    assert took < timedelta(seconds=0.35), "both look-ups share one deadline"


def test_who_is_remembered_and_what_policies_say_themselves_wait_for_nobody(town: Town) -> None:
    """However many threads a directory that hangs holds."""
    crowd = {UserId(f"U0LOST{number}") for number in range(40)}
    slow = Slow(town, {BO, *crowd}, set())
    slow.remembered = {BO: town.directory.people[BO]}
    reader = FactsReader(slow, town.ledger, town.sources, lambda *asked: (), timedelta(seconds=0.2))
    facts = reader.read(about({"written": Group("written", users=(BO, CY))}), "restart", [BO, *crowd])
    slow.go.set()
    reader.close()
    assert facts.people == {BO: town.directory.people[BO]}
    assert facts.members == {"group:written": frozenset({BO, CY})}
    assert not facts.unread


def test_members_are_found_by_id_address_and_usergroup(town: Town) -> None:
    town.directory.emails = {"eve@example.com": EVE}
    town.directory.usergroups = {"ops": {CY}}
    group = Group("all", users=(BO,), emails=("eve@example.com", "nobody@example.com"), usergroups=("ops",))
    facts = town.service._facts.read(about({"all": group}), "restart", [])
    assert facts.members["group:all"] == frozenset({BO, CY, EVE})


def test_a_directory_that_fails_leaves_groups_unread(town: Town) -> None:
    town.directory.down = True
    groups = {"a": Group("a", emails=("eve@example.com",)), "b": Group("b", usergroups=("ops",))}
    facts = town.service._facts.read(about(groups), "restart", [ANN])
    assert set(facts.unread) == {"group:a", "group:b"}
    with pytest.raises(DirectoryUnavailable):
        town.directory.person(ANN)


def test_somebody_slack_does_not_know_is_somebody_who_cannot_act(town: Town) -> None:
    stranger = UserId("U0NOBODY")
    facts = town.service._facts.read(Policy(), "restart", [stranger])
    assert facts.people[stranger].standing is Standing.DEACTIVATED


def test_a_conflict_in_a_worker_is_nobodys_fault(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.forward(hours=1)

    def conflict(request: Request) -> None:
        raise Conflict("somebody else was first")

    expired = town.service.sweep._next
    town.service.sweep._next = {**expired, State.ACTIVE: conflict}
    town.service.sweep.attend(request.id)
    assert [record.levelname for record in caplog.records if "was first" in record.message] in ([], ["INFO"])
    assert town.state(request) is State.ACTIVE
