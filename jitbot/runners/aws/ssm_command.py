"""Runs a document of Systems Manager on instances (Run Command), and waits for what becomes of it on each.

AWS has no idempotency token for it, so it is sent once and never again.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.site import RedactingSite
from jitbot.outbound.text import shown
from jitbot.outbound.values import digest
from jitbot.ports import Run
from jitbot.runners.aws.answers import NoWord, first, unharmed, unsure
from jitbot.runners.aws.ssm_inputs import SsmInputs
from jitbot.runners.aws.way import POLL_SECONDS, Way, Ways
from jitbot.runners.output import Lines

DELIVERY_SECONDS = 30
"""The least that Systems Manager takes for how long a command waits to be begun."""

LATEST = 50
"""How many commands are looked through for the one of a run whose start never answered."""

_WAITING = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
_NOT_BEGUN = frozenset({"Undeliverable", "DeliveryTimedOut", "InvalidPlatform", "AccessDenied", "Terminated"})
"""Details that say that nothing was run: https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html"""
_TEXTS: Mapping[str, Callable[[Sequence[str]], bool]] = {
    "String": lambda values: len(values) == 1,
    "StringList": lambda values: True,
    "Integer": lambda values: len(values) == 1 and re.fullmatch("-?[0-9]{1,18}", values[0]) is not None,
    "Boolean": lambda values: list(values) in (["true"], ["false"]),
}
"""The types of parameters that can be given here, and whether values are of them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command on one instance."""

    status: str
    details: str
    steps: Sequence[str]

    @property
    def begun(self) -> bool:
        return self.details not in _NOT_BEGUN


class SsmCommand:
    """See `SsmInputs` for what it can be told."""

    Inputs: type[BaseModel] = SsmInputs
    repeatable = False
    undoable = False

    def __init__(self, site: RedactingSite, poll_seconds: float = POLL_SECONDS) -> None:
        self._site = site
        self._ways = Ways(site, poll_seconds)

    def target(self, inputs: BaseModel) -> str:
        told = cast(SsmInputs, inputs)
        return f"{told.place} {told.document} on {', '.join(sorted(told.instances))}"[:500]

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(SsmInputs, inputs)
        with unharmed():
            document = _demand(self._ways.look(told), told)
        lines = [f"  document {told.document}, version {document['DocumentVersion']}, {document['Hash']}"]
        lines += [f"+ {name}: {shown(' ⏎ '.join(values))}" for name, values in told.listed.items()]
        lines += [f"  on {instance}" for instance in told.instances]
        count = len(told.instances)
        summary = (
            f"Run {told.document} on {told.instances[0] if count == 1 else f'{count} instances'} in {told.region}."
        )
        fingerprint = digest(told, document["DocumentVersion"], document["Hash"])
        return Plan(summary, fingerprint, diff="\n".join(lines), undoable=False, targets=count)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(SsmInputs, inputs)
        with unharmed():
            way = self._ways.act(told, run)
            document = _demand(way, told)
        sent: list[str] = []
        first(
            lambda: sent.append(_send(way, told, document, run)["Command"]["CommandId"]),
            f"{told.document} may be being run",
        )
        run.log(f"{told.document} is sent as command {sent[0]}")
        with unsure(f"{told.document} was sent as command {sent[0]}, and what became of it is not known"):
            outcomes = _awaited(way, told, sent[0])
            for instance, outcome in sorted(outcomes.items()):
                self._show(way, sent[0], instance, outcome, run)
        _demand_done(told, outcomes, sent[0])
        return Receipt({"command": sent[0]}, summary=f"{told.document} succeeded on {', '.join(sorted(outcomes))}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(SsmInputs, inputs)
        if receipt is None:
            return Health(HealthState.UNKNOWN, "which command it would be is not known")
        with unharmed():
            outcomes = _look(self._ways.look(told), receipt.data["command"])
        if not outcomes or any(each.status in _WAITING for each in outcomes.values()):
            return Health(HealthState.UNKNOWN, f"command {receipt.data['command']} is not at its end")
        states = ", ".join(f"{instance}: {outcome.details}" for instance, outcome in sorted(outcomes.items()))
        done = set(outcomes) == set(told.instances) and all(each.status == "Success" for each in outcomes.values())
        return Health(HealthState.HEALTHY if done else HealthState.UNHEALTHY, states)

    def check_by_key(self, inputs: BaseModel, key: str) -> Health:
        told = cast(SsmInputs, inputs)
        with unharmed():
            by_document = [{"key": "DocumentName", "value": told.document}]
            latest = self._ways.look(told).ask("ssm", "list_commands", Filters=by_document, MaxResults=LATEST)[
                "Commands"
            ]
        sent = next((each["CommandId"] for each in latest if each.get("Comment") == _comment(key)), None)
        if sent is None:  # it may be older, or not be listed yet
            return Health(HealthState.UNKNOWN, f"no command of this run is among the latest of {told.document}")
        return self.check(inputs, Receipt({"command": sent}))

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        raise RunnerRefused("What a command has done cannot be taken back.")

    def _show(self, way: Way, command: str, instance: str, outcome: Outcome, run: Run) -> None:
        """Log what it printed there; what cannot be had of that changes nothing of what was done."""
        run.log(f"{instance}: {outcome.details}")
        lines = Lines(run.log, self._site.redact)
        for step in outcome.steps:
            try:
                found = way.ask(
                    "ssm", "get_command_invocation", CommandId=command, InstanceId=instance, PluginName=step
                )  # fmt: skip
            except NoWord as error:
                run.log(f"{instance}: the output of {step} cannot be had: {error}")
                continue
            for name in ("StandardOutputContent", "StandardErrorContent"):
                lines.feed(f"{found.get(name, '')}\n".encode(errors="replace"))
        lines.close()


def _demand(way: Way, told: SsmInputs) -> Mapping[str, Any]:
    """Return the document. Raises: NoWord, RunnerRefused where it cannot be run like this."""
    document: Mapping[str, Any] = way.ask("ssm", "describe_document", Name=told.document)["Document"]
    if document.get("DocumentType") != "Command" or document.get("Status") != "Active":
        raise RunnerRefused(f"{told.document} is no document that is active and can be run as a command.")
    known = {each["Name"]: each for each in document.get("Parameters", [])}
    unknown = sorted(set(told.listed) - set(known))
    if unknown:
        raise RunnerRefused(f"{told.document} has no parameter {', '.join(unknown)}.")
    for name, parameter in known.items():
        if name not in told.listed:
            if "DefaultValue" not in parameter:
                raise RunnerRefused(f"{told.document} needs a parameter {name}.")
        elif parameter["Type"] not in _TEXTS or not _TEXTS[parameter["Type"]](told.listed[name]):
            raise RunnerRefused(f"The parameter {name} of {told.document} must be a {parameter['Type']}.")
    return document


def _send(way: Way, told: SsmInputs, document: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
    """Send it: the very version of the document that was looked at, and not one written since."""
    return way.tell(
        "ssm",
        "send_command",
        DocumentName=told.document,
        DocumentVersion=document["DocumentVersion"],
        DocumentHash=document["Hash"],
        DocumentHashType=document["HashType"],
        InstanceIds=list(told.instances),
        Parameters={name: list(values) for name, values in told.listed.items()},
        Comment=_comment(run.key),
        TimeoutSeconds=max(DELIVERY_SECONDS, int(way.left)),
        MaxConcurrency=str(told.at_once),
        MaxErrors="0",
    )


def _comment(key: str) -> str:
    """Return by what a command is known again; AWS takes a hundred characters."""
    return shown(f"jitbot {key}")[:100]


def _awaited(way: Way, told: SsmInputs, command: str) -> Mapping[str, Outcome]:
    """Wait until it is over on every instance. Raises: NoWord, RunnerUnsure."""
    outcomes: Mapping[str, Outcome] = {}
    for _ in way.looks():
        outcomes = _look(way, command)
        states = {each.status for each in outcomes.values()}
        # After the first failure, those that have not begun may never be listed.
        if not states & _WAITING and (set(outcomes) == set(told.instances) or states - {"Success"}):
            return outcomes
    left = sorted(set(told.instances) - {name for name, each in outcomes.items() if each.status not in _WAITING})
    raise RunnerUnsure(f"The time is over, and command {command} is not at its end on {', '.join(left)}.")


def _look(way: Way, command: str) -> Mapping[str, Outcome]:
    found = way.every("ssm", "list_command_invocations", "CommandInvocations", CommandId=command, Details=True)
    return {each["InstanceId"]: _read(each) for each in found}


def _read(found: Mapping[str, Any]) -> Outcome:
    details = str(found.get("StatusDetails") or found["Status"]).replace(" ", "")
    return Outcome(found["Status"], details, [step["Name"] for step in found.get("CommandPlugins", [])])


def _demand_done(told: SsmInputs, outcomes: Mapping[str, Outcome], command: str) -> None:
    """See that it succeeded everywhere. Raises: RunnerRefused where it was begun nowhere, RunnerUnsure."""
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.status != "Success"}
    if not failed:
        return
    words = ", ".join(f"{name}: {outcome.details}" for name, outcome in sorted(failed.items()))
    if len(failed) == len(outcomes) and not any(outcome.begun for outcome in failed.values()):
        raise RunnerRefused(f"{told.document} was begun nowhere ({words}).")
    raise RunnerUnsure(f"{told.document} did not succeed everywhere ({words}), command {command}.")
