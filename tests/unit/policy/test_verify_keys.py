"""`verify` of an action: what it can say, and what is wrong with it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from jitbot.model import Action, FactKind, Verification

Load = Callable[[str], Action]
FACTS = """
parameters:
  env: {type: choice, options: [staging, prod]}
facts:
  firing: {source: fake, name: firing}
  since: {source: fake, name: since, as: instant}
"""


def verified(action: Action) -> Verification:
    assert action.verify is not None
    return action.verify


def test_what_is_looked_at_is_kept_with_its_types_and_where_it_is_read(load_action: Load) -> None:
    text = "facts.firing > before.facts.firing && params.env == 'prod'"
    found = verified(load_action(f'{FACTS}\nverify: {{for: 2m, unhealthy_when: "{text}"}}'))
    assert found.unhealthy_when == text
    assert found.kinds == {
        "before.facts.firing": FactKind.INTEGER,
        "facts.firing": FactKind.INTEGER,
        "params.env": FactKind.TEXT,
    }
    assert [each.name for each in found.facts] == ["firing"]
    assert (found.check, found.undo, found.even_if_unhealthy) == (False, True, False)


@pytest.mark.parametrize(
    ("keys", "every"),
    [
        ("for: 2m", timedelta(seconds=12)),
        ("for: 5s", timedelta(seconds=5)),
        ("for: 1h", timedelta(minutes=1)),
        ("for: 2m, every: 7s", timedelta(seconds=7)),
    ],
)
def test_how_often_it_is_looked_at(load_action: Load, keys: str, every: timedelta) -> None:
    found = verified(load_action(f"verify: {{{keys}}}"))
    assert (found.every, found.check) == (every, True)


def test_the_runners_check_counts_besides_a_condition_where_that_is_said(load_action: Load) -> None:
    condition = "unhealthy_when: facts.firing > 0"
    assert verified(load_action(f"{FACTS}\nverify: {{for: 2m, check: true, {condition}}}")).check
    found = verified(load_action("verify: {for: 2m, when_unhealthy: tell, even_if_unhealthy: true}"))
    assert (found.undo, found.even_if_unhealthy) == (False, True)


def test_without_it_nobody_looks(load_action: Load) -> None:
    assert load_action("").verify is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("»verify: {check: false}", "`for` is missing in `verify`."),
        (
            "verify: »{for: 2m, check: false}",
            "this looks at nothing; write `unhealthy_when`, or let the runner `check`.",
        ),
        ("verify: {for: »2h}", "1h is the most: the target is held as long as it is watched."),
        ("verify: {for: »4s}", "write 5s or more, and no more than `for`."),
        ("verify: {for: 1m, every: »2m}", "write 5s or more, and no more than `for`."),
        ("verify: {for: 1m, every: »1s}", "write 5s or more, and no more than `for`."),
        ("verify: {for: 1m, when_unhealthy: »ask}", "this can be undo or tell, not 'ask'."),
        (
            "timebox: {default: 1h, max: 2h}\nverify: {for: 1m, when_unhealthy: »tell}",
            "what is granted has to be taken back when it is unhealthy; write `undo`, or leave the key out.",
        ),
        (
            f"{FACTS}\nverify: {{for: 1m, unhealthy_when: »\"params.env == 'prod'\"}}",
            "this looks at no fact, so that it never changes; declare one under `facts`.",
        ),
        (
            f"{FACTS}\nverify: {{for: 1m, unhealthy_when: \"facts.firing > 0 || params.env == »'prd'\"}}",
            "'prd' is never in params.env, which knows staging and prod. Did you mean prod?",
        ),
        (
            f"{FACTS}\nverify: {{for: 1m, unhealthy_when: \"»requester.id == 'x'\"}}",
            "'requester.id' is not a name that this condition can use. It can use "
            "before.facts.firing, before.facts.since, facts.firing, facts.since and params.env.",
        ),
    ],
)
def test_what_is_wrong_with_it_is_said_where_it_stands(fault: Callable[[str], str], body: str, message: str) -> None:
    assert fault(body).startswith(message)


def test_a_fact_with_a_fault_of_its_own_is_told_alone(fault: Callable[[str], str]) -> None:
    body = "facts:\n  firing: {source: »fakee, name: x}\nverify: {for: 1m, unhealthy_when: facts.firing > 0}"
    assert "'fakee'" in fault(body)
