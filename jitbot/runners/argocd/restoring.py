"""What a start and an undo of Argo CD's runners share: who may begin, how it is at the end, and going back."""

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Receipt
from jitbot.runners.argocd.application import SUCCEEDED, Application, Entry
from jitbot.runners.argocd.inputs import ApplicationInputs
from jitbot.runners.argocd.operating import Operating, demand_well


def demand_ready(told: ApplicationInputs, app: Application) -> None:
    """See that an operation of ours could begin. Raises: RunnerRefused."""
    if app.several:
        raise RunnerRefused(f"{told.application} has more than one source, which this runner cannot show.")
    if app.busy:
        raise RunnerRefused(f"Another operation goes on at {told.application}: wait for its end, or end it.")


def demand_by_hand(told: ApplicationInputs, app: Application) -> None:
    """See that nothing would undo a going back at once. Raises: RunnerRefused."""
    if app.automated:
        raise RunnerRefused(
            f"{told.application} is synced automatically, so that it cannot be rolled back: first switch that off "
            "(spec.syncPolicy.automated), or revert the commit in its source instead."
        )


def go_back(told: ApplicationInputs, operating: Operating, before: Entry) -> None:
    """Deploy an earlier entry of the history again. Raises: RunnerRefused, RunnerUnsure, NoWord."""
    app = operating.argo.get()
    demand_by_hand(told, app)
    if app.entry(before.id) is None:
        raise RunnerRefused(f"The history of {told.application} has no entry {before.id} any more: sync it by hand.")
    operating.begin(lambda: operating.argo.roll_back(before.id), lambda now: is_to(now, before))
    ended = operating.to_its_end()
    demand_well(ended, before.revision)
    operating.run.log(f"{told.application} is at {before.revision} again")


def is_to(app: Application, entry: Entry) -> bool:
    """Tell whether the operation that goes on, or the last one, is to deploy what an entry did."""
    return app.operation is not None and app.operation.revision == entry.revision


def idle(operating: Operating, *, ours: bool) -> Application:
    """Return how the application is once no operation goes on; one of ours is ended. Raises: RunnerUnsure, NoWord."""
    app = operating.argo.get()
    if not app.busy:
        return app
    if not ours:
        raise RunnerUnsure("Another operation goes on: its end is waited for.")
    operating.terminate()
    return operating.to_its_end()


def receipt_of(before: Application, after: Application, summary: str) -> Receipt:
    """Return what a start leaves for the undo: the entries of the history that were the newest before it and after."""
    numbers = {"before": before.newest and before.newest.id, "made": after.newest and after.newest.id}
    return Receipt(numbers, summary=summary)


def before_of(app: Application, receipt: Receipt) -> Entry | None:
    """Return what has to be deployed again by a receipt, None where that is so. Raises: RunnerRefused."""
    newest, before = app.newest, app.entry(receipt.data["before"])
    if before is None or newest is None:
        raise RunnerRefused("What was deployed before is not in the history any more: sync it by hand.")
    if newest.same(before) and (app.operation is None or (is_to(app, before) and not app.operation.failed)):
        return None
    if newest.id != receipt.data["made"] and not newest.same(before):
        raise RunnerRefused(f"Somebody else has deployed {newest.revision} since; it is left as it is.")
    return before


def health_of(app: Application, receipt: Receipt | None = None) -> Health:
    """Tell how what was deployed is."""
    last = app.operation
    if app.busy:
        return Health(HealthState.UNKNOWN, "an operation goes on")
    if receipt is not None and app.newest is not None and app.newest.id != receipt.data["made"]:
        return Health(HealthState.ABSENT, f"{app.newest.revision} was deployed since")
    if last is not None and last.phase != SUCCEEDED:
        return Health(HealthState.UNHEALTHY, f"the operation is: {last.phase}")
    if not app.looked_at:
        return Health(HealthState.UNKNOWN, app.condition)
    return Health(HealthState.HEALTHY if app.healthy else HealthState.UNHEALTHY, app.condition)
