"""One service of ECS as it stands: its task definition, its count, and its deployments.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from jitbot.errors import RunnerRefused
from jitbot.runners.aws import mark
from jitbot.runners.aws.account import Account
from jitbot.runners.aws.answers import Declined
from jitbot.runners.aws.way import Way

TAG = mark.named("deployment")

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")]
Revision = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,255}:[1-9][0-9]{0,9}$")]
"""A task definition as `family:revision`."""


class DeployInputs(Account):
    """A service, and what is to run there: new tasks of what runs now, where nothing is said."""

    cluster: Name
    service: Name
    task_definition: Revision | None = None
    count: Annotated[int, Field(strict=True, ge=0, le=5_000)] | None = None

    @model_validator(mode="after")
    def _is_short_enough(self) -> Self:
        if len(self.task_definition or "") > mark.VALUE_CHARACTERS // 2:
            raise ValueError("the name of the task definition is too long to be remembered in a tag")
        return self

    @property
    def name(self) -> str:
        return f"{self.cluster}/{self.service}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment: which task definition it brings, and how far it has come."""

    id: str
    task: str
    primary: bool
    state: str
    """COMPLETED, FAILED or IN_PROGRESS; empty where ECS does not say, as for services behind a classic balancer."""
    reason: str
    desired: int
    running: int
    failed: int

    @property
    def steady(self) -> bool:
        return self.primary and self.state in ("COMPLETED", "") and self.running == self.desired

    def __str__(self) -> str:
        failed = f", {self.failed} have failed" if self.failed else ""
        return f"{self.running} of {self.desired} tasks of {self.task} run{failed}"


@dataclass(frozen=True, slots=True)
class Service:
    """A service as it stands at one instant."""

    arn: str
    task: str
    count: int
    deployments: Sequence[Deployment]
    rolls_back: bool
    """Whether ECS goes back by itself when a deployment fails."""
    mark: mark.Mark | None

    @property
    def primary(self) -> Deployment | None:
        return next((each for each in self.deployments if each.primary), None)

    def deployment(self, id: str) -> Deployment | None:
        return next((each for each in self.deployments if each.id == id), None)


def look(way: Way, told: DeployInputs) -> Service | None:
    """Return the service, None where it is not (any more). Raises: NoWord."""
    try:
        answer = way.ask(
            "ecs", "describe_services", cluster=told.cluster, services=[told.service], include=["TAGS"]
        )  # fmt: skip
    except Declined as error:
        if error.code == "ClusterNotFoundException":
            return None
        raise
    found = [service for service in answer["services"] if service["status"] == "ACTIVE"]
    return _read(found[0]) if found else None


def demand(way: Way, told: DeployInputs) -> Service:
    """Return the service. Raises: NoWord, RunnerRefused where it is not there or deployed by something else."""
    found = look(way, told)
    if found is None:
        raise RunnerRefused(f"There is no service {told.name} in {told.region} that runs.")
    if found.primary is None:
        raise RunnerRefused(f"{told.name} is deployed by CodeDeploy or by task sets, and not by ECS itself.")
    return found


def images(way: Way, told: DeployInputs, task: str) -> Sequence[str]:
    """Return what a task definition runs. Raises: NoWord, RunnerRefused where the service cannot be given it."""
    found = way.ask("ecs", "describe_task_definition", taskDefinition=task)["taskDefinition"]
    if task == told.task_definition and found["status"] != "ACTIVE":
        raise RunnerRefused(f"The task definition {task} is {found['status']}: ECS takes none but ACTIVE ones.")
    return [f"{container['name']} {container['image']}" for container in found["containerDefinitions"]]


def update(way: Way, told: DeployInputs, words: Mapping[str, Any]) -> Service:
    """Have ECS deploy, and return the service as it then is. Raises: NoWord."""
    return _read(way.tell("ecs", "update_service", cluster=told.cluster, service=told.service, **words)["service"])


def tag(way: Way, service: Service, note: mark.Mark) -> None:
    way.tell("ecs", "tag_resource", resourceArn=service.arn, tags=[{"key": TAG, "value": mark.written(note)}])


def untag(way: Way, service: Service) -> None:
    way.tell("ecs", "untag_resource", resourceArn=service.arn, tagKeys=[TAG])


def _read(service: Mapping[str, Any]) -> Service:
    breaker = service.get("deploymentConfiguration", {}).get("deploymentCircuitBreaker", {})
    return Service(
        arn=service["serviceArn"],
        task=_short(service.get("taskDefinition", "")),
        count=service["desiredCount"],
        deployments=[_deployment(each) for each in service.get("deployments", [])],
        rolls_back=bool(breaker.get("enable") and breaker.get("rollback")),
        mark=mark.read(service.get("tags", []), TAG),
    )


def _deployment(found: Mapping[str, Any]) -> Deployment:
    return Deployment(
        id=found["id"],
        task=_short(found.get("taskDefinition", "")),
        primary=found.get("status") == "PRIMARY",
        state=found.get("rolloutState", ""),
        reason=found.get("rolloutStateReason", ""),
        desired=found["desiredCount"],
        running=found["runningCount"],
        failed=found.get("failedTasks", 0),
    )


def _short(arn: str) -> str:
    """Return `family:revision`."""
    return arn.rpartition("/")[2]
