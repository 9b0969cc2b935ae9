"""What a start and an undo of Argo CD's runners share: who may begin, how it is at the end, and going back."""

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState
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


def health_of(app: Application) -> Health:
    """Tell how what was deployed is."""
    last = app.operation
    if app.busy:
        return Health(HealthState.UNKNOWN, "the operation goes on")
    if last is not None and last.phase != SUCCEEDED:
        return Health(HealthState.UNHEALTHY, f"the operation is: {last.phase}")
    if not app.looked_at:
        return Health(HealthState.UNKNOWN, app.condition)
    return Health(HealthState.HEALTHY if app.healthy else HealthState.UNHEALTHY, app.condition)
