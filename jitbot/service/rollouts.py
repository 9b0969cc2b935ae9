"""Go through the parts of a request with many targets: wave by wave, looking at the health between them.

One call does one wave. Between two waves the claim is let go and the next one is due after the pause, so nobody waits
in a thread: a worker that dies in a pause only delays it. One that dies in a wave leaves parts that are begun; they are
begun again where the runner may repeat, and are unsure else. Each result is on disk as soon as it is there.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from jitbot.errors import Conflict, InvalidInput, NoWarrant, RunnerCutOff, RunnerError, RunnerRefused, RunnerUnsure
from jitbot.model import TOUCHED, Clearance, HealthState, Progress, Receipt, Request, Stage, State, Watch
from jitbot.policy.watching import RUNNING, Reading
from jitbot.ports import Entry
from jitbot.service.authority import WORKER
from jitbot.service.claims import mine
from jitbot.service.halted import held_back
from jitbot.service.parts import named, next_wave, of_stage, with_part, with_stage
from jitbot.service.runlog import PartLog, RunLog
from jitbot.service.telling import alarm, tell
from jitbot.service.warranting import barred
from jitbot.service.watching import Watching, counted
from jitbot.service.world import World

UNDONE_AT_ONCE = 10
"""So many parts are undone at the same time."""
LOOK_AGAIN = timedelta(seconds=5)
"""When a health that is not good between two waves is looked at again, where the action says nothing else."""
PATIENCE = timedelta(minutes=1)
"""How long nobody may be able to tell the health between two waves; then the rest is left out."""
_FREE: dict[str, Any] = {"owner": "", "lease_until": None}


class Rollouts:
    """The use cases of workers on requests with parts. Every request handed in is claimed."""

    def __init__(self, world: World, watching: Watching) -> None:
        self._world = world
        self._watching = watching

    def go_on(self, request: Request) -> str | None:
        """Do the next wave, if it may be done.

        Returns why the rest is left out, "" once all is done, None where there is more to come. Raises: Conflict.
        """
        begun = of_stage(request, Stage.BEGUN)
        clearance = self._world.halts.clearance(request)
        halted = "" if request.snapshot.pool else clearance.why_not  # in a pool it is only asked for, or taken back
        if begun and (halted or not self._world.repeatable(request)):
            why = "the worker stopped after it had started"
            return f"{named(request, begun)}: {why}{f', and {halted}' if halted else ''}"
        ended = self._ended(request)
        if ended is not None:
            return ended
        if begun:
            return self._wave(request, begun, clearance)
        if held_back(self._world, request, clearance):
            return None
        if of_stage(request, Stage.DONE) and request.snapshot.waves and request.snapshot.waves.check:
            reading = self._watching.between(request)
            if reading.state is not HealthState.HEALTHY:
                return self._doubt(request, reading)
        return self._wave(request, next_wave(request), clearance)

    def _ended(self, request: Request) -> str | None:
        """Return why nothing more may begin, "" where nothing is left to, None where something may."""
        failed = of_stage(request, Stage.REFUSED, Stage.UNSURE)
        if failed:
            return "; ".join(f"{named(request, [each])}: {request.progress[each].said}" for each in failed)
        if request.stopped_by is not None:
            return "stopped by hand"
        if not of_stage(request, Stage.WAITING, Stage.BEGUN):
            return ""
        over = request.start_deadline is not None and self._world.ledger.now() >= request.start_deadline
        return "the time for it was over" if over else None

    def _doubt(self, request: Request, reading: Reading) -> str | None:
        """Look again before the rest is left out: one reading may have seen the moment of the change itself."""
        now, verification = self._world.ledger.now(), request.snapshot.verify
        watch = counted(request.watch or Watch(), reading)
        watch = replace(watch, until=watch.until or now + PATIENCE)
        assert watch.until is not None  # noqa: S101 - just set
        if watch.unhealthy >= RUNNING:
            return f"unhealthy after {named(request, of_stage(request, Stage.DONE))}: {reading.said}"
        if reading.state is HealthState.UNKNOWN and now >= watch.until:
            return f"nobody can tell whether it is healthy: {reading.said}"
        every = LOOK_AGAIN if verification is None else verification.every
        self._amend(request, "reading", reading.said, watch=watch, due_at=now + every, **_FREE)
        return None

    def _wave(self, request: Request, positions: Sequence[int], clearance: Clearance) -> str | None:
        """Write the intention, do one wave, and let go until the next."""
        watch = None if request.watch is None else replace(request.watch, unhealthy=0, until=None)
        progress = with_stage(request, positions, Stage.BEGUN)
        with self._world.ledger.begin() as entry:
            entry.unless_halted(clearance.as_of)
            changes: dict[str, Any] = {"progress": progress, "attempt_open": True, "watch": watch, "halted": ""}
            begun = entry.amend(mine(entry, request), "wave", WORKER, **changes)
            tell(entry, begun)
        self._world.queue.messages()
        assert begun.start_deadline is not None  # noqa: S101 - written with the intention
        with RunLog(self._world, begun, begun.start_deadline) as run:
            run.now()
            self._each(positions, len(positions), lambda position: self._start(begun, position, run, request))
        pause = request.snapshot.waves.pause if request.snapshot.waves else timedelta(0)
        ended = self._world.results.write(request, lambda: self._let_go(request, pause))
        if ended is not None:
            return ended
        self._world.queue.messages()
        if not pause:
            self._world.queue.request(request.id)
        return None

    def _let_go(self, request: Request, pause: timedelta) -> str | None:
        """Have the next wave due after the pause, unless nothing more may begin: then return why."""
        with self._world.ledger.begin() as entry:
            now = mine(entry, request)
            ended = self._ended(now)
            if ended is None:
                tell(entry, entry.amend(now, "pause", WORKER, due_at=entry.now + pause, attempt_open=False, **_FREE))
            return ended

    def _start(self, request: Request, position: int, run: RunLog, before: Request) -> None:
        """Do one part, and write down what came of it; `before` is the request before this wave.

        Where it was begun before, that start may have happened, though the repeated one is refused.
        """
        again = before.progress[position].stage is Stage.BEGUN
        part = PartLog(run, request.snapshot.parts[position].name, position, request.snapshot.time_limit)
        try:
            runner, inputs = self._world.runner(request, position)
            self._world.assure(request, part.deadline)
            receipt = runner.start(inputs, part)
            result = Progress(Stage.DONE, dict(receipt.data), receipt.summary)
        except (RunnerRefused, InvalidInput, Conflict) as error:
            result = Progress(Stage.UNSURE if again else Stage.REFUSED, said=str(error) or "the runner refused")
            if isinstance(error, NoWarrant):
                barred(self._world, request, error)
        except RunnerError as error:
            landing = isinstance(error, RunnerCutOff) and part.stopping()  # then it is undone once more at its deadline
            stage = Stage.BEGUN if landing else Stage.UNSURE
            result = Progress(stage, said=str(error) or "the runner did not say")
        self._world.results.write(request, lambda: self._result(request, position, result))
        self._world.queue.messages()

    def _result(self, request: Request, position: int, result: Progress) -> None:
        with self._world.ledger.begin() as entry:
            now = entry.get(request.id)
            changed = with_part(now, position, result)
            if now.state is State.RUNNING and now.fence == request.fence:
                tell(entry, entry.amend(now, "part", WORKER, result.said, progress=changed))
            elif result.stage is not Stage.REFUSED or self._open(now, position):
                _late(entry, now, changed, landed=result.stage is Stage.DONE)

    def _open(self, now: Request, position: int) -> bool:
        """Tell whether a late refusal settles a part: not where it may have been begun anew, or was settled."""
        return now.progress[position].stage in (Stage.BEGUN, Stage.UNSURE) and not self._world.repeatable(now)

    def undo(self, request: Request, run: RunLog) -> None:
        """Undo every part that was, or may have been, done. Raises: RunnerUnsure, naming each that failed."""
        failed: dict[int, str] = {}
        began = run.now()
        may_land = request.may_land(began)

        def one(position: int) -> None:
            was = request.progress[position]
            try:
                runner, inputs = self._world.runner(request, position)
                part = PartLog(run, request.snapshot.parts[position].name, position, request.snapshot.time_limit)
                self._world.assure(request)
                runner.undo(inputs, None if was.receipt is None else Receipt(was.receipt), part)
            except (RunnerError, InvalidInput) as error:
                failed[position] = str(error) or type(error).__name__
                return
            unanswered = was.stage in (Stage.BEGUN, Stage.UNSURE) or was.found
            if not (unanswered and may_land):  # else once more when it cannot land
                self._world.results.write(request, lambda: self._undone(request, position))

        positions = of_stage(request, *TOUCHED)[::-1]
        self._each(positions, UNDONE_AT_ONCE, one)
        if failed:
            said = (f"{named(request, [position])}: {failed[position]}" for position in sorted(failed))
            raise RunnerUnsure("; ".join(said))

    def _undone(self, request: Request, position: int) -> None:
        with self._world.ledger.begin() as entry:
            now = entry.get(request.id)
            was = now.progress[position]
            if was == request.progress[position]:  # else its start has landed meanwhile
                progress = with_part(now, position, replace(was, stage=Stage.UNDONE))
                entry.amend(now, "part_undone", WORKER, named(now, [position]), progress=progress)

    def look(self, request: Request, *, may_land: bool) -> tuple[Progress, ...]:
        """Return the progress with each unsure part settled that its runner's check can settle."""
        progress = request.progress
        for position in of_stage(request, Stage.BEGUN, Stage.UNSURE):
            health = self._world.part_health(request, position)
            if health.state is HealthState.HEALTHY:
                progress = with_part(replace(request, progress=progress), position, Progress(Stage.DONE))
            elif health.state is HealthState.ABSENT and not may_land:
                absent = Progress(Stage.REFUSED, said=health.detail or "it did not happen")
                progress = with_part(replace(request, progress=progress), position, absent)
        return progress

    def _each(self, positions: Sequence[int], at_once: int, do: Callable[[int], None]) -> None:
        """Do something with several parts at the same time; what one of them raises is raised when all have ended."""
        with ThreadPoolExecutor(min(at_once, len(positions) or 1), thread_name_prefix="part") as pool:
            jobs = [pool.submit(do, position) for position in positions]
        for job in jobs:
            job.result()

    def _amend(self, request: Request, kind: str, note: str = "", **changes: Any) -> Request:
        with self._world.ledger.begin() as entry:
            amended = entry.amend(mine(entry, request), kind, WORKER, note, **changes)
            tell(entry, amended)
        self._world.queue.messages()
        return amended


def _late(entry: Entry, now: Request, changed: Sequence[Progress], *, landed: bool) -> None:
    """Take in a result that nobody waited for any more; what has landed after the end is told, and undone."""
    changes: dict[str, Any] = {"progress": tuple(changed)}
    if now.state in (State.UNDOING, State.UNSURE):
        changes["due_at"] = entry.now
    ended = landed and now.ended_at is not None and now.state is not State.SUCCEEDED
    kept = now.snapshot.waves is not None and not now.snapshot.waves.undo and now.ttl is None
    if ended and not kept:
        changes |= {"due_at": entry.now, "undo_attempts": 0}
    amended = entry.amend(now, "late_result", WORKER, **changes)
    if ended:
        then = "look at it by hand." if kept else "it is being undone."
        alarm(entry, amended, f"a start that was given up came through after the end; {then}")
