"""What the runner for assignments of IAM Identity Center can be told."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from jitbot.runners.aws.account import Account, AccountId

_ID = r"^([0-9a-f]{10}-)?[A-Fa-f0-9]{8}(-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}$"
"""https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_CreateAccountAssignment.html, as the next two."""
_INSTANCE = r"^arn:aws[a-z-]*:sso:::instance/(sso)?ins-[A-Za-z0-9.-]{16}$"
_PERMISSION_SET = r"^arn:aws[a-z-]*:sso:::permissionSet/(sso)?ins-[A-Za-z0-9.-]{16}/ps-[A-Za-z0-9./-]{16}$"


class AssignmentInputs(Account):
    """A permission set, the account in which it counts, and who gets it."""

    instance_arn: Annotated[str, Field(pattern=_INSTANCE)]
    permission_set_arn: Annotated[str, Field(pattern=_PERMISSION_SET)]
    to_account: AccountId
    principal_type: Literal["USER", "GROUP"] = "USER"
    principal_id: Annotated[str, Field(pattern=_ID)]
    identity_store: Annotated[str, Field(pattern=r"^d-[0-9a-f]{10}$")] | None = None
    """Where names are looked up, so that the plan tells who it is."""
    session_minutes: Annotated[int, Field(ge=15, le=720)] = 60
    """How long the sessions of the permission set may last at most, since a session outlives the assignment."""

    @property
    def assignment(self) -> Mapping[str, str]:
        """Return the assignment as Identity Center names its parts."""
        return {
            "InstanceArn": self.instance_arn,
            "TargetId": self.to_account,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": self.permission_set_arn,
            "PrincipalType": self.principal_type,
            "PrincipalId": self.principal_id,
        }
