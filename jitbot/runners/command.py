"""Runs a program, and another one to take it back. No shell, ever."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from pydantic import BaseModel

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.site import RedactingSite
from jitbot.outbound.text import visible
from jitbot.outbound.values import Secret, digest, plain
from jitbot.ports import Run
from jitbot.runners.command_inputs import CommandInputs
from jitbot.runners.deadline import seconds_left
from jitbot.runners.endings import PLAN_BYTES, demand_done, ending, health, ignored, plan_of, receipt_in
from jitbot.runners.output import Lines
from jitbot.runners.process import Command, NotStarted, OutOfTime, Sink, Stopped, execute

PATH = os.pathsep.join(
    [str(Path(sys.executable).parent), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
)
"""Where bare names are found: beside jitbot's own Python, then the system's folders. Never the caller's PATH."""

LOOK_SECONDS = 10.0
"""How long a plan or a check may take."""


class CommandRunner:
    """See `CommandInputs` for what it can be told, and docs/reference/runners.md for what programs are given."""

    Inputs: type[BaseModel] = CommandInputs
    repeatable = False
    """A program that was cut off may have done half of it; only its author could know."""
    undoable = True
    stoppable = True

    def __init__(self, site: RedactingSite, look_seconds: float = LOOK_SECONDS) -> None:
        self._site = site
        self._look_seconds = look_seconds

    def target(self, inputs: BaseModel) -> str:
        told = cast(CommandInputs, inputs)
        return told.target or f"command:{told.folder}:{told.argv[0]}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(CommandInputs, inputs)
        for argv in (told.argv, told.undo_argv, told.check_argv):
            if argv:
                self._command(told, argv, {})
        undoable = told.undo_argv is not None
        if told.plan_argv is None:
            return Plan(_in_words(told), digest(told), undoable=undoable)
        return plan_of(self._planned(told, told.plan_argv), undoable)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(CommandInputs, inputs)
        lines = self._run(told, told.argv, run, {})
        return Receipt(receipt_in(lines.receipt), summary=lines.last)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(CommandInputs, inputs)
        if told.check_argv is None:
            return Health(HealthState.UNKNOWN, "This action has no check_argv: there is nothing to look with.")
        lines = Lines(ignored, self._site.redact)
        try:
            code = self._look(told, told.check_argv, _told_receipt(receipt), lines.feed)
        except RunnerRefused as error:
            return Health(HealthState.UNKNOWN, str(error))
        lines.close()
        return Health(health(code, told.refused), lines.last or f"The check ended with {ending(code)}.")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(CommandInputs, inputs)
        if told.undo_argv is None:
            raise RunnerRefused("This action has no undo_argv: it cannot be taken back by jitbot.")
        self._run(told, told.undo_argv, run, _told_receipt(receipt))

    def _run(self, told: CommandInputs, argv: Sequence[str], run: Run, more: Mapping[str, str]) -> Lines:
        """Run a program that changes something; return what it said if it says that it is done."""
        command = self._command(told, argv, {"JITBOT_RUN_KEY": run.key, **more})
        lines = Lines(run.log, self._site.redact)
        try:
            code = execute(command, seconds_left(run), lines.feed, stopping=run.stopping)
        except NotStarted as error:
            raise RunnerRefused(f"{argv[0]} could not be run: {error}") from error
        except OutOfTime as error:
            lines.close()
            why = "by hand" if isinstance(error, Stopped) else "at its time limit"
            raise RunnerUnsure(f"{argv[0]} was stopped {why}; it may have done a part.") from error
        lines.close()
        demand_done(told, argv[0], code, lines.last)
        return lines

    def _planned(self, told: CommandInputs, argv: Sequence[str]) -> bytes:
        words = bytearray()
        errors = Lines(ignored, self._site.redact)

        def keep(chunk: bytes) -> None:
            words.extend(chunk[: PLAN_BYTES + 1 - len(words)])

        code = self._look(told, argv, {}, keep, errors.feed)
        errors.close()
        if code not in told.expect:
            raise RunnerRefused(f"The plan could not be made: {errors.last or ending(code)}")
        return bytes(words)

    def _look(
        self, told: CommandInputs, argv: Sequence[str], more: Mapping[str, str], out: Sink, err: Sink | None = None
    ) -> int:
        """Run a program that changes nothing and return its exit code. Raises: RunnerRefused when it has none."""
        try:
            return execute(self._command(told, argv, more), self._look_seconds, out, err)
        except NotStarted as error:
            raise RunnerRefused(f"{argv[0]} could not be run: {error}") from error
        except OutOfTime as error:
            raise RunnerRefused(f"{argv[0]} did not answer within {self._look_seconds:g} s.") from error

    def _command(self, told: CommandInputs, argv: Sequence[str], more: Mapping[str, str]) -> Command:
        """Return what would be run. Raises: RunnerRefused when something it needs is not there."""
        program = argv[0] if "/" in argv[0] else shutil.which(argv[0], path=PATH)
        if program is None:
            raise RunnerRefused(f"There is no program {argv[0]!r} in {PATH}.")
        missing = [name for name in told.env if name not in os.environ]
        if missing:
            raise RunnerRefused(f"The variable {missing[0]} is to be let through, but is not set for jitbot.")
        let_through = {name: os.environ[name] for name in told.env}
        further = {name: plain(value, self._site) for name, value in told.variables.items()}
        env = {"PATH": PATH, "LANG": "C.UTF-8"} | let_through | further | dict(more)
        return Command([program, *argv[1:]], told.folder, env)


def _in_words(told: CommandInputs) -> str:
    words = f"Run `{visible(shlex.join(told.argv))}` in {visible(told.folder)}"
    given = [f"{name} as set for jitbot" for name in told.env]
    for name, value in told.variables.items():
        meant = f"the secret {value.secret!r}" if isinstance(value, Secret) else shlex.quote(value)
        given.append(f"{name}={visible(meant)}")
    return f"{words} with {', '.join(given)}" if given else words


def _told_receipt(receipt: Receipt | None) -> Mapping[str, str]:
    """Tell the program the receipt; no variable at all when start never answered."""
    return {} if receipt is None else {"JITBOT_RECEIPT": json.dumps(dict(receipt.data))}
