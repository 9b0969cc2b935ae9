"""Runners behind the gate: with one of these nobody can do what was not signed, or goes beyond the ceiling."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel

from jitbot.errors import NoWarrant
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.ports import Catalog, ChecksByKey, Extends, ListsPrivileges, Run, Runner
from jitbot.warrants.gate import Gate, Wanted
from jitbot.warrants.warrant import Deed


class Gated:
    """Implements `ports.Runner` around another one, with whatever that has besides."""

    def __init__(self, name: str, runner: Runner, gate: Gate) -> None:
        self.Inputs = runner.Inputs
        self.repeatable = runner.repeatable
        self.undoable = runner.undoable
        self.stoppable = bool(getattr(runner, "stoppable", False))
        self.reserved = getattr(runner, "reserved", None)
        self.ends_by_itself = bool(getattr(runner, "ends_by_itself", False))
        self.extends = bool(getattr(runner, "extends", False))
        self.lists = bool(getattr(runner, "lists", False))
        self.finds_by_key = bool(getattr(runner, "finds_by_key", False))
        self._name, self._runner, self._gate = name, runner, gate

    def target(self, inputs: BaseModel) -> str:
        return self._runner.target(inputs)

    def plan(self, inputs: BaseModel) -> Plan:
        self._gate.within(self._name, inputs)
        return self._runner.plan(inputs)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        self._gate.begin(Wanted(Deed.START, self._name, inputs, once=not self.repeatable), run)
        return self._runner.start(inputs, run)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        return self._beyond(inputs) or self._runner.check(inputs, receipt)

    def check_by_key(self, inputs: BaseModel, key: str) -> Health:
        return self._beyond(inputs) or cast(ChecksByKey, self._runner).check_by_key(inputs, key)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        self._gate.begin(Wanted(Deed.UNDO, self._name, inputs, receipt), run)
        self._runner.undo(inputs, receipt, run)

    def extend(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> Receipt:
        self._gate.begin(Wanted(Deed.EXTEND, self._name, inputs, receipt), run)
        if not self.extends:  # nothing is to be done at its target: it is undone later, that is all
            return receipt or Receipt()
        return cast(Extends, self._runner).extend(inputs, receipt, run)

    def privileges(self, inputs: BaseModel) -> Sequence[Privilege] | None:
        self._gate.within(self._name, inputs)
        return cast(ListsPrivileges, self._runner).privileges(inputs)

    def release(self, inputs: BaseModel, run: Run) -> None:
        """Let go of what was granted here, since others see to its end. Raises: NoWarrant."""
        self._gate.begin(Wanted(Deed.RELEASE, self._name, inputs), run)

    def answered(self, key: str) -> Receipt | None:
        """Return nothing: what runs here answers here."""
        return None

    def _beyond(self, inputs: BaseModel) -> Health | None:
        """Return what a look comes to that the ceiling does not allow."""
        try:
            self._gate.within(self._name, inputs)
        except NoWarrant as error:
            return Health(HealthState.UNKNOWN, str(error))
        return None


class GatedCatalog:
    """Implements `ports.Catalog` around another one; what runs in pools has its gate there."""

    def __init__(self, catalog: Catalog, gate: Gate) -> None:
        self._catalog, self._gate = catalog, gate
        self._known: dict[str, tuple[Runner, Gated]] = {}

    def names(self) -> Sequence[str]:
        return self._catalog.names()

    def runner(self, name: str) -> Runner:
        runner = self._catalog.runner(name)
        known = self._known.get(name)
        if known is None or known[0] is not runner:
            known = self._known[name] = (runner, Gated(name, runner, self._gate))
        return known[1]

    def inputs(self, name: str, values: Mapping[str, Any]) -> BaseModel:
        return self._catalog.inputs(name, values)

    def pools(self) -> Sequence[str]:
        return self._catalog.pools()

    def pool(self, name: str) -> Catalog:
        return self._catalog.pool(name)
