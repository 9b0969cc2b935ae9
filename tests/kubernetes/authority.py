"""Who may do what in the small server: tokens, and RBAC with its rule that nobody gives away what they may not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.kubernetes.store import RBAC, Place, Refused, Store

MASTERS = "system:masters"


@dataclass(frozen=True)
class Caller:
    name: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Wish:
    """One thing that somebody wants to do."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


class Authority:
    def __init__(self, store: Store, callers: Mapping[str, Caller]) -> None:
        self._store = store
        self._callers = callers

    def caller(self, header: str) -> Caller:
        found = self._callers.get(header.removeprefix("Bearer "))
        if found is None or not header.startswith("Bearer "):
            raise Refused(401, "Unauthorized", "Unauthorized")
        return found

    def demand(self, caller: Caller, wish: Wish) -> None:
        if self.may(caller, wish):
            return
        where = f' in the namespace "{wish.namespace}"' if wish.namespace else " at the cluster scope"
        message = (
            f'{wish.resource} "{wish.name}" is forbidden: User "{caller.name}" cannot {wish.verb} resource '
            f'"{wish.resource}" in API group "{wish.group}"{where}'
        )
        raise Refused(403, "Forbidden", message, wish.name)

    def may(self, caller: Caller, wish: Wish) -> bool:
        return MASTERS in caller.groups or any(_allows(rule, wish) for rule in self._rules(caller, wish.namespace))

    def demand_giving(self, caller: Caller, binding: Mapping[str, Any], namespace: str) -> None:
        """See that who makes a binding may `bind` its role, or has all that it gives."""
        role = binding["roleRef"]
        plural = "roles" if role["kind"] == "Role" else "clusterroles"
        if self.may(caller, Wish("bind", RBAC, plural, namespace, role["name"])):
            return
        for rule in self._of(role, namespace):
            for verb in rule["verbs"]:
                for resource in rule.get("resources", []):
                    if not self.may(caller, Wish(verb, rule["apiGroups"][0], resource, namespace)):
                        message = (
                            f'rolebindings.{RBAC} "{binding["metadata"]["name"]}" is forbidden: user "{caller.name}" '
                            "is attempting to grant RBAC permissions not currently held"
                        )
                        raise Refused(403, "Forbidden", message, binding["metadata"]["name"])

    def _rules(self, caller: Caller, namespace: str) -> Iterator[Mapping[str, Any]]:
        for each in self._store.all("clusterrolebindings"):
            if _is_among(caller, each.get("subjects") or []):
                yield from self._of(each["roleRef"], "")
        for each in self._store.all("rolebindings", namespace) if namespace else ():
            if _is_among(caller, each.get("subjects") or []):
                yield from self._of(each["roleRef"], namespace)

    def _of(self, role: Mapping[str, str], namespace: str) -> Sequence[Mapping[str, Any]]:
        plural = "roles" if role["kind"] == "Role" else "clusterroles"
        try:
            found = self._store.get(Place(plural, namespace if plural == "roles" else "", role["name"]))
        except Refused:
            return ()
        return found.get("rules") or ()


def _is_among(caller: Caller, subjects: Sequence[Mapping[str, str]]) -> bool:
    for each in subjects:
        if each["kind"] == "ServiceAccount":
            if caller.name == f"system:serviceaccount:{each['namespace']}:{each['name']}":
                return True
        elif each["name"] in (caller.groups if each["kind"] == "Group" else (caller.name,)):
            return True
    return False


def _allows(rule: Mapping[str, Any], wish: Wish) -> bool:
    named = rule.get("resourceNames") or []
    return (
        bool({"*", wish.verb} & set(rule["verbs"]))
        and bool({"*", wish.group} & set(rule.get("apiGroups") or []))
        and bool({"*", wish.resource} & set(rule.get("resources") or []))
        and (not named or wish.name in named)
    )
