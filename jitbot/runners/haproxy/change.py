"""The steps of a change: set, count once more, take back what cannot stay, and wait."""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.ports import Run
from jitbot.runners.haproxy.floor import demand_floor
from jitbot.runners.haproxy.inputs import ServerInputs
from jitbot.runners.haproxy.link import NoWord
from jitbot.runners.haproxy.patience import Patience
from jitbot.runners.haproxy.runtime import Note, Runtime, Server, Settled

_Seen = TypeVar("_Seen")


def unharmed(look: Callable[[], _Seen]) -> _Seen:
    """Do what leaves the server as it is. Raises: RunnerRefused."""
    try:
        return look()
    except NoWord as error:
        raise RunnerRefused(f"{error} Nothing was changed.") from error


def wanted(told: ServerInputs, now: Settled) -> Settled:
    return Settled(told.to or now.state, now.weight if told.weight is None else told.weight)


def settle(haproxy: Runtime, now: Settled, goal: Settled, patience: Patience) -> None:
    """Change what differs; the weight first, so that a server made ready never gets more than its share."""
    if now.weight != goal.weight:
        haproxy.set_weight(goal.weight, patience.look)
    if now.state != goal.state:
        haproxy.set_state(goal.state, patience.look)


def hold_floor(told: ServerInputs, haproxy: Runtime, back: Callable[[str], NoReturn], patience: Patience) -> None:
    """Count once more: somebody may have taken another server away in the same instant."""
    try:
        sight = haproxy.look(patience.look)
    except NoWord as error:
        raise RunnerUnsure(f"{told.name} was changed, and then nothing was to be seen: {error}") from error
    try:
        demand_floor(told, sight)
    except RunnerRefused as refused:
        back(str(refused))


def take_back(haproxy: Runtime, now: Settled, note: Note, patience: Patience, why: str) -> NoReturn:
    """Have it as it was when a start began that cannot go on. Raises: RunnerRefused, RunnerUnsure."""
    try:
        settle(haproxy, haproxy.look(patience.look).servers[haproxy.name].settled, now, patience)
        found = haproxy.look(patience.look).servers[haproxy.name].settled
        haproxy.keep(note, patience.look)
    except (NoWord, KeyError) as error:
        raise RunnerUnsure(f"{why} And it could not be taken back: {error}") from error
    if found != now:
        raise RunnerUnsure(f"{why} And it is {found}, which it was not before.")
    raise RunnerRefused(f"{why} {haproxy.name} is as it was: {now}.")


def settled_down(told: ServerInputs, haproxy: Runtime, patience: Patience, run: Run) -> Server:
    """Wait until nothing is left to wait for, the time is over, or somebody wants the run to end."""
    last = -1
    for seconds in patience.looks(told.wait):
        try:
            server = haproxy.look(seconds).servers[told.name]
        except (NoWord, KeyError) as error:
            raise RunnerUnsure(f"{told.name} was changed, and then it was not to be seen: {error}") from error
        if server.sessions != last:
            last = server.sessions
            run.log(f"{told.name}: {server.settled}, {last} sessions")
        if done(told, server) or run.stopping():
            break
    if server.settled != wanted(told, server.settled):
        raise RunnerUnsure(f"{told.name} was changed by somebody else meanwhile: it is {server.settled}.")
    return server


def done(told: ServerInputs, server: Server) -> bool:
    """Tell whether there is nothing to wait for (any more)."""
    if told.takes_away:
        return server.sessions == 0 or not told.wait
    return server.up or told.to != "ready" or not told.wait


def unfinished(told: ServerInputs, server: Server) -> str:
    return f"{server.sessions} sessions are left" if told.takes_away else "it is not up"
