"""Which cluster, with whose token, and what in it: the inputs that all runners for Kubernetes share.

Names are held to Kubernetes' own rules, so that none of them leads to another object than the one that is read:
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

import hashlib
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from jitbot.outbound.addresses import plain_url
from jitbot.outbound.values import STRICT, Secret

LONGEST_TARGET = 400
PEM = "-----BEGIN CERTIFICATE-----"
"""How a certificate begins; what does not hold one is the path of a file."""

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"


def _server(url: str) -> str:
    if not url.startswith("https://"):
        raise ValueError("must begin with https://")
    if url.endswith("/"):
        raise ValueError("must have no / at its end, so that one server has one name")
    return plain_url(url)


def _bare(token: Secret) -> Secret:
    if token.prefix:
        raise ValueError("write {secret: NAME} without a prefix: jitbot puts `Bearer ` before it")
    return token


def _authority(text: str) -> str:
    if PEM not in text and not text.startswith("/"):
        raise ValueError("must be a certificate (PEM), or the full path of a file that holds it")
    return text


Namespace = Annotated[str, Field(pattern=rf"^{LABEL}$")]
"""A DNS label (RFC 1123)."""
Name = Annotated[str, Field(pattern=rf"^{SUBDOMAIN}$", max_length=253)]
"""A DNS subdomain (RFC 1123)."""


class ClusterInputs(BaseModel):
    """One API server, and the service account with which jitbot comes there."""

    model_config = STRICT

    server: Annotated[str, Field(max_length=200), AfterValidator(_server)]
    token: Annotated[Secret, AfterValidator(_bare)]
    ca: Annotated[str, Field(max_length=100_000), AfterValidator(_authority)] | None = None
    """The certificates that are trusted; without them, those that OpenSSL trusts here."""


class WorkloadInputs(ClusterInputs):
    """One workload of a namespace."""

    namespace: Namespace
    deployment: Name | None = None
    statefulset: Name | None = None
    daemonset: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(name is not None for name in (self.deployment, self.statefulset, self.daemonset)) != 1:
            raise ValueError("say what is meant: deployment, statefulset or daemonset, one of them")
        return self

    @property
    def kind(self) -> str:
        """Name the kind as the inputs do."""
        return "deployment" if self.deployment else "statefulset" if self.statefulset else "daemonset"

    @property
    def name(self) -> str:
        return self.deployment or self.statefulset or self.daemonset or ""


def bounded(target: str) -> str:
    """Return the name of a target as short as a target's name must be, and still its own."""
    if len(target) <= LONGEST_TARGET:
        return target
    return f"{target[:300]}…{hashlib.sha256(target.encode()).hexdigest()}"
