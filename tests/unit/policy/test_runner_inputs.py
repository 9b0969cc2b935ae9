"""`runner:` and `with:`: templates that can be filled, and values that the runner takes."""

from collections.abc import Callable
from typing import Any

import pytest

from jitbot.errors import SettingsError
from jitbot.model import Action
from jitbot.policy.files.load import load
from tests.fake_sources import FakeSource, FakeSources

Fault = Callable[[str], str]

PARAMETERS = """
parameters:
  size: {type: integer, min: 1, max: 9}
  big: {type: integer, min: 1, max: 12, default: 3}
  any: {type: integer}
  env: {type: choice, options: [a, b, toolong]}
  zone: {type: choice, options: [eu, us]}
  parts: {type: multi-choice, options: [one, threes]}
  note: {type: text}
  who: {type: user}
  dry: {type: boolean}
  pause: {type: duration}
  rest: {type: duration, max: 2h}
"""


def test_inputs_keep_their_templates(load_action: Callable[[str], Action]) -> None:
    action = load_action(
        PARAMETERS + "runner: picky\nwith: {size: '{size}', words: ['{zone}', '{{x}}'], n: [1, {deep: '{dry}'}]}"
    )
    assert action.inputs == {"size": "{size}", "words": ["{zone}", "{{x}}"], "n": [1, {"deep": "{dry}"}]}


@pytest.mark.parametrize(
    ("runner", "message"),
    [
        (
            "runner: »pickey\nwith: {size: 1}",
            "there is no runner 'pickey'. Did you mean picky? There is demo and picky.",
        ),
        ("»runner: picky", "the runner picky does not take `size`: Field required."),
        ("runner: picky\n»with: {words: []}", "the runner picky does not take `size`: Field required."),
        ("runner: picky\nwith: {size: »x}", "the runner picky does not take `size`: must be a number from 1 to 9."),
        (
            "runner: picky\nwith: {size: »'{big}'}",
            "the runner picky does not take `size`: must be a number from 1 to 9 (with big = 12).",
        ),
        (
            "runner: picky\nwith: {size: »'{dry}{rest}{pause}'}",
            "the runner picky does not take `size`: must be a number from 1 to 9.",
        ),
        (
            "runner: picky\nwith: {size: 1, words: [a, »'{env}']}",
            "the runner picky does not take `words.1`: is longer than 5 letters (with env = toolong).",
        ),
        (
            "runner: picky\nwith: {size: 1, words: »'{parts}'}",
            "the runner picky does not take `words.1`: is longer than 5 letters.",
        ),
        ("runner: picky\n»with: {together: 1}", "the runner picky does not take this: Field required."),
        (
            "runner: picky\n»with: {explode: 1}",
            "the runner picky does not take this: its validation failed (RuntimeError: boom).",
        ),
        (
            "with: {a: ['x', {b: 'y »{nope}'}]}",
            "`{nope}` names no parameter of this action; it has size, big, any, env, zone, parts, note, "
            "who, dry, pause and rest. Did you mean note? A brace is `{{`.",
        ),
        ("with: {a: 'x»{'}", "a `{` of its own means nothing; write `{{` for a brace, `{name}` for a parameter."),
        ("with: {a: 'x»}'}", "a `}` of its own means nothing; write `}}` for a brace, `{name}` for a parameter."),
        (
            "with: {a: '»{size }'}",
            "`{size }` names no parameter of this action; it has size, big, any, env, zone, parts, note, who, dry, "
            "pause and rest. Did you mean size? A brace is `{{`.",
        ),
        (
            "with: {a: '»{}'}",
            "`{}` names no parameter of this action; it has size, big, any, env, zone, parts, note, who, dry, pause "
            "and rest. A brace is `{{`.",
        ),
    ],
    ids=lambda value: str(value)[:45],
)
def test_a_fault_of_the_inputs_is_named_where_it_stands(fault: Fault, runner: str, message: str) -> None:
    assert fault(PARAMETERS + runner) == message


@pytest.mark.parametrize(
    "inputs",
    [
        "{size: '{note}'}",
        "{size: '1{who}'}",
        "{size: '{size}', words: ['{note} is long']}",
        "{size: '{any}'}",
        "{size: '{size}', words: ['{env}{note}']}",
        "{together: '{note}'}",
    ],
)
def test_what_depends_on_free_text_is_not_held_against_the_policy(
    load_action: Callable[[str], Action], inputs: str
) -> None:
    assert load_action(f"{PARAMETERS}runner: picky\nwith: {inputs}").runner == "picky"


def test_a_template_without_any_parameters_says_so(fault: Fault) -> None:
    assert fault("with: {a: '»{x}'}") == "`{x}` names no parameter of this action; it has none. A brace is `{{`."


def test_an_operators_error_is_not_blamed_on_the_policy() -> None:
    class Broken:
        def names(self) -> list[str]:
            return ["demo"]

        def inputs(self, name: str, values: Any) -> object:
            raise SettingsError("The runner 'demo' cannot be loaded.")

    text = "team: x\nchannel: '#x'\nactions: {a: {runner: demo, requesters: [user:U1ANN], rules: [{deny: true}]}}"
    with pytest.raises(SettingsError):
        load({"p.yml": text}, Broken(), FakeSources(FakeSource()))


def test_a_long_list_of_options_is_not_tried_to_the_end() -> None:
    class Counting:
        tried = 0

        def names(self) -> list[str]:
            return ["demo"]

        def inputs(self, name: str, values: Any) -> object:
            self.tried += 1
            return values

    catalog = Counting()
    options = ", ".join(f"o{number}" for number in range(1000))
    text = (
        "team: x\nchannel: '#x'\nactions: {a: {runner: demo, requesters: [user:U1ANN], rules: [{deny: true}], "
        f"with: {{a: '{{x}}'}}, parameters: {{x: {{type: choice, options: [{options}]}}}}}}}}"
    )
    load({"p.yml": text}, catalog, FakeSources(FakeSource()))
    assert catalog.tried == 201
