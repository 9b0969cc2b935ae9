"""Other people's text: nothing hidden, nothing interpreted, nothing too long, and what is missing is counted."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.slack.text import date, escape, escaped_within, pieces, shorten, size, truncate, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pay\u202eflip", "pay⟨U+202E⟩flip"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("\u2066isolate\u2069", "⟨U+2066⟩isolate⟨U+2069⟩"),
        ("nul\x00 esc\x1b[1m", "nul⟨U+0000⟩ esc⟨U+001B⟩[1m"),
        ("hangul\u3164filler", "hangul⟨U+3164⟩filler"),
        ("no\u00a0break", "no⟨U+00A0⟩break"),
        ("lines\nstay\r\nas they are", "lines\nstay\nas they are"),
        ("family 👨\u200d👩\u200d👧 stays", "family 👨\u200d👩\u200d👧 stays"),
        ("ünïcödé ✓", "ünïcödé ✓"),
    ],
)
def test_invisible_characters_are_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_what_is_cut_is_counted() -> None:
    assert truncate("a" * 300, 100) == "a" * 79 + "… 221 more characters"
    assert truncate("short", 100) == "short"


def test_an_emoji_is_never_cut_in_half_and_counts_as_two() -> None:
    cut = truncate("😀" * 100, 60)
    assert size(cut) <= 60
    assert cut.startswith("😀")


@settings(deadline=None)
@given(st.text(max_size=500), st.integers(30, 200))
def test_nothing_is_longer_than_its_place(text: str, most: int) -> None:
    assert size(truncate(text, most)) <= most
    assert size(shorten(text, most)) <= most
    assert size(escaped_within(text, most)) <= most


@settings(deadline=None)
@given(st.text(max_size=2000), st.integers(10, 200))
def test_pieces_lose_nothing(text: str, most: int) -> None:
    cut = pieces(text, most)
    assert "".join(cut) == text
    assert all(size(each) <= most for each in cut)


def test_what_slack_would_interpret_is_escaped_once() -> None:
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert escaped_within("&" * 1000, 50).endswith(" more characters")


def test_instants_are_slacks_own_dates_with_a_fallback() -> None:
    at = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    assert date(at, "{ago}") == f"<!date^{int(at.timestamp())}^{{ago}}|2026-11-23 14:05 UTC>"
