"""What conditions can come to, held against the engine that tests them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.model import Truth
from jitbot.policy.cel import logic
from jitbot.policy.cel.conditions import compile_program
from jitbot.policy.cel.logic import Limits, could_be, formula
from jitbot.policy.cel.names import NAMES, CelType

TYPES = {
    **NAMES,
    "params.env": CelType.TEXT,
    "params.size": CelType.INTEGER,
    "params.sure": CelType.BOOLEAN,
    "facts.load": CelType.NUMBER,
}
LIMITS = Limits({"params.env": ("prod", "staging")}, {"params.size": (1, 9), "request.ttl": (0, 7200)})


def possible(true: Sequence[str], untrue: Sequence[str] = (), limits: Limits = LIMITS) -> bool:
    read = lambda text: formula(compile_program(text, TYPES, "a.yml:1").tree)  # noqa: E731 - one line says it
    return could_be([read(text) for text in true], [read(text) for text in untrue], limits)


@pytest.mark.parametrize(
    "text",
    [
        "params.env == 'prod' && params.env == 'staging'",
        "params.env != 'prod' && !(params.env in ['staging', 'test'])",
        "params.size > 9",
        "10 <= params.size",
        "params.size < 1 || params.size > 9",
        "params.size > 3 && params.size < 4",
        "params.sure && !params.sure",
        "request.ttl > duration('2h')",
        "facts.load > 0.5 && facts.load < 0.25",
        "request.source == 'slack' && request.source == 'api'",
        "size(requester.groups) > 2 && size(requester.groups) <= 2",
        "'sre' in requester.groups && !('sre' in requester.groups)",
        "requester.groups.exists(g, g == 'a') && !requester.groups.exists(g, g == 'a')",
        "(params.sure ? params.size > 5 : params.size > 7) && params.size == 2",
        "false && params.sure",
    ],
)
def test_what_no_values_make_true_is_impossible(text: str) -> None:
    assert not possible([text])


@pytest.mark.parametrize(
    "text",
    [
        "params.env == 'prod'",
        "params.size == 9 && params.env in ['prod']",
        "params.size > 3 && params.size < 5",
        "facts.load > 0.25 && facts.load < 0.5",
        "facts.load > 0.1 && facts.load > 0.2 && facts.load != 0.3",
        "request.ttl > duration('1h') && request.ttl < duration('4h')",
        "request.ttl < duration('4h')",
        "request.ttl > duration('1.5h') && request.ttl < duration('1h')",  # 1.5h is no duration of ours
        "request.source != 'slack' && request.source != 'api'",
        "requester.groups.exists(g, g == 'a') && !requester.groups.exists(g, g == 'b')",
        "{'a': params.sure}.a && !{'a': params.sure}['b']",
        "has({'a': 1}.a) && !has({'a': 1}.b)",
        "request.reason.startsWith('INC-') && request.reason == 'x'",
        "params.sure == true && null == null && b'a' != b'b' && 3u != 4u",
    ],
)
def test_what_some_values_make_true_or_is_not_understood_is_possible(text: str) -> None:
    assert possible([text])


def test_one_condition_implies_another() -> None:
    assert not possible(["'a' in requester.groups && targets > 2"], ["'a' in requester.groups"])
    assert not possible(["targets == 7"], ["targets > 5"])
    assert not possible(["params.env == 'prod'"], ["params.env != 'staging'"])
    assert possible(["'a' in requester.groups"], ["'a' in requester.groups && targets > 2"])
    assert possible(["targets > 5"], ["targets == 7"])


def test_several_together_leave_nothing_over() -> None:
    assert not possible(["targets > 0"], ["params.env == 'prod'", "params.env == 'staging'"])
    assert possible(["targets > 0"], ["params.env == 'prod'", "params.env == 'staging'"], Limits())


def test_what_takes_too_long_gets_the_benefit_of_the_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "params.env == 'prod' && params.size > 2 && params.sure && !params.sure"
    assert not possible([text])
    monkeypatch.setattr(logic, "MOST_STEPS", 3)
    assert possible([text])


ATOMS = [
    "params.env == 'prod'",
    "params.env != 'prod'",
    "params.env in ['staging', 'prod']",
    "params.size > 2",
    "params.size <= 7",
    "3 <= params.size",
    "params.size != 3",
    "9 > params.size",
    "params.sure",
    "facts.load < 0.5",
    "facts.load >= 0.25",
    "true",
]
VALUES: Mapping[str, Sequence[Any]] = {
    "params.env": ["prod", "staging"],
    "params.size": range(1, 10),
    "params.sure": [True, False],
    "facts.load": [0.0, 0.25, 0.4, 0.5, 0.6],
    "request.ttl": [timedelta(0), timedelta(minutes=30), timedelta(hours=1), timedelta(minutes=90), timedelta(hours=2)],
}
ATOMS += ["request.ttl > duration('1h')", "request.ttl <= duration('30m')", "request.ttl == duration('2h')"]


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda two: f"({two[0]} && {two[1]})"),
        pairs.map(lambda two: f"({two[0]} || {two[1]})"),
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, inner, inner).map(lambda three: f"({three[0]} ? {three[1]} : {three[2]})"),
    )


CONDITIONS = st.recursive(st.sampled_from(ATOMS), joined, max_leaves=6)


@given(CONDITIONS, CONDITIONS)
def test_the_engine_agrees_on_every_combination_of_values(one: str, other: str) -> None:
    programs = [compile_program(text, TYPES, "a.yml:1") for text in (one, other)]
    names = sorted({name for program in programs for name in program.names})
    grid = (dict(zip(names, values, strict=True)) for values in product(*(VALUES[name] for name in names)))
    found = any([program.test(values).truth for program in programs] == [Truth.TRUE, Truth.FALSE] for values in grid)
    assert possible([one], [other]) is found
