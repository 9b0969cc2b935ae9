"""What runs have said, as one text: each run under a heading, with a mark where lines are missing."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from jitbot.model import AuditEvent, Chunk, Output, OutputId


def heading(output: Output) -> str:
    """Say of which run an output is: `start, attempt 1, from 2026-11-25 12:00:00 to 12:00:41 UTC`."""
    until = f"to {output.ended_at:%H:%M:%S} UTC" if output.ended_at else "on (UTC); its end is not written"
    return f"{output.phase.value}, attempt {output.attempt}, from {_instant(output.began_at)} {until}"


def text_of(output: Output, chunks: Sequence[Chunk]) -> str:
    """Return the text of one output."""
    parts, expected = [], 0
    for chunk in chunks:
        if chunk.number != expected:
            parts.append(f"… {output.missing} bytes were said here that are not kept …\n")
        parts.append(chunk.data.decode(errors="replace"))
        expected = chunk.number + 1
    return "".join(parts)


def transcript(outputs: Iterable[tuple[Output, Sequence[Chunk]]]) -> str:
    """Return several outputs as one text."""
    return "\n".join(f"== {heading(output)} ==\n{text_of(output, chunks)}" for output, chunks in outputs)


def vouched(output: Output, chunks: Sequence[Chunk], told: Sequence[AuditEvent]) -> str:
    """Say what speaks against the text: that it is not what the verified record says; empty where nothing does."""
    said = sealed(told).get(output.id)
    if said is None:
        return "the record says nothing of it: the run has not ended, or its worker was lost"
    digest = hashlib.sha256(b"".join(chunk.data for chunk in chunks)).hexdigest()
    same = said == {
        "output": output.id,
        "phase": output.phase.value,
        "attempt": output.attempt,
        "results": output.results,
        "bytes": sum(len(chunk.data) for chunk in chunks),
        "missing": output.missing,
        "sha256": digest,
    }
    return "" if same else f"IT WAS CHANGED: the record says {said['bytes']} bytes with the SHA-256 {said['sha256']}"


def sealed(told: Sequence[AuditEvent]) -> Mapping[OutputId, Mapping[str, object]]:
    """Return what the record says of outputs, each by its id."""
    bodies = ({name: value for name, value in event.body.items() if name != "by"} for event in told)
    return {OutputId(body["output"]): body for body in bodies}


def gone(outputs: Sequence[Output], told: Sequence[AuditEvent]) -> int:
    """Return of how many outputs the record tells that are not kept."""
    return len(sealed(told).keys() - {each.id for each in outputs})


def _instant(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "an instant that is not known"
