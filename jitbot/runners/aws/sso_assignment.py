"""Assigns a permission set of IAM Identity Center to somebody in an account for a time.

Identity Center knows one assignment, whoever made it, and none can have a tag. So whether it was there before is
written into a tag of the permission set before anything is changed.
"""

import re
from collections.abc import Sequence
from typing import Any, cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.aws import mark
from jitbot.runners.aws.answers import Declined, NotSent, NoWord, first, unharmed, unsure
from jitbot.runners.aws.sso_inputs import AssignmentInputs
from jitbot.runners.aws.sso_requests import Failed, assigned, carry_out, creations, let_creations_end
from jitbot.runners.aws.way import POLL_SECONDS, Way, Ways

_LENGTH = re.compile(r"PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:[0-9]+S)?")


class SsoAssignment:
    """See `AssignmentInputs` for what it can be told."""

    Inputs: type[BaseModel] = AssignmentInputs
    repeatable = False
    """Where AWS is not reached, a second start could not tell that nothing happened: the first may have done it."""
    undoable = True

    def __init__(self, site: Site, poll_seconds: float = POLL_SECONDS) -> None:
        self._ways = Ways(site, poll_seconds)

    def target(self, inputs: BaseModel) -> str:
        told = cast(AssignmentInputs, inputs)
        return _target(told, told.principal_type, told.principal_id)

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(AssignmentInputs, inputs)
        with unharmed():
            way = self._ways.look(told)
            permissions, who = _permission_set(way, told), _who(way, told)
            held, known = _is_assigned(way, told), _mark(way, told)
        stays = held and not mark.holds(known)
        now = "has" if stays else "has, by a grant that ends as well," if held else "does not have"
        name, length = permissions["Name"], permissions.get("SessionDuration", "PT1H")
        lines = [f"- {who} {now} {name} in {told.to_account}"]
        lines += [f"+ {who} has {name} in {told.to_account}"]
        lines += [f"  a session that is open at the end may go on for {length}, which Identity Center ends by itself"]
        lines += [f"  at the end {'the assignment stays, as before' if stays else 'the assignment is deleted'}"]
        summary = f"Assign the permission set {name} to {who} in the AWS account {told.to_account}"
        summary += " (it is assigned already, and stays so afterwards)" if stays else ""
        return Plan(f"{summary}.", digest(told, name, length, who, stays), diff="\n".join(lines), undoable=True)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(AssignmentInputs, inputs)
        with unharmed():
            way = self._ways.act(told, run)
            name, who = _permission_set(way, told)["Name"], _who(way, told)
            known, held = _mark(way, told), _is_assigned(way, told)
        note = mark.of_grant(known, run, held=held)
        if note != known:
            tag = {"Key": _tag(told), "Value": mark.written(note)}
            first(lambda: _tagging(way, told, "tag_resource", Tags=[tag]), f"{name} may have a new tag")
        if not held:
            run.log(f"{name} is being assigned to {who} in {told.to_account}")
            _create(way, told, None if known else note)
        run.log(f"{name} is assigned in {told.to_account}{'' if mark.gave(note, None) else ', as it was before'}")
        return Receipt({"before": dict(note.before)}, summary=f"{name} is assigned in {told.to_account}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(AssignmentInputs, inputs)
        with unharmed():
            way = self._ways.look(told)
            begun, coming = _mark(way, told) is not None or receipt is not None, creations(way, told)
            held = _is_assigned(way, told)
        if begun and held:
            return Health(HealthState.HEALTHY, f"it is assigned in {told.to_account}")
        if begun and coming:
            return Health(HealthState.UNKNOWN, f"it is being assigned in {told.to_account}")
        return Health(HealthState.ABSENT, f"there is no assignment from jitbot in {told.to_account} (any more)")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(AssignmentInputs, inputs)
        with unsure(f"It may still be assigned in {told.to_account}"):
            way = self._ways.act(told, run)
            gave = mark.gave(_mark(way, told), receipt)
            if gave is None:
                run.log(f"There is no assignment from jitbot in {told.to_account}: nothing to take back")
                return
            if not gave:
                run.log(f"It stays assigned in {told.to_account}, as it was before")
            else:
                let_creations_end(way, told)
                if _is_assigned(way, told):
                    carry_out(way, told, "deletion")
                if _is_assigned(way, told):
                    raise RunnerUnsure(
                        f"Identity Center says that it is deleted, and it is there in {told.to_account}."
                    )
                run.log(f"It is no longer assigned in {told.to_account}; a session that is open ends by itself")
            _erase(way, told)

    def privileges(self, inputs: BaseModel) -> Sequence[Privilege]:
        told = cast(AssignmentInputs, inputs)
        with unharmed():
            way = self._ways.look(told)
            tags, found = _tags(way, told), assigned(way, told)
        listed = []
        for kind, principal in found:
            of = told.model_copy(update={"principal_type": kind, "principal_id": principal})
            ours = mark.holds(mark.read(tags, _tag(of)))
            listed.append(Privilege(_target(told, kind, principal), f"{kind.lower()} {principal}", ours=ours))
        return listed


def _create(way: Way, told: AssignmentInputs, note: mark.Mark | None) -> None:
    """Have it made; where it is not, erase the mark. Raises: RunnerRefused, RunnerUnsure."""
    try:
        carry_out(way, told, "creation")
    except (Failed, Declined, NotSent) as error:
        with unsure(f"{error} Then"):
            if _is_assigned(way, told):
                raise RunnerUnsure(f"{error} And yet it is assigned.") from error
            if note is not None:
                _erase(way, told)
        raise RunnerRefused(f"{error} Nothing was done.") from error
    except NoWord as error:
        raise RunnerUnsure(f"It may be assigned in {told.to_account}: {error}") from error


def _target(told: AssignmentInputs, kind: str, principal: str) -> str:
    return f"aws:{told.permission_set_arn.partition('/')[2]} in {told.to_account} for {kind.lower()} {principal}"


def _permission_set(way: Way, told: AssignmentInputs) -> Any:
    """Return the permission set. Raises: NoWord, RunnerRefused where its sessions last too long."""
    answer = way.ask(
        "sso-admin", "describe_permission_set", InstanceArn=told.instance_arn, PermissionSetArn=told.permission_set_arn
    )["PermissionSet"]
    length = answer.get("SessionDuration", "PT1H")
    found = _LENGTH.fullmatch(length)
    minutes = int(found[1] or 0) * 60 + int(found[2] or 0) if found else None
    if minutes is None or minutes > told.session_minutes:
        raise RunnerRefused(
            f"A session of {answer['Name']} may go on for {length} after the end, longer than the "
            f"{told.session_minutes} minutes that are allowed: shorten it there, or say session_minutes."
        )
    return answer


def _who(way: Way, told: AssignmentInputs) -> str:
    """Name who gets it, as people know them where that can be looked up. Raises: NoWord."""
    kind = told.principal_type.lower()
    if told.identity_store is None:
        return f"{kind} {told.principal_id}"
    words = {"IdentityStoreId": told.identity_store, f"{kind.title()}Id": told.principal_id}
    answer = way.ask("identitystore", f"describe_{kind}", **words)
    return f"{kind} {answer['UserName' if kind == 'user' else 'DisplayName']} ({told.principal_id})"


def _is_assigned(way: Way, told: AssignmentInputs) -> bool:
    return (told.principal_type, told.principal_id) in assigned(way, told)


def _tag(told: AssignmentInputs) -> str:
    return mark.named("assignment", told.to_account, told.principal_type, told.principal_id)


def _tagging(way: Way, told: AssignmentInputs, operation: str, **words: Any) -> None:
    way.tell("sso-admin", operation, InstanceArn=told.instance_arn, ResourceArn=told.permission_set_arn, **words)


def _tags(way: Way, told: AssignmentInputs) -> Sequence[Any]:
    where = {"InstanceArn": told.instance_arn, "ResourceArn": told.permission_set_arn}
    return way.every("sso-admin", "list_tags_for_resource", "Tags", **where)


def _mark(way: Way, told: AssignmentInputs) -> mark.Mark | None:
    return mark.read(_tags(way, told), _tag(told))


def _erase(way: Way, told: AssignmentInputs) -> None:
    _tagging(way, told, "untag_resource", TagKeys=[_tag(told)])
