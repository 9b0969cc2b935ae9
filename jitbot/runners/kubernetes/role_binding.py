"""The runner `kubernetes.role_binding`: somebody has a role for a time, by a binding of this run's own.

Whatever bindings there were before, or are made meanwhile, are never touched: the end deletes what carries our label.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.deadline import seconds_left
from jitbot.runners.kubernetes import binding
from jitbot.runners.kubernetes.api import Api
from jitbot.runners.kubernetes.binding import RoleBindingInputs
from jitbot.runners.kubernetes.changing import host
from jitbot.runners.kubernetes.inputs import bounded
from jitbot.runners.kubernetes.kinds import ROLES, Document
from jitbot.runners.kubernetes.pace import unharmed
from jitbot.runners.kubernetes.wire import Declined, NoAnswer, NoWord

_RULES = 20
"""So many rules of the role are shown in a plan; the rest are counted."""


class KubernetesRoleBinding:
    """See `RoleBindingInputs` for what it can be told."""

    Inputs: type[BaseModel] = RoleBindingInputs
    repeatable = False
    """Where nothing is reached, a second start could not tell that nothing happened: the first may have been."""
    undoable = True

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(RoleBindingInputs, inputs)
        return _target(told, told.subject)

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(RoleBindingInputs, inputs)
        api = Api(told, self._site)
        role, there = unharmed(lambda: _demand(api, told))
        unharmed(lambda: api.create(told.kind, told.namespace, binding.body(told, "jitbot-plan", None), rehearse=True))
        allowed = binding.rules(role)
        lines = [f"+ {binding.shown(told.subject)} may {rule}" for rule in allowed[:_RULES]]
        lines += [f"+ and {len(allowed) - _RULES} more rules"] if len(allowed) > _RULES else []
        lines += [f"  has it already by jitbot, by {each['metadata']['name']}" for each in there]
        lines += ["  at the end the binding is deleted"]
        summary = f"Give {told.words} on {host(told)} to {binding.shown(told.subject)}."
        return Plan(summary, digest(told, role.get("rules")), diff="\n".join(lines), undoable=True)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(RoleBindingInputs, inputs)
        api, name = Api(told, self._site, seconds_left(run)), binding.name_for(run.key)
        unharmed(lambda: _demand(api, told))
        try:
            api.create(told.kind, told.namespace, binding.body(told, name, run))
        except NoAnswer as error:
            raise RunnerUnsure(f"The binding {name} may have been made: {error}") from error
        except Declined as error:
            if error.reason != "AlreadyExists":
                raise RunnerRefused(f"Nothing was changed. {error}") from error
            _demand_same(api, told, name)
        except NoWord as error:
            raise RunnerRefused(f"Nothing was changed. {error}") from error
        run.log(f"{binding.shown(told.subject)} has {told.words}, by the binding {name}")
        return Receipt({"binding": name}, summary=f"{binding.shown(told.subject)} has {told.words}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(RoleBindingInputs, inputs)
        try:
            found = _bindings(Api(told, self._site), told)
        except NoWord as error:
            return Health(HealthState.UNKNOWN, str(error))
        words = f"{told.words} for {binding.shown(told.subject)}"
        ours = [each for each in found if binding.is_ours(each)]
        if any(binding.gives(told, each) for each in ours):
            return Health(HealthState.HEALTHY, f"there is a binding by jitbot of {words}")
        if receipt is not None and any(each["metadata"]["name"] == receipt.data["binding"] for each in found):
            return Health(HealthState.UNHEALTHY, f"somebody changed the binding {receipt.data['binding']}")
        return Health(HealthState.ABSENT, f"there is no binding by jitbot of {words}")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(RoleBindingInputs, inputs)
        api = Api(told, self._site, seconds_left(run))
        named = {binding.name_for(run.key), *([receipt.data["binding"]] if receipt is not None else [])}
        try:
            for each in _bindings(api, told):
                name = each["metadata"]["name"]
                if binding.is_ours(each) and (name in named or binding.gives(told, each)):
                    api.delete(told.kind, name, told.namespace)
                    run.log(f"the binding {name} is deleted")
            left = _bindings(api, told)
        except NoWord as error:
            raise RunnerUnsure(f"{binding.shown(told.subject)} may still have {told.words}: {error}") from error
        _tell_left(told, named, left, run)

    def privileges(self, inputs: BaseModel) -> Sequence[Privilege]:
        """List everybody to whom a binding of the same place gives the role; a group counts as one."""
        told = cast(RoleBindingInputs, inputs)
        found = unharmed(lambda: _bindings(Api(told, self._site), told))
        held = {
            (_target(told, subject), binding.shown(subject), binding.is_ours(each))
            for each in found
            if binding.of_role(told, each)
            for subject in binding.subjects(each)
        }
        return [Privilege(*each) for each in sorted(held)]


def _target(told: RoleBindingInputs, subject: Mapping[str, str]) -> str:
    return bounded(f"kubernetes:{host(told)} {told.words} for {binding.shown(subject)}")


def _bindings(api: Api, told: RoleBindingInputs) -> Sequence[Document]:
    return api.list(told.kind, told.namespace)


def _demand(api: Api, told: RoleBindingInputs) -> tuple[Document, Sequence[Document]]:
    """Return the role, and what jitbot has given of it already. Raises: NoWord, RunnerRefused."""
    kind, name = told.reference["kind"], told.reference["name"]
    role = api.get(ROLES[kind], name, told.namespace if kind == "Role" else None)
    if role is None:
        raise RunnerRefused(f"There is no {told.words.removeprefix('the ')}: correct its name, or make it.")
    there = [each for each in _bindings(api, told) if binding.gives(told, each)]
    for each in there:
        if not binding.is_ours(each):
            raise RunnerRefused(
                f"{binding.shown(told.subject)} has {told.words} already, by the binding {each['metadata']['name']}, "
                "which is not jitbot's: it would stay after the end."
            )
    return role, there


def _demand_same(api: Api, told: RoleBindingInputs, name: str) -> None:
    """See that a binding of our name is the one that this run would make. Raises: RunnerRefused, RunnerUnsure."""
    try:
        found = api.get(told.kind, name, told.namespace)
    except NoWord as error:
        raise RunnerUnsure(f"There is a binding {name}, and it cannot be read: {error}") from error
    if found is None or not binding.is_ours(found) or not binding.gives(told, found):
        raise RunnerRefused(f"There is another binding {name}: nothing was changed. Look whose it is.")


def _tell_left(told: RoleBindingInputs, named: set[str], left: Sequence[Document], run: Run) -> None:
    """Say by what it is still held. Raises: RunnerUnsure where that was made by us and lost its label."""
    for each in left:
        name = each["metadata"]["name"]
        if name in named and binding.is_ours(each):
            raise RunnerUnsure(f"The binding {name} is still there: something keeps Kubernetes from deleting it.")
        if name in named:
            raise RunnerUnsure(
                f"The binding {name} lost the label {binding.MANAGED}, so jitbot does not delete it: delete it by hand."
            )
        if binding.gives(told, each):
            run.log(
                f"{binding.shown(told.subject)} still has {told.words}, by the binding {name}, which is not jitbot's"
            )
    if not left or not any(binding.gives(told, each) for each in left):
        run.log(f"{binding.shown(told.subject)} no longer has {told.words}")
