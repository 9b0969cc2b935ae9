"""The servers of one HAProxy as its runtime API tells them, the commands that change one, and a note kept in HAProxy.

The note says how a server was before we came. It lives and dies with what it is about: both are gone when HAProxy is
restarted. https://docs.haproxy.org/2.6/management.html#9.3
"""

import csv
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from jitbot.outbound.text import shown
from jitbot.runners.haproxy.inputs import State
from jitbot.runners.haproxy.link import Declined, Link, NoAnswer

RUNNING = "2"
"""`srv_op_state` of a server that is up; one in its slow start is not counted yet."""
_FORCED_MAINT, _FORCED_DRAIN = 0x01, 0x08
_TAKEN_AWAY = 0x01 | 0x02 | 0x08 | 0x10 | 0x20 | 0x40
"""All of `srv_admin_state` but 0x04, which only says what the configuration once said."""
_LOOK = "show servers state;show stat -1 4 -1;show cli level"
_ANSWERS = 4
_NOTE = re.compile(r"type=str value=<(open|closed):([0-9a-f]*):(ready|drain|maint):([0-9]{1,3}):(grant|change)>")


@dataclass(frozen=True, slots=True)
class Settled:
    """What a server is told by hand: its state and its weight."""

    state: State
    weight: int

    def __str__(self) -> str:
        return f"{self.state}, weight {self.weight}"


@dataclass(frozen=True, slots=True)
class Server:
    """One server as it is now."""

    backend: str
    name: str
    settled: Settled
    up: bool
    """Whether it is running, and nothing and nobody has taken it away."""
    backup: bool
    sessions: int
    """Those it serves and those that wait for it."""
    tracks: str
    """The server whose state it follows; empty where it follows none."""

    @property
    def healthy(self) -> bool:
        """Tell whether it takes its share of new traffic."""
        return self.up and not self.backup and self.settled.weight > 0


@dataclass(frozen=True, slots=True)
class Note:
    """How a server was before the run with this key, and whether that has been restored since."""

    key: str
    before: Settled
    grant: bool
    """Whether it belongs to a grant, which always ends by an undo."""
    open: bool = True

    def __str__(self) -> str:
        kind, state = "grant" if self.grant else "change", "open" if self.open else "closed"
        return f"{state}:{self.key.encode().hex()}:{self.before.state}:{self.before.weight}:{kind}"


@dataclass(frozen=True, slots=True)
class Sight:
    """All servers at one instant, and the note on one of them."""

    servers: Mapping[str, Server]
    note: Note | None
    admin: bool
    """Whether we may change something."""

    def followers(self, name: str) -> Sequence[str]:
        """Return the servers that follow this one, directly or by another."""
        found = {name}
        while more := {each for each, server in self.servers.items() if server.tracks in found} - found:
            found |= more
        return sorted(found - {name})

    def healthy(self, backend: str, without: Collection[str] = ()) -> Sequence[str]:
        """Return the healthy servers of a backend."""
        ours = {name: each for name, each in self.servers.items() if each.backend == backend and name not in without}
        return [name for name, each in ours.items() if each.healthy]


class Runtime:
    """Commands about one server (`backend/name`). Raises from all: NotSent, NoAnswer, Declined."""

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self.name = name
        self._variable = f"proc.jitbot_{hashlib.sha256(name.encode()).hexdigest()[:32]}"

    def look(self, seconds: float) -> Sight:
        """Return what is to be seen now, in one exchange, so that it is of one instant."""
        answer = self._link.ask(f"{_LOOK};get var {self._variable}", seconds)
        parts = re.split(r"\n\n+", answer)
        if len(parts) != _ANSWERS or not parts[1].startswith("# pxname"):
            raise Declined(f"HAProxy says: {shown(answer) or 'nothing'}")
        try:
            return Sight(_servers(parts[0], parts[1]), _note(parts[3]), admin=parts[2] == "admin")
        except (ValueError, KeyError) as error:
            raise NoAnswer(f"HAProxy answers what is not understood ({type(error).__name__}).") from error

    def keep(self, note: Note, seconds: float) -> None:
        """Keep a note in HAProxy, in place of the one before."""
        self._tell(f"experimental-mode on;set var {self._variable} str({note})", seconds)

    def set_state(self, state: State, seconds: float) -> None:
        self._tell(f"set server {self.name} state {state}", seconds)

    def set_weight(self, weight: int, seconds: float) -> None:
        self._tell(f"set server {self.name} weight {weight}", seconds)

    def _tell(self, line: str, seconds: float) -> None:
        """Send a command, to which silence is consent."""
        answer = self._link.ask(line, seconds)
        if answer:
            raise Declined(f"HAProxy says: {shown(answer)}")


def _servers(states: str, statistics: str) -> Mapping[str, Server]:
    lines = [line for line in states.splitlines() if " " in line]
    head = lines[0].removeprefix("# ").split(" ")
    rows = csv.DictReader(statistics.removeprefix("# ").splitlines())
    counted = {f"{row['pxname']}/{row['svname']}": row for row in rows}
    told = (dict(zip(head, line.split(" "), strict=True)) for line in lines[1:])
    named = {f"{row['be_name']}/{row['srv_name']}": row for row in told}
    return {name: _server(row, counted[name]) for name, row in named.items() if name in counted}


def _server(row: Mapping[str, str], counted: Mapping[str, str]) -> Server:
    admin = int(row["srv_admin_state"])
    state: State = "maint" if admin & _FORCED_MAINT else "drain" if admin & _FORCED_DRAIN else "ready"
    return Server(
        backend=row["be_name"],
        name=row["srv_name"],
        settled=Settled(state, int(row["srv_uweight"])),
        up=row["srv_op_state"] == RUNNING and not admin & _TAKEN_AWAY,
        backup=counted["bck"] != "0",
        sessions=int(counted["scur"]) + int(counted["qcur"]),
        tracks=counted["tracked"],
    )


def _note(answer: str) -> Note | None:
    found = _NOTE.search(answer)
    if found is None:
        return None
    state, key, before, weight, kind = found.groups()
    assert before in get_args(State)  # noqa: S101 - the pattern names them
    return Note(
        bytes.fromhex(key).decode(), Settled(cast(State, before), int(weight)), kind == "grant", state == "open"
    )
