"""Conditions: golden results of the engine, and that an error is never true nor false."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot import model
from jitbot.errors import PolicyError
from jitbot.model import Truth
from jitbot.policy.cel.conditions import LONGEST, ConditionFault, compile_condition, compile_program
from jitbot.policy.cel.literals import unknown_literals
from jitbot.policy.cel.names import LITERALS, NAMES, CelType
from jitbot.policy.cel.tree import Kind
from jitbot.policy.files.schema import ActionKeys

TYPES = {
    **NAMES,
    "params.env": CelType.TEXT,
    "params.namespace": CelType.TEXT,
    "params.parts": CelType.TEXTS,
    "params.pause": CelType.DURATION,
    "params.dry": CelType.BOOLEAN,
    "params.count": CelType.INTEGER,
}
VALUES = {
    "request.action": "restart", "request.source": "slack", "request.reason": "INC-42: slow",
    "request.ttl": timedelta(minutes=30), "params.env": "prod", "params.namespace": "x", "params.parts": ["api", "web"],
    "params.pause": timedelta(hours=1), "params.dry": False, "params.count": 3, "requester.id": "U1ANN",
    "requester.kind": "person", "requester.groups": ["engineering"], "now": datetime(2026, 11, 22, 22, 30, tzinfo=UTC),
    "risk": "medium", "targets": 2,
}  # fmt: skip


def result_of(text: str, values: dict[str, Any] | None = None) -> model.Tested:
    return compile_condition(text, TYPES, "p.yml:1").test(VALUES if values is None else values)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("params.env == 'prod'", Truth.TRUE),
        ("params.env != 'prod'", Truth.FALSE),
        ("params.namespace in ['x', 'y']", Truth.TRUE),
        ("'api' in params.parts && size(params.parts) == 2", Truth.TRUE),
        ("params.parts.all(part, part.startsWith('a'))", Truth.FALSE),
        ("params.parts.exists(part, part == 'web')", Truth.TRUE),
        ("params.pause <= duration('1h')", Truth.TRUE),
        ("request.ttl > duration('29m') && request.ttl < duration('31m')", Truth.TRUE),
        ("!params.dry", Truth.TRUE),
        ("params.dry", Truth.FALSE),
        ("params.count + targets == 5", Truth.TRUE),
        ("request.reason.matches('^INC-[0-9]+')", Truth.TRUE),
        ("'sre' in requester.groups || requester.kind == 'person'", Truth.TRUE),
        ("now.getHours('Europe/Berlin') == 23 && now.getDayOfWeek('Europe/Berlin') == 0", Truth.TRUE),
        ("now < timestamp('2026-11-22T22:30:01Z')", Truth.TRUE),
        ("now - timestamp('2026-11-22T22:00:00Z') == duration('30m')", Truth.TRUE),
        ("risk == 'high' ? targets < 2 : targets < 10", Truth.TRUE),
        ("{'prod': 1, 'staging': 9}[params.env] >= targets", Truth.FALSE),
        ("int('5') > 3 && string(targets) == '2'", Truth.TRUE),
        ("has({'a': 1}.a)", Truth.TRUE),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_condition_comes_to_what_it_says(text: str, truth: Truth) -> None:
    result = result_of(text)
    assert (result.truth, result.missing, result.error) == (truth, (), "")


def test_a_condition_tells_the_values_it_saw_and_no_others() -> None:
    result = result_of("params.env == 'prod' || risk == 'high' || [1].exists(targets, targets == 1)")
    assert result.seen == {"params.env": "prod", "risk": "medium"}


def test_what_is_not_bound_is_an_error_that_names_it() -> None:
    for text in ("targets > 3", "!(targets > 3)", "targets > 3 && risk == 'medium'", "targets == targets"):
        values = {name: value for name, value in VALUES.items() if name != "targets"}
        result = result_of(text, values)
        assert (result.truth, result.missing) == (Truth.ERROR, ("targets",))
        assert result.error == "targets could not be read"


def test_an_unread_group_never_becomes_true_by_being_negated() -> None:
    values = {name: value for name, value in VALUES.items() if name != "requester.groups"}
    assert result_of("!('sre' in requester.groups)", values).truth is Truth.ERROR


@pytest.mark.parametrize(
    ("text", "truth"),
    [("targets > 3 || risk == 'medium'", Truth.TRUE), ("targets > 3 && risk == 'high'", Truth.FALSE)],
)
def test_what_was_not_needed_is_not_missed(text: str, truth: Truth) -> None:
    values = {name: value for name, value in VALUES.items() if name != "targets"}
    assert result_of(text, values) == model.Tested(truth, {"risk": "medium"})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("params.parts[7] == 'x'", "Index error: index=7 size=2"),
        ("{'staging': 1}[params.env] == 1", 'Key not found in map : "prod"'),
        ("int(params.env) > 3", "cannot convert string to int"),
        ("10 / (targets - 2) > 1", "divide by zero"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_fails_is_an_error_in_words(text: str, error: str) -> None:
    result = result_of(text)
    assert (result.truth, result.missing, result.error) == (Truth.ERROR, (), error)


def test_too_much_work_is_an_error() -> None:
    text = "params.parts.all(a, params.parts.all(b, params.parts.all(c, a + b + c != '')))"
    result = result_of(text, {**VALUES, "params.parts": ["x"] * 100})
    assert (result.truth, result.error) == (Truth.ERROR, "Iteration budget exceeded")


@pytest.mark.parametrize(
    "value", [None, "3", [3], {}, object(), 10**30, 1.5, b"x"], ids=lambda value: type(value).__name__
)
def test_a_value_of_the_wrong_type_is_never_an_exception(value: object) -> None:
    assert result_of("targets + 1 == 4", {"targets": value}).truth in (Truth.ERROR, Truth.FALSE)


@pytest.mark.parametrize("text", ["params.env", "targets", "dyn(true)", "'true'", "[true]", "has(params.env)", "null"])
def test_only_what_comes_to_true_or_false_is_a_condition(text: str) -> None:
    with pytest.raises(ConditionFault, match=r"^p.yml:1:1: the condition comes to .*, not to true or false"):
        result_of(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: the condition cannot be read here (mismatched input its end)."),
        (
            "params.env = 'prod'",
            "12: the condition cannot be read here (token recognition error at: '= '); compare with `==`.",
        ),
        ("true & true", "6: the condition cannot be read here (token recognition error at: '& '); write `&&` for and."),
        (
            "true or true",
            "6: the condition cannot be read here (mismatched input 'or' expecting its end); write `||` for or.",
        ),
        (
            "not true",
            "5: the condition cannot be read here (extraneous input 'true' expecting its end); write `!` for not.",
        ),
        ("params.env == 'prod", "15: the condition cannot be read here (token recognition error at: ''prod')."),
        ("if", "1: the condition cannot be read here (reserved identifier: if)."),
        ("shout(params.env)", "1: 'shout' is not a function that conditions have."),
        ("params.env.lower() == ''", "12: 'lower' is not a function that conditions have."),
        ("params .evn == ''", "8: 'params.evn' is not a name that this condition can use."),
        (
            "request.acton == ''",
            "1: 'request.acton' is not a name that this condition can use. Did you mean request.action?",
        ),
        ("params.dry == 'x'", "12: `==` does not work with true or false and text."),
        ("params.parts == 5.0", "14: `==` does not work with a list of texts and a number with decimals."),
        ("now > 5u", "5: `>` does not work with a point in time and a whole number (unsigned)."),
        ("params.env in 'prod'", "12: `in` does not work with text and text."),
        ("params.env[0] == ''", "11: `[ ]` does not work with text and a whole number."),
        ("targets ? true : false", "9: `? :` does not work with a whole number and true or false and true or false."),
        ("timestamp('today') < now", "11: 'today' is not a point in time; write it like '2026-11-22T10:00:00Z'."),
        ("params.env.matches('[')", "20: '[' is not a pattern (RE2)."),
        (
            "now.getHours('Europe/Berln') > 3",
            "14: 'Europe/Berln' is not a time zone; write it like 'Europe/Berlin', 'UTC' or",
        ),
        ("1 / 0 == 1", "1: the condition fails whatever the values are: divide by zero."),
        (
            "(" * 40 + "true" + ")" * 40,
            "1: the condition cannot be used: nested too deeply; split it into several rules.",
        ),
        (
            "true" + " " * LONGEST,
            "1: the condition has 2004 characters, and 2000 are the most; split it into several rules.",
        ),
        ("true ||\n  shout()", "11: 'shout' is not a function that conditions have."),
    ],
    ids=lambda value: value[:30],
)
def test_a_condition_that_cannot_be_used_is_refused_in_words(text: str, message: str) -> None:
    with pytest.raises(ConditionFault) as caught:
        result_of(text)
    assert str(caught.value).startswith(f"p.yml:1:{message}")


def test_the_same_condition_is_compiled_once_whatever_else_an_action_has() -> None:
    first = compile_program("params.env == 'prod'", TYPES, "a.yml:1")
    again = compile_program("params.env == 'prod'", {**NAMES, "params.env": CelType.TEXT}, "b.yml:9")
    assert first is again


def test_a_name_of_another_type_is_another_program() -> None:
    other = {**NAMES, "params.env": CelType.TEXTS}
    assert (
        compile_condition("size(params.env) == 2", other, "a.yml:1").test({"params.env": ["a", "b"]}).truth
        is Truth.TRUE
    )


def test_the_tree_is_what_the_engine_sees() -> None:
    root = compile_program("{'k': params.env}.k == 'a' || [1, 2].exists(x, x > targets)", TYPES, "a.yml:1").tree
    assert (root.kind, root.name) == (Kind.CALL, "_||_")
    assert root.names() == {"params.env", "targets"}
    assert [node.name for node in root.walk() if node.kind is Kind.LOOP] == ["x"]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("params.env == 'stagng'", ["'stagng'"]),
        ("'stagng' != params.env", ["'stagng'"]),
        ("params.env in ['prod', 'prd', 'stg']", ["'prd'", "'stg'"]),
        ("'db' in params.parts", ["'db'"]),
        ("params.parts == ['db', 'api']", ["'db'"]),
        ("params.parts.exists(part, part == 'db')", ["'db'"]),
        ("!(params.parts.all(p, p in ['api', 'db']))", ["'db'"]),
        ("params.parts.exists(p, ['x'].exists(p, p == 'db'))", []),
        ("params.parts.filter(p, true).exists(q, q == 'db')", []),
        ("params.env == 'prod' && 'api' in params.parts", []),
        ("params.env == request.source", []),
        ("params.env + 'x' == 'prodx'", []),
        ("params.namespace == 'anything'", []),
        ("params.env.startsWith('p')", []),
    ],
    ids=lambda value: str(value)[:40],
)
def test_text_that_a_name_never_has_is_found_however_it_is_compared(text: str, unknown: list[str]) -> None:
    allowed = {"params.env": ["staging", "prod"], "params.parts": ["api", "web"]}
    found = list(unknown_literals(compile_program(text, TYPES, "a.yml:1").tree, allowed))
    assert [fault.message.split(" ")[0] for fault in found] == unknown
    assert [text[fault.offset :].startswith(word) for fault, word in zip(found, unknown, strict=True)] == [True] * len(
        unknown
    )


def test_the_risks_that_conditions_know_are_those_of_the_schema() -> None:
    assert LITERALS["risk"] == get_args(ActionKeys.model_fields["risk"].annotation)


@settings(max_examples=200)
@given(
    st.text(max_size=30)
    | st.lists(
        st.sampled_from(["params.env", "==", "'prod'", "&&", "(", ")", "in", "[", "]", "!", "1"]), max_size=8
    ).map(" ".join)
)
def test_any_text_is_a_condition_or_a_policy_error(text: str) -> None:
    try:
        condition = compile_condition(text, TYPES, "p.yml:1")
    except PolicyError as error:
        assert all(line.startswith("p.yml:1:") for line in str(error).split("\n"))
        return
    assert condition.test({}).truth in Truth
