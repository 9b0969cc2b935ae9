"""Plays a request on a stage: a whole jitbot with the real runner, whose steps acceptance/killing.py can count."""

import json
from collections.abc import Callable
from typing import Any

from jitbot.lifecycle import TERMINAL
from jitbot.model import Receipt, Request, State
from jitbot.runners.registry import Registry
from tests.stages.stage import Stage
from tests.town import ANN, BO, FakeRunner, Town

POLICY = """
team: payments
channel: "#payments"
actions:
  act:
    runner: {runner}
    with: {inputs}
    requesters: [group:engineering]
    time_limit: {time_limit}
    {timebox}
    rules: [{{name: somebody on call, review: [{{from: [group:oncall], count: 1}}]}}]
"""


def policy(stage: Stage, time_limit: str) -> str:
    """Return a team's file with the one action of a stage, for which somebody on call decides."""
    timebox = "timebox: {default: 30m, max: 4h}" if stage.granting else ""
    inputs = json.dumps(_literal(stage.inputs()))
    return POLICY.format(runner=stage.runner, inputs=inputs, time_limit=time_limit, timebox=timebox)


class Hooked:
    """Implements `ports.Catalog` with a runner of the house, and asks the hooks of the fake one around what it does."""

    def __init__(self, registry: Registry, hooks: FakeRunner) -> None:
        self._registry, self._hooks = registry, hooks
        self.names, self.inputs = registry.names, registry.inputs

    def runner(self, name: str) -> Any:
        return _Acting(self._registry.runner(name), self._hooks)


class _Acting:
    def __init__(self, runner: Any, hooks: FakeRunner) -> None:
        self._runner, self._hooks = runner, hooks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def start(self, inputs: Any, run: Any) -> Receipt:
        self._hooks.on_start(inputs, run)
        self._hooks.started.append(run.key)
        receipt: Receipt = self._runner.start(inputs, _Asked(run, self._hooks))
        self._hooks.after_start()
        return receipt

    def undo(self, inputs: Any, receipt: Receipt | None, run: Any) -> None:
        self._hooks.on_undo(inputs, run)
        self._runner.undo(inputs, receipt, run)
        self._hooks.undone.append(run.key)
        self._hooks.after_undo()


class _Asked:
    """A run that tells the hooks whenever it is asked whether it is to end."""

    def __init__(self, run: Any, hooks: FakeRunner) -> None:
        self._run, self._hooks = run, hooks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def stopping(self) -> bool:
        self._hooks.on_asked()
        stopping: bool = self._run.stopping()
        return stopping


def _literal(value: Any) -> Any:
    """Return inputs as a policy writes them, where braces are places."""
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    if isinstance(value, list | tuple):
        return [_literal(each) for each in value]
    return {name: _literal(each) for name, each in value.items()} if isinstance(value, dict) else value


class Played:
    """A stage in a town: a request for what the stage does, and what became of it."""

    def __init__(self, stage: Stage, town: Town) -> None:
        self.stage, self.town = stage, town
        self.before = stage.seen()

    def ask(self) -> Request | None:
        """Ask and have it approved; None where it is refused when it is asked for."""
        answer = self.town.try_to_ask(ANN, "act")
        assert answer.request is not None, answer.text
        request = self.town.ledger.get(answer.request)
        if request.state is State.DENIED:
            return None
        self.town.approve(BO, request)
        return self.town.see(request)

    def when_it_starts(self, harm: Callable[[], object]) -> None:
        """Have something happen when all is decided, just before the runner begins."""
        self.town.runner.on_start = lambda inputs, run: harm()

    def seen(self) -> Any:
        receipts = [request.receipt for request in self.town.ledger.find() if request.receipt is not None]
        for receipt in receipts:
            self.stage.received(Receipt(receipt))
        return self.stage.seen()

    def assert_true(self, request: Request) -> None:
        """See that the system is as the ledger says."""
        state, seen = self.town.state(request), self.seen()
        if state in (State.ACTIVE, State.SUCCEEDED):
            assert seen != self.before, f"{state}, and nothing is to be seen"
        elif state is State.UNSURE:
            assert any("we don't know whether it happened" in text for text in self.town.said("notice"))
        else:
            assert state in TERMINAL, state
            assert seen == self.before, f"{state}, and something is left"
        self.town.trail.verify()

    def end(self, request: Request) -> None:
        """Let its time pass, or have somebody look who says what there is; then nothing may be left of a grant."""
        for _ in range(3):
            self.town.forward(minutes=40)
            self.town.settle()
        if self.town.state(request) is State.UNSURE:
            self.town.settle_unsure(BO, request, happened=self.seen() != self.before)
        assert self.town.state(request) in TERMINAL
        self.assert_true(request)
