"""The runner `haproxy.server`: one server of a backend is drained, put into maintenance, made ready, or weighed."""

from dataclasses import replace
from typing import NoReturn, cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.deadline import seconds_left
from jitbot.runners.haproxy.before import goal_of_undo, known_before, note_for, to_restore
from jitbot.runners.haproxy.change import (
    done,
    hold_floor,
    settle,
    settled_down,
    take_back,
    unfinished,
    unharmed,
    wanted,
)
from jitbot.runners.haproxy.floor import demand_floor, followers, remaining
from jitbot.runners.haproxy.inputs import ServerInputs, State
from jitbot.runners.haproxy.link import Link, NoAnswer, NoWord
from jitbot.runners.haproxy.patience import LOOK_SECONDS, Patience
from jitbot.runners.haproxy.runtime import Note, Runtime, Server, Sight

_VERBS: dict[State | None, str] = {
    "drain": "Drain",
    "maint": "Put into maintenance",
    "ready": "Make ready",
    None: "Set the weight of",
}


class HaproxyServer:
    """See `ServerInputs` for what it can be told."""

    Inputs: type[BaseModel] = ServerInputs
    repeatable = False
    """Where HAProxy is not reached, a second start could not tell that nothing happened: the first may have been."""
    undoable = True
    stoppable = True

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(ServerInputs, inputs)
        return f"haproxy:{told.place}:{told.name}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(ServerInputs, inputs)
        sight = unharmed(lambda: self._runtime(told).look(LOOK_SECONDS))
        now = subject(told, sight)
        demand_floor(told, sight)
        goal, with_it = wanted(told, now.settled), followers(told, sight)
        return Plan(
            summary=f"{_VERBS[told.to]} {told.name} of HAProxy at {told.place}: {remaining(told, sight)}.",
            fingerprint=digest(told, str(now.settled), list(with_it)),
            diff="\n".join([f"- {now.settled}", f"+ {goal}", *(f"+ followed by {name}" for name in with_it)]),
            undoable=True,
            targets=1 + len(with_it),
        )

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told, patience = cast(ServerInputs, inputs), Patience(seconds_left(run))
        haproxy = self._runtime(told)
        sight = unharmed(lambda: haproxy.look(patience.look))
        now, note = subject(told, sight).settled, note_for(told, sight, run)
        demand_floor(told, sight)
        if run.stopping():
            raise RunnerRefused(f"It was stopped by hand before {told.name} was changed.")
        unharmed(lambda: haproxy.keep(note, patience.look))

        def back(why: str) -> NoReturn:
            take_back(haproxy, now, note if note is sight.note else replace(note, open=False), patience, why)

        try:
            settle(haproxy, now, wanted(told, now), patience)
        except NoAnswer as error:
            raise RunnerUnsure(f"{told.name} may have been changed: {error}") from error
        except NoWord as error:
            back(str(error))
        hold_floor(told, haproxy, back, patience)
        server = settled_down(told, haproxy, patience, run)
        left = "" if done(told, server) else f"; after the wait {unfinished(told, server)}"
        return Receipt(
            {"state": note.before.state, "weight": note.before.weight}, summary=f"{told.name}: {server.settled}{left}"
        )

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(ServerInputs, inputs)
        try:
            sight = self._runtime(told).look(LOOK_SECONDS)
        except NoWord as error:
            return Health(HealthState.UNKNOWN, str(error))
        server = sight.servers.get(told.name)
        if server is None:
            return Health(HealthState.ABSENT, f"there is no server {told.name}")
        if server.settled == wanted(told, server.settled):
            if done(told, server):
                return Health(HealthState.HEALTHY, f"{server.settled}")
            return Health(HealthState.UNHEALTHY, f"{server.settled}, but {unfinished(told, server)}")
        before = known_before(sight.note, receipt)
        state = HealthState.ABSENT if before in (None, server.settled) else HealthState.UNHEALTHY
        return Health(state, f"{server.settled}")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told, patience = cast(ServerInputs, inputs), Patience(seconds_left(run))
        haproxy = self._runtime(told)
        try:
            sight = haproxy.look(patience.look)
            server, before = sight.servers.get(told.name), to_restore(sight.note, receipt, run)
            if server is None or before is None:
                run.log(f"{told.name}: nothing of this run is there")
                return
            goal = goal_of_undo(told, server.settled, before)
            settle(haproxy, server.settled, goal, patience)
            now = haproxy.look(patience.look).servers.get(told.name)
            if now is None or now.settled != goal:
                raise RunnerUnsure(f"{told.name} was told to be {goal}, and is {now and now.settled}.")
            haproxy.keep(Note(run.key, before, grant=False, open=False), patience.look)
        except NoWord as error:
            raise RunnerUnsure(f"{told.name} may not be as it was: {error}") from error
        run.log(f"{told.name}: {goal}")

    def _runtime(self, told: ServerInputs) -> Runtime:
        return Runtime(Link(told, self._site), told.name)


def subject(told: ServerInputs, sight: Sight) -> Server:
    if told.name not in sight.servers:
        raise RunnerRefused(f"There is no server {told.name} in HAProxy at {told.place}: correct backend and server.")
    if not sight.admin:
        raise RunnerRefused(f"HAProxy lets nobody change anything at {told.place}: give it `level admin` there.")
    return sight.servers[told.name]
