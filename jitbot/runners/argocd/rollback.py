"""The runner `argocd.rollback`: has an earlier entry of an application's history deployed again, and takes that back.

A rollback cannot tell a key. What it did, and what was there before, is seen from the history: its newest entry is the
same as the one that was asked for, and the one before it is what was there.
"""

from typing import cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.text import shown
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.answers import NoWord, healthy_or_not
from jitbot.runners.argocd.application import Application, Entry
from jitbot.runners.argocd.difference import changes, in_words
from jitbot.runners.argocd.inputs import RollbackInputs
from jitbot.runners.argocd.operating import Operating, demand_well
from jitbot.runners.argocd.restoring import (
    before_of,
    demand_by_hand,
    demand_ready,
    go_back,
    health_of,
    idle,
    is_to,
    receipt_of,
)
from jitbot.runners.argocd.server import ArgoCd
from jitbot.runners.argocd.sync import EVERY_SECONDS
from jitbot.runners.patience import Patience
from jitbot.runners.web_api import unharmed


class ArgoCdRollback:
    """See `RollbackInputs` for what it can be told."""

    Inputs: type[BaseModel] = RollbackInputs
    repeatable = False
    """A second start could roll back what somebody else has synced since the first."""
    undoable = True
    stoppable = True

    def __init__(self, site: Site, every: float = EVERY_SECONDS) -> None:
        self._site = site
        self._every = every

    def target(self, inputs: BaseModel) -> str:
        return cast(RollbackInputs, inputs).target

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(RollbackInputs, inputs)

        def look() -> Plan:
            argo = ArgoCd(told, self._site, Patience())
            app, now, then = _ready(told, argo)
            both = (argo.render(each.revision).manifests for each in (now, then))
            lines = changes(*both, prune=told.prune)
            return Plan(
                summary=f"Roll {told.application} back to {shown(then.revision)} (history {then.id}, deployed "
                f"{shown(then.deployed_at)}), where {shown(now.revision)} runs now.",
                fingerprint=digest(told, now.id, now.revision, then.revision, list(lines)),
                diff=in_words(lines, app),
                undoable=True,
            )

        return unharmed(look)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told, patience = cast(RollbackInputs, inputs), Patience.of(run)
        argo = ArgoCd(told, self._site, patience)
        operating = Operating(argo, run, patience, self._every)
        app, _, then = unharmed(lambda: _ready(told, argo))
        patience.demand_wanted()
        operating.begin(lambda: argo.roll_back(told.id), lambda now: is_to(now, then))
        ended = operating.to_its_end()
        demand_well(ended, then.revision)
        ended = operating.until_healthy(ended, told.wait)
        summary = f"{told.application} is rolled back to {shown(then.revision)}, and {ended.condition}"
        return receipt_of(app, ended, summary)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(RollbackInputs, inputs)

        def look() -> Health:
            app = ArgoCd(told, self._site, Patience()).get()
            if receipt is not None or app.busy or _is_back(app, told):
                return health_of(app, receipt)
            return Health(HealthState.ABSENT, f"it is not at what entry {told.id} of the history deployed")

        return healthy_or_not(look)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told, patience = cast(RollbackInputs, inputs), Patience.of(run)
        operating = Operating(ArgoCd(told, self._site, patience), run, patience, self._every)
        try:
            app = operating.argo.get()
            wanted = app.entry(told.id)
            app = idle(operating, ours=wanted is not None and is_to(app, wanted))
            before = _before(app, told) if receipt is None else before_of(app, receipt)
            if before is None:
                run.log(f"{told.application} is as it was, or nothing of this run is there")
                return
            go_back(told, operating, before)
        except NoWord as error:
            raise RunnerUnsure(f"It may not be taken back: {error}") from error


def _ready(told: RollbackInputs, argo: ArgoCd) -> tuple[Application, Entry, Entry]:
    """Return the application, what runs, and what is wanted. Raises: RunnerRefused where it cannot be, NoWord."""
    app = argo.get()
    demand_ready(told, app)
    demand_by_hand(told, app)
    wanted, newest = app.entry(told.id), app.newest
    if wanted is None or newest is None:
        known = ", ".join(f"{each.id} ({each.revision[:12]})" for each in app.history)
        raise RunnerRefused(f"The history of {told.application} has no entry {told.id}, but: {shown(known) or 'none'}.")
    if newest.same(wanted):
        raise RunnerRefused(f"{told.application} is at {shown(wanted.revision)} already.")
    return app, newest, wanted


def _is_back(app: Application, told: RollbackInputs) -> bool:
    """Tell whether what was asked for is deployed, and was not there before already. Raises: NoWord."""
    wanted, newest = app.entry(told.id), app.newest
    if wanted is None:
        raise NoWord(f"The history has no entry {told.id} any more, so what was done cannot be seen from it.")
    return newest is not None and newest.id != wanted.id and newest.same(wanted)


def _before(app: Application, told: RollbackInputs) -> Entry | None:
    """Return, without a receipt, what has to be deployed again; None where nothing is. Raises: RunnerUnsure, NoWord."""
    if _is_back(app, told):
        return app.history[-2]
    if app.operation is None or not app.operation.failed:
        return None
    wanted = app.entry(told.id)
    if wanted is not None and is_to(app, wanted):
        return app.newest  # what was there before a rollback that failed, and may be half applied
    raise RunnerUnsure(
        "The last operation failed, and whether it was to take this one back cannot be told. Sync it by hand to "
        "what it shall be, and this undo ends."
    )
