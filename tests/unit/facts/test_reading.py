"""Values of answers as the kind that a policy wants: what does not fit is unread, never bent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jitbot.errors import FactUnavailable
from jitbot.facts.reading import As, as_kind, described
from jitbot.model import FactKind


@pytest.mark.parametrize(
    ("value", "wanted", "read"),
    [
        (3, As.INTEGER, 3),
        ("-42", As.INTEGER, -42),
        (3.0, As.INTEGER, 3),
        (0.5, As.NUMBER, 0.5),
        ("1.5e3", As.NUMBER, 1500.0),
        (7, As.NUMBER, 7),
        (True, As.BOOLEAN, True),
        ("", As.TEXT, ""),
        (["a", "b"], As.TEXTS, ["a", "b"]),
        ([], As.TEXTS, []),
        (90, As.DURATION, timedelta(seconds=90)),
        ("2d", As.DURATION, timedelta(days=2)),
        (0, As.INSTANT, datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026-11-25T10:00:00Z", As.INSTANT, datetime(2026, 11, 25, 10, tzinfo=UTC)),
    ],
)
def test_what_fits_is_read(value: Any, wanted: As, read: Any) -> None:
    assert as_kind(value, wanted) == read


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (True, As.INTEGER),
        (0.5, As.INTEGER),
        ("0x10", As.INTEGER),
        ("٣", As.INTEGER),
        (2**63, As.INTEGER),
        (1e300, As.INTEGER),
        (None, As.INTEGER),
        (True, As.NUMBER),
        ("NaN", As.NUMBER),
        (float("nan"), As.NUMBER),
        (float("inf"), As.NUMBER),
        (2**63, As.NUMBER),
        ("1e99", As.INTEGER),
        (0, As.BOOLEAN),
        ("true", As.BOOLEAN),
        (3, As.TEXT),
        ("x" * 1001, As.TEXT),
        ("a", As.TEXTS),
        (["a", 1], As.TEXTS),
        ("soon", As.DURATION),
        (1e300, As.DURATION),
        ([], As.DURATION),
        ("2026-11-25T10:00:00", As.INSTANT),
        ("yesterday", As.INSTANT),
        ("0001-01-01T00:00:00+14:00", As.INSTANT),
        (-1, As.INSTANT),
        (1e300, As.INSTANT),
        ({}, As.INSTANT),
    ],
)
def test_what_does_not_fit_is_unread(value: Any, wanted: As) -> None:
    with pytest.raises(FactUnavailable, match=f"which is no {wanted.value}"):
        as_kind(value, wanted)


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "null"), (False, "false"), (True, "true"), ("", "an empty text"), ("secret", "a text of 6 characters"),
     (1, "a number"), ([], "a list"), ({}, "an object")],
)  # fmt: skip
def test_values_are_named_and_not_shown(value: Any, words: str) -> None:
    assert described(value) == words


def test_every_kind_that_can_be_asked_for_is_a_kind_of_fact() -> None:
    assert {each.kind for each in As} <= set(FactKind)
