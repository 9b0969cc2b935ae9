"""`may_end` in guardrails: who may end whatever anybody holds or runs."""

from collections.abc import Callable, Mapping

import pytest

from jitbot.errors import PolicyError
from jitbot.model import Policy, Selector
from jitbot.policy.changes import compare
from jitbot.workbench.lint.unused import unused
from tests.unit.policy.conftest import action_text

PEOPLE = "groups:\n  engineering: [U1ANN]\n  leads: [U1ANN, U2BOB]\n  sre: [U3CAT]\n"


def files(may_end: str) -> dict[str, str]:
    return {"people.yml": PEOPLE, "guardrails.yml": f"guardrails: []\n{may_end}", "payments.yml": action_text("")}


Load = Callable[[Mapping[str, str]], Policy]


def test_selectors_are_read_and_nobody_is_named_without_the_key(load_files: Load) -> None:
    named = load_files(files("may_end: [group:sre, user:U2BOB]\n"))
    assert named.may_end == (Selector("group", "sre"), Selector("user", "U2BOB"))
    assert load_files(files("")).may_end == ()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("may_end: [group:srr]", "guardrails.yml:2:11: the group 'srr' is not defined. Did you mean sre?"),
        ("may_end: [sre]", "guardrails.yml:2:11: 'sre' names nobody"),
        ("may_end: group:sre", "guardrails.yml:2:10: "),
        ("may_ends: [group:sre]", "guardrails.yml:2:1: "),
    ],
)
def test_what_names_nobody_is_an_error_with_its_place(load_files: Load, written: str, words: str) -> None:
    with pytest.raises(PolicyError) as error:
        load_files(files(f"{written}\n"))
    assert words in str(error.value)


def test_a_change_of_it_is_told(load_files: Load) -> None:
    before, after = load_files(files("may_end: [group:sre]\n")), load_files(files("may_end: [group:leads]\n"))
    assert compare(before, after).changed == ("who may end everything",)


def test_a_group_that_only_ends_things_is_used(load_files: Load) -> None:
    told = [each.message for each in unused(load_files(files("may_end: [group:sre]\n")))]
    assert not any("'sre'" in message for message in told)
    assert any("'sre'" in each.message for each in unused(load_files(files(""))))
