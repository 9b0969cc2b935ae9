"""What is said of a change of the policies: by what they say, not by where they say it."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from jitbot import model
from jitbot.model import (
    Action,
    Calendar,
    Changes,
    Condition,
    Freeze,
    Guardrail,
    Outcome,
    Policy,
    Rule,
    Selector,
    Truth,
    UserId,
)
from jitbot.model import Group as People
from jitbot.policy.changes import compare


def rule(name: str, **more: object) -> Rule:
    return replace(Rule(name, Outcome.ALLOW, where="a.yml:9"), **more)  # type: ignore[arg-type]  # by name


def action(name: str, *rules: Rule) -> Action:
    asks = (Selector("group", "engineering"),)
    return Action(name, name, "t", "#t", "fake", {"what": "{x}"}, (), asks, rules or (rule("free"),), where="a.yml:4")


def policy(*actions: Action, guardrails: tuple[Guardrail, ...] = (), groups: dict[str, People] | None = None) -> Policy:
    return Policy({each.name: each for each in actions}, guardrails, groups or {}, digest=str(id(actions)))


ONE, TWO = action("one"), action("two")


def test_the_same_text_further_down_is_no_change() -> None:
    moved = replace(ONE, where="b.yml:70", rules=(rule("free", where="b.yml:74"),))
    assert compare(policy(ONE), policy(moved)) == Changes()


def test_a_condition_is_its_text() -> None:
    def when(text: str, where: str) -> Rule:
        return rule("free", when=Condition(text, where, lambda values: model.Tested(Truth.TRUE)))

    here, moved, other = (
        action("one", when(*said)) for said in (("a == 1", "a:1"), ("a == 1", "a:2"), ("a == 2", "a:1"))
    )
    assert compare(policy(here), policy(moved)) == Changes()
    assert compare(policy(here), policy(other)).changed == ("rule “free” of one",)


def test_actions_that_come_and_go_are_named() -> None:
    found = compare(policy(ONE), policy(TWO))
    assert (found.added, found.removed, found.actions) == (("action two",), ("action one",), {"one", "two"})


def test_keys_are_called_as_in_the_files() -> None:
    other = replace(ONE, inputs={"what": "y"}, lapse_after=timedelta(hours=2))
    found = compare(policy(ONE, TWO), policy(other, TWO))
    assert (found.changed, found.actions) == (("action one (with, lapse_after)",), {"one"})


def test_rules_are_named_one_by_one_and_so_is_their_order() -> None:
    before = action("one", rule("a"), rule("b"), rule("c"))
    after = action("one", rule("c"), rule("b", outcome=Outcome.DENY), rule("d"))
    found = compare(policy(before), policy(after))
    assert found.added == ("rule “d” of one",)
    assert found.removed == ("rule “a” of one",)
    assert found.changed == ("rule “b” of one", "the order of the rules of one")


@pytest.mark.parametrize(("applies_to", "touched"), [(("one",), {"one"}), ((), {"one", "two"})], ids=["some", "all"])
def test_a_guardrail_touches_the_actions_that_it_covers(applies_to: tuple[str, ...], touched: set[str]) -> None:
    stop = Guardrail(rule("stop", outcome=Outcome.DENY), applies_to)
    added = compare(policy(ONE, TWO), policy(ONE, TWO, guardrails=(stop,)))
    assert (added.added, added.actions) == (("guardrail “stop”",), touched)
    other = Guardrail(rule("stop", outcome=Outcome.DENY, message="No."), applies_to)
    changed = compare(policy(ONE, TWO, guardrails=(stop,)), policy(ONE, TWO, guardrails=(other,)))
    assert (changed.changed, changed.actions) == (("guardrail “stop”",), touched)


def test_the_order_of_guardrails_is_a_change() -> None:
    pair = (Guardrail(rule("a"), ("one",)), Guardrail(rule("b"), ("one",)))
    found = compare(policy(ONE, TWO, guardrails=pair), policy(ONE, TWO, guardrails=pair[::-1]))
    assert (found.changed, found.actions) == (("the order of the guardrails",), {"one"})


def test_people_touch_every_action() -> None:
    before = {"leads": People("leads", (UserId("U1"),)), "old": People("old", ())}
    after = {"leads": People("leads", (UserId("U2"),)), "new": People("new", ())}
    found = compare(policy(ONE, TWO, groups=before), policy(ONE, TWO, groups=after))
    assert found == Changes(("group new",), ("group old",), ("group leads",), frozenset({"one", "two"}))


def test_a_part_without_names_is_named_as_a_whole() -> None:
    before, after = (replace(policy(ONE), on_call=value) for value in (None, {"a": 1}))  # type: ignore[arg-type]
    found = compare(before, after)
    assert (found.changed, found.actions) == (("rota",), {"one"})


def test_windows_and_freezes_are_named() -> None:
    stop = Freeze("stop", UTC, where="w.yml:3")
    before, after = (replace(policy(ONE), calendar=Calendar({}, freezes)) for freezes in ({}, {"stop": stop}))
    found = compare(before, after)
    assert (found.added, found.actions) == (("freeze stop",), {"one"})
    assert compare(after, replace(after, calendar=Calendar({}, {"stop": replace(stop, where="w.yml:9")}))) == Changes()
