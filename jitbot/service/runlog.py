"""What a runner is given for one run: its key, its deadline, and somewhere to put its output.

The runner's thread only ever adds to a buffer in memory; a thread of the run's own writes it down every two seconds,
so that a slow database does not slow the run. A process that dies loses what was not written by then; while the
database is away it is kept.
"""

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType

from jitbot.errors import JitbotError, StoreUnavailable
from jitbot.model import Outgoing, Output, Phase, Portion, Receipt, Request, State, Topic
from jitbot.ports import Entry
from jitbot.service.authority import WORKER
from jitbot.service.batches import Batches
from jitbot.service.results import passes
from jitbot.service.spool import Spool
from jitbot.service.telling import lines, tell
from jitbot.service.warranting import Times, sign
from jitbot.service.world import World

log = logging.getLogger(__name__)

WRITE_SECONDS = 2.0
"""How often output is written down; so much of it a crash loses."""
PROGRESS_SECONDS = 15.0
"""How often the card is redrawn with the last line, at most."""
LOOK_SECONDS = 1.0
"""How often it is looked up whether somebody wants a run to end early."""


@dataclass(slots=True)
class _Stream:
    """One kind of what a run says, and how it is kept."""

    output: Output
    spool: Spool = field(default_factory=Spool)


class PartLog:
    """Implements `ports.Permitted` for one part of a run: a key and a time limit of its own, lines with its name."""

    def __init__(self, run: "RunLog", name: str, position: int, time_limit: timedelta) -> None:
        self.key = run.key_of(position)
        self.deadline = min(run.deadline, run.now() + time_limit)
        self.until = run.until
        self._run = run
        self._name = name
        self._position = position

    def warrant(self, deed: str, receipt: Receipt | None, worker: str) -> str:
        return self._run.signed(self, deed, receipt, worker, part=self._position)

    def log(self, line: str) -> None:
        self._run.log(f"{self._name}: {line}")

    def result(self, line: str) -> None:
        self._run.result(f"{self._name}: {line}")

    def stopping(self) -> bool:
        return self._run.stopping()

    def halted(self) -> str:
        return self._run.halted()


