"""What every runner must do, as tests: subclass `RunnerContract`, give four fixtures, run pytest.

docs/howto/write-a-runner.md shows a whole example.
"""
# ruff: noqa: S101 - these are tests, written to be run by pytest

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from pydantic import BaseModel, ValidationError

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import HealthState, Plan, Receipt
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import ChecksByKey, Extends, Run, Runner, lister
from jitbot.runners.guard import RECEIPT_BYTES, Guarded

RUN_SECONDS = 30
GRANTED = timedelta(minutes=10)
"""How long after the deadline a run of the suite says that its grant ends."""
REFUSALS = (RunnerRefused, NotGranted)
"""What a runner raises where nothing happened: its own refusal, or its site's, which it need not catch."""


class ContractRun:
    """A run as the suite gives it to runners; `lines` is what they logged, `results` what is for the requester.

    `stopped` says how often `stopping` is asked in vain before somebody has pressed Stop; None is never.
    """

    def __init__(self, key: str = "jit-1-1", stopped: int | None = None) -> None:
        self.key = key
        self.deadline = datetime.fromtimestamp(time.time() + RUN_SECONDS, UTC)
        self.until: datetime | None = self.deadline + GRANTED
        self.lines: list[str] = []
        self.results: list[str] = []
        self.asked = 0
        self._stopped = stopped

    def log(self, line: str) -> None:
        self.lines.append(line)

    def result(self, line: str) -> None:
        self.results.append(line)

    def stopping(self) -> bool:
        self.asked += 1
        return self._stopped is not None and self.asked > self._stopped


