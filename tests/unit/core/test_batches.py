"""The thread shows lines in batches, not too often, and not without end."""

import pytest

from jitbot.service.batches import BATCH_CHARACTERS, BATCH_SECONDS, LINE_CHARACTERS, MOST_CHARACTERS, Batches


def batches(*lines: str) -> Batches:
    made = Batches(0.0)
    for line in lines:
        made.add(line)
    return made


def test_lines_wait_until_there_are_enough_of_them() -> None:
    made = batches("short")
    assert made.take(1.0) is None
    for _ in range(3):
        made.add("x" * 900)
    assert made.full
    assert made.take(1.0) == (1, "\n".join(["short", *["x" * 900] * 3]))
    assert made.take(1.0) is None


def test_lines_do_not_wait_for_ever() -> None:
    made = batches("one")
    assert made.take(BATCH_SECONDS - 0.1) is None
    assert made.take(BATCH_SECONDS) == (1, "one")
    made.add("two")
    assert made.take(BATCH_SECONDS + 1) is None
    assert made.take(BATCH_SECONDS + 1, last=True) == (2, "two")


def test_there_is_an_end_to_what_the_thread_shows() -> None:
    made = batches(*["x" * 999] * 20)
    batch = made.take(0.0, last=True)
    assert batch is not None
    assert batch[1].count("x" * 999) == MOST_CHARACTERS // 1000
    assert batch[1].endswith("… more output is not shown here; press Output on the card for all that is kept")
    made.add("more")
    assert made.take(0.0, last=True) is None
    assert made.newest == "more"


def test_a_long_line_is_cut_and_says_so() -> None:
    assert batches("x" * 1500).take(0.0, last=True) == (1, "x" * LINE_CHARACTERS + "… (500 more)")


def test_a_batch_that_could_not_be_said_comes_with_the_next() -> None:
    made = batches("one")
    batch = made.take(0.0, last=True)
    assert batch is not None
    made.put_back(batch)
    made.add("two")
    assert made.take(0.0, last=True) == (2, "one\ntwo")


@pytest.mark.parametrize(("said", "long"), [(BATCH_CHARACTERS // 500, False), (BATCH_CHARACTERS // 500 + 1, True)])
def test_what_one_message_holds_is_not_long(said: int, long: bool) -> None:
    assert batches(*["x" * 499] * said).long is long
