import tracemalloc

import pytest

from jitbot.outbound.text import LINE_CHARACTERS, shown, visible
from jitbot.runners.output import TOTAL_CHARACTERS, Lines


def said(*chunks: bytes) -> tuple[list[str], Lines]:
    shown_lines: list[str] = []
    lines = Lines(shown_lines.append, lambda text: text.replace("hunter2", "•••"))
    for chunk in chunks:
        lines.feed(chunk)
    lines.close()
    return shown_lines, lines


def test_lines_come_out_one_by_one_however_they_were_cut() -> None:
    assert said(b"on", b"e\ntw", b"o\r\n\n  \nthree")[0] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("odd", "seen"),
    [("\x1b[31m", "␛[31m"), ("\0", "␀"), ("\x7f", "␡"), ("\u202e", "\\u202e"), ("\u200b", "\\u200b"), ("\t", "\t")],
)
def test_what_cannot_be_seen_is_made_visible(odd: str, seen: str) -> None:
    assert visible(odd) == seen


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert said(b"caf\xe9 \xff\n")[0] == ["caf� �"]


def test_a_long_line_is_cut_and_says_so() -> None:
    assert shown("x" * 1500) == "x" * LINE_CHARACTERS + "… (500 more)"


def test_a_secret_across_the_cut_is_hidden_before_it() -> None:
    line = said(b"x" * (LINE_CHARACTERS - 3) + b"hunter2")[0][0]
    assert line == "x" * (LINE_CHARACTERS - 3) + "•••"


@pytest.mark.parametrize("flood", [b"y\n" * 2048, b"z" * 65536, b"\n" * 4096], ids=["lines", "one line", "nothing"])
def test_a_flood_is_capped_in_memory_and_in_what_is_shown(flood: bytes) -> None:
    logged: list[str] = []
    lines = Lines(logged.append, str)
    tracemalloc.start()
    for _ in range(60):
        lines.feed(flood)
    lines.close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 800_000
    assert len(logged) < 1_050
    assert sum(map(len, logged)) < TOTAL_CHARACTERS + 20 * LINE_CHARACTERS


def test_a_flood_shows_its_beginning_a_note_and_its_end() -> None:
    logged, _ = said(b"".join(b"%d\n" % number for number in range(2000)))
    assert logged[:2] == ["0", "1"]
    assert "… the output goes on; only how it ends will be shown" in logged
    assert "… 966 lines are not shown; the last 10 follow" in logged
    assert logged[-1] == "1999"


def test_a_little_too_much_hides_nothing() -> None:
    logged, _ = said(b"".join(b"%d\n" % number for number in range(1026)))
    assert [line for line in logged if not line.startswith("…")] == [str(number) for number in range(1026)]


def test_the_last_receipt_is_kept_and_not_shown() -> None:
    logged, lines = said(b'::receipt {"a": 1}\nwords\n::receipt {"a": 2}\n')
    assert (logged, lines.receipt, lines.last) == (["words"], '{"a": 2}', "words")


def test_a_receipt_after_a_flood_is_still_found() -> None:
    assert said(b"y\n" * 5000, b"::receipt {}\n")[1].receipt == "{}"
