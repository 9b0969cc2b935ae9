"""Role bindings as documents: what ours look like, and what others give.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from jitbot.outbound.text import visible
from jitbot.ports import Run
from jitbot.runners.kubernetes.inputs import LABEL, SUBDOMAIN, ClusterInputs, Namespace
from jitbot.runners.kubernetes.kinds import CLUSTER_ROLE_BINDING, RBAC, ROLE_BINDING, Document, Kind
from jitbot.runners.kubernetes.note import annotations

MANAGED, OURS = "app.kubernetes.io/managed-by", "jitbot"
RUN, UNTIL = "jitbot/run", "jitbot/until"
PREFIX = "jitbot-"

_KEY = re.compile(r"[a-z0-9]([a-z0-9.-]{0,100}[a-z0-9])?")


def _somebody(name: str) -> str:
    if name.startswith("system:"):
        raise ValueError("begins with system:, as the names do that Kubernetes keeps for itself")
    if visible(name) != name or "\t" in name or name != name.strip():
        raise ValueError("has characters that cannot be seen, which no name needs")
    return name


RoleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9:._@-]{0,251}[A-Za-z0-9])?$")]
"""What may stand in a path, which is what Kubernetes asks of names of roles, and needs no quoting."""
Somebody = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_somebody)]


class RoleBindingInputs(ClusterInputs):
    """A role, where it holds, and who shall have it."""

    namespace: Namespace | None = None
    cluster_wide: bool = False
    """Whether it holds in every namespace, and for what is in none."""
    role: RoleName | None = None
    cluster_role: RoleName | None = None
    """A role that the whole cluster knows; in a namespace it is given for that one alone."""
    user: Somebody | None = None
    group: Somebody | None = None
    service_account: Annotated[str, Field(pattern=rf"^({LABEL}:)?{SUBDOMAIN}$", max_length=317)] | None = None
    """`name`, or `namespace:name` where it is of another namespace."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.namespace is None) != self.cluster_wide:
            raise ValueError("say where it holds: namespace or cluster_wide, one of them")
        if self.cluster_wide and (self.role or ":" not in (self.service_account or ":")):
            raise ValueError("cluster_wide takes a cluster_role, and a service_account with its namespace")
        if (self.role is None) == (self.cluster_role is None):
            raise ValueError("say what is given: role or cluster_role, one of them")
        if sum(each is not None for each in (self.user, self.group, self.service_account)) != 1:
            raise ValueError("say to whom: user, group or service_account, one of them")
        return self

    @property
    def kind(self) -> Kind:
        """Return the kind of the binding."""
        return CLUSTER_ROLE_BINDING if self.cluster_wide else ROLE_BINDING

    @property
    def words(self) -> str:
        """Name what is given as people are told of it."""
        where = "the whole cluster" if self.cluster_wide else self.namespace
        return f"the {self.reference['kind']} {self.reference['name']} in {where}"

    @property
    def reference(self) -> Mapping[str, str]:
        kind = "Role" if self.role is not None else "ClusterRole"
        return {"apiGroup": RBAC, "kind": kind, "name": self.role or self.cluster_role or ""}

    @property
    def subject(self) -> Mapping[str, str]:
        if self.service_account is not None:
            namespace, _, name = self.service_account.rpartition(":")
            return {"kind": "ServiceAccount", "namespace": namespace or self.namespace or "", "name": name}
        kind = "User" if self.user is not None else "Group"
        return {"apiGroup": RBAC, "kind": kind, "name": self.user or self.group or ""}


def name_for(key: str) -> str:
    """Return the name of the binding that is made in the run with this key."""
    return PREFIX + (key if _KEY.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest())


def body(told: RoleBindingInputs, name: str, run: Run | None) -> Document:
    """Return the binding to be made."""
    notes = {RUN: run.key, UNTIL: run.until.isoformat() if run.until else ""} if run else {}
    meta = {"name": name, "labels": {MANAGED: OURS}, "annotations": notes}
    return {"metadata": meta, "roleRef": dict(told.reference), "subjects": [dict(told.subject)]}


def is_ours(found: Document) -> bool:
    """Tell whether a binding carries our label."""
    return (found["metadata"].get("labels") or {}).get(MANAGED) == OURS


def of_role(told: RoleBindingInputs, found: Document) -> bool:
    reference = found["roleRef"]
    return (reference["kind"], reference["name"]) == (told.reference["kind"], told.reference["name"])


def gives(told: RoleBindingInputs, found: Document) -> bool:
    """Tell whether a binding gives the role to whom it shall be given."""
    return of_role(told, found) and identity(told.subject) in map(identity, subjects(found))


def subjects(found: Document) -> Sequence[Mapping[str, str]]:
    return found.get("subjects") or []


def identity(subject: Mapping[str, str]) -> tuple[str, str, str]:
    """Return what tells one subject from another."""
    kind = subject.get("kind", "")
    return kind, subject.get("namespace", "") if kind == "ServiceAccount" else "", subject.get("name", "")


def shown(subject: Mapping[str, str]) -> str:
    """Name a subject as people are told of it."""
    kind, namespace, name = identity(subject)
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def rules(role: Document) -> list[str]:
    """Tell what a role allows, rule by rule."""
    return [_rule(rule) for rule in role.get("rules") or []]


def made_in(found: Document) -> str:
    """Return the key of the run in which a binding of ours was made."""
    return annotations(found).get(RUN, "")


def _rule(rule: Mapping[str, Any]) -> str:
    verbs = ", ".join(rule.get("verbs") or [])
    if rule.get("nonResourceURLs"):
        return f"{verbs} {', '.join(rule['nonResourceURLs'])}"
    groups = [group for group in rule.get("apiGroups") or [] if group]
    resources = ", ".join(rule.get("resources") or [])
    named = f" named {', '.join(rule['resourceNames'])}" if rule.get("resourceNames") else ""
    return f"{verbs} {resources}{named}" + (f" of {', '.join(groups)}" if groups else "")
