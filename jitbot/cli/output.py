"""Print what a run has said: the text on standard output, everything about it beside that on standard error."""

from collections.abc import Sequence
from dataclasses import dataclass

import typer

from jitbot.cli.login import OPERATOR, login
from jitbot.cli.record import request_id
from jitbot.errors import NotFound
from jitbot.model import Output, Phase, RequestId
from jitbot.ports import Ledger, Outputs, Trail
from jitbot.service.transcript import gone, heading, text_of, vouched


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which run of a request; `attempt` 0 is the newest."""

    request: str
    undo: bool = False
    attempt: int = 0
    results: bool = False


def show(ledger: Ledger, outputs: Outputs, trail: Trail, wanted: Wanted) -> bool:
    """Print it, and return whether the record vouches for all of it. Raises: NotFound, Tampered."""
    found = request_id(wanted.request)
    if found is None:
        raise NotFound("Say which request: jitbot output JIT-12")
    request = ledger.get(found)
    kept = outputs.of(request.id)
    chosen = _chosen(kept, wanted)
    told = trail.told(request.id, "output")
    missing = gone(kept, told)
    if missing:
        typer.secho(f"{missing} more of its runs said something that is not kept.", fg="yellow", err=True)
    if not chosen:
        raise NotFound(_nothing(request.name, kept, wanted))
    if wanted.results:
        _record(ledger, request.id, chosen)
    faults = []
    for output in chosen:
        chunks = outputs.chunks(output.id)
        fault = vouched(output, chunks, told)
        typer.secho(f"{request.name} {output.kind}, {heading(output)}", bold=True, err=True)
        typer.echo(text_of(output, chunks), nl=False)
        typer.secho(fault or "It is what the record says, to the byte.", fg="red" if fault else "green", err=True)
        faults.append(fault)
    return not any(faults)


def _chosen(kept: Sequence[Output], wanted: Wanted) -> Sequence[Output]:
    phase = Phase.UNDO if wanted.undo else Phase.START
    of_phase = [each for each in kept if (each.phase, each.results) == (phase, wanted.results)]
    attempt = wanted.attempt or max((each.attempt for each in of_phase), default=0)
    return [each for each in of_phase if each.attempt == attempt]


def _nothing(name: str, kept: Sequence[Output], wanted: Wanted) -> str:
    """Say that there is nothing of what was asked for, and what there is."""
    others = sorted({f"{each.phase.value} {each.attempt}" + " (results)" * each.results for each in kept})
    there_is = f" There is output of: {', '.join(others)}." if others else ""
    return f"Nothing is kept of what {name} said there: it said nothing, or that was deleted since.{there_is}"


def _record(ledger: Ledger, request: RequestId, outputs: Sequence[Output]) -> None:
    """Have the record say who looked at results, before they are shown."""
    with ledger.begin() as entry:
        entry.record("results_seen", OPERATOR, request, login=login(), outputs=[each.id for each in outputs])
