"""The runner `github.workflow`: runs a workflow and waits for its end; another workflow takes back what it did."""

from collections.abc import Callable
from typing import cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.text import shown, visible
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.answers import NoWord, healthy_or_not, read
from jitbot.runners.github.following import Following
from jitbot.runners.github.hub import github
from jitbot.runners.github.runs import Runs, WorkflowRun
from jitbot.runners.github.workflow_file import demand_fit
from jitbot.runners.github.workflow_inputs import Order, WorkflowInputs
from jitbot.runners.patience import Patience
from jitbot.runners.web_api import Api, unharmed

EVERY_SECONDS = 5.0
APPEAR_SECONDS = 60.0
_LOOKS = {"actions": "read", "contents": "read"}
_CHANGES = {"actions": "write", "contents": "read"}


class GithubWorkflow:
    """See `WorkflowInputs` for what it can be told."""

    Inputs: type[BaseModel] = WorkflowInputs
    repeatable = False
    """GitHub takes no idempotency key and shows a run only some seconds later: a second start could run it twice."""
    undoable = True
    stoppable = True

    def __init__(self, site: Site, every: float = EVERY_SECONDS, appear: float = APPEAR_SECONDS) -> None:
        self._site = site
        self._every = every
        self._appear = appear

    def target(self, inputs: BaseModel) -> str:
        told = cast(WorkflowInputs, inputs)
        return told.target or f"{told.place} {told.repository.lower()} workflow {told.workflow}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(WorkflowInputs, inputs)

        def look() -> Plan:
            with github(told, self._site, Patience(), _LOOKS) as hub:
                sha, message = _commit(hub, told)
                for order in filter(None, (told.order, told.undo_order)):
                    demand_fit(hub, told, order, sha)
            return Plan(
                summary=f"Run {told.workflow} of {told.repository} at {told.ref} ({sha[:12]}: {shown(message)}).",
                fingerprint=digest(told, sha),
                diff="\n".join(_in_words(told, sha)),
                undoable=told.undo_order is not None,
            )

        return unharmed(look)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told, patience = cast(WorkflowInputs, inputs), Patience.of(run)
        with github(told, self._site, patience, _CHANGES) as hub:
            following = self._following(hub, told, run, patience)
            sha = unharmed(lambda: _ready(hub, told, run.key))
            patience.demand_wanted()
            begun = following.begin(told.order, run.key)
            if begun.sha != sha:
                following.cancel(begun)
                raise RunnerUnsure(
                    f"{told.ref} moved while it was started: {begun.url} ran {begun.sha}, and not {sha}."
                )
            ended = following.to_its_end(begun)
        if not ended.well:
            raise RunnerUnsure(f"The workflow's run has begun, and ended with {ended.conclusion}: {ended.url}")
        return Receipt({"run": ended.id}, summary=f"{ended.title}: success, {ended.url}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(WorkflowInputs, inputs)
        if receipt is None:
            return Health(HealthState.UNKNOWN, "Which run of the workflow is meant is not known.")
        number = receipt.data["run"]
        return self._looked(told, lambda runs: _health(runs.get(number)))

    def check_by_key(self, inputs: BaseModel, key: str) -> Health:
        """Look for the run by the key in its name. None to be seen says nothing: it may have been dispatched late."""
        told = cast(WorkflowInputs, inputs)
        return self._looked(told, lambda runs: _health(runs.find(told.order, key)))

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told, patience = cast(WorkflowInputs, inputs), Patience.of(run)
        with github(told, self._site, patience, _CHANGES) as hub:
            following = self._following(hub, told, run, patience)
            try:
                begun = self._begun(following, told, receipt)
                if begun is None:
                    run.log(f"no run of {told.workflow} with {run.key} in its name is to be seen: nothing to take back")
                    return
                if told.undo_order is None:
                    raise RunnerRefused("This action has no undo_workflow: it cannot be taken back by jitbot.")
                _take_back(following, begun, told.undo_order)
            except NoWord as error:
                raise RunnerUnsure(f"It may not be taken back: {error}") from error

    def _looked(self, told: WorkflowInputs, look: Callable[[Runs], Health]) -> Health:
        with github(told, self._site, Patience(), _LOOKS) as hub:
            return healthy_or_not(lambda: look(Runs(hub, told)))

    def _following(self, hub: Api, told: WorkflowInputs, run: Run, patience: Patience) -> Following:
        return Following(Runs(hub, told), run, patience, self._every, self._appear)

    def _begun(self, following: Following, told: WorkflowInputs, receipt: Receipt | None) -> WorkflowRun | None:
        """Return the run that is to be taken back, once it is over."""
        if receipt is not None:
            return following.runs.get(receipt.data["run"])
        begun = following.await_seen(lambda: following.runs.find(told.order, following.run.key))
        if begun is None or begun.over:
            return begun
        following.cancel(begun)
        return following.to_its_end(begun)


def _commit(hub: Api, told: WorkflowInputs) -> tuple[str, str]:
    """Return the commit at which the branch or tag is, and the first line of its message. Raises: RunnerRefused."""
    found = hub.find(*told.steps, "commits", told.ref)
    if found is None:
        raise RunnerRefused(f"There is no {told.ref} in {told.repository}, or we may not see it.")
    message = read(found, "commit", "message", of=str)
    return read(found, "sha", of=str), (message.splitlines() or [""])[0]


def _ready(hub: Api, told: WorkflowInputs, key: str) -> str:
    """Return the commit that is to be run, if no run with this key was begun. Raises: RunnerRefused."""
    sha, _ = _commit(hub, told)
    found = Runs(hub, told).find(told.order, key, pages=1)
    if found is not None:
        raise RunnerRefused(f"There is a run with {key} in its name already, so none was begun: {found.url}")
    return sha


def _take_back(following: Following, begun: WorkflowRun, order: Order) -> None:
    """Run the other workflow, unless it has been run since. Raises: RunnerUnsure, NoWord."""
    key = f"{following.run.key}-undo"
    undone = following.runs.find(order, key)
    if undone is None or not undone.after(begun) or (undone.over and not undone.well):
        undone = following.begin(order, key)
    if not undone.over:
        undone = following.to_its_end(undone)
    if not undone.well:
        raise RunnerUnsure(f"{order.file} was to take it back, and ended with {undone.conclusion}: {undone.url}")
    following.run.log(f"taken back by {undone.url}")


def _health(run: WorkflowRun | None) -> Health:
    if run is None:
        return Health(HealthState.UNKNOWN, "no run of the workflow with this run's key in its name is to be seen")
    if not run.over:
        return Health(HealthState.UNKNOWN, f"{run.url} is {run.status}")
    state = HealthState.HEALTHY if run.well else HealthState.UNHEALTHY
    return Health(state, f"{run.url} ended with {run.conclusion}")


def _in_words(told: WorkflowInputs, sha: str) -> list[str]:
    """Tell what is run, with all it is told."""
    lines = []
    for sign, order in (("+", told.order), ("undo:", told.undo_order)):
        if order is not None:
            lines.append(f"{sign} {order.file} at {told.ref} ({sha})")
            lines += [f"{sign}   {name}: {visible(value)}" for name, value in order.inputs.items()]
            lines.append(f"{sign}   {told.key_input}: the key of the run")
    return lines
