import tracemalloc

import pytest

from jitbot.outbound.text import KEPT_CHARACTERS, LINE_CHARACTERS, shown, visible
from jitbot.runners.output import Lines


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
    logged, lines = said(b"x" * (KEPT_CHARACTERS - 3) + b"hunter2")
    assert logged == ["x" * (KEPT_CHARACTERS - 3) + "•••"]
    assert len(lines.last) < LINE_CHARACTERS + 20, "what an error quotes is shorter"


@pytest.mark.parametrize("flood", [b"y\n" * 2048, b"z" * 65536, b"\n" * 4096], ids=["lines", "one line", "nothing"])
def test_a_flood_is_handed_on_line_by_line_and_never_held(flood: bytes) -> None:
    longest = 0

    def log(line: str) -> None:
        nonlocal longest
        longest = max(longest, len(line))

    lines = Lines(log, str)
    tracemalloc.start()
    for _ in range(60):
        lines.feed(flood)
    lines.close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 800_000
    assert longest < KEPT_CHARACTERS + 20


def test_nothing_of_much_is_left_out_here() -> None:
    logged, _ = said(b"".join(b"%d\n" % number for number in range(20_000)))
    assert logged == [str(number) for number in range(20_000)]


def test_the_last_receipt_is_kept_and_not_shown() -> None:
    logged, lines = said(b'::receipt {"a": 1}\nwords\n::receipt {"a": 2}\n')
    assert (logged, lines.receipt, lines.last) == (["words"], '{"a": 2}', "words")


def test_a_receipt_after_a_flood_is_still_found() -> None:
    assert said(b"y\n" * 5000, b"::receipt {}\n")[1].receipt == "{}"
