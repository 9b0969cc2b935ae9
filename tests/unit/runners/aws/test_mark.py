"""Marks: what is written into a tag is read back, whatever it was, and anything else is no mark."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.errors import RunnerRefused
from jitbot.model import Receipt
from jitbot.runners.aws import mark
from jitbot.runners.aws.mark import Mark
from jitbot.testing.runners import ContractRun

TAKEN = re.compile(r"[A-Za-z0-9 _.:/=+@-]{0,256}")
"""What every service of AWS takes as the value of a tag."""

names = st.sampled_from(["value", "task", "count", "held"])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(key=texts, grant=st.booleans(), before=st.dictionaries(names, texts, max_size=2))
def test_a_mark_is_read_as_it_was_written(key, grant, before) -> None:
    note = Mark(key, grant, before)
    try:
        value = mark.written(note)
    except RunnerRefused:
        return
    assert TAKEN.fullmatch(value)
    assert mark.read([{"Key": "jitbot:x", "Value": value}], "jitbot:x") == note
    assert mark.read([{"key": "jitbot:x", "value": value}], "jitbot:x") == note


@given(st.text(max_size=60))
def test_what_somebody_wrote_into_the_tag_never_breaks_anything(value) -> None:
    found = mark.read([{"Key": "jitbot:x", "Value": value}], "jitbot:x")
    assert found is None or isinstance(found, Mark)


@pytest.mark.parametrize("value", ["", "run=a", "grant=1", "run=a b", "run=a grant=1 x=,"])
def test_what_is_no_mark(value) -> None:
    assert mark.read([{"Key": "jitbot:x", "Value": value}], "jitbot:x") is None
    assert mark.read([{"Key": "jitbot:y", "Value": "run=a grant=1"}], "jitbot:x") is None


def test_a_longer_value_than_a_tag_has_is_refused() -> None:
    with pytest.raises(RunnerRefused, match="256 characters of a tag"):
        mark.written(Mark("jit-1-1", False, {"value": "ä" * 60}))


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_two_things_never_have_one_mark(one, other) -> None:
    assert (mark.named(*one) == mark.named(*other)) == (one == other)
    assert re.fullmatch("jitbot:[0-9a-f]{24}", mark.named(*one))


def a_run(key: str, *, grant: bool) -> ContractRun:
    run = ContractRun(key)
    run.until = run.until if grant else None
    return run


@pytest.mark.parametrize(
    ("known", "run", "kept"),
    [
        (None, a_run("jit-1-1", grant=False), False),
        (Mark("jit-1-1", False, {"value": "old"}), a_run("jit-1-1", grant=False), True),
        (Mark("jit-1-1", False, {"value": "old"}), a_run("jit-2-1", grant=False), False),
        (Mark("jit-1-1", False, {"value": "old"}), a_run("jit-2-1", grant=True), False),
        (Mark("jit-1-1", True, {"value": "old"}), a_run("jit-2-1", grant=True), True),
        (Mark("jit-1-1", True, {"value": "old"}), a_run("jit-2-1", grant=False), False),
    ],
)
def test_what_was_before_is_kept_for_the_run_itself_and_for_grants_that_join(known, run, kept) -> None:
    note = mark.kept(known, run, {"value": "new"})
    assert note.before == {"value": "old" if kept else "new"}


def test_an_undo_restores_only_what_its_run_has_begun() -> None:
    receipt = Receipt({"before": {"value": "receipt"}})
    own, other = ContractRun("jit-1-1"), ContractRun("jit-2-1")
    known = Mark("jit-1-1", False, {"value": "mark"})
    assert mark.before(None, receipt, own) is None
    assert mark.before(known, None, other) is None
    assert mark.before(known, None, own) == {"value": "mark"}
    assert mark.before(known, receipt, own) == {"value": "receipt"}


YES, NO = Mark("jit-1-1", True, {"held": "yes"}), Mark("jit-1-1", True, {"held": "no"})


@pytest.mark.parametrize(
    ("known", "receipt", "gave"),
    [
        (None, None, None),
        (YES, None, False),
        (NO, None, True),
        (None, {"held": "no"}, True),
        (None, {"held": "yes"}, False),
        (YES, {"held": "no"}, True),
        (NO, {"held": "yes"}, True),
        (YES, {"held": "yes"}, False),
    ],
)
def test_who_says_that_jitbot_gave_it_is_believed(known, receipt, gave) -> None:
    assert mark.gave(known, Receipt({"before": receipt}) if receipt else None) is gave


@pytest.mark.parametrize(("known", "held", "said"), [(YES, False, "no"), (NO, True, "no"), (YES, True, "yes")])
def test_a_mark_never_says_that_something_was_held_that_is_not_now(known, held, said) -> None:
    assert mark.of_grant(known, ContractRun(), held=held).before == {"held": said}
