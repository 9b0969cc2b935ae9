"""The runner `github.deployment`: has an earlier deployment of an environment deployed again, and takes that back.

GitHub deploys nothing by itself: whoever listens to deployments does, and says how it goes. The payload of what we ask
for holds the key of the run and what ran before, so the undo finds both though the start never answered.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, cast

from pydantic import BaseModel, Field

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.answers import NoAnswer, NoWord, healthy_or_not, read
from jitbot.runners.github.deployments import BADLY, Deployment, Deployments
from jitbot.runners.github.hub import github
from jitbot.runners.github.inputs import OfRepository
from jitbot.runners.github.rollback import UNDO, between, chosen
from jitbot.runners.patience import Patience, seen_within, unrepeated
from jitbot.runners.web_api import Api, unharmed

EVERY_SECONDS = 5.0
APPEAR_SECONDS = 10.0
"""How long a deployment is looked for whose order was not answered."""
_LOOKS = {"deployments": "read", "contents": "read"}
_CHANGES = {"deployments": "write", "contents": "read"}


class DeploymentInputs(OfRepository):
    """An environment, and to what it is to go back."""

    environment: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,255}$")]
    to: Annotated[str, Field(pattern=r"^([0-9a-f]{7,40})?$")] = ""
    """How the commit begins; the newest earlier one that went well, where it is left out."""
    task: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:_-]{0,99}$")] = "deploy"


class GithubDeployment:
    """See `DeploymentInputs` for what it can be told."""

    Inputs: type[BaseModel] = DeploymentInputs
    repeatable = False
    """GitHub takes no idempotency key: a second start could ask for a second deployment."""
    undoable = True
    stoppable = True

    def __init__(self, site: Site, every: float = EVERY_SECONDS) -> None:
        self._site = site
        self._every = every

    def target(self, inputs: BaseModel) -> str:
        told = cast(DeploymentInputs, inputs)
        return f"{told.place} {told.repository.lower()} environment {told.environment.lower()}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(DeploymentInputs, inputs)

        def look() -> Plan:
            with github(told, self._site, Patience(), _LOOKS) as hub:
                back = chosen(_deployments(hub, told), told.environment, told.to)
                lines = between(hub, told, back)
            return Plan(
                summary=f"Deploy {back.to.sha[:12]} to {told.environment} of {told.repository} again, "
                f"where {back.now.sha[:12]} runs now.",
                fingerprint=digest(told, back.now.id, back.now.sha, back.to.sha),
                diff="\n".join(lines),
                undoable=True,
            )

        return unharmed(look)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told, patience = cast(DeploymentInputs, inputs), Patience.of(run)
        with github(told, self._site, patience, _CHANGES) as hub:
            deployments = _deployments(hub, told)
            back = unharmed(lambda: chosen(deployments, told.environment, told.to))
            patience.demand_wanted()
            note = {"key": run.key, "before": back.now.sha}
            made = self._made(lambda: deployments.create(back.to.sha, told.task, note), deployments, run, patience)
            run.log(f"deployment {made.id} of {made.sha} to {told.environment}")
            self._await(deployments, made, run, patience)
        return Receipt(note, summary=f"{told.environment}: {made.sha[:12]} deployed (deployment {made.id})")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        if receipt is None:
            return Health(HealthState.UNKNOWN, "Which deployment is meant is not known.")
        return self.check_by_key(inputs, str(receipt.data["key"]))

    def check_by_key(self, inputs: BaseModel, key: str) -> Health:
        """Look for the deployment by the key in its payload. None to be seen says nothing: it may be made late."""
        told = cast(DeploymentInputs, inputs)

        def look() -> Health:
            with github(told, self._site, Patience(), _LOOKS) as hub:
                return _health(*_deployments(hub, told).since(key), key)

        return healthy_or_not(look)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told, patience = cast(DeploymentInputs, inputs), Patience.of(run)
        with github(told, self._site, patience, _CHANGES) as hub:
            try:
                self._take_back(told, _deployments(hub, told), receipt, run, patience)
            except NoWord as error:
                raise RunnerUnsure(f"It may not be taken back: {error}") from error

    def _take_back(
        self, told: DeploymentInputs, deployments: Deployments, receipt: Receipt | None, run: Run, patience: Patience
    ) -> None:
        """Deploy what ran before. Raises: RunnerRefused, RunnerUnsure, NoWord."""
        key = run.key if receipt is None else str(receipt.data["key"])
        ours, newer = deployments.since(key)
        if ours is None:
            run.log(f"no deployment to {told.environment} has the key {key}: nothing to take back")
            return
        while ours.under_way and patience.left:
            patience.sleep(self._every)
            ours = deployments.again(ours)
        if ours.under_way:
            raise RunnerUnsure(f"The deployment {ours.id} goes on; where nobody carries it out, mark it as failed.")
        back = next((each for each in newer if each.mark.get("key") == key + UNDO), None)
        if back is None or back.state in BADLY:
            _demand_untouched(told, newer, key)
            note = {"key": key + UNDO, "before": ours.sha}
            before = read(ours.mark if receipt is None else receipt.data, "before", of=str)
            back = deployments.create(before, told.task, note)
            run.log(f"deployment {back.id} of {back.sha} to {told.environment}")
        self._await(deployments, back, run, patience)

    def _made(
        self, create: Callable[[], Deployment], deployments: Deployments, run: Run, patience: Patience
    ) -> Deployment:
        """Ask for a deployment; without an answer, look for it by its key. Raises: RunnerRefused, RunnerUnsure."""
        try:
            return create()
        except NoAnswer as error:
            run.log(f"The deployment may have been made: {error}")
        except NoWord as error:
            raise RunnerRefused(f"No deployment was made: {error}") from error
        seconds = min(APPEAR_SECONDS, patience.left)
        made = seen_within(seconds, self._every, lambda: deployments.since(run.key)[0], run.log)
        if made is None:
            raise RunnerUnsure(f"The deployment may have been made, and none with the key {run.key} is to be seen.")
        return made

    def _await(self, deployments: Deployments, made: Deployment, run: Run, patience: Patience) -> None:
        """Stay with a deployment until it went well. Raises: RunnerUnsure."""
        now, tell = made, unrepeated(run.log)
        while not now.went_well:
            try:
                now = deployments.again(made)
                tell(f"deployment {now.id}: {now.state or 'no word'}")
            except NoWord as error:
                tell(f"GitHub does not tell, and is asked again: {error}")
            if now.state in BADLY:
                raise RunnerUnsure(f"The deployment {now.id} of {now.sha[:12]} was begun, and is a {now.state}.")
            if patience.stopping() or not patience.left:
                why = "Somebody wanted it to end" if patience.left else "The time for this run is over"
                raise RunnerUnsure(
                    f"{why}, and the deployment {now.id} of {now.sha[:12]} may go on ({now.state or 'no word'})."
                )
            if not now.went_well:
                patience.sleep(self._every)


def _deployments(hub: Api, told: DeploymentInputs) -> Deployments:
    return Deployments(hub, told.steps, told.environment)


def _demand_untouched(told: DeploymentInputs, newer: Sequence[Deployment], key: str) -> None:
    """See that nobody else has deployed since. Raises: RunnerRefused."""
    for each in newer:
        if each.mark.get("key") != key + UNDO and (each.went_well or each.under_way):
            raise RunnerRefused(
                f"Somebody else has deployed {each.sha[:12]} to {told.environment} since (deployment {each.id}); "
                "it is left as it is."
            )


def _health(ours: Deployment | None, newer: Sequence[Deployment], key: str) -> Health:
    if ours is None:
        return Health(HealthState.UNKNOWN, f"no deployment with the key {key} is to be seen")
    said = f"deployment {ours.id} of {ours.sha[:12]}: {ours.state or 'no word'}"
    gone = next((each for each in newer if each.went_well), None)
    if gone is not None:
        return Health(HealthState.ABSENT, f"{gone.sha[:12]} was deployed since")
    if ours.under_way:
        return Health(HealthState.UNKNOWN, said)
    return Health(HealthState.HEALTHY if ours.went_well else HealthState.UNHEALTHY, said)
