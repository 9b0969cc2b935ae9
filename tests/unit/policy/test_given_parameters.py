"""What people fill in, from a one-liner, a form or the API."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.errors import InvalidInput
from jitbot.model import Action, Parameter, ParameterType, ReasonRule, Timebox
from jitbot.policy.asking import LONGEST_REASON, parse_reason, parse_ttl
from jitbot.policy.parameters import parse_parameters

FIELDS = (
    Parameter("env", ParameterType.CHOICE, "Env", options=("staging", "prod")),
    Parameter("parts", ParameterType.MULTI_CHOICE, "Parts", options=("api", "web", "db"), default=["api"]),
    Parameter("note", ParameterType.TEXT, "Note", required=False, default="", max_length=12),
    Parameter("ticket", ParameterType.TEXT, "Ticket", default="OPS-1", pattern="[A-Z]+-[0-9]+"),
    Parameter("count", ParameterType.INTEGER, "Count", default=3, minimum=1, maximum=9),
    Parameter("dry_run", ParameterType.BOOLEAN, "Dry run", default=False),
    Parameter("pause", ParameterType.DURATION, "Pause", default="30s", minimum=30, maximum=3600),
    Parameter("who", ParameterType.USER, "Who", default="U1ANN"),
)
DEFAULTS = {
    "parts": ["api"], "note": "", "ticket": "OPS-1", "count": 3, "dry_run": False, "pause": "30s", "who": "U1ANN",
}  # fmt: skip


def an_action(*parameters: Parameter, reason: ReasonRule | None = None, timebox: Timebox | None = None) -> Action:
    return Action(
        name="restart", title="Restart", team="payments", channel="#pay", runner="demo", inputs={},
        parameters=parameters, requesters=(), rules=(), reason=reason or ReasonRule(), timebox=timebox,
    )  # fmt: skip


@pytest.fixture
def refused() -> Callable[..., dict[str, str]]:
    def fields(raw: dict[str, object], *parameters: Parameter) -> dict[str, str]:
        with pytest.raises(InvalidInput) as caught:
            parse_parameters(an_action(*(parameters or FIELDS)), raw)
        assert str(caught.value) == " ".join(caught.value.fields.values())
        return caught.value.fields

    return fields


def test_what_is_not_given_gets_its_default() -> None:
    assert parse_parameters(an_action(*FIELDS), {"env": "prod"}) == {"env": "prod", **DEFAULTS}
    blank: dict[str, object] = {"env": "prod", "parts": [], "note": "", "count": None}
    assert parse_parameters(an_action(*FIELDS), blank) == {"env": "prod", **DEFAULTS}


def test_a_default_list_is_nobody_elses() -> None:
    action = an_action(*FIELDS)
    parse_parameters(action, {"env": "prod"})["parts"].append("web")
    assert parse_parameters(action, {"env": "prod"})["parts"] == ["api"]


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("env", "staging", "staging"),
        ("parts", "web", ["web"]),
        ("parts", "web, api,web", ["api", "web"]),
        ("parts", ["db", "api"], ["api", "db"]),
        ("parts", ("web",), ["web"]),
        ("note", "  two\n\tö 😀 ", "  two\n\tö 😀 "),
        ("ticket", "INC-42", "INC-42"),
        ("count", "5", 5),
        ("count", "+5", 5),
        ("count", 9, 9),
        ("dry_run", "true", True),
        ("dry_run", "False", False),
        ("dry_run", True, True),
        ("pause", "90s", "1m30s"),
        ("pause", "1h", "1h"),
        ("who", "<@U123|ann>", "U123"),
        ("who", "<@W123>", "W123"),
        ("who", "U123", "U123"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_value_is_read_from_text_or_taken_as_it_is(name: str, raw: object, value: Any) -> None:
    values = parse_parameters(an_action(*FIELDS), {"env": "prod", name: raw})
    assert values[name] == value
    assert type(values[name]) is type(value)
    assert parse_parameters(an_action(*FIELDS), values) == values


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("env", "stagng", "env can be staging or prod, not 'stagng'. Did you mean staging?"),
        ("env", "PROD", "env can be staging or prod, not 'PROD'."),
        ("env", 5, "env can be staging or prod, as text."),
        ("parts", "api,", "parts can be api, web or db, not ''."),
        ("parts", [["api"]], "parts can be api, web or db, as text."),
        ("parts", 5, "parts takes one or more of api, web or db, with commas between them."),
        ("note", "thirteen long", "note is too long: 13 characters, and 12 are the most."),
        ("note", "a\x00b", "note must not contain the control character U+0000."),
        ("note", "a\rb", "note must not contain the control character U+000D."),
        ("note", "a\x85b", "note must not contain the control character U+0085."),
        ("note", "\ud800", "note must not contain the control character U+D800."),
        ("note", 5, "note must be text."),
        ("ticket", "see INC-42", "ticket must match [A-Z]+-[0-9]+, and 'see INC-42' does not."),
        ("ticket", "INC-42\n", "ticket must match [A-Z]+-[0-9]+, and 'INC-42\\n' does not."),
        ("count", "0", "count must be 1 or more, not 0."),
        ("count", 10, "count must be 9 or less, not 10."),
        ("count", "3.0", "count must be a whole number, such as 3."),
        ("count", 3.0, "count must be a whole number, such as 3."),
        ("count", True, "count must be a whole number, such as 3."),
        ("count", "٣", "count must be a whole number, such as 3."),
        ("count", 10**18, "count must be a whole number, such as 3."),
        ("dry_run", "yes", "dry_run can be true or false."),
        ("dry_run", 1, "dry_run can be true or false."),
        ("pause", "29s", "pause must be 30s or more, not 29s."),
        ("pause", "61m", "pause must be 1h or less, not 1h1m."),
        ("pause", "soon", "pause cannot be taken: 'soon' is not a duration; write it like 45s, 30m, 1h30m or 2d."),
        ("pause", 30, "pause must be a duration, such as 30m."),
        ("who", "@ann", "who must be a person: type @ and pick them, or give their Slack id."),
        ("who", "<@U123> <@U124>", "who must be a person: type @ and pick them, or give their Slack id."),
        ("who", 5, "who must be a person: type @ and pick them, or give their Slack id."),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_value_that_cannot_be_taken_is_refused_in_words(
    refused: Callable[..., dict[str, str]], name: str, raw: object, message: str
) -> None:
    assert refused({"env": "prod", name: raw}) == {name: message}


def test_every_wrong_field_has_its_own_message(refused: Callable[..., dict[str, str]]) -> None:
    assert refused({"count": "x", "envv": "prod"}) == {
        "envv": "'envv' is not a parameter of restart; it takes env, parts, note, ticket, count, dry_run, pause "
        "and who. Did you mean env?",
        "env": "env is needed. It can be staging or prod.",
        "count": "count must be a whole number, such as 3.",
    }


def test_an_action_without_parameters_takes_none() -> None:
    assert parse_parameters(an_action(), {}) == {}
    with pytest.raises(InvalidInput, match=r"'x' is not a parameter of restart; it takes none\."):
        parse_parameters(an_action(), {"x": 1})


def test_a_long_list_of_options_is_cut_visibly(refused: Callable[..., dict[str, str]]) -> None:
    many = Parameter("x", ParameterType.CHOICE, "X", options=tuple(f"o{number}" for number in range(40)))
    assert refused({"x": "nine"}, many) == {
        "x": "x can be o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11 … (40 in all), not 'nine'."
    }


def test_text_that_must_be_given_cannot_be_empty(refused: Callable[..., dict[str, str]]) -> None:
    assert refused({"x": ""}, Parameter("x", ParameterType.TEXT, "X")) == {"x": "x is needed."}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([field.name for field in FIELDS]) | st.text(max_size=3), json, max_size=8))
def test_any_input_is_taken_in_canonical_form_or_refused(raw: dict[str, object]) -> None:
    action = an_action(*FIELDS)
    try:
        values = parse_parameters(action, raw)
    except InvalidInput as error:
        assert error.fields
        return
    assert list(values) == [field.name for field in FIELDS]
    assert parse_parameters(action, values) == values


REASON = ReasonRule(required=True, pattern="INC-[0-9]+", hint="Name the incident.")


def test_a_reason_is_kept_exactly_as_typed() -> None:
    text = " fix: db / Account: x#999 <!channel> & INC-42\n\tline two "
    assert parse_reason(an_action(reason=REASON), text) == text


@pytest.mark.parametrize("text", ["", None, "  \n"])
def test_a_reason_that_is_needed_must_be_given(text: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_reason(an_action(reason=REASON), text)
    assert caught.value.fields == {"reason": "A reason is needed. Name the incident."}


@pytest.mark.parametrize("text", ["", None, "  \n"])
def test_a_reason_that_is_not_needed_may_be_left_out(text: str | None) -> None:
    assert parse_reason(an_action(reason=ReasonRule(required=False, pattern="INC")), text) == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("because", "A reason must contain something that matches INC-[0-9]+. Name the incident."),
        ("INC-1\x07", "A reason must not contain the control character U+0007."),
        ("INC-1" + "x" * LONGEST_REASON, "A reason is too long: 3005 characters, and 3000 are the most."),
    ],
    ids=["pattern", "control character", "length"],
)
def test_a_reason_that_cannot_be_taken_is_refused_in_words(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_reason(an_action(reason=REASON), text)
    assert caught.value.fields == {"reason": message}


def test_a_reason_without_a_hint_says_less() -> None:
    with pytest.raises(InvalidInput, match=r"^A reason is needed\.$"):
        parse_reason(an_action(), "")


FOUR_HOURS = Timebox(timedelta(minutes=30), timedelta(hours=4))


@pytest.mark.parametrize(
    ("asked", "minutes"),
    [(None, 30), ("4h", 240), ("240m", 240), ("90m", 90), ("1s", 1 / 60), (timedelta(hours=2), 120)],
    ids=str,
)
def test_a_timebox_lasts_as_long_as_asked_up_to_its_maximum(asked: str | timedelta | None, minutes: float) -> None:
    assert parse_ttl(an_action(timebox=FOUR_HOURS), asked) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("241m", "restart lasts 4h at most, not 4h1m."),
        ("4h1s", "restart lasts 4h at most, not 4h1s."),
        (timedelta(hours=5), "restart lasts 4h at most, not 5h."),
        ("", "'' is not a duration; write it like 45s, 30m, 1h30m or 2d."),
        ("0m", "'0m' is no time at all; a duration must be longer than zero."),
        ("2w", "'2w' is not a duration; write it like 45s, 30m, 1h30m or 2d."),
        ("90", "'90' is not a duration; write it like 45s, 30m, 1h30m or 2d. Did you mean 90m?"),
        (timedelta(0), "A timebox is a number of whole seconds, above zero."),
        (timedelta(hours=-1), "A timebox is a number of whole seconds, above zero."),
        (timedelta(milliseconds=1500), "A timebox is a number of whole seconds, above zero."),
    ],
    ids=str,
)
def test_more_than_the_maximum_or_no_length_at_all_is_refused_and_never_clamped(
    asked: str | timedelta, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_ttl(an_action(timebox=FOUR_HOURS), asked)
    assert caught.value.fields == {"for": message}


def test_an_action_without_a_timebox_takes_no_length() -> None:
    assert parse_ttl(an_action(), None) is None
    with pytest.raises(InvalidInput) as caught:
        parse_ttl(an_action(), "30m")
    assert caught.value.fields == {"for": "restart has no timebox, so leave `for` out."}
