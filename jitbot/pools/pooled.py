"""A runner of a pool, as the service sees it: what it is asked is done by a worker, and it waits for the answer.

Nothing is unsure before a worker has taken a call: until then it can be taken back. A start is named by the key of its
run, so that a service that goes on with the work of another one, which has died, finds the start that was begun.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from pydantic import BaseModel

from jitbot.model import Health, Plan, Privilege, Receipt
from jitbot.pools.asked import Asked
from jitbot.pools.calls import Call, Kind
from jitbot.pools.following import Following, Patience, late_answer
from jitbot.ports import Run, Runner

ANSWER_SECONDS = 30.0
"""How long a look (a plan, a check) may take once a worker has taken it."""
TAKE_SECONDS = 5.0
"""How long is waited for a worker that takes a look."""

UNDO_SECONDS = 15.0
"""How long is waited for a worker that takes an undo: what ends and is not undone has to be told soon."""


class Pooled:
    """Implements `ports.Runner` by the workers of one pool. `local` is the same runner here, which is granted nothing.

    It has what the runner has besides, and nothing that the runner has not.
    """

    def __init__(self, name: str, local: Runner, asked: Asked) -> None:
        self.Inputs = local.Inputs
        self.repeatable = local.repeatable
        self.undoable = local.undoable
        self.stoppable = getattr(local, "stoppable", False)
        self.reserved = getattr(local, "reserved", None)
        self.ends_by_itself = getattr(local, "ends_by_itself", False)
        self.target = local.target
        self._name, self._asked = name, asked
        if getattr(local, "extends", False):
            self.extend = self._extend
        if getattr(local, "lists", False):
            self.privileges = self._privileges
        if getattr(local, "finds_by_key", False):
            self.check_by_key = self._check_by_key

    def plan(self, inputs: BaseModel) -> Plan:
        return cast(Plan, self._look(Kind.PLAN, inputs))

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        return cast(Health, self._look(Kind.CHECK, inputs, receipt))

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        return cast(Receipt, self._act(Kind.START, inputs, None, run))

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        self._act(Kind.UNDO, inputs, receipt, run)

    def answered(self, key: str) -> Receipt | None:
        """Return what a start has come to whose worker was given up; None where it has not answered yet."""
        return cast(Receipt | None, late_answer(self._asked, key))

    def _extend(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> Receipt:
        return cast(Receipt, self._act(Kind.EXTEND, inputs, receipt, run))

    def _privileges(self, inputs: BaseModel) -> Sequence[Privilege] | None:
        return cast(Sequence[Privilege] | None, self._look(Kind.PRIVILEGES, inputs))

    def _check_by_key(self, inputs: BaseModel, key: str) -> Health:
        return cast(Health, self._look(Kind.CHECK_BY_KEY, inputs, key=key))

    def _look(self, kind: Kind, inputs: BaseModel, receipt: Receipt | None = None, *, key: str = "") -> Any:
        """Have something looked at, within seconds. Raises: PoolUnavailable, RunnerRefused, RunnerUnsure."""
        call = self._call(kind, inputs, receipt, key)
        return Following(self._asked, call, Patience(take=TAKE_SECONDS, answer=ANSWER_SECONDS)).to_its_end()

    def _act(self, kind: Kind, inputs: BaseModel, receipt: Receipt | None, run: Run) -> Any:
        """Have something done, by the deadline of its run. Raises: RunnerRefused, RunnerUnsure, WorkerLost."""
        call = self._call(kind, inputs, receipt, run.key, run.deadline, run.until)
        again = self.repeatable and kind is Kind.START
        patience = Patience(take=UNDO_SECONDS if kind is Kind.UNDO else None)
        return Following(self._asked, call, patience, run=run, again=again).to_its_end()

    def _call(
        self,
        kind: Kind,
        inputs: BaseModel,
        receipt: Receipt | None,
        key: str,
        deadline: datetime | None = None,
        until: datetime | None = None,
    ) -> Call:
        return Call(
            id=key if kind is Kind.START else uuid.uuid4().hex,
            kind=kind,
            runner=self._name,
            inputs=inputs.model_dump(mode="json"),
            receipt=None if receipt is None else receipt.data,
            key=key,
            deadline=deadline,
            until=until,
        )
