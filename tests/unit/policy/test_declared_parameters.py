"""Parameters as a team's file declares them."""

from collections.abc import Callable

import pytest

from jitbot.model import Action, Parameter, ParameterType
from jitbot.policy.files.fields import pretty

Fault = Callable[[str], str]


def test_each_kind_of_parameter_is_read_with_its_keys(load_action: Callable[[str], Action]) -> None:
    action = load_action("""
        parameters:
          env: {type: choice, options: [staging, prod], label: Where, hint: which cluster}
          parts: {type: multi-choice, options: [api, web], required: false, default: [web, api]}
          ticket: {type: text, pattern: "[A-Z]+-[0-9]+", max_length: 20, default: OPS-1}
          note: {type: text, required: false, default: ""}
          count: {type: integer, min: 1, max: 9, default: 3}
          dry_run: {type: boolean, default: false}
          pause: {type: duration, min: 30s, max: 1h, default: 90s}
          who: {type: user}
    """)
    assert action.parameters == (
        Parameter("env", ParameterType.CHOICE, "Where", hint="which cluster", options=("staging", "prod")),
        Parameter(
            "parts", ParameterType.MULTI_CHOICE, "Parts", required=False, default=["api", "web"], options=("api", "web")
        ),
        Parameter("ticket", ParameterType.TEXT, "Ticket", default="OPS-1", pattern="[A-Z]+-[0-9]+", max_length=20),
        Parameter("note", ParameterType.TEXT, "Note", required=False, default=""),
        Parameter("count", ParameterType.INTEGER, "Count", default=3, minimum=1, maximum=9),
        Parameter("dry_run", ParameterType.BOOLEAN, "Dry run", default=False),
        Parameter("pause", ParameterType.DURATION, "Pause", default="1m30s", minimum=30, maximum=3600),
        Parameter("who", ParameterType.USER, "Who"),
    )
    assert action.parameter("count") == action.parameters[4]


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        (
            "x: {type: »chioce, options: [a]}",
            "this can be choice, multi-choice, text, integer, boolean, duration or user, not "
            "'chioce'. Did you mean choice?",
        ),
        ("»x: {}", "`type` is missing in `x`."),
        ("»x: {type: choice}", "'x' is a choice and needs `options`."),
        ("x: {type: choice, options: »[]}", "this is empty; at least 1 is needed."),
        ("x: {type: choice, options: [a, b, »a]}", "the option 'a' is here twice."),
        ("x: {type: choice, options: [»8]}", "this must be text, not 8; put it in quotes."),
        ("x: {type: choice, options: [»'']}", "this is empty; write some words, or leave the key out."),
        (f"x: {{type: choice, options: [»{'a' * 76}]}}", "this is too long; 75 characters are the most."),
        ("x: {type: choice, options: [»' a']}", "the option ' a' has blanks around it."),
        (
            'x: {type: choice, options: [»"a\\tb"]}',
            r"'a\tb' has line ends or characters that do not show; write it in one plain line.",
        ),
        (
            "x: {type: multi-choice, options: [»'a,b']}",
            "the option 'a,b' has a comma, which separates choices in `/jit`.",
        ),
        ("x: {type: text, »options: [a]}", "`options` is for choice and multi-choice parameters; 'x' is text."),
        ("x: {type: integer, »pattern: a}", "`pattern` is for text parameters; 'x' is integer."),
        ("x: {type: user, »max_length: 5}", "`max_length` is for text parameters; 'x' is user."),
        ("x: {type: text, »min: 5}", "`min` is for integer and duration parameters; 'x' is text."),
        ("x: {type: text, pattern: »'(a'}", "'(a' is not a pattern (RE2): missing ): (a."),
        ("x: {type: text, max_length: »0}", "this must be 1 or more."),
        ("x: {type: text, max_length: »3001}", "this must be 3000 or less."),
        ("x: {type: integer, min: »1h}", "`min` of an integer must be a whole number, not '1h'."),
        ("x: {type: integer, max: »1000000000000000000000}", "`max` of an integer must be a whole number, not '1000"),
        ("x: {type: integer, max: »1.5}", "write a whole number, or a duration such as 30m."),
        ("x: {type: integer, min: »true}", "write a whole number, or a duration such as 30m."),
        ("x: {type: integer, min: »9, max: 1}", "`min` is above `max`, so 'x' could never be filled in."),
        (
            "x: {type: duration, min: »30}",
            "'30' is not a duration; write it like 45s, 30m, 1h30m or 2d. Did you mean 30m?",
        ),
        ("x: {type: duration, max: 1h, min: »2h}", "`min` is above `max`"),
        ("»x: {type: text, required: false}", "'x' need not be filled in, so it needs a `default`."),
        ("x: {type: text, default: »''}", "an empty default is no default; leave it out, or write `required: false`."),
        ("x: {type: text, default: »}", "`default` is empty; write a value, or leave the key out."),
        ("x: {type: choice, options: [a, b], default: »c}", "the default cannot be taken: x can be a or b, not 'c'."),
        (
            "x: {type: multi-choice, options: [a, b], default: »[c]}",
            "the default cannot be taken: x can be a or b, not 'c'.",
        ),
        (
            "x: {type: text, pattern: a+, default: »ab}",
            "the default cannot be taken: x must match a+, and 'ab' does not.",
        ),
        ("x: {type: text, default: »5}", "the default cannot be taken: x must be text."),
        ("x: {type: integer, max: 4, default: »5}", "the default cannot be taken: x must be 4 or less, not 5."),
        ("x: {type: duration, default: »5}", "the default cannot be taken: x must be a duration, such as 30m."),
        ("x: {type: boolean, default: »'maybe'}", "the default cannot be taken: x can be true or false."),
        ("»X: {type: text}", "'X' cannot be a parameter's name; use 1 to 30 of a-z, 0-9 and _, a letter first."),
        ("»a-b: {type: text}", "'a-b' cannot be a parameter's name;"),
        (f"»{'a' * 31}: {{type: text}}", f"'{'a' * 31}' cannot be a parameter's name;"),
        ("»for: {type: text}", "a parameter cannot be called 'for': it has a meaning of its own in `/jit`."),
        ("»reason: {type: text}", "a parameter cannot be called 'reason'"),
        ("»at: {type: text}", "a parameter cannot be called 'at'"),
        ("»urgency: {type: text}", "a parameter cannot be called 'urgency'"),
        ("»in: {type: text}", "a parameter cannot be called 'in': conditions could not name it."),
        (
            "x: {type: text, »secret: true}",
            "'secret' is not a key here. Allowed: type, label, hint, required, default, "
            "options, pattern, max_length, min and max.",
        ),
    ],
    ids=lambda value: value[:45],
)
def test_a_fault_of_a_parameter_is_named_where_it_stands(fault: Fault, parameter: str, message: str) -> None:
    assert fault(f"parameters:\n  {parameter}").startswith(message)


def test_forty_parameters_are_the_most(fault: Fault) -> None:
    many = ", ".join(f"x{number}: {{type: text}}" for number in range(41))
    assert fault(f"parameters: »{{{many}}}") == "these are too many; 40 are the most."


def test_names_become_words() -> None:
    assert (pretty("dry_run"), pretty("prod-db"), pretty("")) == ("Dry run", "Prod db", "")
