"""What the runners for Argo CD can be told."""

from typing import Annotated

from pydantic import BaseModel, Field

from jitbot.outbound.addresses import Url
from jitbot.outbound.values import STRICT, Secret

Name = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$")]
"""What Kubernetes takes as a name."""
Revision = Annotated[str, Field(pattern=r"^[^\x00-\x20\x7f-][^\x00-\x20\x7f]{0,199}$")]
"""A branch, a tag, a commit; for charts a version, perhaps a range of them."""

LONGEST_WAIT = 3600


class ApplicationInputs(BaseModel):
    """One application, and where Argo CD is."""

    model_config = STRICT

    url: Url
    token: Secret
    application: Name
    namespace: Name | None = None
    """Where the application itself is, unless it is where Argo CD is."""
    project: Name | None = None
    prune: Annotated[bool, Field(strict=True)] = False
    """Whether what is not in the source any more is deleted."""
    wait: Annotated[int, Field(strict=True, ge=0, le=LONGEST_WAIT)] = 300
    """For how many seconds at most it is waited, once it is synced, until it is healthy."""

    @property
    def base(self) -> str:
        return self.url.rstrip("/")

    @property
    def target(self) -> str:
        place = self.base.partition("://")[2].lower()
        return f"argocd:{place} {self.namespace + '/' if self.namespace else ''}{self.application}"


class SyncInputs(ApplicationInputs):
    """An application, and to which revision it is synced."""

    revision: Revision | None = None
    """The one that the application itself names, where it is left out."""


class RollbackInputs(ApplicationInputs):
    """An application, and the entry of its history to which it goes back."""

    id: Annotated[int, Field(strict=True, ge=0)]
