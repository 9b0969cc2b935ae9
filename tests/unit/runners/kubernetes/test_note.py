"""The note in an object: read as it was written, and never more than that, whatever stands there."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jitbot.model import Receipt
from jitbot.runners.kubernetes.note import Note, read, to_undo
from jitbot.testing.runners import ContractRun

VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.none() | st.text(), max_size=2)
NOTES = st.builds(Note, st.text(), VALUES, VALUES, st.booleans(), st.booleans(), st.booleans())


def having(text: Any) -> Any:
    return {"metadata": {"annotations": {"jitbot/scale": text}}}


@given(NOTES)
def test_a_note_is_read_as_it_was_written(note: Note) -> None:
    assert read(having(str(note)), "jitbot/scale") == note
    assert read(having(str(note)), "jitbot/restart") is None


@given(st.text() | st.sampled_from(["{}", "[]", "null", "1", '{"key": "a"}', '{"key": "a", "more": 1}', "[" * 9_999]))
def test_what_is_no_note_is_none(text: str) -> None:
    assert read(having(text), "jitbot/scale") is None
    assert read({"metadata": {}}, "jitbot/scale") is None


def test_an_undo_goes_by_the_receipt_and_else_by_a_note_of_its_own_run() -> None:
    run, receipt = ContractRun("jit-1-1"), Receipt({"before": 2, "after": 5})
    mine, other = Note("jit-1-1", 3, 5, grant=False), Note("jit-9-1", 3, 5, grant=False)
    assert to_undo(None, None, run) is None
    assert to_undo(None, receipt, run) == (5, 2)
    assert to_undo(mine, receipt, run) == (5, 2)
    assert to_undo(mine, None, run) == (5, 3)
    assert to_undo(other, None, run) is None
    assert to_undo(Note("jit-9-1", 3, 5, grant=True), None, run) == (5, 3), "of a grant, the last holder ends it"
    assert to_undo(Note("jit-1-1", 3, 5, grant=False, open=False), receipt, run) is None
