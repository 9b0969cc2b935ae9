"""Break-glass, as the one deciding function sees it: granted by guardrails, before the rules, never by an error."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitbot.explain import explain
from jitbot.model import BreakGlass, Decision, Facts, Guardrail, Mark, Outcome, Request, RequestId, Rule, Truth
from jitbot.policy.decide import decide
from tests.unit.core.builders import (
    ANN,
    BO,
    CY,
    DI,
    EVE,
    a_policy,
    a_request,
    a_review,
    allow,
    ask,
    condition,
    deny,
    entry,
    facts,
    selector,
)

HOUR = timedelta(hours=1)
TERMS = BreakGlass((selector("sre"),), HOUR, 24 * HOUR, ("#security",), where="guardrails.yml:3")
GROUPS = {"sre": [ANN, BO], "leads": [CY, DI], "none": []}


def known(**changes: Any) -> Facts:
    return facts(GROUPS, **{"overdue": ()} | changes)


def glass(**changes: Any) -> Request:
    return a_request(break_glass=True, **changes)


def decided(
    *rules: Rule,
    request: Request | None = None,
    rails: tuple[Guardrail, ...] = (),
    read: Facts | None = None,
    **more: Any,
) -> Decision:
    policy = a_policy(*rules, guardrails=rails, **{"break_glass": (TERMS,)} | more)
    return decide(policy, request or glass(), (), read or known())


def test_it_runs_at_once_and_carries_what_is_owed() -> None:
    decision = decided(ask(entry("leads")))
    assert decision.outcome is Outcome.ALLOW
    assert decision.summary == "Break-glass: runs at once; a review is owed within 1d."
    assert decision.owes is not None
    assert decision.owes.review_within == 24 * HOUR
    assert decision.owes.tell == ("#security",)
    assert decision.owes.skipped == (CY, DI)
    assert decision.owes.reviewers == ("group:leads",)


def test_without_asking_for_it_nothing_is_owed() -> None:
    decision = decided(ask(entry("leads")), request=a_request())
    assert decision.outcome is Outcome.REVIEW
    assert decision.owes is None


def test_rules_are_not_looked_at_not_even_denials() -> None:
    decision = decided(deny())
    assert decision.outcome is Outcome.ALLOW
    tree = explain(decision, str)
    assert tree.startswith("BREAK-GLASS · break-glass · guardrails.yml:3")
    assert "· never" in tree
    assert "✓ break-glass   guardrails.yml:3   granted to group:sre; a review is owed within 1d" in tree


def test_where_nobody_could_be_asked_those_who_may_break_it_review() -> None:
    decision = decided(allow())
    assert decision.owes is not None
    assert decision.owes.reviewers == ("group:sre",)
    assert decision.owes.skipped == ()


@pytest.mark.parametrize("passes", [True, False])
def test_only_a_marked_guardrail_is_passed(passes: bool) -> None:
    decision = decided(allow(), rails=(Guardrail(deny("freeze"), passes=passes),))
    assert (decision.outcome is Outcome.ALLOW) == passes


def test_a_marked_guardrail_that_does_not_match_is_shown_as_such_and_one_that_does_as_passed() -> None:
    off = Guardrail(deny("off", condition(Truth.FALSE)), passes=True)
    on = Guardrail(ask(entry("leads"), name="on"), passes=True)
    decision = decided(allow(), rails=(off, on))
    rails = decision.tree.children[1].children
    assert [(each.mark, each.detail) for each in rails] == [
        (Mark.NO, ""),
        (Mark.UNTRIED, "passed by break-glass"),
    ]
    assert decision.owes is not None
    assert decision.owes.skipped == (CY, DI)


def test_who_is_not_named_by_both_the_guardrails_and_the_action_may_not() -> None:
    narrowed = replace(TERMS, within=(selector("leads"),))
    decision = decided(allow(), break_glass=(narrowed,))
    assert decision.summary == "Only leads may break the glass for restart. Ask without it, and people decide."
    for_others = replace(TERMS, who=(selector("leads"),), within=(selector("sre"),))
    assert decided(allow(), break_glass=(for_others,)).outcome is Outcome.DENY
    both = replace(TERMS, within=(selector("sre"),))
    assert decided(allow(), break_glass=(both,)).outcome is Outcome.ALLOW


def test_the_first_terms_that_name_somebody_hold_for_them() -> None:
    other = replace(TERMS, who=(selector("leads"),), max=9 * HOUR)
    decision = decided(allow(), request=glass(ttl=2 * HOUR), break_glass=(other, TERMS))
    assert "lasts 1h at most, not 2h" in decision.summary


REFUSED = {
    "nothing granted": (glass(), {"break_glass": ()}, {}, "guardrails do not grant it", ()),
    "no reason": (glass(reason=" "), {}, {}, "Break-glass needs a reason", ()),
    "too long": (glass(ttl=HOUR + timedelta(seconds=1)), {}, {}, "lasts 1h at most", ()),
    "overdue": (glass(), {}, {"overdue": (RequestId(7),)}, "is overdue: JIT-7", ()),
    "owed unread": (glass(), {}, {"overdue": None}, "could not be read", ("overdue reviews",)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name: str) -> None:
    request, policy, read, words, unread = REFUSED[name]
    decision = decided(allow(), request=request, read=known(**read), **policy)
    assert decision.outcome is Outcome.DENY
    assert words in decision.summary
    assert decision.unread == unread


def test_a_source_that_cannot_be_read_opens_nothing() -> None:
    read = known()
    members = {name: who for name, who in read.members.items() if name != "group:sre"}
    decision = decided(allow(), read=replace(read, members=members, unread={"group:sre": "no answer"}))
    assert decision.outcome is Outcome.DENY
    assert decision.unread == ("group:sre",)


def test_an_overdue_review_bars_only_where_guardrails_say_so() -> None:
    lenient = replace(TERMS, bar_when_overdue=False)
    assert decided(allow(), read=known(overdue=(RequestId(7),)), break_glass=(lenient,)).outcome is Outcome.ALLOW
    assert decided(allow(), read=known(overdue=None), break_glass=(lenient,)).outcome is Outcome.ALLOW


def test_exactly_the_longest_is_fine() -> None:
    assert decided(allow(), request=glass(ttl=HOUR)).outcome is Outcome.ALLOW


RAILS = st.lists(
    st.tuples(
        st.sampled_from(["deny", "review"]),
        st.sampled_from(list(Truth)),
        st.booleans(),
        st.sampled_from(["leads", "none"]),
    ),
    max_size=4,
)


@given(rails=RAILS, who=st.sampled_from([ANN, BO, CY, EVE]), approving=st.booleans())
def test_it_never_passes_what_is_not_marked(
    rails: list[tuple[str, Truth, bool, str]], who: Any, approving: bool
) -> None:
    made = [
        Guardrail(
            deny(f"d{index}", condition(truth, ["x"]))
            if kind == "deny"
            else ask(entry(group), name=f"r{index}", when=condition(truth, ["x"])),
            passes=passes,
        )
        for index, (kind, truth, passes, group) in enumerate(rails)
    ]
    request = glass(requester=who, beneficiary=who)
    policy = a_policy(deny(), guardrails=made, break_glass=(TERMS,))
    reviews = [a_review(DI, "leads")] if approving else []
    decision = decide(policy, request, reviews, known())
    held = [
        rail for rail, (_, truth, _, _) in zip(made, rails, strict=True) if truth is not Truth.FALSE and not rail.passes
    ]
    without = a_policy(allow(), guardrails=held)
    plain = decide(without, replace(request, break_glass=False), reviews, known())
    if decision.outcome is Outcome.ALLOW:
        assert who in (ANN, BO)
        assert plain.outcome is Outcome.ALLOW
        assert decision.owes is not None
