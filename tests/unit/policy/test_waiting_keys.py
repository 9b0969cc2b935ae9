"""`remind_after`, `escalate`, `lapse_after`, `fallback` and `quiet`, as policy files say them."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from jitbot.model import Action, Selector, Tier

RULE = """
rules:
  - review: [{from: [group:leads], quiet: [user:U9BOSS]}]
    remind_after: 10m
    escalate: [{after: 20m, to: [group:engineering]}, {after: 40m, to: [user:U9BOSS]}]
    lapse_after: 1h
    fallback: [group:engineering]
"""


def test_a_rule_says_how_its_reviews_are_waited_for(load_action: Callable[[str], Action]) -> None:
    (rule,) = load_action(RULE).rules
    engineering, boss = Selector("group", "engineering"), Selector("user", "U9BOSS")
    waiting = rule.waiting
    assert (waiting.remind_after, waiting.lapse_after) == (timedelta(minutes=10), timedelta(hours=1))
    assert waiting.escalate == (
        Tier(timedelta(minutes=20), (engineering,)),
        Tier(timedelta(minutes=40), (boss,)),
    )
    assert waiting.fallback == (engineering,)
    assert rule.reviews is not None
    assert rule.reviews.alternatives[0][0].quiet == (boss,)


FAULTS = {
    "a reminder without a review": (
        "rules: [{allow: true, »remind_after: 10m}]",
        "`remind_after` says how reviews are waited for, and this rule asks for none; leave it out.",
    ),
    "a tier without a review": (
        "rules: [{allow: true, »escalate: [{after: 10m, to: [group:leads]}]}]",
        "`escalate` says how reviews are waited for, and this rule asks for none; leave it out.",
    ),
    "a reminder after the lapse": (
        "lapse_after: 30m\nrules: [{review: [{from: [group:leads]}], remind_after: »30m}]",
        "after 30m the request has lapsed (`lapse_after` is 30m), so nobody would be reminded; write less.",
    ),
    "a tier after the rule's own lapse": (
        "rules: [{review: [{from: [group:leads]}], lapse_after: 5m, escalate: [{after: »10m, to: [group:leads]}]}]",
        "after 10m the request has lapsed (`lapse_after` is 5m), so they would never be asked; write less.",
    ),
    "tiers that are not in order": (
        "rules: [{review: [{from: [group:leads]}],\n"
        "  escalate: [{after: 20m, to: [group:leads]}, {after: »20m, to: [group:leads]}]}]",
        "this is not later than the tier before it (20m); write tiers in the order of time.",
    ),
    "a tier of nobody": (
        "rules: [{review: [{from: [group:leads]}], escalate: [{after: 20m, to: [»group:ledas]}]}]",
        "the group 'ledas' is not defined. Did you mean leads? people.yml has engineering and leads.",
    ),
    "a fallback that is not defined": (
        "rules: [{review: [{from: [group:leads]}], fallback: [»oncall:leads]}]",
        "the rota 'leads' is not defined. people.yml has nothing.",
    ),
    "quiet people that are not defined": (
        "rules: [{review: [{from: [group:leads], quiet: [»group:ledas]}]}]",
        "the group 'ledas' is not defined. Did you mean leads? people.yml has engineering and leads.",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_could_never_happen_is_an_error(name: str, fault: Callable[[str], str]) -> None:
    body, message = FAULTS[name]
    assert fault(body) == message


def test_quiet_people_count_towards_how_many_there_are(load_action: Callable[[str], Action]) -> None:
    assert load_action("rules: [{review: [{from: [user:U1ANN], quiet: [user:U2BOB], count: 2}]}]").rules
