"""Restarts, starts and stops a unit of systemd on a host, and says how it stands.

A start goes ahead only where the unit is down, and a stop only where it is up. So each undo knows how it was before
from the inputs alone, even where the start never answered.
"""

import time
from typing import cast

from pydantic import BaseModel

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.site import RedactingSite
from jitbot.outbound.values import digest
from jitbot.ports import Run
from jitbot.runners.deadline import seconds_left
from jitbot.runners.endings import ending
from jitbot.runners.output import Lines
from jitbot.runners.ssh.connection import Connection, NotReached, Stopped
from jitbot.runners.ssh.listener import CutOff
from jitbot.runners.ssh.login import logged_in, quoted
from jitbot.runners.ssh.systemd_inputs import SystemdInputs, Verb
from jitbot.runners.ssh.unit_state import SHOW, NoState, UnitState, read_state

LOOK_SECONDS = 10.0
"""How long a plan or a check may take, with the login."""
POLL_SECONDS = 0.25
SHOW_BYTES = 64 * 1024

_OPPOSITE = {Verb.START: Verb.STOP, Verb.STOP: Verb.START}
_UNKNOWN = (NotReached, CutOff, NoState)


class SystemdRunner:
    """See `SystemdInputs` for what it can be told."""

    Inputs: type[BaseModel] = SystemdInputs
    repeatable = False
    """A restart would be a second one."""
    undoable = True
    stoppable = True
    """What is stopped is the waiting: systemd goes on with what it was told until it is told the opposite."""

    def __init__(self, site: RedactingSite, look_seconds: float = LOOK_SECONDS) -> None:
        self._site = site
        self._look_seconds = look_seconds

    def target(self, inputs: BaseModel) -> str:
        told = cast(SystemdInputs, inputs)
        return f"systemd:{told.address}:{told.unit}"[:500]

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(SystemdInputs, inputs)
        with logged_in(told, self._site, self._look_seconds) as connection:
            state = _before(connection, told)
        summary = f"{told.verb.value.capitalize()} {told.unit} on {told.address}, as {told.user}: it is {state}"
        if state.stale:
            summary += "; its file was changed since systemd read it, so run daemon-reload first if that is meant"
        fingerprint = digest(told, state.active, state.load, state.stale)
        return Plan(summary, fingerprint, diff=_diff(told.verb, state), undoable=told.verb in _OPPOSITE)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(SystemdInputs, inputs)
        with logged_in(told, self._site, seconds_left(run), run.stopping) as connection:
            before = _before(connection, told)
            run.log(f"{told.unit} is {before}")
            after = before if told.verb is Verb.STATUS else self._change(connection, told, told.verb, before, run)
        kept = {"unit": told.unit, "was": before.active, "is": after.active, "pid": after.pid, "since": after.since,
                "invocation": after.invocation}  # fmt: skip
        return Receipt(kept, summary=f"{told.unit} is {after}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(SystemdInputs, inputs)
        try:
            with logged_in(told, self._site, self._look_seconds) as connection:
                state = _look(connection, told)
        except (NotGranted, RunnerRefused, *_UNKNOWN) as error:
            return Health(HealthState.UNKNOWN, str(error))
        return Health(_health(told.verb, state, receipt), f"{told.unit} is {state}")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(SystemdInputs, inputs)
        if told.verb is Verb.STATUS:
            return
        if told.verb not in _OPPOSITE:
            raise RunnerRefused("A restart cannot be taken back.")
        verb = _OPPOSITE[told.verb]
        with logged_in(told, self._site, seconds_left(run), run.stopping) as connection:
            try:
                state = _look(connection, told)
            except _UNKNOWN as error:
                raise RunnerRefused(f"How {told.unit} stands is not known: {error}. Nothing was done.") from error
            if state.settled and _reached(verb, state):
                run.log(f"{told.unit} is {state}: there is nothing to take back")
                return
            self._change(connection, told, verb, state, run)

    def _change(
        self, connection: Connection, told: SystemdInputs, verb: Verb, before: UnitState, run: Run
    ) -> UnitState:
        """Have systemd do it and wait until it is done. Raises: RunnerRefused, RunnerUnsure."""
        lines = Lines(run.log, self._site.redact)
        command = quoted(told.command(verb))
        try:
            code = connection.run(command, lines.feed)  # NotReached: nothing was sent, and `logged_in` says so
        except CutOff as error:
            raise RunnerUnsure(f"The {verb.value} of {told.unit} was sent: {error}.") from error
        lines.close()
        try:
            after = _settled(connection, told)
        except _UNKNOWN as error:
            raise RunnerUnsure(f"The {verb.value} of {told.unit} was sent, and then: {error}.") from error
        said = f" systemctl said: {lines.last}" if lines.last else ""
        if code != 0 and after == before:
            raise RunnerRefused(f"{told.unit} stayed as it was; systemctl ended with {ending(code)}.{said}")
        if not _reached(verb, after) or (verb is Verb.RESTART and after.is_run_of(before)):
            raise RunnerUnsure(f"After the {verb.value}, {told.unit} is {after}.{said}")
        run.log(f"{told.unit} is {after}")
        return after


def _before(connection: Connection, told: SystemdInputs) -> UnitState:
    """Look at a unit, and see that there is something to do. Raises: RunnerRefused."""
    try:
        state = _look(connection, told)
    except Stopped as error:
        raise RunnerRefused(f"Somebody stopped it before {told.unit} was told anything.") from error
    except _UNKNOWN as error:
        raise RunnerRefused(f"How {told.unit} stands is not known: {error}. Nothing was done.") from error
    if state.load != "loaded":
        raise RunnerRefused(f"systemd on {told.host} has no {told.unit} that it could run: {state.load}.")
    if state.id != told.unit:  # two names for one thing would get round the rule of one run per target
        raise RunnerRefused(f"{told.unit} is another name of {state.id}: use that one.")
    if told.verb is not Verb.STATUS and state.ends_by_itself:
        raise RunnerRefused(f"{told.unit} does one thing and ends: run `systemctl start` by ssh.command instead.")
    at_rest = state.down and state.settled
    if (told.verb is Verb.START and not at_rest) or (told.verb is Verb.STOP and at_rest):
        raise RunnerRefused(f"There is nothing to {told.verb.value}: {told.unit} is {state}.")
    return state


def _look(connection: Connection, told: SystemdInputs) -> UnitState:
    """Ask how the unit stands. Raises: NotReached, CutOff, NoState."""
    output, errors = bytearray(), bytearray()
    code = connection.run(
        quoted((told.systemctl, *SHOW, told.unit)),
        lambda chunk: output.extend(chunk[: SHOW_BYTES - len(output)]),
        lambda chunk: errors.extend(chunk[: SHOW_BYTES - len(errors)]),
    )
    if code != 0:
        words = errors.decode(errors="replace").strip().splitlines() or [ending(code)]
        raise NoState(f"systemctl failed: {words[-1]}")
    return read_state(bytes(output))


def _settled(connection: Connection, told: SystemdInputs) -> UnitState:
    """Wait until the unit stands still. Raises: NotReached (out of time), CutOff, NoState."""
    state = _look(connection, told)
    while not state.settled:
        time.sleep(min(POLL_SECONDS, max(0.0, connection.seconds_left)))
        state = _look(connection, told)
    return state


def _reached(verb: Verb, state: UnitState) -> bool:
    return state.down if verb is Verb.STOP else state.up


def _health(verb: Verb, state: UnitState, receipt: Receipt | None) -> HealthState:
    if verb is Verb.STATUS:
        return HealthState.HEALTHY  # to look was all that was asked
    if not state.settled or (verb is Verb.RESTART and receipt is None):
        return HealthState.UNKNOWN  # a unit does not say who restarted it
    if _reached(verb, state):
        return HealthState.HEALTHY
    return HealthState.ABSENT if verb is Verb.STOP or state.active == "inactive" else HealthState.UNHEALTHY


def _diff(verb: Verb, state: UnitState) -> str:
    if verb is Verb.STATUS:
        return ""
    after = {Verb.RESTART: "active, as a new run", Verb.START: "active", Verb.STOP: "inactive"}[verb]
    return f"- {state.active}\n+ {after}"
