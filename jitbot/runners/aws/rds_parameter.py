"""Sets a parameter in a DB parameter group of RDS, and puts back what was there, or that nothing was.

What waits for a reboot is told and left to people: a reboot is an outage, and another decision.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, Field

from jitbot.errors import RunnerRefused
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.text import visible
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.aws import mark
from jitbot.runners.aws.account import Account
from jitbot.runners.aws.answers import first, unharmed, unsure
from jitbot.runners.aws.way import POLL_SECONDS, Way, Ways

Parameter = Mapping[str, Any]

_DEFAULT = {"set": "no"}


def _value(value: str) -> str:
    if visible(value) != value or "\t" in value:
        raise ValueError("has characters that cannot be seen")
    return value


class RdsInputs(Account):
    """A parameter of a group, and its value."""

    group: Annotated[str, Field(pattern=r"^[a-z](-?[a-z0-9]){0,254}$")]
    parameter: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,127}$")]
    value: Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_value)]
    reboot: bool = False
    """Whether a parameter may be set that counts only once somebody has rebooted the instances."""

    @property
    def tag(self) -> str:
        return mark.named("parameter", self.parameter)


class RdsParameter:
    """See `RdsInputs` for what it can be told."""

    Inputs: type[BaseModel] = RdsInputs
    repeatable = False
    """Where AWS is not reached, a second start could not tell that nothing happened: the first may have done it."""
    undoable = True

    def __init__(self, site: Site, poll_seconds: float = POLL_SECONDS) -> None:
        self._ways = Ways(site, poll_seconds)

    def target(self, inputs: BaseModel) -> str:
        told = cast(RdsInputs, inputs)
        return f"{told.place} parameter {told.parameter} of {told.group}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(RdsInputs, inputs)
        with unharmed():
            way = self._ways.look(told)
            parameter, users = _demand(way, told), _users(way, told)
        kind, allowed = parameter.get("ApplyType", "?"), parameter.get("AllowedValues", "")
        lines = [f"- {told.parameter} = {_words(parameter)}", f"+ {told.parameter} = {told.value}"]
        lines += [f"  allowed: {visible(allowed)}"] if allowed else []
        lines += ["  counts only once an instance is rebooted, and so does taking it back"] * _is_static(parameter)
        lines += [f"  {name} uses the group" + (", and waits for a reboot already" * waits) for name, waits in users]
        summary = f"Set {told.parameter} in the DB parameter group {told.group} to {told.value}"
        summary += " (needs a reboot)" if _is_static(parameter) else ""
        fingerprint = digest(told, _before(parameter), kind, allowed, [name for name, _ in users])
        return Plan(f"{summary}.", fingerprint, diff="\n".join(lines), undoable=True, targets=max(1, len(users)))

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(RdsInputs, inputs)
        with unharmed():
            way = self._ways.act(told, run)
            parameter, arn = _demand(way, told), _arn(way, told)
            known = _mark(way, told, arn)
        note = mark.kept(known, run, _before(parameter))
        if note != known:
            tag = {"Key": told.tag, "Value": mark.written(note)}
            first(
                lambda: way.tell("rds", "add_tags_to_resource", ResourceName=arn, Tags=[tag]),
                f"{told.group} may have a new tag",
            )
        first(
            lambda: _set(way, told, parameter, told.value),
            f"{told.parameter} of {told.group} may be set",
            erase=lambda: None if note == known else _erase(way, told, arn),
        )
        run.log(f"{told.parameter} of {told.group} is {told.value}; it was {_words(parameter)}")
        waits = " once the instances are rebooted" if _is_static(parameter) else ""
        return Receipt({"before": dict(note.before)}, summary=f"{told.parameter} is {told.value}{waits}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(RdsInputs, inputs)
        with unharmed():
            way = self._ways.look(told)
            known, now = _mark(way, told, _arn(way, told)), _look(way, told)
            waiting = [name for name, waits in _users(way, told) if waits]
        if known is None and receipt is None:
            return Health(HealthState.ABSENT, f"{told.parameter} of {told.group} is not set by jitbot")
        words = f"{told.parameter} of {told.group} is {_words(now or {})}"
        words += f"; these wait for a reboot: {', '.join(waiting)}" if waiting else ""
        is_set = now is not None and now.get("ParameterValue") == told.value
        return Health(HealthState.HEALTHY if is_set else HealthState.UNHEALTHY, words)

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(RdsInputs, inputs)
        with unsure(f"{told.parameter} of {told.group} may not be as it was"):
            way = self._ways.act(told, run)
            arn = _arn(way, told)
            before = mark.before(_mark(way, told, arn), receipt, run)
            if before is None:
                run.log(f"{told.parameter} of {told.group} is not set by jitbot: nothing to take back")
                return
            now = _look(way, told) or {}
            if now.get("ParameterValue") != told.value and _before(now) != before:
                run.log(f"{told.parameter} had become {_words(now)} in the meantime, not by jitbot")
            if "value" in before:
                _set(way, told, now, before["value"])
            elif _before(now) != _DEFAULT:
                _reset(way, told, now)
            run.log(f"{told.parameter} of {told.group} is {before.get('value', 'not set')} again")
            if _is_static(now):
                run.log("that counts once the instances are rebooted")
            _erase(way, told, arn)


def _look(way: Way, told: RdsInputs) -> Parameter | None:
    """Return the parameter as it is in the group, None where the group has none of that name. Raises: NoWord."""
    found = way.every("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=told.group)
    return next((each for each in found if each["ParameterName"] == told.parameter), None)


def _demand(way: Way, told: RdsInputs) -> Parameter:
    """Return the parameter. Raises: NoWord, RunnerRefused where it cannot be set like this."""
    parameter = _look(way, told)
    if parameter is None:
        raise RunnerRefused(f"The DB parameter group {told.group} has no parameter {told.parameter}.")
    if not parameter.get("IsModifiable"):
        raise RunnerRefused(f"RDS lets nobody change {told.parameter}.")
    if _is_static(parameter) and not told.reboot:
        raise RunnerRefused(f"{told.parameter} counts only after a reboot: say `reboot: true` if that is meant.")
    return parameter


def _users(way: Way, told: RdsInputs) -> Sequence[tuple[str, bool]]:
    """Return the instances that use the group, and whether each waits for a reboot. Raises: NoWord."""
    found = way.every("rds", "describe_db_instances", "DBInstances")
    return sorted(
        (instance["DBInstanceIdentifier"], group["ParameterApplyStatus"] == "pending-reboot")
        for instance in found
        for group in instance.get("DBParameterGroups", [])
        if group["DBParameterGroupName"] == told.group
    )


def _is_static(parameter: Parameter) -> bool:
    return parameter.get("ApplyType") != "dynamic"


def _before(parameter: Parameter) -> Mapping[str, str]:
    """Return what has to be put back: a value that somebody has set, or none."""
    is_set = parameter.get("Source") == "user" and "ParameterValue" in parameter
    return {"value": parameter["ParameterValue"]} if is_set else _DEFAULT


def _words(parameter: Parameter) -> str:
    if "ParameterValue" not in parameter:
        return "not set"
    by_default = "" if parameter.get("Source") == "user" else " by default"
    return f"{visible(parameter['ParameterValue'])}{by_default}"


def _set(way: Way, told: RdsInputs, parameter: Parameter, value: str) -> None:
    changed = {**_named(told, parameter), "ParameterValue": value}
    way.tell("rds", "modify_db_parameter_group", DBParameterGroupName=told.group, Parameters=[changed])


def _reset(way: Way, told: RdsInputs, parameter: Parameter) -> None:
    way.tell(
        "rds", "reset_db_parameter_group", DBParameterGroupName=told.group, ResetAllParameters=False,
        Parameters=[_named(told, parameter)],
    )  # fmt: skip


def _named(told: RdsInputs, parameter: Parameter) -> dict[str, str]:
    return {
        "ParameterName": told.parameter,
        "ApplyMethod": "pending-reboot" if _is_static(parameter) else "immediate",
    }


def _arn(way: Way, told: RdsInputs) -> str:
    found = way.ask("rds", "describe_db_parameter_groups", DBParameterGroupName=told.group)
    arn: str = found["DBParameterGroups"][0]["DBParameterGroupArn"]
    return arn


def _mark(way: Way, told: RdsInputs, arn: str) -> mark.Mark | None:
    return mark.read(way.ask("rds", "list_tags_for_resource", ResourceName=arn)["TagList"], told.tag)


def _erase(way: Way, told: RdsInputs, arn: str) -> None:
    way.tell("rds", "remove_tags_from_resource", ResourceName=arn, TagKeys=[told.tag])
