"""What a request with many targets is as a whole: one plan, one health, and how far it has come in words."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from jitbot.model import Health, HealthState, Plan, Progress, Request, Snapshot, Stage, Waves
from jitbot.policy.durations import format_duration

WORST_FIRST = (HealthState.UNHEALTHY, HealthState.ABSENT, HealthState.UNKNOWN, HealthState.HEALTHY)


def whole_plan(snapshot: Snapshot, plans: Sequence[Plan]) -> Plan:
    """Return the plan of all parts: what is done in which order, and what each of them says."""
    assert snapshot.waves is not None  # noqa: S101 - only what has parts gets here
    names = [part.name for part in snapshot.parts]
    undoable = all(plan.undoable for plan in plans)
    summaries = dict(zip(names, (plan.summary for plan in plans), strict=True))
    told = json.dumps([[name, plan.fingerprint] for name, plan in zip(names, plans, strict=True)])
    return Plan(
        summary="\n".join([_order(snapshot.waves, len(names), undoable=undoable), *_said(snapshot.waves, summaries)]),
        fingerprint=hashlib.sha256(told.encode()).hexdigest(),
        diff="\n".join(f"{name}:\n{plan.diff}" for name, plan in zip(names, plans, strict=True) if plan.diff.strip()),
        undoable=undoable,
        targets=sum(plan.targets for plan in plans),
    )


def _said(waves: Waves, summaries: Mapping[str, str]) -> Sequence[str]:
    """Return what each part says; once for all where they differ in nothing but the name."""
    alike = {summary.replace(name, f"{{{waves.parameter}}}") for name, summary in summaries.items()}
    if len(alike) == 1 and len(summaries) > 1:
        return [f"{', '.join(summaries)}: {alike.pop()}"]
    return [f"{name}: {summary}" for name, summary in summaries.items()]


def _order(waves: Waves, count: int, *, undoable: bool) -> str:
    """Say in which order it goes, and what follows when one fails."""
    if count == 1:
        return "One of many targets."
    sizes = [len(wave) for wave in waves.split(count)]
    if len(sizes) == 1:
        order = "all at the same time"
    elif set(sizes) == {1}:
        order = "one after another"
    else:
        order = f"in waves of {', '.join(map(str, sizes[:8]))}{', …' if len(sizes) > 8 else ''}"
    pause = f", {format_duration(waves.pause)} apart" if waves.pause and len(sizes) > 1 else ""
    then = "what was done is undone" if waves.undo and undoable else "what was done stays as it is"
    return f"{count} targets, {order}{pause}; when one fails, the rest is left out and {then}."


def whole_health(healths: Mapping[str, Health]) -> Health:
    """Return the worst of the parts' healths, saying which it is about."""
    worst = min((each.state for each in healths.values()), key=WORST_FIRST.index)
    said = (f"{name}: {each.detail}" if each.detail else name for name, each in healths.items() if each.state is worst)
    return Health(worst, "" if worst is HealthState.HEALTHY else "; ".join(said))


def looked_at(request: Request) -> Sequence[int]:
    """Return which parts a look at the health is about: those that were begun, or all where none was yet."""
    begun = [
        position for position, each in enumerate(request.progress) if each.stage not in (Stage.WAITING, Stage.REFUSED)
    ]
    return begun or range(len(request.snapshot.parts))


def of_stage(request: Request, *stages: Stage) -> Sequence[int]:
    """Return the positions of the parts that stand at one of these stages."""
    return [position for position, each in enumerate(request.progress) if each.stage in stages]


def next_wave(request: Request) -> Sequence[int]:
    """Return the parts of the first wave that has not been begun."""
    waves = request.snapshot.waves or Waves("")
    waiting = of_stage(request, Stage.WAITING)
    of_waves = ([each for each in wave if each in waiting] for wave in waves.split(len(request.snapshot.parts)))
    return next((wave for wave in of_waves if wave), [])


def named(request: Request, positions: Sequence[int]) -> str:
    """Name some parts: `web1, web2`."""
    return ", ".join(request.snapshot.parts[position].name for position in positions)


def so_far(request: Request) -> str:
    """Say how many of the parts are done: `2 of 5 done (web1, web2)`."""
    done = of_stage(request, Stage.DONE)
    return f"{len(done)} of {len(request.snapshot.parts)} done" + (f" ({named(request, done)})" if done else "")


def with_stage(request: Request, positions: Sequence[int], stage: Stage) -> tuple[Progress, ...]:
    """Return the progress with some parts at another stage."""
    return tuple(
        replace(each, stage=stage) if position in positions else each for position, each in enumerate(request.progress)
    )


def with_part(request: Request, position: int, part: Progress) -> tuple[Progress, ...]:
    """Return the progress with one part as it is now."""
    return (*request.progress[:position], part, *request.progress[position + 1 :])