class RunLog:
    """Implements `ports.Permitted`, as a context: at its end all is written, and length and digest are on record."""

    def __init__(self, world: World, request: Request, deadline: datetime, phase: Phase = Phase.START) -> None:
        """Begin; only a start can be stopped, since an undo has to come to its end."""
        self.key = request.run_key
        self.key_of = request.key_of
        self.deadline = deadline
        self.until = request.gone_by
        self._world = world
        self._request = request
        self._phase = phase
        attempt = request.attempts if phase is Phase.START else request.undo_attempts + 1
        self._said = _Stream(Output(request.id, phase, attempt))
        self._found = _Stream(Output(request.id, phase, attempt, results=True))
        self._batches = Batches(time.monotonic())
        self._turn = threading.Lock()
        self._wake = threading.Event()
        self._ending = False
        self._clerk: threading.Thread | None = None
        self._drawn, self._drawn_at = "", time.monotonic()
        self._looked = time.monotonic()
        self._stopping = False
        self._clock: tuple[datetime, float] | None = None

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the writing; a process that is dying writes nothing more."""
        self._ending = True
        self._wake.set()
        if self._clerk is not None:
            self._clerk.join()
        if kind is None and not self._write(last=True):  # the result does not wait for its output
            self._world.results.write_later(lambda: self._write_all(last=True), f"the output of {self.key}")

    def warrant(self, deed: str, receipt: Receipt | None, worker: str) -> str:
        return self.signed(self, deed, receipt, worker)

    def signed(self, run: Times, deed: str, receipt: Receipt | None, worker: str, part: int | None = None) -> str:
        """Return a warrant for this run, or for one of its parts. Raises: RunnerUnsure, StoreUnavailable."""
        return sign(self._world, self._request, run, part=part, deed=deed, receipt=receipt, worker=worker)

    def now(self) -> datetime:
        """Return the present instant; asked once, it is counted on, so that no part waits for the database to begin."""
        if self._clock is None:
            self._clock = self._world.ledger.now(), time.monotonic()
        at, since = self._clock
        return at + timedelta(seconds=time.monotonic() - since)

    def stopping(self) -> bool:
        """Look into the ledger, every second at most; what cannot be read is no wish to stop."""
        now = time.monotonic()
        with self._turn:
            if self._phase is not Phase.START or self._stopping or now - self._looked < LOOK_SECONDS:
                return self._stopping
            self._looked = now
        try:
            stopping = self._world.ledger.get(self._request.id).stopped_by is not None
        except StoreUnavailable:
            return False
        with self._turn:
            self._stopping = stopping
        return stopping

    def halted(self) -> str:
        """Say why what nobody has begun yet may not begin any more; an undo always may. Known within a second or so."""
        return self._world.halts.clearance(self._request).why_not if self._phase is Phase.START else ""

    def log(self, line: str) -> None:
        """Take one line, for the thread and to be kept."""
        with self._turn:
            self._batches.add(line)
            self._take(self._said, line)

    def result(self, line: str) -> None:
        """Take one line for the requester alone."""
        with self._turn:
            self._take(self._found, line)

    def _take(self, stream: _Stream, line: str) -> None:
        stream.spool.add(line)
        if self._clerk is None:
            self._clerk = threading.Thread(target=self._write_on, name=f"output of {self.key}", daemon=True)
            self._clerk.start()
        if self._batches.full:
            self._wake.set()

    def _write_on(self) -> None:
        """Write as it comes, until the run ends."""
        while True:
            self._wake.wait(WRITE_SECONDS)
            self._wake.clear()
            if self._ending:
                return
            self._write()

    def _write(self, *, last: bool = False) -> bool:
        """Write what has come so far; False where the database is away, so that it waits for the next time."""
        try:
            self._write_all(last=last)
        except JitbotError as error:
            if passes(error):
                return False
            if last:
                log.warning("output of %s was lost: %s", self.key, error)
        return True

    def _write_all(self, *, last: bool = False) -> None:
        """Write what has come so far, in one transaction. Raises: JitbotError, with all of it kept."""
        with self._turn:
            batch = self._batches.take(time.monotonic(), last=last)
            progress = "" if last else self._progress()
            portions = [
                (stream, stream.spool.portion(last=last))
                for stream in (self._said, self._found)
                if stream.spool.waiting or (last and stream.spool.size)
            ]
        if not (batch or progress or portions):
            return
        try:
            with self._world.ledger.begin() as entry:
                kept = [(stream, portion, self._keep(entry, stream, portion, last)) for stream, portion in portions]
                if batch is not None:
                    lines(entry, self._request, *batch)
                if progress:
                    self._draw(entry, progress)
        except JitbotError:
            if batch is not None:
                with self._turn:
                    self._batches.put_back(batch)
            raise
        with self._turn:
            for stream, portion, output in kept:
                stream.output = output
                stream.spool.written(portion)
        self._world.queue.messages()

    def _keep(self, entry: Entry, stream: _Stream, portion: Portion, last: bool) -> Output:
        """Keep a portion; at the end the record is told what the whole is, so that a change of it shows."""
        long = stream is self._said and self._batches.long
        output = entry.keep(replace(stream.output, long=long, ended_at=entry.now if last else None), portion)
        if last:
            said = {"output": output.id, "phase": output.phase.value, "attempt": output.attempt}
            said |= {"results": output.results, "bytes": output.size, "missing": output.missing}
            entry.record("output", WORKER, output.request, sha256=portion.digest, **said)
        if last and output.results:
            key, to = f"result:{output.id}", self._request.requester
            entry.say(Outgoing(key, Topic.RESULT, output.request, str(output.id), to))
        return output

    def _progress(self) -> str:
        """Return what the card should say of how far a start has come, if that is due."""
        now, line = time.monotonic(), self._batches.newest
        if self._phase is not Phase.START or line == self._drawn or now - self._drawn_at < PROGRESS_SECONDS:
            return ""
        self._drawn, self._drawn_at = line, now
        return line

    def _draw(self, entry: Entry, line: str) -> None:
        now = entry.get(self._request.id)
        if (now.state, now.fence) == (State.RUNNING, self._request.fence):
            tell(entry, entry.amend(now, "said", WORKER, last_line=line))
