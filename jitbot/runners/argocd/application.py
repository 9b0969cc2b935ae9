"""An application as Argo CD tells it: what was deployed, what is being done, how it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jitbot.runners.answers import Row, part, read, rows

KEY = "jitbot"
"""Under this name an operation of ours tells the key of its run."""
SUCCEEDED, HEALTHY, RUNNING = "Succeeded", "Healthy", ("Running", "Terminating")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an application's history: what was deployed, and when."""

    id: int
    revision: str
    source: Mapping[str, Any]
    deployed_at: str

    def same(self, other: "Entry") -> bool:
        """Tell whether two entries deployed the same thing."""
        return (self.revision, self.source) == (other.revision, other.source)


@dataclass(frozen=True, slots=True)
class Operation:
    """The operation that goes on, or the last one."""

    phase: str
    message: str
    revision: str
    key: str

    @property
    def failed(self) -> bool:
        return self.phase in ("Failed", "Error")


@dataclass(frozen=True, slots=True)
class Application:
    """An application at one instant."""

    automated: bool
    several: bool
    """Whether it has more than one source."""
    health: str
    history: Sequence[Entry]
    """The oldest first."""
    operation: Operation | None
    busy: bool
    looked_at: bool
    """Whether Argo CD has looked at its health since the last operation ended."""
    drifted: Sequence[str]
    """What is not as it was deployed, or not as the source has it."""

    @property
    def healthy(self) -> bool:
        return self.looked_at and self.health == HEALTHY

    @property
    def condition(self) -> str:
        """Say how it is, as far as that is known."""
        return self.health if self.looked_at else "not looked at yet"

    @property
    def newest(self) -> Entry | None:
        return self.history[-1] if self.history else None

    def entry(self, number: int) -> Entry | None:
        return next((each for each in self.history if each.id == number), None)


def application(document: Any) -> Application:
    """Read an application (`v1alpha1`). Raises: NoWord."""
    spec, status = read(document, "spec", of=dict), part(document, "status")
    waiting, state = part(document, "operation"), part(status, "operationState")
    operation = _operation(state, part(state, "operation") if state else waiting) if state or waiting else None
    return Application(
        automated=_automated(part(spec, "syncPolicy").get("automated")),
        several=bool(spec.get("sources")),
        health=str(part(status, "health").get("status") or "Unknown"),
        history=[_entry(row) for row in _listed(status, "history")],
        operation=operation,
        busy=bool(waiting) or (operation is not None and operation.phase in RUNNING),
        looked_at=str(status.get("reconciledAt") or "~") >= str(state.get("finishedAt") or ""),
        drifted=[name(row) for row in _listed(status, "resources") if row.get("status") == "OutOfSync"],
    )


def name(resource: Row) -> str:
    """Name a resource as people know it: `apps/Deployment payments/api`."""
    kind = "/".join(filter(None, [str(resource.get("group") or ""), str(resource.get("kind") or "")]))
    return f"{kind} {'/'.join(filter(None, [str(resource.get('namespace') or ''), str(resource.get('name') or '')]))}"


def _automated(policy: Any) -> bool:
    """Tell whether it is synced by itself; `enabled: false` says no since Argo CD 3.1."""
    return isinstance(policy, dict) and policy.get("enabled") is not False


def _entry(row: Row) -> Entry:
    number = read({"id": 0, **row}, "id", of=int)
    return Entry(number, str(row.get("revision") or ""), part(row, "source"), str(row.get("deployedAt") or ""))


def _listed(document: Row, name: str) -> Sequence[Row]:
    """Return a list that may be left out. Raises: NoWord."""
    return [] if document.get(name) is None else rows(document, name)


def _operation(state: Row, asked: Row) -> Operation:
    infos = {str(info.get("name")): info.get("value") for info in _listed(asked, "info")}
    revision = part(state, "syncResult").get("revision") or part(asked, "sync").get("revision")
    return Operation(
        phase=str(state.get("phase") or RUNNING[0]),
        message=str(state.get("message") or ""),
        revision=str(revision or ""),
        key=str(infos.get(KEY) or ""),
    )
