"""Grants against the systems they were given in: missing, left over, unclear, or none of jitbot's business."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from jitbot.errors import RunnerRefused
from jitbot.model import Health, HealthState, Privilege, Request, State
from jitbot.service.reconciling import Finding, Kind, Reconciling
from tests.town import ANN, PEOPLE, FakeInputs, Town

POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  admin:
    title: Administer
    runner: fake
    with: {what: "{who}", where: role, value: 7}
    parameters:
      who: {type: choice, options: [ann, bo]}
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    rules: [{name: free, allow: true}]
  owner:
    title: Own
    runner: fake
    with: {what: cy, where: vault, value: 7}
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    rules: [{name: free, allow: true}]
  both:
    title: Administer, both
    runner: fake
    with: {what: "{who}", where: role, value: 7}
    parameters:
      who: {type: multi-choice, options: [ann, bo]}
    for_each: who
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    rules: [{name: free, allow: true}]
"""


class System:
    """What the fake runner's target system says: who holds what, by its own mark (or none), and whether it answers."""

    def __init__(self, town: Town) -> None:
        self.marks: dict[str, bool | None] = {}
        self.down = False
        self.asked: list[str] = []
        self.while_asked: Callable[[], object] = lambda: None
        self._town = town

    def check(self, inputs: FakeInputs, receipt: Any) -> Health:
        if self.down:
            raise RunnerRefused("no route to it")
        held = self._town.runner.world.get(f"{inputs.where}/{inputs.what}") == 7
        return Health(HealthState.HEALTHY if held else HealthState.ABSENT, "" if held else f"{inputs.what} is out")

    def privileges(self, inputs: FakeInputs) -> Sequence[Privilege]:
        self.asked.append(inputs.where)
        if self.down:
            raise RunnerRefused("no route to it")
        held = [key for key, value in self._town.runner.world.items() if value == 7 and key.startswith(inputs.where)]
        found = [Privilege(key, key.partition("/")[2], self.marks.get(key, True)) for key in sorted(held)]
        self.while_asked()
        return found


@pytest.fixture
def system(town: Town) -> System:
    system = System(town)
    town.runner.check = system.check  # type: ignore[method-assign, assignment]
    town.runner.privileges = system.privileges  # type: ignore[attr-defined]
    town.files = {"payments.yml": POLICY, "people.yml": PEOPLE}
    town.restart()
    return system


def reconciling(town: Town) -> Reconciling:
    return Reconciling(town.ledger, town.catalog, town.book.policy.actions)


def found(town: Town) -> list[tuple[Kind, str]]:
    return [(each.kind, each.target) for each in reconciling(town).look()]


def only(town: Town) -> Finding:
    (finding,) = reconciling(town).look()
    return finding


def granted(town: Town, who: str = "ann") -> Request:
    request = town.ask(ANN, "admin", who=who)
    assert town.state(request) is State.ACTIVE
    return request


def ended(town: Town, who: str = "ann") -> Request:
    request = granted(town, who)
    town.drop(ANN, request)
    assert town.state(request) is State.REVOKED
    return request


def test_what_is_held_by_live_grants_is_in_order(town: Town, system: System) -> None:
    granted(town)
    granted(town, "bo")
    assert found(town) == []


def test_a_grant_whose_privilege_is_gone_is_told_and_ended_when_it_is_repaired(town: Town, system: System) -> None:
    request = granted(town)
    town.runner.world["role/ann"] = 100
    finding = only(town)
    assert (finding.kind, finding.said, finding.request and finding.request.id) == (Kind.MISSING, "ann is out", 1)
    assert town.state(request) is State.ACTIVE
    assert reconciling(town).repair(finding)
    town.settle()
    assert town.state(request) is State.REVOKED
    assert "is ended, since what it gave was gone: ann is out" in "\n".join(town.said("notice"))
    assert found(town) == []
    assert not reconciling(town).repair(finding), "there is nothing any more to be put right"
    town.trail.verify()


def test_what_is_left_over_after_a_grant_is_undone_when_it_is_repaired(town: Town, system: System) -> None:
    request = ended(town)
    town.runner.world["role/ann"] = 7
    finding = only(town)
    assert (finding.kind, finding.target) == (Kind.LEFT_OVER, "role/ann")
    assert finding.said == "ann holds it, which JIT-1 gave and has ended"
    assert town.runner.world["role/ann"] == 7
    assert reconciling(town).repair(finding)
    town.settle()
    assert town.runner.world["role/ann"] == 100
    assert (town.state(request), town.kinds(request)[-2:]) == (State.REVOKED, ["left_over", "cleaned_up"])
    assert found(town) == []


