"""The way back of a service of ECS: what differs from before, after an undo or after a deployment that ECS gave up."""

from collections.abc import Mapping
from typing import Any, NoReturn

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.outbound.text import shown
from jitbot.ports import Run
from jitbot.runners.aws import ecs_service as ecs
from jitbot.runners.aws.ecs_service import DeployInputs, Deployment, Service
from jitbot.runners.aws.mark import Mark
from jitbot.runners.aws.way import Way

Before = Mapping[str, str]
"""What was there before: `task`, `count`, and the id of the deployment that was the `primary` one."""


def differing(told: DeployInputs, service: Service, before: Before) -> Mapping[str, Any]:
    """Return what ECS has to be told so that all is as before; nothing where it is. Raises: RunnerRefused."""
    words: dict[str, Any] = {}
    if told.task_definition and service.task != before["task"]:
        if service.task != told.task_definition:
            raise RunnerRefused(
                f"{told.name} was deployed by somebody else: it has {service.task}. It is left as it is. "
                f"Deploy {before['task']} by hand where that is right, and this undo ends."
            )
        words["taskDefinition"] = before["task"]
    if told.count is not None and service.count != int(before["count"]):
        words["desiredCount"] = int(before["count"])
    return words


def taken_back(way: Way, told: DeployInputs, failed: Deployment, note: Mark, run: Run) -> NoReturn:
    """Have again what was before, after ECS gave a deployment up.

    Raises: RunnerRefused when all is as before, NoWord and RunnerUnsure when it may not be.
    """
    why = f"ECS gave the deployment up: {shown(failed.reason) or failed}."
    run.log(f"{told.name}: {why}")
    _begin(way, told, note.before, why)
    service = None
    for _ in way.looks():
        service = ecs.look(way, told)
        primary = service.primary if service is not None else None
        if service is None or primary is None:
            break
        if primary.id != failed.id and primary.steady and service.task == note.before["task"]:
            ecs.untag(way, service)
            raise RunnerRefused(f"{why} {told.name} is as it was: {primary}.")
    raise RunnerUnsure(f"{why} {told.name} is not as it was yet: {service.primary if service else 'it was deleted'}.")


def _begin(way: Way, told: DeployInputs, before: Before, why: str) -> None:
    """Begin the way back, as far as ECS does not go by itself. Raises: NoWord, RunnerUnsure."""
    service = ecs.look(way, told)
    try:
        words = dict(differing(told, service, before)) if service is not None else {}
    except RunnerRefused as refused:
        raise RunnerUnsure(f"{why} {refused}") from refused
    if service is None or not ("taskDefinition" in words or service.rolls_back):
        raise RunnerUnsure(f"{why} There is nothing to go back to: it was {before['task']} before.")
    if service.rolls_back:
        words.pop("taskDefinition", None)
    if words:
        ecs.update(way, told, words)


def see_off(way: Way, told: DeployInputs, run: Run) -> None:
    """Watch the way back as long as there is time; that ECS was told is what counts."""
    service = None
    for _ in way.looks():
        service = ecs.look(way, told)
        primary = service.primary if service is not None else None
        if primary is None or primary.steady:
            break
        if primary.state == "FAILED":
            raise RunnerUnsure(f"ECS gave the way back up: {shown(primary.reason)}.")
    run.log(f"{told.name}: {service.primary if service is not None else 'it was deleted'}")