class RunnerContract:
    """Tests that every runner passes. Each test gets fresh fixtures, so begin each with an untouched target."""

    @pytest.fixture
    def runner(self) -> Runner:
        """Return the runner under test."""
        raise NotImplementedError("give a fixture `runner`")

    @pytest.fixture
    def inputs(self) -> Mapping[str, Any]:
        """Return inputs with which `start` works."""
        raise NotImplementedError("give a fixture `inputs`")

    @pytest.fixture
    def broken_inputs(self) -> Sequence[Mapping[str, Any]]:
        """Return inputs that `Inputs`, `plan` and `start` must refuse."""
        raise NotImplementedError("give a fixture `broken_inputs`")

    @pytest.fixture
    def effect(self) -> Callable[[], Any]:
        """Return a function that looks at the target, not through the runner, and returns what is to be seen there."""
        raise NotImplementedError("give a fixture `effect`")

    @pytest.fixture
    def told(self, runner: Runner, inputs: Mapping[str, Any]) -> BaseModel:
        return runner.Inputs.model_validate(inputs)

    def test_its_inputs_survive_being_kept(self, runner: Runner, told: BaseModel) -> None:
        kept = json.loads(json.dumps(told.model_dump(mode="json")))
        assert runner.Inputs.model_validate(kept) == told

    def test_its_target_has_one_name(self, runner: Runner, told: BaseModel) -> None:
        target = runner.target(told)
        assert isinstance(target, str)
        assert target
        assert runner.target(told) == target

    def test_a_plan_has_no_effect_and_a_stable_fingerprint(
        self, runner: Runner, told: BaseModel, effect: Callable[[], Any]
    ) -> None:
        before = effect()
        first, second = runner.plan(told), runner.plan(told)
        assert isinstance(first, Plan)
        assert first.summary, "people approve what they can read"
        assert first.fingerprint
        assert first.fingerprint == second.fingerprint, "nothing changed in between"
        assert effect() == before

    def test_a_start_has_its_effect_and_is_healthy(
        self, runner: Runner, told: BaseModel, effect: Callable[[], Any]
    ) -> None:
        before = effect()
        receipt = runner.start(told, ContractRun())
        assert effect() != before
        assert runner.check(told, receipt).state is HealthState.HEALTHY

    def test_its_receipt_is_json_and_small(self, runner: Runner, told: BaseModel) -> None:
        receipt = runner.start(told, ContractRun())
        text = json.dumps(dict(receipt.data), allow_nan=False)
        assert len(text) <= RECEIPT_BYTES
        assert json.loads(text) == receipt.data, "undo gets it back from JSON"

    def test_a_second_start_with_one_key_changes_nothing(
        self, runner: Runner, told: BaseModel, effect: Callable[[], Any]
    ) -> None:
        if not runner.repeatable:
            pytest.skip("this runner says that its start may not be repeated")
        runner.start(told, ContractRun())
        once = effect()
        runner.start(told, ContractRun())
        assert effect() == once

    def test_undo_takes_back_what_start_did(self, runner: Runner, told: BaseModel, effect: Callable[[], Any]) -> None:
        _only_undoable(runner, told)
        before = effect()
        receipt = runner.start(told, ContractRun())
        runner.undo(told, receipt, ContractRun())
        assert effect() == before
        runner.undo(told, receipt, ContractRun())
        assert effect() == before, "a second undo changes nothing"

    def test_undo_works_without_a_receipt(self, runner: Runner, told: BaseModel, effect: Callable[[], Any]) -> None:
        """The worker may have been lost between the start and the receipt."""
        _only_undoable(runner, told)
        before = effect()
        runner.start(told, ContractRun())
        runner.undo(told, None, ContractRun())
        assert effect() == before

    def test_undoing_what_never_started_succeeds(
        self, runner: Runner, told: BaseModel, effect: Callable[[], Any]
    ) -> None:
        _only_undoable(runner, told)
        before = effect()
        runner.undo(told, None, ContractRun())
        assert effect() == before

    def test_a_start_that_lands_after_its_undo_can_be_undone(
        self, runner: Runner, told: BaseModel, effect: Callable[[], Any]
    ) -> None:
        _only_undoable(runner, told)
        before = effect()
        runner.undo(told, None, ContractRun())
        try:
            receipt = runner.start(told, ContractRun())
        except REFUSALS:
            receipt = None  # a runner may remember that this key was taken back
        runner.undo(told, receipt, ContractRun())
        assert effect() == before

    def test_what_is_extended_is_healthy_and_undo_takes_it_back(
        self, runner: Runner, told: BaseModel, effect: Callable[[], Any]
    ) -> None:
        """Only where an extension has to be told to the target; it may be told again."""
        _only_extendable(runner, told)
        before = effect()
        receipt = runner.start(told, ContractRun())
        extended = [cast(Extends, runner).extend(told, receipt, _later_run()) for _ in range(2)][-1]
        text = json.dumps(dict(extended.data), allow_nan=False)
        assert len(text) <= RECEIPT_BYTES
        assert json.loads(text) == extended.data
        assert runner.check(told, extended).state is HealthState.HEALTHY
        runner.undo(told, extended, _later_run())
        assert effect() == before

    def test_undo_takes_back_an_extension_whose_receipt_was_lost(
        self, runner: Runner, told: BaseModel, effect: Callable[[], Any]
    ) -> None:
        _only_extendable(runner, told)
        before = effect()
        receipt = runner.start(told, ContractRun())
        cast(Extends, runner).extend(told, receipt, _later_run())
        runner.undo(told, receipt, _later_run())
        assert effect() == before

    def test_what_is_not_there_is_not_extended(
        self, runner: Runner, told: BaseModel, effect: Callable[[], Any]
    ) -> None:
        _only_extendable(runner, told)
        before = effect()
        receipt = runner.start(told, ContractRun())
        runner.undo(told, receipt, ContractRun())
        with pytest.raises(REFUSALS):
            cast(Extends, runner).extend(told, receipt, _later_run())
        assert effect() == before

    def test_a_privilege_is_listed_while_it_is_held(self, runner: Runner, told: BaseModel) -> None:
        """Only where the runner lists privileges, which those of grants do if their target system can tell."""
        if not hasattr(runner, "privileges"):
            pytest.skip("this runner does not list who holds something")
        before = _holders(runner, told)
        receipt = runner.start(told, ContractRun())
        assert runner.target(told) in _holders(runner, told)
        runner.undo(told, receipt, ContractRun())
        assert _holders(runner, told) == before

    @pytest.mark.parametrize("asked", [0, 1], ids=["before it begins", "once it has begun"])
    def test_a_start_that_is_stopped_did_nothing_or_can_be_undone(
        self, runner: Runner, told: BaseModel, effect: Callable[[], Any], asked: int
    ) -> None:
        """Only where the runner says that it heeds Stop; it may have been done by then, and may be unsure."""
        if not getattr(runner, "stoppable", False):
            pytest.skip("this runner cannot be stopped while it starts")
        undoable = runner.undoable and runner.plan(told).undoable  # afterwards it may not be planned again
        before, run, receipt = effect(), ContractRun(stopped=asked), None
        try:
            receipt = runner.start(told, run)
        except REFUSALS:
            assert effect() == before, "a refusal says that nothing happened"
            return
        except RunnerUnsure:
            pass
        finally:
            assert run.asked, "a runner that can be stopped asks whether it is to stop"
        if not undoable:
            pytest.skip("what this does cannot be taken back")
        runner.undo(told, receipt, ContractRun())
        assert effect() == before

    def test_what_a_start_did_is_found_by_its_key(self, runner: Runner, told: BaseModel) -> None:
        """Only where the runner can look by keys; the worker may have been lost with the receipt."""
        if not hasattr(runner, "check_by_key"):
            pytest.skip("this runner does not look for what a run with a certain key did")
        by_key = cast(ChecksByKey, runner)
        runner.start(told, ContractRun())
        assert by_key.check_by_key(told, ContractRun().key).state is HealthState.HEALTHY
        assert by_key.check_by_key(told, "jit-2-1").state is not HealthState.HEALTHY

    def test_refused_inputs_leave_nothing(
        self, runner: Runner, broken_inputs: Sequence[Mapping[str, Any]], effect: Callable[[], Any]
    ) -> None:
        before = effect()
        assert broken_inputs, "give some"
        for values in broken_inputs:
            try:
                told = runner.Inputs.model_validate(values)
            except ValidationError:
                continue
            with pytest.raises(REFUSALS):
                runner.plan(told)
            with pytest.raises(REFUSALS):
                runner.start(told, ContractRun())
        assert effect() == before

    def test_guarded_it_keeps_its_promises(self, runner: Runner, told: BaseModel) -> None:
        guarded = Guarded("contract", _Throwing(runner), EnvironmentSite(hosts=()))
        assert (guarded.repeatable, guarded.undoable) == (runner.repeatable, runner.undoable)
        assert guarded.target(told) == runner.target(told)
        with pytest.raises(RunnerUnsure):
            guarded.start(told, ContractRun())


class _Throwing:
    """The runner under test, with a start that ends in an error nobody foresaw."""

    def __init__(self, runner: Runner) -> None:
        self.Inputs = runner.Inputs
        self.repeatable = runner.repeatable
        self.undoable = runner.undoable
        self.target, self.plan, self.check, self.undo = runner.target, runner.plan, runner.check, runner.undo

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        raise ZeroDivisionError


def _holders(runner: Runner, told: BaseModel) -> list[str]:
    return sorted(each.target for each in lister(runner).privileges(told) or ())


def _later_run() -> ContractRun:
    """Return a run whose grant ends later than that of others."""
    run = ContractRun()
    run.until = run.deadline + 2 * GRANTED
    return run


def _only_extendable(runner: Runner, told: BaseModel) -> None:
    if not hasattr(runner, "extend"):
        pytest.skip("this runner does not have to be told of extensions")
    _only_undoable(runner, told)


def _only_undoable(runner: Runner, told: BaseModel) -> None:
    if not (runner.undoable and runner.plan(told).undoable):
        pytest.skip("what this does cannot be taken back")
