"""What the service needs from the outside, each a small protocol with its contract.

Those of what is stored stand in `storage`, and are imported from here like all others. Adapters live
in `store`, `slack`, `runners`, `facts` and `clock`; fakes live beside the tests. All instants are aware and in UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast

from pydantic import BaseModel

from jitbot.audit import Head
from jitbot.model import (
    FactKind,
    Health,
    Person,
    Plan,
    Privilege,
    Receipt,
    RequestId,
    UserId,
)
from jitbot.storage import (
    Delegations,
    Entry,
    Forgetting,
    Heads,
    History,
    Inbox,
    Ledger,
    Outbox,
    Outputs,
    PolicySets,
    Trail,
    Turns,
)

__all__ = [
    "Catalog",
    "Clock",
    "Delegations",
    "Directory",
    "Entry",
    "FactSource",
    "Forgetting",
    "Heads",
    "History",
    "Inbox",
    "Ledger",
    "ListsPrivileges",
    "Outbox",
    "Outputs",
    "Permitted",
    "PolicySets",
    "Queue",
    "Run",
    "Runner",
    "Sink",
    "Site",
    "Sources",
    "Trail",
    "Turns",
]


class Clock(Protocol):
    """The one clock."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""


class Directory(Protocol):
    """Who people are now. Answers may be cached for a minute; failure is never an empty answer."""

    def person(self, user: UserId) -> Person:
        """Return a person. Raises: NotFound, DirectoryUnavailable."""

    def known(self, user: UserId) -> Person | None:
        """Return a person if they were looked up lately, without asking anybody."""

    def by_email(self, email: str) -> UserId | None:
        """Return who has that address, None if nobody. Raises: DirectoryUnavailable."""

    def usergroup(self, handle: str) -> frozenset[UserId]:
        """Return the members of a user group by its handle, without the @. Raises: NotFound, DirectoryUnavailable."""


class Run(Protocol):
    """What a runner is given for one run."""

    key: str
    """Stable over retries of the same run: an idempotency key."""
    deadline: datetime
    """By when the runner must have ended, aware UTC."""
    until: datetime | None
    """When a grant ends at the latest, aware UTC, for targets that can end it themselves; None for what is no grant."""

    def log(self, line: str) -> None:
        """Take one line of output: it is shown in the request's thread, and kept for whoever may see the request."""

    def result(self, line: str) -> None:
        """Take one line of what was asked for, such as a row: the requester alone is told, in a direct message."""

    def stopping(self) -> bool:
        """Tell whether somebody wants this run to end early; may be asked often.

        Runners that heed it have a field `stoppable` that is true. They end as soon as they can, by RunnerRefused where
        nothing has happened, by their receipt where they know what has, and else by RunnerUnsure: then they are told to
        undo.
        """


class Permitted(Run, Protocol):
    """A run as the gate in front of a runner has it; the runner itself sees nothing of warrants."""

    def warrant(self, deed: str, receipt: Receipt | None, worker: str) -> str:
        """Return a signed warrant for one act of this run, by the worker with that key; none is the service itself.

        Raises: RunnerUnsure, where somebody else has leave to do the same; StoreUnavailable.
        """


class Site(Protocol):
    """What the operator grants on this machine; the entry points of runners and facts are called with `site=`."""

    hosts: frozenset[str]
    """`host` or `host:port` that may be talked to."""
    paths: frozenset[Path]
    """Folders below which runners may change files and speak to sockets, or single sockets."""

    def secret(self, name: str) -> str:
        """Return a secret by its name. Raises: NotGranted, naming what is not set and how to set it.

        Ask when it is needed and do not keep it: what is returned follows a rotation within seconds.
        """


class SecretStore(Protocol):
    """A plugin that reads secrets from where the operator keeps them; it is asked again every few seconds.

    Only names that the operator has meant for jitbot are known to it, whatever else its credentials could read. Names
    are checked before it is asked: letters, digits, - and _, at most 64, a letter first.
    """

    def read(self, name: str) -> str:
        """Return the present value of a secret.

        Raises: NotGranted where it knows no such name, so that the next store is asked; SecretUnavailable where it
        does, or cannot tell, and cannot hand the value out. Messages go to people and hold neither values nor paths.
        """


class StoreSite(Protocol):
    """What the operator grants to a store of secrets; its entry point is called with `site=`."""

    def section(self, name: str) -> Mapping[str, Any]:
        """Return what the operator's file says under this name, not checked; empty where it says nothing."""

    def hide(self, value: str) -> None:
        """Keep a credential of the store's own out of all text from now on."""


