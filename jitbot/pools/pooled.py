"""A runner of a pool, as the service sees it: what it is asked is done by a worker, and it waits for the answer.

Nothing is unsure before a worker has taken a call: until then it can be taken back. A start is named by the key of its
run, so that a service that goes on with the work of another one, which has died, finds the start that was begun.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from pydantic import BaseModel

from jitbot.errors import StoreUnavailable
from jitbot.model import Health, Plan, Privilege, Receipt
from jitbot.pools.asked import Asked
from jitbot.pools.calls import Call, Kind
from jitbot.pools.following import LOST_SECONDS, Act, Following, Patience, late_answer
from jitbot.pools.trust import Trust
from jitbot.ports import Permitted, Run, Runner

ANSWER_SECONDS = 30.0
"""How long a look (a plan, a check) may take once a worker has taken it."""
TAKE_SECONDS = 5.0
"""How long is waited for a worker that takes a look."""

UNDO_SECONDS = 15.0
"""How long is waited for a worker that takes an undo: what ends and is not undone has to be told soon."""
NOTE_SECONDS = 7 * 86400.0
"""How long a worker that is away can find what it was told."""


class Pooled:
    """Implements `ports.Runner` by the workers of one pool. `local` is the same runner here, which is granted nothing.

    It has what the runner has besides, and nothing that the runner has not.
    """

    def __init__(self, name: str, local: Runner, asked: Asked, trust: Trust) -> None:
        self.Inputs = local.Inputs
        self.repeatable = local.repeatable
        self.undoable = local.undoable
        self.stoppable = getattr(local, "stoppable", False)
        self.reserved = getattr(local, "reserved", None)
        self.ends_by_itself = getattr(local, "ends_by_itself", False)
        self.target = local.target
        self._name, self._asked, self._trust = name, asked, trust
        if getattr(local, "extends", False) or not self.ends_by_itself:  # its worker has to know of a later end
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
        return cast(Receipt | None, late_answer(self._asked, self._trust, key))

    def release(self, inputs: BaseModel, run: Run) -> None:
        """Have the worker that has started a run leave its end to others. Raises: StoreUnavailable, RunnerUnsure.

        One that is away finds it when it is back; for one that nobody knows, there is nobody to tell.
        """
        worker = self._asked.granted_by(run.key)
        if worker and self._trust.knows(worker):
            call = replace(self._call(Kind.RELEASE, inputs, None, run), addressed=worker)
            self._asked.tell(call, cast(Permitted, run).warrant(Kind.RELEASE, None, worker), NOTE_SECONDS)

    def _extend(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> Receipt:
        return cast(Receipt, self._act(Kind.EXTEND, inputs, receipt, run))

    def _privileges(self, inputs: BaseModel) -> Sequence[Privilege] | None:
        return cast(Sequence[Privilege] | None, self._look(Kind.PRIVILEGES, inputs))

    def _check_by_key(self, inputs: BaseModel, key: str) -> Health:
        return cast(Health, self._look(Kind.CHECK_BY_KEY, inputs, key=key))

    def _look(self, kind: Kind, inputs: BaseModel, receipt: Receipt | None = None, *, key: str = "") -> Any:
        """Have something looked at, within seconds. Raises: PoolUnavailable, RunnerRefused, RunnerUnsure."""
        call = self._call(kind, inputs, receipt, key=key)
        patience = Patience(take=TAKE_SECONDS, answer=ANSWER_SECONDS)
        return Following(self._asked, self._trust, call, patience).to_its_end()

    def _act(self, kind: Kind, inputs: BaseModel, receipt: Receipt | None, run: Run) -> Any:
        """Have something done, by the deadline of its run. Raises: RunnerRefused, RunnerUnsure, WorkerLost."""
        call = self._call(kind, inputs, receipt, run)
        act = Act(run, lambda worker: cast(Permitted, run).warrant(kind.value, receipt, worker))
        again = self.repeatable and kind is Kind.START
        patience = Patience(take=None if kind is Kind.START else UNDO_SECONDS)
        if kind is not Kind.START:
            call = replace(call, addressed=self._who_granted(run.key))
        return Following(self._asked, self._trust, call, patience, act=act, again=again).to_its_end()

    def _who_granted(self, key: str) -> str:
        """Return the key of the worker that has started a run, if it lives: it has to know what becomes of it."""
        try:
            return self._asked.granted_by(key, LOST_SECONDS)
        except StoreUnavailable:
            return ""

    def _call(
        self, kind: Kind, inputs: BaseModel, receipt: Receipt | None, run: Run | None = None, key: str = ""
    ) -> Call:
        return Call(
            id=run.key if run is not None and kind is Kind.START else uuid.uuid4().hex,
            kind=kind,
            runner=self._name,
            inputs=inputs.model_dump(mode="json"),
            receipt=None if receipt is None else receipt.data,
            key=key if run is None else run.key,
            deadline=None if run is None else run.deadline,
            until=None if run is None else run.until,
        )
