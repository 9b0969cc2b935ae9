"""Account assignments of IAM Identity Center, which are made and deleted by requests that take their time.

https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_CreateAccountAssignment.html
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jitbot.runners.aws.answers import Declined, NoAnswer, NoWord
from jitbot.runners.aws.sso_inputs import AssignmentInputs
from jitbot.runners.aws.way import Way

Kind = Literal["creation", "deletion"]

_VERBS = {"creation": "create", "deletion": "delete"}
_BUSY = frozenset({"ConflictException", "ThrottlingException"})
"""Identity Center does one thing at a time with an assignment; asked meanwhile, it does nothing."""


class Failed(NoWord):
    """Identity Center says that a request came to nothing."""


def assigned(way: Way, told: AssignmentInputs) -> Sequence[tuple[str, str]]:
    """Return type and id of everybody to whom the permission set is assigned in the account. Raises: NoWord."""
    found = way.every(
        "sso-admin", "list_account_assignments", "AccountAssignments", InstanceArn=told.instance_arn,
        AccountId=told.to_account, PermissionSetArn=told.permission_set_arn,
    )  # fmt: skip
    return [(each["PrincipalType"], each["PrincipalId"]) for each in found]


def carry_out(way: Way, told: AssignmentInputs, kind: Kind) -> None:
    """Have it made or deleted, and wait until that is over. Raises: NoWord, of which Failed and Declined: it is not."""
    status = _sent(way, told, kind)
    for _ in way.looks():
        if status["Status"] != "IN_PROGRESS":
            break
        status = _described(way, told, kind, status["RequestId"])
    if status["Status"] == "FAILED":
        raise Failed(f"Identity Center says: {status.get('FailureReason', 'it failed, without a reason')}")
    if status["Status"] != "SUCCEEDED":
        raise NoAnswer(f"Identity Center is still at its {kind}, request {status['RequestId']}.")


def creations(way: Way, told: AssignmentInputs) -> Sequence[str]:
    """Return the requests under way that would make this assignment. Raises: NoWord."""
    found = way.every(
        "sso-admin", "list_account_assignment_creation_status", "AccountAssignmentsCreationStatus",
        InstanceArn=told.instance_arn, Filter={"Status": "IN_PROGRESS"},
    )  # fmt: skip
    begun = [_described(way, told, "creation", each["RequestId"]) for each in found]
    return [each["RequestId"] for each in begun if each["Status"] == "IN_PROGRESS" and _is_of(each, told)]


def let_creations_end(way: Way, told: AssignmentInputs) -> None:
    """Wait until nothing is under way that would make this assignment later. Raises: NoWord."""
    for _ in way.looks():
        left = creations(way, told)
        if not left:
            return
    raise NoAnswer(f"Identity Center is still at a creation, request {left[0]}.")


def _sent(way: Way, told: AssignmentInputs, kind: Kind) -> Mapping[str, Any]:
    """Send the request as soon as Identity Center takes it. Raises: NoWord."""
    refusal: Declined | None = None
    for _ in way.looks():
        try:
            operation = f"{_VERBS[kind]}_account_assignment"
            return _status(way.tell("sso-admin", operation, **told.assignment), kind)
        except Declined as error:
            if error.code not in _BUSY:
                raise
            refusal = error
    raise refusal or Declined("", "There was no time to ask.")


def _described(way: Way, told: AssignmentInputs, kind: Kind, request: str) -> Mapping[str, Any]:
    operation = f"describe_account_assignment_{kind}_status"
    words = {f"AccountAssignment{kind.title()}RequestId": request}
    return _status(way.ask("sso-admin", operation, InstanceArn=told.instance_arn, **words), kind)


def _status(answer: Mapping[str, Any], kind: Kind) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer[f"AccountAssignment{kind.title()}Status"]
    return found


def _is_of(status: Mapping[str, Any], told: AssignmentInputs) -> bool:
    return all(status.get(name) == value for name, value in told.assignment.items() if name != "InstanceArn")
