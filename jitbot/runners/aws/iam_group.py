"""Makes an IAM user a member of a group for a time.

IAM knows one membership, whoever gave it. So whether it was there before is written into a tag of the user before
anything is changed, and decides at the end whether it is taken away.
"""

from collections.abc import Sequence
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field

from jitbot.errors import RunnerRefused
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.aws import mark
from jitbot.runners.aws.account import Account
from jitbot.runners.aws.answers import Declined, first, unharmed, unsure
from jitbot.runners.aws.way import POLL_SECONDS, Way, Ways

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$")]
"""What IAM allows in names of users: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
GroupName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@-]{1,128}$")]

_GONE = "NoSuchEntity"


class GroupInputs(Account):
    """A user, and the group that it shall be in."""

    group: GroupName
    user: Name


class IamGroup:
    """See `GroupInputs` for what it can be told."""

    Inputs: type[BaseModel] = GroupInputs
    repeatable = False
    """Where AWS is not reached, a second start could not tell that nothing happened: the first may have done it."""
    undoable = True

    def __init__(self, site: Site, poll_seconds: float = POLL_SECONDS) -> None:
        self._ways = Ways(site, poll_seconds)

    def target(self, inputs: BaseModel) -> str:
        told = cast(GroupInputs, inputs)
        return _target(told, told.user)

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(GroupInputs, inputs)
        with unharmed():
            way = self._ways.look(told)
            _demand_spelling(way, told)
            is_in, known = _is_in(way, told), _mark(way, told, told.user)
            policies = _policies(way, told)
        stays = is_in and not mark.holds(known)
        now = "in" if stays else "in, by a grant that ends as well," if is_in else "not in"
        lines = [f"- {told.user} is {now} the group {told.group}"]
        lines += [f"+ {told.user} is in the group {told.group}, which has {', '.join(policies) or 'no policy'}"]
        lines += [f"  at the end {told.user} {'stays in it, as before' if stays else 'is taken out of it'}"]
        summary = f"Put the IAM user {told.user} into the group {told.group} of the account {told.account}"
        summary += " (it is in it already, and stays so afterwards)" if stays else ""
        return Plan(f"{summary}.", digest(told, stays, policies), diff="\n".join(lines), undoable=True)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(GroupInputs, inputs)
        with unharmed():
            way = self._ways.act(told, run)
            _demand_spelling(way, told)
            known, is_in = _mark(way, told, told.user), _is_in(way, told)
        note = mark.of_grant(known, run, held=is_in)
        if note != known:
            tag = {"Key": _tag(told, told.user), "Value": mark.written(note)}
            first(
                lambda: way.tell("iam", "tag_user", UserName=told.user, Tags=[tag]), f"{told.user} may have a new tag"
            )
        first(
            lambda: way.tell("iam", "add_user_to_group", GroupName=told.group, UserName=told.user),
            f"{told.user} may be in {told.group}",
            erase=lambda: None if known else _erase(way, told),
        )
        summary = f"{told.user} is in the group {told.group}"
        run.log(f"{summary}{'' if mark.gave(note, None) else ', as it was before'}")
        return Receipt({"before": dict(note.before)}, summary=summary)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(GroupInputs, inputs)
        with unharmed():
            way = self._ways.look(told)
            known, is_in = _mark(way, told, told.user), _is_in(way, told)
        if known is None and receipt is None:
            return Health(HealthState.ABSENT, f"{told.user} has no membership from jitbot in {told.group}")
        if is_in:
            return Health(HealthState.HEALTHY, f"{told.user} is in {told.group}")
        return Health(HealthState.ABSENT, f"{told.user} is not in {told.group} (any more)")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(GroupInputs, inputs)
        with unsure(f"{told.user} may still be in {told.group}"):
            way = self._ways.act(told, run)
            gave = mark.gave(_mark(way, told, told.user), receipt)
            if gave is None:
                run.log(f"{told.user} has no membership from jitbot in {told.group}: nothing to take back")
                return
            if not gave:
                run.log(f"{told.user} stays in {told.group}, as it was before")
            else:
                _if_there(lambda: way.tell("iam", "remove_user_from_group", GroupName=told.group, UserName=told.user))
                run.log(f"{told.user} is no longer in {told.group}")
            _erase(way, told)

    def privileges(self, inputs: BaseModel) -> Sequence[Privilege]:
        told = cast(GroupInputs, inputs)
        with unharmed():
            way = self._ways.look(told)
            users = way.every("iam", "get_group", "Users", GroupName=told.group)
            marks = {user["UserName"]: _mark(way, told, user["UserName"]) for user in users}
        return [Privilege(_target(told, user), user, ours=mark.holds(note)) for user, note in marks.items()]


def _target(told: GroupInputs, user: str) -> str:
    return f"aws:{told.account} group {told.group} for {user}"


def _tag(told: GroupInputs, user: str) -> str:
    return mark.named("group", told.group, user)


def _mark(way: Way, told: GroupInputs, user: str) -> mark.Mark | None:
    """Return what a user's tag says of this group; None also where there is no such user."""
    found: list[Any] = []
    _if_there(lambda: found.extend(way.ask("iam", "get_user", UserName=user)["User"].get("Tags", [])))
    return mark.read(found, _tag(told, user))


def _is_in(way: Way, told: GroupInputs) -> bool:
    """Tell whether the user is in the group. Raises: NoWord, also where there is no such user."""
    groups = way.every("iam", "list_groups_for_user", "Groups", UserName=told.user)
    return told.group in (group["GroupName"] for group in groups)


def _demand_spelling(way: Way, told: GroupInputs) -> None:
    """See that both are spelt as IAM does, which takes capitals for small letters. Raises: NoWord, RunnerRefused."""
    user = way.ask("iam", "get_user", UserName=told.user)["User"]["UserName"]
    group = way.ask("iam", "get_group", GroupName=told.group, MaxItems=1)["Group"]["GroupName"]
    for name, real in ((told.user, user), (told.group, group)):
        if name != real:
            raise RunnerRefused(f"{name} is spelt {real} in IAM: write it like that.")


def _policies(way: Way, told: GroupInputs) -> Sequence[str]:
    """Return what the group may, by the names of its policies. Raises: NoWord, also where there is no such group."""
    attached = way.every("iam", "list_attached_group_policies", "AttachedPolicies", GroupName=told.group)
    inline = way.every("iam", "list_group_policies", "PolicyNames", GroupName=told.group)
    return sorted([*(policy["PolicyArn"] for policy in attached), *inline])


def _erase(way: Way, told: GroupInputs) -> None:
    _if_there(lambda: way.tell("iam", "untag_user", UserName=told.user, TagKeys=[_tag(told, told.user)]))


def _if_there(call: Any) -> None:
    """Make a call about something that may be gone, and its membership with it. Raises: NoWord."""
    try:
        call()
    except Declined as error:
        if error.code != _GONE:
            raise
