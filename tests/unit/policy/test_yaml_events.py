from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.errors import PolicyError
from jitbot.policy.files.issues import Issues, Place
from jitbot.policy.files.yaml_events import MOST_BYTES, MOST_DEPTH, MOST_NODES, Document, parse

MARK = "»"


def read(text: str) -> Document:
    issues = Issues()
    document = parse("a.yml", text, issues)
    issues.raise_if_any()
    assert document is not None
    return document


@pytest.fixture
def refused() -> Callable[[str], str]:
    """Read text that has one fault, at its mark."""

    def message(text: str) -> str:
        before, after = text.split(MARK)
        with pytest.raises(PolicyError) as caught:
            read(before + after)
        start = f"a.yml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "
        assert str(caught.value).startswith(start), (str(caught.value), start)
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(start)

    return message


def test_plain_scalars_are_read_as_yaml_1_2_does() -> None:
    text = "[on, no, 10:00, 007, 0o7, 2026-11-22, 1e3, 12345678901234567890, true, False, null, ~, 5, -5, 1.5, '5']"
    assert read(text).value == [
        "on", "no", "10:00", "007", "0o7", "2026-11-22", "1e3", "12345678901234567890",
        True, False, None, None, 5, -5, 1.5, "5",
    ]  # fmt: skip


def test_keys_are_always_text() -> None:
    assert read("{1: a, true: b, null: c, '': d}").value == {"1": "a", "true": "b", "null": "c", "": "d"}


@pytest.mark.parametrize("text", ["", "# only a comment", "---\n"])
def test_an_empty_file_holds_nothing(text: str) -> None:
    assert read(text).value is None


def test_a_duplicate_key_names_the_line_of_the_first(refused: Callable[[str], str]) -> None:
    assert refused("a: 1\nb: 2\n»a: 3\n") == "the key 'a' is here twice; the first is on line 1."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: »&x 1\n", "anchors are not allowed; take out `&x`."),
        ("a: »*x\n", "aliases are not allowed; write out what `*x` stands for."),
        ("a: {»<<: {b: 1}}\n", "merge keys (`<<`) are not allowed; write the keys out."),
        ("a: »!!python/object:os.system x\n", "tags are not allowed; take out the `!` tag ('tag:yaml.org,2002:python/"),
        ("a: »! x\n", "tags are not allowed"),
        ("a: »!!seq [1]\n", "tags are not allowed"),
        ("a: 1\n»---\nb: 2\n", "one file holds one document; take out the `---`."),
        ("? »[a]\n: 1\n", "a key must be text, not a list, a mapping or an alias."),
        ("a: b»: c\n", "this is not valid YAML: mapping values are not allowed in this context."),
        (
            "a:\n»\tb: 1\n",
            "this is not valid YAML: found character that cannot start any token, while scanning for the next "
            "token that began on line 2; indent with spaces, never tabs, and put text that begins with @, % or ` in "
            "quotes.",
        ),
        (
            "a: [1, 2\nb»: 3\n",
            "this is not valid YAML: did not find expected ',' or ']', while parsing a flow sequence that "
            "began on line 1.",
        ),
        (
            "when: 'a' »in b\n",
            "this is not valid YAML: did not find expected key, while parsing a block mapping that began "
            "on line 1; text that begins with a quote must end with it: put the whole of it in double quotes.",
        ),
        ("a: »\x01\n", "the character U+0001 is not allowed here; take it out, or write it as an escape."),
        ("a: »\ud800\n", "the character U+D800 is not allowed here"),
        ("»\ufeffa: 1\n", "the character U+FEFF is not allowed here"),
        ("a: x»\u2028y\n", "the character U+2028 is not allowed here"),
        ("a: 1»\rb: 2\n", "the character U+000D is not allowed here"),
        ("»%YAML 2.0\n---\na: 1\n", "this is not valid YAML: found incompatible YAML document."),
    ],
    ids=lambda value: value[:25],
)
def test_what_is_clever_or_broken_is_refused_where_it_stands(
    refused: Callable[[str], str], text: str, message: str
) -> None:
    assert refused(text).startswith(message)


def test_several_clever_things_are_all_reported_in_one_go() -> None:
    with pytest.raises(PolicyError) as caught:
        read("a: &x 1\nb: !!str 2\na: *x\n")
    assert [line.split(": ")[0] for line in str(caught.value).split("\n")] == [
        "a.yml:1:4", "a.yml:2:4", "a.yml:3:1", "a.yml:3:4",
    ]  # fmt: skip


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "], ids=["list", "mapping", "block list", "key"])
def test_deep_nesting_ends_before_anything_is_built(opening: str) -> None:
    with pytest.raises(PolicyError, match=r"nested deeper than 32 levels|a key must be text"):
        read(opening * 100_000)


