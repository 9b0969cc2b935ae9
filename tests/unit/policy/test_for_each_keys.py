"""`for_each` of an action: the parameter that is gone through, its waves, and what is wrong with it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from jitbot.model import Action, Waves

Load = Callable[[str], Action]
HOSTS = 'with: {what: "{hosts}", where: prod}\nparameters:\n  hosts: {type: multi-choice, options: [a, b, c]}\n'
ENV = "parameters:\n  env: {type: choice, options: [staging, prod]}\n"


@pytest.mark.parametrize(
    ("keys", "waves"),
    [
        ("hosts", Waves("hosts")),
        ("{parameter: hosts}", Waves("hosts", (1,), timedelta(0), check=True, undo=True)),
        ("{parameter: hosts, waves: 3, pause: 30s}", Waves("hosts", (3,), timedelta(seconds=30))),
        ("{parameter: hosts, waves: [1, 5]}", Waves("hosts", (1, 5))),
        ("{parameter: hosts, waves: all, check: false}", Waves("hosts", (), check=False)),
        ("{parameter: hosts, when_one_fails: stop}", Waves("hosts", undo=False)),
        ("{parameter: hosts, when_one_fails: undo}", Waves("hosts", undo=True)),
    ],
)
def test_what_it_can_say(load_action: Load, keys: str, waves: Waves) -> None:
    assert load_action(f"{HOSTS}for_each: {keys}").for_each == waves


def test_without_it_there_is_one_target(load_action: Load) -> None:
    assert load_action("").for_each is None


@pytest.mark.parametrize(
    ("sizes", "split"),
    [
        ((1,), [[0], [1], [2], [3], [4]]),
        ((2,), [[0, 1], [2, 3], [4]]),
        ((1, 3), [[0], [1, 2, 3], [4]]),
        ((), [[0, 1, 2, 3, 4]]),
        ((9,), [[0, 1, 2, 3, 4]]),
    ],
)
def test_the_last_size_repeats(sizes: tuple[int, ...], split: list[list[int]]) -> None:
    assert [list(wave) for wave in Waves("hosts", sizes).split(5)] == split
    assert Waves("hosts", sizes).split(0) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            f"{HOSTS}for_each: »host",
            "'host' is not a parameter of type multi-choice of this action. Did you mean hosts? It has hosts.",
        ),
        (
            f"{ENV}for_each: {{parameter: »env}}",
            "'env' is not a parameter of type multi-choice of this action. It has none.",
        ),
        (
            "parameters:\n  hosts: {type: multi-choice, options: [a, b]}\nfor_each: »hosts",
            "nothing below `with` has {hosts} in it, so that all would be one and the same target.",
        ),
        (f"{HOSTS}for_each: {{parameter: hosts, pause: »2h}}", "1h is the longest pause."),
        (f"{HOSTS}for_each: {{parameter: hosts, waves: »0}}", "write `all`, a whole number from 1 on, or a list"),
        (f"{HOSTS}for_each: {{parameter: hosts, waves: »[]}}", "write `all`, a whole number from 1 on, or a list"),
        (f"{HOSTS}for_each: {{parameter: hosts, waves: »true}}", "write `all`, a whole number from 1 on, or a list"),
        (f"{HOSTS}for_each: {{parameter: hosts, when_one_fails: »ask}}", "this can be undo or stop, not 'ask'."),
        (
            f"{HOSTS}timebox: {{default: 1h, max: 2h}}\nfor_each: {{parameter: hosts, when_one_fails: »stop}}",
            "what is granted on some targets only has to be taken back; write `undo`, or leave the key out.",
        ),
        (f"{HOSTS}for_each: {{»sizes: 2, parameter: hosts}}", "'sizes' is not a key here."),
    ],
)
def test_what_is_wrong_with_it_is_said_where_it_stands(fault: Callable[[str], str], body: str, message: str) -> None:
    assert fault(body).startswith(message)
