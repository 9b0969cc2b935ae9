"""Deploys a service of ECS anew: with the task definition that it has, or with another revision of it.

A deployment that ECS gives up is taken back here and now, since a run that is over could not be undone any more.
"""

from typing import Any, cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.aws import ecs_service as ecs
from jitbot.runners.aws import mark
from jitbot.runners.aws.answers import first, unharmed, unsure
from jitbot.runners.aws.ecs_back import Before, differing, see_off, taken_back
from jitbot.runners.aws.ecs_service import DeployInputs, Deployment, Service
from jitbot.runners.aws.way import POLL_SECONDS, Way, Ways


class EcsDeploy:
    """See `DeployInputs` for what it can be told."""

    Inputs: type[BaseModel] = DeployInputs
    repeatable = False
    """Where AWS is not reached, a second start could not tell that nothing happened: the first may have done it."""
    undoable = True
    stoppable = True

    def __init__(self, site: Site, poll_seconds: float = POLL_SECONDS) -> None:
        self._ways = Ways(site, poll_seconds)

    def target(self, inputs: BaseModel) -> str:
        told = cast(DeployInputs, inputs)
        return f"{told.place} ECS service {told.name}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(DeployInputs, inputs)
        with unharmed():
            way = self._ways.look(told)
            service = _demand(way, told)
            now = ecs.images(way, told, service.task)
            new = ecs.images(way, told, _wanted(told, service))
        lines = [f"- {service.task}: {', '.join(now)}", f"+ {_wanted(told, service)}: {', '.join(new)}"]
        if told.count is not None:
            lines += [f"- {service.count} tasks are wanted", f"+ {told.count} tasks are wanted"]
        if service.primary is not None and not service.primary.steady:
            lines += [f"  a deployment is under way: {service.primary}"]
        what = f"Deploy {told.task_definition} to" if told.task_definition else "Replace every task of"
        fingerprint = digest(told, service.task, service.count if told.count is not None else None, now, new)
        changes = told.task_definition is not None or told.count is not None
        return Plan(f"{what} the ECS service {told.name}.", fingerprint, diff="\n".join(lines), undoable=changes)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(DeployInputs, inputs)
        with unharmed():
            way = self._ways.act(told, run)
            service = _demand(way, told)
            ecs.images(way, told, _wanted(told, service))
        note = mark.kept(service.mark, run, _before(service))
        if note != service.mark:
            first(lambda: ecs.tag(way, service, note), f"{told.name} may have a new tag")
        deployment = _sent(way, told, service, note)
        run.log(f"{told.name}: {deployment.id} brings {deployment.task}")
        with unsure(f"{told.name} is being deployed, and how it goes on is not known"):
            steady = self._awaited(way, told, deployment.id, note, run)
        return Receipt({"before": dict(note.before), "task": steady.task}, summary=f"{told.name} is steady: {steady}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(DeployInputs, inputs)
        with unharmed():
            service = ecs.look(self._ways.look(told), told)
        if service is None or service.primary is None:
            return Health(HealthState.ABSENT, f"{told.name} does not run, or is not deployed by ECS itself")
        return Health(_health(service, service.primary, receipt), f"{service.primary}")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(DeployInputs, inputs)
        with unsure(f"{told.name} may not be as it was"):
            way = self._ways.act(told, run)
            service = ecs.look(way, told)
            before = mark.before(service.mark, receipt, run) if service is not None else None
            if service is None or before is None:
                run.log(f"{told.name}: nothing of this run is there")
                return
            back = differing(told, service, before)
            if back:
                ecs.update(way, told, back)
                run.log(f"{told.name} is told to run {before['task']} again")
                see_off(way, told, run)
            else:
                run.log(f"{told.name} runs {service.task}: there is nothing to put back")
            ecs.untag(way, service)

    def _awaited(self, way: Way, told: DeployInputs, id: str, note: mark.Mark, run: Run) -> Deployment:
        """Wait until a deployment is steady. Raises: NoWord, RunnerRefused when it was taken back, RunnerUnsure."""
        seen = ""
        for _ in way.looks():
            service = ecs.look(way, told)
            found = service.deployment(id) if service is not None else None
            if service is not None and found is None and not seen:
                continue  # ECS shows a moment later what it has just answered
            if found is None or not (found.primary or found.state == "FAILED"):
                raise RunnerUnsure(f"{told.name} was deployed by somebody else meanwhile, or deleted.")
            if seen != (seen := str(found)):
                run.log(f"{told.name}: {found}")
            if found.state == "FAILED":
                taken_back(way, told, found, note, run)
            if found.steady:
                return found
            if run.stopping():
                raise RunnerUnsure(f"Stopped while {told.name} was being deployed: {found}.")
        raise RunnerUnsure(f"The time is over, and {told.name} is not steady yet: {seen}.")


def _demand(way: Way, told: DeployInputs) -> Service:
    service = ecs.demand(way, told)
    family = service.task.partition(":")[0]
    if _wanted(told, service).partition(":")[0] != family:
        raise RunnerRefused(f"{told.name} runs task definitions of the family {family}: name one of its revisions.")
    return service


def _wanted(told: DeployInputs, service: Service) -> str:
    return told.task_definition or service.task


def _before(service: Service) -> Before:
    primary = service.primary.id if service.primary is not None else ""
    return {"task": service.task, "count": str(service.count), "primary": primary}


def _sent(way: Way, told: DeployInputs, service: Service, note: mark.Mark) -> Deployment:
    """Have ECS deploy. Raises: RunnerRefused, RunnerUnsure."""
    words: dict[str, Any] = {"forceNewDeployment": True}
    words |= {"taskDefinition": told.task_definition} if told.task_definition else {}
    words |= {"desiredCount": told.count} if told.count is not None else {}
    answers: list[Service] = []
    first(
        lambda: answers.append(ecs.update(way, told, words)),
        f"{told.name} may be being deployed",
        erase=lambda: None if note == service.mark else ecs.untag(way, service),
    )
    if answers[0].primary is None:
        raise RunnerUnsure(f"{told.name} was told to deploy, and ECS shows no deployment.")
    return answers[0].primary


def _health(service: Service, primary: Deployment, receipt: Receipt | None) -> HealthState:
    if receipt is None and (service.mark is None or service.mark.before.get("primary") == primary.id):
        return HealthState.ABSENT
    if receipt is not None and receipt.data["task"] != primary.task:
        return HealthState.UNHEALTHY
    if receipt is None and primary.state == "IN_PROGRESS":
        return HealthState.UNKNOWN
    return HealthState.HEALTHY if primary.steady else HealthState.UNHEALTHY
