"""Policy files written to do harm, or by accident as if: refused in bounded time, with the place and what to do."""

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.errors import PolicyError
from jitbot.model import Policy, Truth
from jitbot.policy.cel.conditions import compile_condition
from jitbot.policy.cel.names import CelType
from jitbot.policy.files.load import load
from jitbot.policy.lookalikes import foreign, named, skeleton
from jitbot.policy.patterns import pattern_fault
from jitbot.policy.wording import shown
from tests.fake_sources import FakeSource, FakeSources
from tests.unit.policy.conftest import PEOPLE, Runners, action_text, unmarked

MOST_SECONDS = 5.0
"""More than any refusal takes on a busy machine, and far less than what would go on for ever."""


def refused(**files: str) -> str:
    began = time.monotonic()
    with pytest.raises(PolicyError) as caught:
        load({f"{name}.yml": text for name, text in files.items()}, Runners(), FakeSources(FakeSource()))
    assert time.monotonic() - began < MOST_SECONDS
    assert re.match(r"\w+\.yml:\d+:\d+: ", str(caught.value)), "every refusal begins with its place"
    return str(caught.value)


BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{last}, *{last}]\n" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(BOMB, "anchor", id="a bomb of aliases"),
        pytest.param("a: &a {x: 1}\nb: {<<: [*a, *a]}", "anchor", id="a bomb of merge keys"),
        pytest.param("actions: " + "[" * 100_000, "nested deeper than 32 levels", id="a hundred thousand brackets"),
        pytest.param("actions: " + "{a: " * 50_000, "nested deeper than 32 levels", id="fifty thousand mappings"),
        pytest.param("x: " + "a" * 10_000_000, "larger than 1024 KiB", id="ten megabytes"),
        pytest.param("x: [" + "a," * 200_000 + "]", "more than", id="two hundred thousand values"),
        pytest.param("team: a\nteam: b", "'team'", id="a key twice"),
        pytest.param("team: !!python/object/apply:os.system [id]", "tag", id="a tag that would run something"),
        pytest.param("team: a\n---\nteam: b", "document", id="a second document"),
        pytest.param("team: a\x00b", "U+0000", id="a zero byte"),
    ],
)
def test_a_file_that_would_blow_up_is_refused_at_once(text: str, words: str) -> None:
    assert words in refused(payments=text, people=PEOPLE)


def test_groups_in_a_circle_are_refused_however_long_it_is() -> None:
    circle = "".join(f"  g{number}: [group:g{(number + 1) % 2000}]\n" for number in range(2000))
    assert "these groups contain each other" in refused(people=f"groups:\n{circle}")


def test_groups_nested_a_thousand_deep_without_a_circle_are_fine() -> None:
    chain = "".join(f"  g{number}: [group:g{number + 1}]\n" for number in range(1000)) + "  g1000: [U1ANN]\n"
    assert len(load({"people.yml": f"groups:\n{chain}"}, Runners(), FakeSources(FakeSource())).groups) == 1001


LOOP = "params.words.all(a, params.words.all(b, params.words.all(c, params.words.all(d, a + b + c + d != ''))))"


def test_a_condition_that_would_run_for_ever_ends_as_an_error() -> None:
    condition = compile_condition(LOOP, {"params.words": CelType.TEXTS}, "a.yml:1")
    began = time.monotonic()
    tested = condition.test({"params.words": ["x"] * 1000})
    assert tested.truth is Truth.ERROR
    assert time.monotonic() - began < MOST_SECONDS


@pytest.mark.parametrize(
    ("when", "words"),
    [
        pytest.param("(" * 500 + "true" + ")" * 500, "nested too deeply", id="five hundred parentheses"),
        pytest.param("true" + " && true" * 1000, "2000 are the most", id="a condition of nine thousand characters"),
        pytest.param(
            "request.reason.matches('(a+)+$') && ''.matches('(')", "is not a pattern", id="a pattern that is none"
        ),
    ],
)
def test_a_condition_out_of_bounds_is_refused(when: str, words: str) -> None:
    body = f'rules: [{{when: "{when}", allow: true}}, {{deny: true}}]'
    assert words in refused(payments=action_text(body), people=PEOPLE)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "title: »'R\u0435start'",
            "'R\u0435start' mixes alphabets: '\u0435' is CYRILLIC SMALL LETTER IE; type it anew.",
        ),
        ("rules: [{name: »'fr\u0435\u0435', allow: true}]", "mixes alphabets: '\u0435' is CYRILLIC"),
        (
            "parameters: {env: {type: choice, options: [prod, »'pr\u043ed']}}",
            "'pr\u043ed' mixes alphabets: '\u043e' is CYRILLIC SMALL LETTER O",
        ),
        (
            "parameters: {env: {type: choice, options: [api, »'\u0430\u0440\u0456']}}",
            "the option '\u0430\u0440\u0456' is here twice.",
        ),
        ("requesters: [»'group:\u0435ngineering']", "('\u0435' is CYRILLIC SMALL LETTER IE) names nobody"),
        (
            "rules: [{name: ape, when: 'true', allow: true}, {name: »'\u0430\u0440\u0435', deny: true}]",
            "is the name of another one already",
        ),
    ],
)
def test_letters_that_only_look_like_ours_are_told_apart(body: str, words: str) -> None:
    text, place = unmarked(action_text(body))
    told = refused(payments=text, people=PEOPLE)
    assert f"payments.yml:{place}: " in told
    assert words in told


def test_a_literal_in_a_condition_with_a_foreign_letter_is_told() -> None:
    rules = "rules: [{when: params.env == 'pr\u043ed', allow: true}, {deny: true}]"
    body = "parameters: {env: {type: choice, options: [prod]}}\n" + rules
    assert "'pr\u043ed' ('\u043e' is CYRILLIC SMALL LETTER O) is never in params.env" in refused(
        payments=action_text(body), people=PEOPLE
    )


@pytest.mark.parametrize(
    "words",
    [
        "Prüfung für ÖPNV",
        "\u041f\u0435\u0440\u0435\u0437\u0430\u043f\u0443\u0441\u043a api",
        "再起動",
        "über 3 µs \u00d7 2",
        "e\u0301clair",
        "naïve — “quoted”",
        "🔥 hot fix",
    ],
)
def test_other_languages_are_welcome(load_action: Callable[..., object], words: str) -> None:
    assert load_action(f"title: '{words}'")
    assert foreign(words) == ""


def test_what_has_no_name_is_named_by_its_number() -> None:
    assert named("\U000e0fff") == f"{chr(0xE0FFF)!r} is U+E0FFF"
    assert shown("plain") == "'plain'"


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_plain_text_is_its_own_skeleton_and_never_foreign(text: str) -> None:
    assert (skeleton(text), foreign(text)) == (text, "")


@given(st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    assert isinstance(foreign(text), str)
    assert skeleton(skeleton(text)) == skeleton(text)


@given(st.text(max_size=200))
def test_any_text_as_a_file_is_read_or_refused(text: str) -> None:
    try:
        found = load({"payments.yml": text}, Runners(), FakeSources(FakeSource()))
    except PolicyError as error:
        assert str(error)
    else:
        assert isinstance(found, Policy)


@pytest.mark.parametrize("pattern", ["(", "\ud800", "a{2000}", "(?=x)"])
def test_a_pattern_that_the_engine_cannot_take_has_a_reason_and_others_have_none(pattern: str) -> None:
    assert pattern_fault(pattern)
    assert pattern_fault("INC-[0-9]+") == ""
