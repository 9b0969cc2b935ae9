"""What messages claim, and what has to be true for it: a message is held against record and far side."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.far_side import Effect
from tests.chaos.model import Row

_NUMBER = re.compile(r"JIT-([0-9]+)")


@dataclass(frozen=True, slots=True)
class Claim:
    """Words at the beginning of a part of a message's first line, and the events one of which they need on record.

    `held` says what the far side has to hold for it: True something that was started, False nothing any more.
    """

    words: str
    events: frozenset[str]
    held: bool | None = None


def _claim(words: str, *events: str, held: bool | None = None) -> Claim:
    return Claim(words, frozenset(events), held)


CLAIMS = (
    _claim("approved, about to start", "allow", "approve", "waits"),
    _claim("approved by", "reviewed"),
    _claim("denied by", "deny"),
    _claim("withdrawn by", "withdraw"),
    _claim("lapsed", "lapse"),
    _claim("running", "start"),
    _claim("started and watched", "verify", held=True),
    _claim("granted", "grant", held=True),
    _claim("done", "succeed", held=True),
    _claim("ended on time", "end_expired", held=False),
    _claim("ended late", "end_expired", held=False),
    _claim("ended early", "end_revoked", held=False),
    _claim("was dropped", "end_revoked", held=False),
    _claim("was ended early", "end_revoked", held=False),
    _claim("undone", "end_rolled_back", held=False),
    _claim("was undone", "end_rolled_back", held=False),
    _claim("failed", "fail", "refuse", "end_failed", "undo"),
)


def false_words(text: str, rows: dict[int, Row], effects: Sequence[Effect]) -> Iterator[str]:
    """Yield what a message says that neither the ledger nor the far side knows of."""
    first = text.split("\n")[0]
    found = _NUMBER.search(first)
    if found is None:
        return
    row = rows.get(int(found[1]))
    if row is None:
        yield f"“{first}” is said, and the ledger has no {found[0]}"
        return
    kinds = {event.kind for event in row.events}
    own = [each for each in effects if each.key.startswith(f"jit-{row.number}-")]
    for claim in claimed(first):
        if not claim.events & kinds:
            yield f"“{first}” is said, and the record of {found[0]} holds no {' or '.join(sorted(claim.events))}"
        if claim.held is not None and _contradicted(claim.held, own):
            yield f"“{first}” is said, and the far side says otherwise: {[(each.what, each.key) for each in own]}"


def claimed(first: str) -> Iterator[Claim]:
    """Yield what a first line claims: `JIT-1 Title: granted.` and `🔵 Title · granted, ends … · JIT-1` alike."""
    parts = [part.strip() for part in re.split(r" · |: ", first)]
    for claim in CLAIMS:
        if any(part.startswith(claim.words) for part in parts):
            yield claim


def _contradicted(held: bool, effects: Sequence[Effect]) -> bool:
    """Tell whether what is said to be held was never started, or what is said to be over is still held."""
    if held:
        return not any(each.what == "start" for each in effects)
    keys = {each.key for each in effects}
    return any([each for each in effects if each.key == key][-1].what == "start" for key in keys)
