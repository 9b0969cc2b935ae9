from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.errors import PolicyError
from jitbot.policy.templates import faults, fill, names_in

PARAMS = {"env": "prod", "count": 3, "dry": True, "parts": ["api", "web"], "tricky": "{env} {{x}}", "empty": ""}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("{env}", "prod"),
        ("{count}", 3),
        ("{dry}", True),
        ("{parts}", ["api", "web"]),
        ("payments-{env}", "payments-prod"),
        ("{env}{env}", "prodprod"),
        ("n={count}, dry={dry}, parts={parts}.", "n=3, dry=true, parts=api,web."),
        ("{tricky}", "{env} {{x}}"),
        ("-{tricky}-", "-{env} {{x}}-"),
        ("{{env}}", "{env}"),
        ("{{{env}}}", "{prod}"),
        ("{{}}", "{}"),
        ("x{empty}y", "xy"),
        (7, 7),
        (None, None),
        ({"{env}": ["{count}", {"deep": "a{count}"}], "n": 1.5}, {"{env}": [3, {"deep": "a3"}], "n": 1.5}),
        (("{count}",), [3]),
    ],
    ids=str,
)
def test_templates_are_filled_in_one_pass_and_keep_types(template: Any, value: Any) -> None:
    filled = fill(template, PARAMS)
    assert filled == value
    assert type(filled) is type(value)


def test_a_list_that_is_filled_in_is_nobody_elses() -> None:
    fill({"x": "{parts}"}, PARAMS)["x"].append("db")
    assert PARAMS["parts"] == ["api", "web"]


@pytest.mark.parametrize("template", ["{nope}", "x{nope}", "{}", "x {En v}"])
def test_a_name_that_is_not_there_is_an_error_and_never_left_as_it_is(template: str) -> None:
    with pytest.raises(PolicyError, match="names no parameter"):
        fill({"x": template}, PARAMS)


def test_names_are_found_wherever_they_stand() -> None:
    assert names_in({"{no}": ["{a}", {"x": "{b}{c} {{d}}"}], "n": 3}) == {"a", "b", "c"}


def test_faults_tell_the_offset_and_the_token() -> None:
    assert list(faults("{{ok}} {env} {no} } {", PARAMS)) == [(13, "{no}"), (18, "}"), (20, "{")]


@given(st.text(max_size=40))
def test_any_text_comes_through_when_its_braces_are_doubled(text: str) -> None:
    assert fill(text.replace("{", "{{").replace("}", "}}"), {}) == text


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_value_is_never_read_as_a_template(value: str, other: str) -> None:
    params = {"x": value, "y": other}
    assert fill("{x}", params) == value
    assert fill("<{x}|{y}>", params) == f"<{value}|{other}>"


@given(st.text(alphabet="{}xy ", max_size=12))
def test_text_without_faults_can_always_be_filled(text: str) -> None:
    params = {"x": "1", "y": "2"}
    if list(faults(text, params)):
        return
    assert isinstance(fill(text, params), str)
