"""Which account and region, as whom, and by which endpoints: the inputs that all runners for AWS share."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, model_validator

from jitbot.outbound.values import STRICT, Secret

Service = Literal["autoscaling", "ec2", "ecs", "iam", "identitystore", "rds", "sso-admin", "ssm", "sts"]
"""The services that are spoken to, by the names that botocore has for them."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/[A-Za-z0-9_+=,.@/-]{1,512}")


def _endpoint(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("is no URL") from error
    beyond = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("https", "http") or not parts.hostname or beyond or port == 0:
        raise ValueError(
            "must be a URL without path, user and query, like https://vpce-1.ecs.eu-west-1.vpce.example.com"
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("must be https:// unless it is on this machine")
    return url


def _role(arn: str) -> str:
    if not _ROLE.fullmatch(arn):
        raise ValueError("must be the ARN of a role, like arn:aws:iam::123456789012:role/jitbot")
    return arn


def _full(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be a full path")
    return path


AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
Endpoint = Annotated[str, Field(max_length=300), AfterValidator(_endpoint)]


class Account(BaseModel):
    """One account in one region, and with what jitbot comes there."""

    model_config = STRICT

    account: AccountId
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]{2,9}){1,2}-[1-9][0-9]?$")]
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    web_identity_file: Annotated[Path, AfterValidator(_full)] | None = None
    """A file with an OpenID Connect token for which STS gives the role, as Kubernetes mounts one."""
    role_arn: Annotated[str, AfterValidator(_role)] | None = None
    external_id: Secret | None = None
    endpoints: Mapping[Service, Endpoint] = {}
    """Where a service is to be found, if not at its usual address: VPC endpoints, for example."""

    @model_validator(mode="after")
    def _says_as_whom(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together")
        if (self.access_key_id is None) == (self.web_identity_file is None):
            raise ValueError("say as whom: access_key_id with secret_access_key, or web_identity_file, one of them")
        if self.session_token and self.web_identity_file:
            raise ValueError("session_token goes with access_key_id")
        if self.web_identity_file and not self.role_arn:
            raise ValueError("web_identity_file needs the role that it is for: role_arn")
        if self.external_id and (self.web_identity_file or not self.role_arn):
            raise ValueError("external_id is asked for where keys assume a role: it goes with role_arn")
        found = _ROLE.fullmatch(self.role_arn or "")
        if found and found[1] != self.account:
            raise ValueError(f"role_arn is a role of the account {found[1]}, and not of {self.account}")
        return self

    @property
    def place(self) -> str:
        """Name account and region, as targets begin."""
        return f"aws:{self.account}:{self.region}"
