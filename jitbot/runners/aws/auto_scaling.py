"""Sets how many instances an Auto Scaling group is to have, and puts back how many it had."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field

from jitbot.errors import RunnerRefused
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.aws import mark
from jitbot.runners.aws.account import Account
from jitbot.runners.aws.answers import NoWord, first, unharmed, unsure
from jitbot.runners.aws.way import POLL_SECONDS, Way, Ways

TAG = mark.named("capacity")
Group = Mapping[str, Any]


class ScalingInputs(Account):
    """A group, and how many instances it is to have."""

    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./ @+=-]{1,255}$")]
    desired: Annotated[int, Field(strict=True, ge=0, le=10_000)]
    wait: Annotated[int, Field(strict=True, ge=0, le=3_600)] = 300
    """For how many seconds at most it is waited until they are in service (or gone)."""


class AutoScaling:
    """See `ScalingInputs` for what it can be told."""

    Inputs: type[BaseModel] = ScalingInputs
    repeatable = False
    """Where AWS is not reached, a second start could not tell that nothing happened: the first may have done it."""
    undoable = True

    def __init__(self, site: Site, poll_seconds: float = POLL_SECONDS) -> None:
        self._ways = Ways(site, poll_seconds)

    def target(self, inputs: BaseModel) -> str:
        told = cast(ScalingInputs, inputs)
        return f"{told.place} Auto Scaling group {told.group}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(ScalingInputs, inputs)
        with unharmed():
            group = _demand(self._ways.look(told), told)
        now, least, most = group["DesiredCapacity"], group["MinSize"], group["MaxSize"]
        lines = [f"- {now} instances are wanted, {_in_service(group)} are in service", f"+ {told.desired} are wanted"]
        lines += [f"  {name} is suspended in this group" for name in _suspended(group)]
        summary = f"Have {told.desired} instances in the Auto Scaling group {told.group} instead of {now}."
        fingerprint = digest(told, now, least, most, list(_suspended(group)))
        return Plan(summary, fingerprint, diff="\n".join(lines), undoable=True)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(ScalingInputs, inputs)
        with unharmed():
            way = self._ways.act(told, run)
            group = _demand(way, told)
        known = mark.read(group["Tags"], TAG)
        note = mark.kept(known, run, {"desired": str(group["DesiredCapacity"])})
        if note != known:
            tag = _tag(told) | {"Value": mark.written(note), "PropagateAtLaunch": False}
            first(
                lambda: way.tell("autoscaling", "create_or_update_tags", Tags=[tag]), f"{told.group} may have a new tag"
            )
        first(
            lambda: _set(way, told, told.desired),
            f"{told.group} may be told to have {told.desired} instances",
            erase=lambda: None if note == known else _erase(way, told),
        )
        run.log(f"{told.group} is told to have {told.desired} instances; it was {note.before['desired']}")
        left = _waited(way, told, told.desired, run)
        return Receipt({"before": dict(note.before)}, summary=f"{told.desired} instances are wanted{left}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(ScalingInputs, inputs)
        with unharmed():
            group = _look(self._ways.look(told), told)
        if group is None:
            return Health(HealthState.ABSENT, f"there is no group {told.group}")
        words = f"{group['DesiredCapacity']} instances are wanted, {_in_service(group)} are in service"
        if group["DesiredCapacity"] == told.desired:
            done = _in_service(group) == told.desired
            return Health(HealthState.HEALTHY if done else HealthState.UNHEALTHY, words)
        begun = mark.read(group["Tags"], TAG) is not None
        return Health(HealthState.UNHEALTHY if begun else HealthState.ABSENT, words)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(ScalingInputs, inputs)
        with unsure(f"{told.group} may not be as it was"):
            way = self._ways.act(told, run)
            group = _look(way, told)
            before = mark.before(mark.read(group["Tags"], TAG), receipt, run) if group is not None else None
            if group is None or before is None:
                run.log(f"{told.group}: nothing of this run is there")
                return
            if group["DesiredCapacity"] not in (told.desired, int(before["desired"])):
                run.log(f"{told.group} had come to {group['DesiredCapacity']} in the meantime, not by jitbot")
            _set(way, told, int(before["desired"]))
            run.log(f"{told.group} is told to have {before['desired']} instances again")
            _erase(way, told)


def _look(way: Way, told: ScalingInputs) -> Group | None:
    found = way.ask("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[told.group])
    return next(iter(found["AutoScalingGroups"]), None)


def _demand(way: Way, told: ScalingInputs) -> Group:
    """Return the group. Raises: NoWord, RunnerRefused where it cannot have so many."""
    group = _look(way, told)
    if group is None or group.get("Status"):
        raise RunnerRefused(f"There is no Auto Scaling group {told.group} in {told.region}, or it is being deleted.")
    if not group["MinSize"] <= told.desired <= group["MaxSize"]:
        raise RunnerRefused(
            f"{told.group} may have {group['MinSize']} to {group['MaxSize']} instances, and not {told.desired}."
        )
    return group


def _set(way: Way, told: ScalingInputs, desired: int) -> None:
    way.tell(
        "autoscaling", "set_desired_capacity", AutoScalingGroupName=told.group, DesiredCapacity=desired,
        HonorCooldown=False,
    )  # fmt: skip


def _waited(way: Way, told: ScalingInputs, desired: int, run: Run) -> str:
    """Wait until the group has what it is told to have; return what is left to wait for, in words."""
    seen = -1
    for _ in way.looks(told.wait):
        try:
            group = _look(way, told)
        except NoWord as error:
            return f"; how it goes on is not known: {error}"
        if group is None:
            return "; the group was deleted meanwhile"
        if seen != _in_service(group):
            seen = _in_service(group)
            run.log(f"{told.group}: {seen} instances are in service")
        if seen == desired:
            return ""
    return f"; after the wait {seen} are in service"


def _in_service(group: Group) -> int:
    return sum(each["LifecycleState"] == "InService" for each in group["Instances"])


def _suspended(group: Group) -> Sequence[str]:
    return sorted(each["ProcessName"] for each in group.get("SuspendedProcesses", []))


def _tag(told: ScalingInputs) -> dict[str, Any]:
    return {"ResourceId": told.group, "ResourceType": "auto-scaling-group", "Key": TAG}


def _erase(way: Way, told: ScalingInputs) -> None:
    way.tell("autoscaling", "delete_tags", Tags=[_tag(told)])
