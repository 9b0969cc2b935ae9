"""Messages that claim what is not so are found."""

import pytest

from tests.chaos.far_side import Effect
from tests.chaos.model import Event, Row
from tests.chaos.words import false_words

STARTED = [Effect(1, "start", "jit-7-1", "1")]
UNDONE = [*STARTED, Effect(2, "undo", "jit-7-1", "1")]


def found(text: str, kinds: str, effects: list[Effect]) -> list[str]:
    rows = {7: Row(7, "", tuple(Event(0, kind, "worker") for kind in kinds.split()))}
    return [each.partition(" is said, and ")[2] for each in false_words(text, rows, effects)]


@pytest.mark.parametrize(
    ("text", "kinds", "effects"),
    [
        ("🟠 Valve: 1 · waits for approval · asked by ann · JIT-7\n“granted”", "requested", []),
        ("🔵 Valve: 1 · granted, ends soon · ann · JIT-7", "start grant", STARTED),
        ("JIT-7 Valve: granted.", "start grant", STARTED),
        ("⚪ JIT-7 Valve: 1 · ended on time after 41 s · ann, approved by bo", "reviewed grant end_expired", UNDONE),
        ("somebody chats", "", []),
    ],
)
def test_what_is_so_may_be_said(text: str, kinds: str, effects: list[Effect]) -> None:
    assert found(text, kinds, effects) == []


@pytest.mark.parametrize(
    ("text", "kinds", "effects", "wrong"),
    [
        ("🔵 Valve: 1 · granted, ends soon · JIT-7", "start", STARTED, "the record of JIT-7 holds no grant"),
        ("JIT-7 Valve: done. 200", "start succeed", [], "the far side says otherwise: []"),
        ("🟢 Valve: 1 · done in 1 s · JIT-7", "start", STARTED, "the record of JIT-7 holds no succeed"),
        ("JIT-7 Valve: was dropped.", "end_revoked", STARTED, "the far side says otherwise: [('start', 'jit-7-1')]"),
        ("⚪ Valve: 1 · withdrawn by ann · JIT-7", "requested", [], "the record of JIT-7 holds no withdraw"),
        ("JIT-8 Valve: granted.", "grant", STARTED, "the ledger has no JIT-8"),
    ],
)
def test_what_is_not_so_is_found(text: str, kinds: str, effects: list[Effect], wrong: str) -> None:
    assert found(text, kinds, effects) == [wrong]