def test_what_jitbot_gave_and_no_ledger_knows_of_is_told_only(town: Town, system: System) -> None:
    granted(town)
    town.runner.world["role/eve"] = 7
    finding = only(town)
    assert (finding.kind, finding.request) == (Kind.LEFT_OVER, None)
    assert "take it back by hand" in finding.said
    assert not reconciling(town).repair(finding)
    assert not reconciling(town).repair(finding, named=True)


def test_what_others_have_given_is_none_of_jitbots_business(town: Town, system: System) -> None:
    """Also where jitbot gave the same to the same person once."""
    ended(town)
    town.runner.world |= {"role/ann": 7, "role/eve": 7}
    system.marks = {"role/ann": False, "role/eve": False}
    findings = reconciling(town).look()
    assert [(each.kind, each.target) for each in findings] == [(Kind.FOREIGN, "role/ann"), (Kind.FOREIGN, "role/eve")]
    assert not any(each.is_wrong or reconciling(town).repair(each, named=True) for each in findings)


def test_where_the_system_keeps_no_marks_only_whoever_has_looked_decides(town: Town, system: System) -> None:
    ended(town)
    town.runner.world |= {"role/ann": 7, "role/eve": 7}
    system.marks = {"role/ann": None, "role/eve": None}
    assert found(town) == [(Kind.UNCLEAR, "role/ann"), (Kind.FOREIGN, "role/eve")]
    unclear = reconciling(town).look()[0]
    assert not reconciling(town).repair(unclear)
    assert reconciling(town).repair(unclear, named=True)
    town.settle()
    assert town.runner.world == {"role/ann": 100, "role/eve": 7}


def test_actions_that_nobody_has_asked_for_are_looked_at_too(town: Town, system: System) -> None:
    town.runner.world["vault/eve"] = 7
    assert found(town) == [(Kind.LEFT_OVER, "vault/eve")]


def test_each_question_is_asked_once(town: Town, system: System) -> None:
    for _ in range(3):
        ended(town)
    reconciling(town).look()
    assert sorted(system.asked) == ["role", "vault"]


def test_what_cannot_be_read_is_told_and_nothing_is_concluded(town: Town, system: System) -> None:
    request = granted(town)
    town.runner.world["role/ann"] = 100
    system.down = True
    findings = reconciling(town).look()
    assert {each.kind for each in findings} == {Kind.UNREAD}
    assert any("no route to it" in each.said for each in findings)
    assert not any(reconciling(town).repair(each) for each in findings)
    assert town.state(request) is State.ACTIVE


def test_a_runner_that_lists_nothing_leaves_the_checks(town: Town, system: System) -> None:
    del town.runner.privileges  # type: ignore[attr-defined]
    ended(town)
    town.runner.world["role/ann"] = 7
    assert found(town) == []
    granted(town, "bo")
    town.runner.world["role/bo"] = 100
    assert found(town) == [(Kind.MISSING, "role/bo")]


def test_what_ends_or_begins_while_it_is_compared_is_not_told(town: Town, system: System) -> None:
    """Between reading the system and the ledger a grant ends: it looks left over, and is not."""
    request = granted(town)
    dropped: list[bool] = []

    def drop() -> None:
        if not dropped:
            dropped.append(True)
            town.drop(ANN, request)

    system.while_asked = drop
    assert found(town) == []
    assert dropped


def test_one_that_is_undone_only_partly_is_not_left_over_while_it_is_tried(town: Town, system: System) -> None:
    request = granted(town)
    town.runner.on_undo = lambda inputs, run: (_ for _ in ()).throw(RunnerRefused("no route"))
    town.drop(ANN, request)
    assert town.state(request) is State.UNDOING
    assert found(town) == []


def test_of_many_targets_only_the_one_that_is_left_over_is_undone(town: Town, system: System) -> None:
    request = town.ask(ANN, "both", who=["ann", "bo"])
    town.drop(ANN, request)
    assert town.state(request) is State.REVOKED
    undone = len(town.runner.undone)
    town.runner.world["role/bo"] = 7
    assert reconciling(town).repair(only(town))
    town.settle()
    assert town.runner.world == {"role/ann": 100, "role/bo": 100}
    assert town.runner.undone[undone:] == [f"{request.run_key}-2"]


def test_what_is_changed_is_told_and_left(town: Town, system: System) -> None:
    request = granted(town)
    town.runner.check = lambda inputs, receipt: Health(HealthState.UNHEALTHY, "somebody took a part of it")  # type: ignore[method-assign]
    finding = only(town)
    assert (finding.kind, finding.said) == (Kind.CHANGED, "somebody took a part of it")
    assert not reconciling(town).repair(finding, named=True)
    assert town.state(request) is State.ACTIVE


def test_what_is_not_installed_any_more_cannot_be_asked(town: Town, system: System) -> None:
    granted(town)
    town.catalog.gone = True
    assert [each.kind for each in reconciling(town).look()] == [Kind.UNREAD]
    assert system.asked == []
