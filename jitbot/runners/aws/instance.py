"""Starts, stops or reboots an EC2 instance, and takes a start or a stop back."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.text import shown
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.aws import mark
from jitbot.runners.aws.account import Account
from jitbot.runners.aws.answers import Declined, first, unharmed, unsure
from jitbot.runners.aws.way import POLL_SECONDS, Way, Ways

TAG = mark.named("instance")
Instance = Mapping[str, Any]

_GONE = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})


class Verb(StrEnum):
    """What is done to an instance."""

    START = "start"
    STOP = "stop"
    REBOOT = "reboot"


_GOAL = {Verb.START: "running", Verb.STOP: "stopped", Verb.REBOOT: "running"}
_FROM = {Verb.START: "stopped", Verb.STOP: "running", Verb.REBOOT: "running"}
_COMING = {"running": "pending", "stopped": "stopping"}
_BACK = {Verb.START: Verb.STOP, Verb.STOP: Verb.START}


class InstanceInputs(Account):
    """An instance, and what is done to it."""

    instance: Annotated[str, Field(pattern=r"^i-([0-9a-f]{8}|[0-9a-f]{17})$")]
    verb: Verb


class Ec2Instance:
    """See `InstanceInputs` for what it can be told."""

    Inputs: type[BaseModel] = InstanceInputs
    repeatable = False
    """A reboot would be a second one."""
    undoable = True

    def __init__(self, site: Site, poll_seconds: float = POLL_SECONDS) -> None:
        self._ways = Ways(site, poll_seconds)

    def target(self, inputs: BaseModel) -> str:
        told = cast(InstanceInputs, inputs)
        return f"{told.place} instance {told.instance}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(InstanceInputs, inputs)
        with unharmed():
            instance = _demand(self._ways.look(told), told)
        name, kind = _tagged(instance, "Name") or "without a name", instance["InstanceType"]
        lines = [f"- {told.instance} ({kind}) is {_state(instance)}", f"+ {_GOAL[told.verb]}"]
        lines += ["  what it keeps on instance store volumes is lost, and a public address of its own may change"] * (
            told.verb is Verb.STOP
        )
        summary = f"{told.verb.capitalize()} the EC2 instance {told.instance} ({name}) in {told.region}."
        fingerprint = digest(told, name, kind, _state(instance))
        return Plan(summary, fingerprint, diff="\n".join(lines), undoable=told.verb in _BACK)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(InstanceInputs, inputs)
        with unharmed():
            way = self._ways.act(told, run)
            instance = _demand(way, told)
        known = mark.read(instance.get("Tags", []), TAG)
        note = mark.kept(known, run, {"state": _state(instance)})
        noted = told.verb in _BACK and note != known
        if noted:
            tag = {"Key": TAG, "Value": mark.written(note)}
            first(
                lambda: way.tell("ec2", "create_tags", Resources=[told.instance], Tags=[tag]),
                f"{told.instance} may have a new tag",
            )
        first(
            lambda: _tell(way, told, told.verb),
            f"{told.instance} may be told to {told.verb}",
            erase=lambda: _erase(way, told) if noted else None,
        )
        run.log(f"{told.instance} is told to {told.verb}")
        with unsure(f"{told.instance} is told to {told.verb}, and how it goes on is not known"):
            _awaited(way, told, _GOAL[told.verb], run)
        return Receipt({"before": dict(note.before)}, summary=f"{told.instance} is {_GOAL[told.verb]}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(InstanceInputs, inputs)
        with unharmed():
            instance = _look(self._ways.look(told), told)
        if instance is None:
            return Health(HealthState.ABSENT, f"there is no instance {told.instance}")
        state = _state(instance)
        if told.verb is Verb.REBOOT and receipt is None:
            return Health(HealthState.UNKNOWN, f"{told.instance} is {state}; EC2 does not say when it was rebooted")
        if state == _GOAL[told.verb]:
            return Health(HealthState.HEALTHY, f"{told.instance} is {state}")
        absent = state == _FROM[told.verb] and receipt is None
        return Health(HealthState.ABSENT if absent else HealthState.UNHEALTHY, f"{told.instance} is {state}")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(InstanceInputs, inputs)
        if told.verb not in _BACK:
            raise RunnerRefused("A reboot cannot be taken back.")
        with unsure(f"{told.instance} may not be as it was"):
            way = self._ways.act(told, run)
            instance = _look(way, told)
            before = mark.before(mark.read(instance.get("Tags", []), TAG), receipt, run) if instance else None
            if instance is None or before is None:
                run.log(f"{told.instance}: nothing of this run is there")
                return
            if _state(instance) not in (before["state"], _COMING[before["state"]]):
                _awaited(way, told, _GOAL[told.verb], run)  # in between, EC2 takes no orders
                _tell(way, told, _BACK[told.verb])
            _awaited(way, told, before["state"], run)
            run.log(f"{told.instance} is {before['state']} again")
            _erase(way, told)


def _look(way: Way, told: InstanceInputs) -> Instance | None:
    """Return the instance, None where there is none (any more). Raises: NoWord."""
    try:
        found = way.ask("ec2", "describe_instances", InstanceIds=[told.instance])["Reservations"]
    except Declined as error:
        if error.code in _GONE:
            return None
        raise
    instance: Instance | None = found[0]["Instances"][0] if found else None
    return instance if instance is not None and _state(instance) not in ("terminated", "shutting-down") else None


def _demand(way: Way, told: InstanceInputs) -> Instance:
    """Return the instance. Raises: NoWord, RunnerRefused where there is nothing to do to it."""
    instance = _look(way, told)
    if instance is None:
        raise RunnerRefused(f"There is no instance {told.instance} in {told.region}, or it is terminated.")
    if _state(instance) != _FROM[told.verb]:
        raise RunnerRefused(f"There is nothing to {told.verb}: {told.instance} is {_state(instance)}.")
    group = _tagged(instance, "aws:autoscaling:groupName")
    if group and told.verb is Verb.STOP:
        raise RunnerRefused(f"The Auto Scaling group {group} would terminate {told.instance} as soon as it is stopped.")
    return instance


def _tell(way: Way, told: InstanceInputs, verb: Verb) -> None:
    way.tell("ec2", f"{verb}_instances", InstanceIds=[told.instance])


def _awaited(way: Way, told: InstanceInputs, goal: str, run: Run) -> None:
    """Wait until it is in a state. Raises: NoWord, RunnerUnsure."""
    seen = ""
    for _ in way.looks():
        instance = _look(way, told)
        state = _state(instance) if instance is not None else "terminated"
        if seen != (seen := state):
            run.log(f"{told.instance} is {state}")
        if state == goal:
            return
        if state == "terminated":
            break
    raise RunnerUnsure(f"{told.instance} is {seen}, and not {goal} yet.")


def _state(instance: Instance) -> str:
    state: str = instance["State"]["Name"]
    return state


def _tagged(instance: Instance, key: str) -> str:
    """Return what a tag says, which whoever may tag it has written."""
    return next((shown(tag["Value"]) for tag in instance.get("Tags", []) if tag["Key"] == key), "")


def _erase(way: Way, told: InstanceInputs) -> None:
    way.tell("ec2", "delete_tags", Resources=[told.instance], Tags=[{"Key": TAG}])
