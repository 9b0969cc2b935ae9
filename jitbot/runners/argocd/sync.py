"""The runner `argocd.sync`: syncs an application to a revision and waits until it is healthy.

The operation tells the run's key (`infos`), so it is found though its start never answered.
"""

from typing import cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.text import shown
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.answers import NoWord, healthy_or_not
from jitbot.runners.argocd.application import SUCCEEDED, Application, Entry
from jitbot.runners.argocd.difference import changes, in_words
from jitbot.runners.argocd.inputs import SyncInputs
from jitbot.runners.argocd.operating import Operating, demand_well
from jitbot.runners.argocd.restoring import before_of, demand_ready, go_back, health_of, idle, receipt_of
from jitbot.runners.argocd.server import ArgoCd
from jitbot.runners.patience import Patience
from jitbot.runners.web_api import unharmed

EVERY_SECONDS = 2.0


class ArgoCdSync:
    """See `SyncInputs` for what it can be told."""

    Inputs: type[BaseModel] = SyncInputs
    repeatable = False
    """A second start could sync over what somebody else has synced since the first."""
    undoable = True
    stoppable = True

    def __init__(self, site: Site, every: float = EVERY_SECONDS) -> None:
        self._site = site
        self._every = every

    def target(self, inputs: BaseModel) -> str:
        return cast(SyncInputs, inputs).target

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(SyncInputs, inputs)

        def look() -> Plan:
            argo = ArgoCd(told, self._site, Patience())
            app = _ready(told, argo)
            then, newest = argo.render(told.revision), app.newest
            now = argo.render(newest.revision).manifests if newest else {}
            lines = changes(now, then.manifests, prune=told.prune)
            pruning = "what is not in the source any more is deleted" if told.prune else "nothing is deleted"
            return Plan(
                summary=f"Sync {told.application} to {shown(then.revision)}; {pruning}.",
                fingerprint=digest(told, then.revision, newest.id if newest else None, list(lines)),
                diff=in_words(lines, app),
                undoable=newest is not None and newest.revision != then.revision and not app.automated,
            )

        return unharmed(look)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told, patience = cast(SyncInputs, inputs), Patience.of(run)
        argo = ArgoCd(told, self._site, patience)
        operating = Operating(argo, run, patience, self._every)
        app, revision = unharmed(lambda: (_ready(told, argo), argo.render(told.revision).revision))
        patience.demand_wanted()
        operating.begin(
            lambda: argo.sync(None if app.automated else revision, run.key), lambda now: _ours(now, run.key)
        )
        ended = operating.to_its_end()
        demand_well(ended, revision)
        if not _ours(ended, run.key):
            raise RunnerUnsure("It was synced, and then somebody else began another operation.")
        ended = operating.until_healthy(ended, told.wait)
        return receipt_of(app, ended, f"{told.application} is synced to {shown(revision)}, and {ended.condition}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        if receipt is None:
            return Health(HealthState.UNKNOWN, "Which operation is meant is not known.")
        told = cast(SyncInputs, inputs)
        return healthy_or_not(lambda: health_of(ArgoCd(told, self._site, Patience()).get(), receipt))

    def check_by_key(self, inputs: BaseModel, key: str) -> Health:
        """Look whether the last operation has this key. Another one says nothing: ours may have been before it."""

        def look() -> Health:
            app = ArgoCd(cast(SyncInputs, inputs), self._site, Patience()).get()
            if not _ours(app, key):
                return Health(HealthState.UNKNOWN, f"the last operation does not have the key {key}")
            return health_of(app)

        return healthy_or_not(look)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told, patience = cast(SyncInputs, inputs), Patience.of(run)
        operating = Operating(ArgoCd(told, self._site, patience), run, patience, self._every)
        try:
            app = operating.argo.get()
            ours = _ours(app, run.key)
            app = idle(operating, ours=ours)
            before = _before(app, ours=ours) if receipt is None else before_of(app, receipt)
            if before is None:
                run.log(f"{told.application} is as it was, or nothing of this run is there")
                return
            go_back(told, operating, before)
        except NoWord as error:
            raise RunnerUnsure(f"It may not be taken back: {error}") from error


def _ready(told: SyncInputs, argo: ArgoCd) -> Application:
    """Return the application, if it can be synced. Raises: RunnerRefused, NoWord."""
    app = argo.get()
    demand_ready(told, app)
    if app.automated and told.revision is not None:
        raise RunnerRefused(
            f"{told.application} is synced automatically, to the revision that it names itself: leave `revision` out, "
            "or switch that off first (spec.syncPolicy.automated)."
        )
    return app


def _ours(app: Application, key: str) -> bool:
    """Tell whether the operation that goes on, or the last one, was begun with this key."""
    return app.operation is not None and app.operation.key == key


def _before(app: Application, *, ours: bool) -> Entry | None:
    """Return, without a receipt, what has to be deployed again; None where nothing of ours is to be seen."""
    last, history = app.operation, app.history
    if last is None or not history:
        return None
    if ours:
        earlier = history[:-1] if last.phase == SUCCEEDED else history
        return earlier[-1] if earlier else None
    if last.failed:
        raise RunnerUnsure(
            "The last operation failed, and whether it was to take this one back cannot be told. Sync it by hand to "
            "what it shall be, and this undo ends."
        )
    return None
