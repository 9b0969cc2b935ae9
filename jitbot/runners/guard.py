"""Around every runner: foreign errors become the two that the service knows, and secrets stay inside.

Not knowing is a result: whatever a plugin throws while it acts means that it may have happened.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from pydantic import BaseModel

from jitbot.errors import NotGranted, RunnerError, RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.outbound.redaction.documents import without_secrets
from jitbot.outbound.redaction.private_keys import line_by_line
from jitbot.outbound.site import RedactingSite
from jitbot.outbound.text import KEPT_CHARACTERS, shown
from jitbot.ports import Extends, Permitted, Run, Runner

RECEIPT_BYTES = 16 * 1024
TARGET_CHARACTERS = 500

_log = logging.getLogger(__name__)
_FOREIGN = (Exception, SystemExit)
"""A plugin that calls `sys.exit` is broken, not a reason for the service to end."""


class Guarded:
    """A runner that keeps the contract of `ports.Runner` whatever the one inside does."""

    def __init__(self, name: str, runner: Runner, site: RedactingSite, *, elsewhere: bool = False) -> None:
        """`elsewhere` says that it only asks others, who want warrants: no plugin of this process gets any."""
        self.Inputs = runner.Inputs
        self.repeatable = runner.repeatable
        self.undoable = runner.undoable
        self.stoppable = bool(getattr(runner, "stoppable", False))
        self.reserved = getattr(runner, "reserved", None)
        self.ends_by_itself = bool(getattr(runner, "ends_by_itself", False))
        self.extends = callable(getattr(runner, "extend", None))
        self.lists = callable(getattr(runner, "privileges", None))
        self.finds_by_key = callable(getattr(runner, "check_by_key", None))
        self._name = name
        self._runner = runner
        self._site = site
        self._run = _PermittedRun if elsewhere else _GuardedRun

    def target(self, inputs: BaseModel) -> str:
        with self._translating(RunnerRefused, "name its target"):
            target = self._runner.target(self._own(inputs))
            _demand(isinstance(target, str) and 0 < len(target) <= TARGET_CHARACTERS)
        return target

    def plan(self, inputs: BaseModel) -> Plan:
        with self._translating(RunnerRefused, "plan"):
            plan = self._runner.plan(self._own(inputs))
            _demand(isinstance(plan, Plan) and bool(plan.fingerprint))
        return replace(plan, summary=self._site.redact(plan.summary), diff=self._site.redact(plan.diff))

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        with self._translating(RunnerUnsure, "start"):
            guarded = self._run(run, self._site)
            return self._kept(self._runner.start(self._own(inputs), guarded), guarded.log)

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        return self._looked(lambda: self._runner.check(self._own(inputs), receipt))

    def check_by_key(self, inputs: BaseModel, key: str) -> Health:
        """Look for what a start did that never answered: by the run's key where the runner can."""
        looks = getattr(self._runner, "check_by_key", None)
        if looks is None:
            return self.check(inputs, None)
        return self._looked(lambda: looks(self._own(inputs), key))

    def _looked(self, look: Callable[[], Health]) -> Health:
        try:
            with self._translating(RunnerUnsure, "check"):
                health = look()
                _demand(isinstance(health, Health))
        except RunnerError as error:
            return Health(HealthState.UNKNOWN, str(error))
        return replace(health, detail=shown(self._site.redact(health.detail)))

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        with self._translating(RunnerUnsure, "undo"):
            self._runner.undo(self._own(inputs), receipt, self._run(run, self._site))

    def extend(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> Receipt:
        """Have a grant end later, where the runner can. Raises: RunnerRefused, RunnerUnsure."""
        with self._translating(RunnerUnsure, "extend"):
            guarded = self._run(run, self._site)
            return self._kept(cast(Extends, self._runner).extend(self._own(inputs), receipt, guarded), guarded.log)

    def privileges(self, inputs: BaseModel) -> Sequence[Privilege] | None:
        """List who holds what these inputs give; None where the runner cannot tell. Raises: RunnerRefused."""
        lists = getattr(self._runner, "privileges", None)
        if lists is None:
            return None
        with self._translating(RunnerRefused, "list who holds it"):
            found = list(lists(self._own(inputs)))
            _demand(all(isinstance(each, Privilege) and bool(each.target) for each in found))
        return [replace(each, holder=shown(self._site.redact(each.holder))) for each in found]

    def release(self, inputs: BaseModel, run: Run) -> None:
        """Have whoever has started a run elsewhere leave its end to others; here there is nobody to tell."""
        tells = getattr(self._runner, "release", None)
        if tells is not None:
            with self._translating(RunnerUnsure, "let go of it"):
                tells(self._own(inputs), self._run(run, self._site))

    def answered(self, key: str) -> Receipt | None:
        """Return what a start that ran elsewhere has come to meanwhile; None where it ran here. Raises: RunnerError."""
        tells = getattr(self._runner, "answered", None)
        if tells is None:
            return None
        with self._translating(RunnerUnsure, "tell what became of it"):
            receipt: Receipt | None = tells(key)
            return None if receipt is None else self._kept(receipt, _log.warning)

    def _own(self, inputs: BaseModel) -> BaseModel:
        if not isinstance(inputs, self.Inputs):
            raise RunnerRefused(f"These inputs are not those of the runner {self._name!r}.")
        return inputs

    @contextmanager
    def _translating(self, foreign: type[RunnerError], step: str) -> Iterator[None]:
        try:
            yield
        except NotGranted as error:
            raise RunnerRefused(self._site.redact(str(error))) from None
        except (RunnerRefused, RunnerUnsure) as error:
            text = self._site.redact(str(error))
            if text == str(error):
                raise
            raise type(error)(text) from None
        except _FOREIGN as error:  # a plugin may throw anything; this is the guard
            known = "it may have happened" if foreign is RunnerUnsure else "nothing was done"
            raise foreign(f"The runner {self._name!r} failed to {step} ({type(error).__name__}): {known}.") from error

    def _kept(self, receipt: Receipt, log: Callable[[str], None]) -> Receipt:
        """Return the receipt as it can be kept: plain JSON, bounded, without secrets."""
        _demand(isinstance(receipt, Receipt) and isinstance(receipt.data, Mapping))
        text = json.dumps(dict(receipt.data), allow_nan=False)
        if len(text) > RECEIPT_BYTES:
            raise RunnerUnsure(
                f"The runner {self._name!r} started, but its receipt has {len(text)} bytes of JSON; "
                f"{RECEIPT_BYTES} are kept. Look whether it has to be undone by hand."
            )
        told = json.loads(text)
        data = without_secrets(told, line_by_line(self._site.redact))
        if data != told:
            log("What looks like a secret was taken out of the receipt: an undo that needs it cannot have it.")
        return Receipt(data=data, summary=shown(self._site.redact(receipt.summary)))


class _GuardedRun:
    """What a runner sees of a run: lines lose their secrets, and a lost line never stops the work."""

    def __init__(self, run: Run, site: RedactingSite) -> None:
        self.key = run.key
        self.deadline = run.deadline
        self.until = run.until
        self._run = run
        self._said, self._found = line_by_line(site.redact), line_by_line(site.redact)

    def stopping(self) -> bool:
        return self._run.stopping()

    def halted(self) -> str:
        return why_halted(self._run)

    def log(self, line: str) -> None:
        self._hand_on(self._run.log, self._said, line)

    def result(self, line: str) -> None:
        self._hand_on(self._run.result, self._found, line)

    def _hand_on(self, take: Callable[[str], None], redact: Callable[[str], str], line: str) -> None:
        try:
            take(shown(redact(line), KEPT_CHARACTERS))
        except Exception:  # noqa: BLE001 - whatever became of the line, what was begun must end in order
            _log.warning("A line of output of run %s was lost", self.key, exc_info=True)


def why_halted(run: Run) -> str:
    """Say why a run may not begin any more where nobody has begun it, as far as whoever gives it knows."""
    asked: Callable[[], str] = getattr(run, "halted", str)
    return asked()


class _PermittedRun(_GuardedRun):
    """What who asks others sees of a run."""

    def warrant(self, deed: str, receipt: Receipt | None, worker: str) -> str:
        return cast(Permitted, self._run).warrant(deed, receipt, worker)


def _demand(kept: bool) -> None:
    """Treat a broken contract like any other failure inside the runner."""
    if not kept:
        raise TypeError("the runner's answer is not what its contract says")