class Runner(Protocol):
    """A plugin that does and undoes one kind of action; its contract suite is `jitbot.testing`.

    `start` raises `RunnerRefused` when nothing happened, and lets through what its site does not grant (`NotGranted`),
    which says the same; any other exception means that it may have happened.
    `start` and `undo` may be called again with the same key; undoing what never started succeeds.
    """

    Inputs: type[BaseModel]
    repeatable: bool
    """Whether `start` may be called again, with the same key, after a worker was lost."""
    undoable: bool
    """Whether `undo` takes back what `start` did."""

    def target(self, inputs: BaseModel) -> str:
        """Name what is touched; start and undo on one target exclude each other."""

    def plan(self, inputs: BaseModel) -> Plan:
        """Tell what would happen, without doing it. Raises: RunnerRefused."""

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        """Do it."""

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        """Look at what was done (`receipt` is None when start never answered).

        Without a receipt HEALTHY says that what was asked for is there, whoever brought it: it is held from then on.
        Where that is not enough, because it ends with what brought it or is done each time anew, it is UNKNOWN.
        """

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        """Take it back; returning means that it is gone."""


class Extends(Protocol):
    """What a runner of grants has besides, where an extension has to be told to its target.

    A runner whose targets end grants by themselves, at `run.until`, has a field `ends_by_itself` that is true; without
    this method its grants cannot be extended. For all others the end is jitbot's undo, and there is nothing to tell.
    """

    def extend(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> Receipt:
        """Have a grant end at `run.until`; the key of the run is that of its start.

        May be called again with the same `until`, and its receipt may be lost: `undo` is then given the one before. The
        receipt that is returned takes the place of the one that was given, which can be that of another holder of the
        target, so that all of it that `undo` needs has to be in the new one. Raises: RunnerRefused, where the grant
        ends as before.
        """


class ListsPrivileges(Protocol):
    """What a runner of grants has besides, where its target system can tell who holds something."""

    def privileges(self, inputs: BaseModel) -> Sequence[Privilege] | None:
        """List everybody who holds what these inputs would give, their own beneficiary or not; it only looks.

        None where it cannot tell. Raises: RunnerRefused where it cannot be read just now.
        """


class ChecksByKey(Protocol):
    """What a runner has besides, where its target system can be asked for what a run with a certain key began."""

    def check_by_key(self, inputs: BaseModel, key: str) -> Health:
        """Look at what the run with this key did, whose start never answered."""


def lister(runner: Runner) -> ListsPrivileges:
    """Return a runner as one that may list privileges, as those of a catalog do."""
    return cast(ListsPrivileges, runner)


class FactSource(Protocol):
    """A plugin that reads one kind of fact; its contract suite is `jitbot.testing`.

    It only ever looks. Whatever it raises means that the fact could not be read, which is never empty, false or zero.
    """

    Arguments: type[BaseModel]
    keep: timedelta
    """How long an answer is believed; decisions show its age."""

    def kind(self, arguments: BaseModel) -> FactKind:
        """Tell what comes back, so that conditions can be checked when policies are loaded."""

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        """Return the value at an instant (aware UTC). Raises: FactUnavailable, saying why in words for people.

        Spans are all those that are not over at the instant and begin within `model.CALENDAR_AHEAD` of it.
        """


class Sources(Protocol):
    """Where facts can be read; policies are checked against it when they are loaded."""

    def names(self) -> Sequence[str]:
        """Return the names of all sources, sorted."""

    def source(self, name: str) -> FactSource:
        """Return a source. Raises: KeyError."""

    def kind(self, name: str, values: Mapping[str, Any]) -> FactKind:
        """Tell what a source comes to, though only a request knows some of its arguments. Raises: InvalidInput."""

    def arguments(self, name: str, values: Mapping[str, Any]) -> BaseModel:
        """Validate arguments for a source. Raises: InvalidInput with the offending fields."""

    def literal(self, name: str) -> frozenset[str]:
        """Return the arguments that take no `{…}`: paths and queries, into which nobody may type. Raises: KeyError."""

    def implied(self, name: str) -> Mapping[str, str]:
        """Return the arguments that no policy writes, with the `{…}` that stands in them. Raises: KeyError."""


class Sink(Protocol):
    """A place to which heads of the record are sent, and where whoever runs jitbot can only append."""

    name: str

    def put(self, head: Head) -> None:
        """Append one head, its line, within some seconds; one that is there already may be there twice.

        Raises: SinkUnavailable, where it cannot be known to have arrived; the message says why, without secrets.
        """


class Catalog(Protocol):
    """Which runners exist; policies are checked against it when they are loaded."""

    def names(self) -> Sequence[str]:
        """Return the names of all runners, sorted."""

    def runner(self, name: str) -> Runner:
        """Return a runner. Raises: KeyError."""

    def inputs(self, name: str, values: Mapping[str, Any]) -> BaseModel:
        """Validate inputs for a runner. Raises: InvalidInput with the offending fields."""

    def pools(self) -> Sequence[str]:
        """Return the names of the pools that are known, sorted."""

    def pool(self, name: str) -> "Catalog":
        """Return the runners of a pool, which do there what they are asked here. Raises: KeyError."""


class Queue(Protocol):
    """Wakes workers; losing a wake-up only costs time, since what is due is a query."""

    def request(self, request: RequestId) -> None:
        """Have a request looked at soon."""

    def delivery(self, key: str) -> None:
        """Have a delivery worked on soon."""

    def messages(self) -> None:
        """Have the outbox looked at soon."""
