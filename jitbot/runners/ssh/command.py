"""Runs one command on a host over SSH, and another one to take it back."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import BaseModel

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.site import RedactingSite
from jitbot.outbound.text import visible
from jitbot.outbound.values import digest
from jitbot.ports import Run
from jitbot.runners.deadline import seconds_left
from jitbot.runners.endings import PLAN_BYTES, demand_done, ending, health, ignored, plan_of, receipt_in
from jitbot.runners.output import Lines
from jitbot.runners.ssh.command_inputs import KEY, SshCommandInputs
from jitbot.runners.ssh.listener import CutOff, Sink
from jitbot.runners.ssh.login import logged_in, login_for, quoted

LOOK_SECONDS = 10.0
"""How long a plan or a check may take, with the login."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What a program said. The streams come apart over SSH, so that half a line of one may come amid the other."""

    out: Lines
    err: Lines


class SshCommandRunner:
    """See `SshCommandInputs` for what it can be told."""

    Inputs: type[BaseModel] = SshCommandInputs
    repeatable = False
    """A program that was cut off may have done half of it, or may still be at it; only its author could know."""
    undoable = True
    stoppable = True

    def __init__(self, site: RedactingSite, look_seconds: float = LOOK_SECONDS) -> None:
        self._site = site
        self._look_seconds = look_seconds

    def target(self, inputs: BaseModel) -> str:
        told = cast(SshCommandInputs, inputs)
        return told.target or f"ssh:{told.address}:{told.argv[0]}"[:300]

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(SshCommandInputs, inputs)
        login_for(told, self._site)
        undoable = told.undo_argv is not None
        if told.plan_argv is None:
            words = f"Run `{visible(shlex.join(told.argv))}` as {told.place}"
            return Plan(words, digest(told), undoable=undoable)
        return plan_of(self._planned(told, told.plan_argv), undoable)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(SshCommandInputs, inputs)
        said = self._run(told, told.argv, run, b"")
        return Receipt(receipt_in(said.out.receipt), summary=said.out.last or said.err.last)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(SshCommandInputs, inputs)
        if told.check_argv is None:
            return Health(HealthState.UNKNOWN, "This action has no check_argv: there is nothing to look with.")
        lines = Lines(ignored, self._site.redact)
        try:
            code = self._look(told, told.check_argv, lines.feed, given=_written(receipt))
        except (NotGranted, RunnerRefused) as error:
            return Health(HealthState.UNKNOWN, str(error))
        lines.close()
        return Health(health(code, told.refused), lines.last or f"The check ended with {ending(code)}.")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(SshCommandInputs, inputs)
        if told.undo_argv is None:
            raise RunnerRefused("This action has no undo_argv: it cannot be taken back by jitbot.")
        self._run(told, told.undo_argv, run, _written(receipt))

    def _run(self, told: SshCommandInputs, argv: Sequence[str], run: Run, given: bytes) -> _Said:
        """Run a program that changes something; return what it said if it says that it is done."""
        command = quoted([word.replace(KEY, run.key) for word in argv])
        said = _Said(Lines(run.log, self._site.redact), Lines(run.log, self._site.redact))
        with logged_in(told, self._site, seconds_left(run), run.stopping) as connection:
            try:
                code = connection.run(command, said.out.feed, said.err.feed, given)
            except CutOff as error:
                raise RunnerUnsure(f"What became of {argv[0]} on {told.host} is not known: {error}.") from error
            finally:
                said.out.close()
                said.err.close()
        demand_done(told, argv[0], code, said.err.last or said.out.last)
        return said

    def _planned(self, told: SshCommandInputs, argv: Sequence[str]) -> bytes:
        words = bytearray()
        errors = Lines(ignored, self._site.redact)

        def keep(chunk: bytes) -> None:
            words.extend(chunk[: PLAN_BYTES + 1 - len(words)])

        code = self._look(told, argv, keep, errors.feed)
        errors.close()
        if code not in told.expect:
            raise RunnerRefused(f"The plan could not be made: {errors.last or ending(code)}")
        return bytes(words)

    def _look(
        self, told: SshCommandInputs, argv: Sequence[str], out: Sink, err: Sink | None = None, given: bytes = b""
    ) -> int:
        """Run a program that changes nothing and return its exit code. Raises: RunnerRefused when it has none."""
        with logged_in(told, self._site, self._look_seconds) as connection:
            try:
                return connection.run(quoted(argv), out, err, given)
            except CutOff as error:
                raise RunnerRefused(f"{argv[0]} on {told.host} did not answer: {error}.") from error


def _written(receipt: Receipt | None) -> bytes:
    """Write the receipt as the program gets it on standard input; nothing at all when start never answered."""
    return b"" if receipt is None else json.dumps(dict(receipt.data)).encode() + b"\n"