def test_the_deepest_allowed_nesting_is_read() -> None:
    read("[" * MOST_DEPTH + "]" * MOST_DEPTH)
    with pytest.raises(PolicyError, match=r"^a.yml:1:33: nested deeper than 32 levels\.$"):
        read("[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1))


def test_a_file_of_ten_megabytes_is_refused_for_its_size() -> None:
    with pytest.raises(
        PolicyError, match=r"^a.yml:1:1: the file is larger than 1024 KiB; split it into several files\.$"
    ):
        read("a: " + "x" * 10_000_000)
    assert len(read("a: " + "x" * (MOST_BYTES - 3)).value["a"]) == MOST_BYTES - 3


def test_size_counts_bytes_and_not_characters() -> None:
    with pytest.raises(PolicyError, match="larger than"):
        read("é" * (MOST_BYTES // 2 + 1))


def test_too_many_values_are_refused() -> None:
    with pytest.raises(PolicyError, match=rf"more than {MOST_NODES} values in one file"):
        read("[" + "1," * MOST_NODES + "]")


BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGE_BOMB = "a: &a {k: v}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join(['*' + before] * 9)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("bomb", [BOMB, MERGE_BOMB], ids=["aliases", "merge keys"])
def test_a_bomb_does_not_go_off(bomb: str) -> None:
    with pytest.raises(PolicyError, match="aliases are not allowed"):
        read(bomb)


def test_a_value_that_is_not_there_has_the_place_of_what_is_around_it() -> None:
    document = read("a:\n  b: [1, 2]\n")
    assert document.at(("a", "b", 1)) == Place("a.yml", 2, 10)
    assert document.at(("a", "c", "d")) == Place("a.yml", 2, 3)
    assert document.key(("a", "b")) == Place("a.yml", 2, 3)
    assert document.key(("a", "b", 0)) == Place("a.yml", 2, 7)
    assert read("").at(("a",)) == Place("a.yml", 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "a: x y »z",
        'a: "\\x20\\u0009y »z"',
        "a: 'it''s »z'",
        'a: "\\"\\x41\\u0042\\n \\t »z"',
        'a: "x \\\n   »z"',
        "a: x\n   y\n   »z",
        "a: |\n  x\n    y »z\n",
        "a: >-  # folded\n  x\n  y\n\n  »z w\n",
        "a: |2\n    x\n   »z\n",
        "é: '😀 é »z'",
        "a: 'x\r\n  »z'",
    ],
    ids=[
        "plain",
        "escaped blanks",
        "single quotes",
        "double quotes",
        "escaped line end",
        "plain over lines",
        "literal",
        "folded",
        "indented literal",
        "wide characters",
        "CRLF",
    ],
)
def test_a_character_of_a_value_is_found_in_the_file_however_it_is_written(text: str) -> None:
    before, after = text.split(MARK)
    document = read(before + after)
    ((key, value),) = document.value.items()
    place = document.inside((key,), value.index("z"))
    assert (place.line, place.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))


def test_the_end_of_a_value_is_behind_its_last_character() -> None:
    document = read("a: x yz\nb: ''\nc: 1\n")
    assert document.inside(("a",), 4) == Place("a.yml", 1, 8)
    assert document.inside(("b",), 0) == Place("a.yml", 2, 5)


def test_after_three_hundred_problems_the_reading_ends() -> None:
    with pytest.raises(PolicyError) as caught:
        read("\n".join("a: 1" for _ in range(5000)))
    lines = str(caught.value).split("\n")
    assert len(lines) == 101
    assert lines[-1] == "a.yml:102:1: and 201 more problems from here on."


@settings(max_examples=300)
@given(
    st.text(alphabet=st.sampled_from("ab:-[]{},&*!|>'\"%@`#? \n\t<1é\x00\ud800\r"), max_size=60) | st.text(max_size=80)
)
def test_any_text_is_read_or_refused_as_a_policy_error(text: str) -> None:
    try:
        read(text)
    except PolicyError as error:
        assert all(line.startswith("a.yml:") for line in str(error).split("\n"))


def test_an_empty_block_at_the_end_of_a_file_stands_where_it_begins() -> None:
    assert read("a: |\n").inside(("a",), 0) == Place("a.yml", 1, 4)
