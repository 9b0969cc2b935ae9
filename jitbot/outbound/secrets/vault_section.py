"""What the operator's file says under `vault:`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from jitbot.outbound.secrets.section import Address, FullPath, Name, Strict

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


def _steps(path: str) -> str:
    """Return a path of Vault in which every step is a name: none is empty, none leads up."""
    for step in path.split("/"):
        if not step or step in (".", "..") or not step.isprintable() or not step.isascii() or step != step.strip():
            raise ValueError("must be steps of plain letters with `/` between them, none of them empty, `.` or `..`")
        if "%" in step or "\\" in step or "?" in step or "#" in step:
            raise ValueError("has a character that could lead elsewhere: % ? # or a backslash")
    return path


Steps = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_steps)]


class AppRole(Strict):
    """The auth method `approle`."""

    role_id: str = Field(min_length=1, max_length=200)
    secret_id_file: FullPath
    mount: Steps = "approle"


class Kubernetes(Strict):
    """The auth method `kubernetes`."""

    role: str = Field(min_length=1, max_length=200)
    token_file: FullPath = SERVICE_ACCOUNT
    mount: Steps = "kubernetes"


class Auth(Strict):
    """How jitbot proves to Vault who it is, by exactly one of these."""

    token_file: FullPath | None = None
    """The file of a token, which Vault Agent may write anew at any time."""
    approle: AppRole | None = None
    kubernetes: Kubernetes | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(each is not None for each in (self.token_file, self.approle, self.kubernetes)) != 1:
            raise ValueError("needs exactly one of `token_file`, `approle` and `kubernetes`")
        return self


class Place(Strict):
    """Where one secret is."""

    path: Steps
    """Below the mount, without the `data/` that version 2 has in its API."""
    key: str = Field("value", min_length=1, max_length=200)
    mount: Steps = "secret"
    version: Literal[1, 2] = 2
    """Of the KV secrets engine."""


class Vault(Strict):
    """The whole section."""

    address: Address
    auth: Auth
    secrets: dict[Name, Place]
    namespace: Steps | None = None
    ca_file: FullPath | None = None
    """The authorities that Vault's certificate is checked by, in PEM; those of this machine where it is left out."""
