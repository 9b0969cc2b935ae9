"""What `decide` concludes, rule by rule."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jitbot.model import Guardrail, Mark, Outcome, Plan, Policy, Reason, Rule, Selector, Standing, State, Truth, Verdict
from jitbot.policy.decide import decide, eligible, mentioned
from tests.unit.core.builders import (
    ANN,
    BO,
    CY,
    DI,
    EVE,
    a_policy,
    a_request,
    a_review,
    a_snapshot,
    allow,
    an_action,
    ask,
    condition,
    deny,
    entry,
    facts,
    reviews_of,
)

TRUE, FALSE = condition(Truth.TRUE), condition(Truth.FALSE)
ERROR = condition(Truth.ERROR, ["facts.incidents"])
GROUPS = {"dba": (BO, CY), "leads": (CY, DI)}
READ = facts(GROUPS)
PENDING = a_request(state=State.PENDING)


def outcome(*rules: Rule, guardrails: tuple[Guardrail, ...] = ()) -> Outcome:
    return decide(a_policy(*rules, guardrails=guardrails), a_request(), (), READ).outcome


def test_a_rule_that_allows_allows() -> None:
    decision = decide(a_policy(allow()), a_request(), (), READ)
    assert (decision.outcome, decision.rule, decision.summary) == (Outcome.ALLOW, "free", "“free”: runs at once.")
    assert decision.tree.label == "ALLOWED"


def test_no_rule_at_all_is_no() -> None:
    decision = decide(a_policy(), a_request(), (), READ)
    assert (decision.outcome, decision.rule, decision.summary) == (
        Outcome.DENY,
        "no rule matched",
        "No rule allows this.",
    )
    assert decision.tree.children[-1] == Reason(
        Mark.DENIED, "no rule matched", "what no rule allows is refused", "a.yml:1"
    )


def test_an_action_that_is_gone_is_no() -> None:
    decision = decide(Policy(), a_request(), (), READ)
    assert decision.summary == "There is no action 'restart' in the policies any more."


ORDER = {
    "false then allow": ([allow("a", FALSE), allow("b")], Outcome.ALLOW),
    "allow before deny": ([allow("a"), deny("b")], Outcome.ALLOW),
    "deny before allow": ([deny("a"), allow("b")], Outcome.DENY),
    "all false": ([allow("a", FALSE), allow("b", FALSE)], Outcome.DENY),
    "error then allow: allow": ([allow("a", ERROR), allow("b")], Outcome.ALLOW),
    "error then people: people": ([allow("a", ERROR), ask(entry("dba"), name="b")], Outcome.REVIEW),
    "error then nothing: no": ([allow("a", ERROR)], Outcome.DENY),
    "error on people then allow: people": ([ask(entry("dba"), name="a", when=ERROR), allow("b")], Outcome.REVIEW),
    "error on deny then allow: no": ([deny("a", ERROR), allow("b")], Outcome.DENY),
    "true stops": ([allow("a", TRUE), deny("b")], Outcome.ALLOW),
}


@pytest.mark.parametrize("name", ORDER)
def test_rules_count_in_file_order_and_an_error_never_loosens(name: str) -> None:
    rules, expected = ORDER[name]
    assert outcome(*rules) is expected


def test_an_error_on_people_then_people_wants_both() -> None:
    rules = ask(entry("dba"), name="a", when=ERROR), ask(entry("leads"), name="b")
    decision = decide(a_policy(*rules), a_request(), (), READ)
    assert [need.sources for need in decision.needs] == [entry("dba").sources, entry("leads").sources]
    assert decision.unread == ("facts.incidents",)


@pytest.mark.parametrize("truth", [Truth.TRUE, Truth.ERROR])
def test_a_guardrail_that_denies_wins_over_every_rule(truth: Truth) -> None:
    guardrail = Guardrail(deny("freeze", condition(truth), message="Frozen."))
    decision = decide(a_policy(allow(), guardrails=[guardrail]), a_request(), (), READ)
    assert (decision.outcome, decision.rule, decision.summary) == (Outcome.DENY, "freeze", "Frozen.")


def test_a_guardrail_without_words_is_named() -> None:
    decision = decide(a_policy(allow(), guardrails=[Guardrail(deny("freeze"))]), a_request(), (), READ)
    assert decision.summary == "Refused by “freeze”."


def test_of_two_denials_the_first_is_told() -> None:
    both = [Guardrail(deny("one")), Guardrail(deny("two"))]
    assert decide(a_policy(allow(), guardrails=both), a_request(), (), READ).rule == "one"


def test_a_guardrail_for_other_actions_says_nothing() -> None:
    assert outcome(allow(), guardrails=(Guardrail(deny("freeze"), ("tune",)),)) is Outcome.ALLOW
    assert outcome(allow(), guardrails=(Guardrail(deny("freeze"), ("restart",)),)) is Outcome.DENY


def test_a_guardrail_whose_condition_is_false_says_nothing() -> None:
    assert outcome(allow(), guardrails=(Guardrail(deny("freeze", FALSE)),)) is Outcome.ALLOW


def test_a_guardrail_and_a_rule_are_met_each_on_its_own_by_the_same_people() -> None:
    policy = a_policy(ask(entry("dba")), guardrails=[Guardrail(ask(entry("leads"), name="second pair"))])
    one = decide(policy, PENDING, [a_review(CY, "dba", "leads")], READ)
    assert one.outcome is Outcome.ALLOW
    two = decide(policy, PENDING, [a_review(BO, "dba")], READ)
    assert [need.missing for need in two.needs] == [1, 0]


def test_within_one_rule_one_person_counts_once() -> None:
    policy = a_policy(ask(entry("dba"), entry("leads")))
    decision = decide(policy, PENDING, [a_review(CY, "dba", "leads")], READ)
    assert (decision.outcome, sum(need.missing for need in decision.needs)) == (Outcome.REVIEW, 1)


def test_any_of_the_alternatives_suffices_and_the_nearest_is_shown() -> None:
    required = reviews_of([entry("dba", count=2)], [entry("leads")])
    policy = a_policy(Rule("either", Outcome.REVIEW, reviews=required, where="a.yml:5"))
    waiting = decide(policy, PENDING, (), READ)
    assert [need.sources for need in waiting.needs] == [entry("leads").sources]
    assert set(waiting.sources) == {Selector("group", "dba"), Selector("group", "leads")}
    assert decide(policy, PENDING, [a_review(DI, "leads")], READ).outcome is Outcome.ALLOW
    assert decide(policy, PENDING, [a_review(BO, "dba"), a_review(CY, "dba")], READ).outcome is Outcome.ALLOW


def test_one_eligible_denial_ends_it_with_its_words() -> None:
    reviews = [a_review(BO, "dba"), a_review(CY, "dba", verdict=Verdict.DENY, comment="not now")]
    decision = decide(a_policy(ask(entry("dba"))), PENDING, reviews, READ)
    assert (decision.outcome, decision.summary, decision.denied_by) == (Outcome.DENY, "not now", CY)


def test_a_denial_without_words_is_still_one() -> None:
    reviews = [a_review(CY, "dba", verdict=Verdict.DENY)]
    assert decide(a_policy(ask(entry("dba"))), PENDING, reviews, READ).summary == "Denied."


def test_a_denial_ends_what_a_rule_allows_too() -> None:
    reviews = [a_review(CY, "dba", verdict=Verdict.DENY)]
    assert decide(a_policy(allow()), PENDING, reviews, READ).outcome is Outcome.DENY


@pytest.mark.parametrize("verdict", Verdict)
def test_a_review_that_satisfied_nothing_counts_in_neither_direction(verdict: Verdict) -> None:
    decision = decide(a_policy(ask(entry("dba"))), PENDING, [a_review(EVE, verdict=verdict)], READ)
    assert decision.outcome is Outcome.REVIEW


@pytest.mark.parametrize("who", ["requester", "beneficiary"])
def test_neither_who_asked_nor_who_it_is_for_counts(who: str) -> None:
    request = replace(PENDING, **{who: BO})
    decision = decide(a_policy(ask(entry("dba"))), request, [a_review(BO, "dba")], READ)
    assert decision.outcome is Outcome.REVIEW
    assert BO not in decision.needs[0].candidates


def test_what_nobody_can_approve_is_refused_when_it_is_asked_and_not_after() -> None:
    policy, alone = a_policy(ask(entry("dba", count=2))), facts({"dba": (ANN, BO)})
    decision = decide(policy, a_request(), (), alone)
    assert decision.outcome is Outcome.DENY
    assert decision.summary == (
        "Nobody can approve this: “people” wants 2 of dba, and there are not enough of them besides you."
    )
    assert decide(policy, PENDING, (), alone).outcome is Outcome.REVIEW


def test_a_group_that_could_not_be_read_may_yet_approve() -> None:
    unread = replace(facts(), unread={"group:dba": "no answer"})
    decision = decide(a_policy(ask(entry("dba"))), a_request(), (), unread)
    assert (decision.outcome, decision.unread, decision.needs[0].unread) == (Outcome.REVIEW, ("group:dba",), True)
    shown = decision.tree.children[-1].children[0]
    assert (shown.mark, shown.detail) == (Mark.ERROR, "who that is could not be read just now")


def test_an_unread_group_is_not_told_of_once_everything_is_met() -> None:
    unread = replace(facts(), unread={"group:dba": "no answer"})
    decision = decide(a_policy(ask(entry("dba"))), PENDING, [a_review(BO, "dba")], unread)
    assert (decision.outcome, decision.unread) == (Outcome.ALLOW, ())


def test_an_approval_by_somebody_deactivated_since_does_not_count() -> None:
    gone = facts(GROUPS, {BO: Standing.DEACTIVATED})
    decision = decide(a_policy(ask(entry("dba"))), PENDING, [a_review(BO, "dba")], gone)
    assert (decision.outcome, decision.needs[0].left) == (Outcome.REVIEW, (BO,))


def test_an_approval_by_somebody_who_cannot_be_looked_up_waits() -> None:
    unknown = replace(READ, people={user: person for user, person in READ.people.items() if user != BO})
    decision = decide(a_policy(ask(entry("dba"))), PENDING, [a_review(BO, "dba")], unknown)
    assert (decision.outcome, decision.unread) == (Outcome.REVIEW, ("user:U0BO",))


def test_a_denial_by_somebody_who_cannot_be_looked_up_counts() -> None:
    unknown = replace(READ, people={user: person for user, person in READ.people.items() if user != BO})
    reviews = [a_review(BO, "dba", verdict=Verdict.DENY)]
    assert decide(a_policy(ask(entry("dba"))), PENDING, reviews, unknown).outcome is Outcome.DENY


def test_many_candidates_are_counted_not_listed() -> None:
    many = tuple(f"U{number:03}" for number in range(30))
    need = decide(a_policy(ask(entry("dba"))), a_request(), (), facts({"dba": many})).needs[0]
    assert (len(need.candidates), need.more) == (20, 10)


def test_what_is_asked_for_is_said_in_people() -> None:
    one = decide(a_policy(ask(entry("dba"))), a_request(), (), READ)
    two = decide(a_policy(ask(entry("dba"), entry("leads"))), a_request(), (), READ)
    assert (one.tree.label, two.tree.label) == ("ASK ONE PERSON", "ASK 2 PEOPLE")
    met = decide(a_policy(ask(entry("dba"))), PENDING, [a_review(BO, "dba")], READ)
    assert met.summary == "“people”: approved."
    assert met.tree.children[-1].children == (Reason(Mark.YES, "1 of group:dba", "<@U0BO>"),)


def test_rules_after_the_one_that_decided_are_shown_as_untried() -> None:
    tree = decide(a_policy(allow("a"), deny("b")), a_request(), (), READ).tree
    assert [(each.label, each.mark) for each in tree.children[1:]] == [("a", Mark.YES), ("b", Mark.UNTRIED)]


def test_guardrails_are_shown_below_their_own_heading() -> None:
    policy = a_policy(allow(), guardrails=[Guardrail(deny("freeze", FALSE))])
    shown = decide(policy, a_request(), (), READ).tree.children[1]
    assert (shown.label, shown.children) == ("guardrails", (Reason(Mark.NO, "freeze", "", "a.yml:freeze"),))


def test_a_condition_that_failed_by_itself_says_how() -> None:
    failed = decide(a_policy(allow("a", condition(Truth.ERROR))), a_request(), (), READ).tree.children[1]
    assert (failed.mark, failed.detail) == (Mark.ERROR, "could not be told: it failed")


@pytest.mark.parametrize("standing", [each for each in Standing if each is not Standing.MEMBER])
def test_only_members_may_ask(standing: Standing) -> None:
    decision = decide(a_policy(allow()), a_request(), (), facts(standings={ANN: standing}))
    assert decision.summary == f"A {standing.value} cannot ask for anything here."
    assert decision.unread == ()


def test_who_cannot_be_looked_up_may_not_ask_now() -> None:
    decision = decide(a_policy(allow()), a_request(), (), replace(READ, people={}))
    assert (decision.outcome, decision.unread) == (Outcome.DENY, ("requester",))


def test_who_is_in_none_of_the_groups_may_not_ask() -> None:
    policy = a_policy(allow(), requesters=(Selector("group", "dba"), Selector("group", "leads")))
    decision = decide(policy, a_request(), (), READ)
    assert decision.summary == "Only dba or leads may ask for restart."


def test_when_the_requesters_cannot_be_read_nobody_may_ask_now() -> None:
    policy = a_policy(allow(), requesters=(Selector("group", "sre"),))
    decision = decide(policy, a_request(), (), replace(READ, unread={"group:sre": "no answer"}))
    assert decision.summary == "Who may ask could not be read just now. Try again in a minute."
    assert decision.unread == ("requester",)


@pytest.mark.parametrize("required", [None, reviews_of()], ids=["none", "no alternative"])
def test_a_rule_that_asks_for_nobody_is_no_allow(required: object) -> None:
    odd = Rule("odd", Outcome.REVIEW, reviews=required, where="a.yml:9")  # type: ignore[arg-type]
    assert decide(a_policy(odd), a_request(), (), READ).outcome is Outcome.DENY


VALUES = {
    True: "true",
    "prod": "'prod'",
    timedelta(hours=1): "1:00:00",
    ("a", 1): "['a', 1]",
    7: "7",
}


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_the_values_seen_are_shown_as_conditions_write_them(value: object) -> None:
    seen = replace(TRUE, test=lambda values: replace(TRUE.test({}), seen={"x": value}))
    assert decide(a_policy(allow("a", seen)), a_request(), (), READ).tree.children[1].detail == f"x is {VALUES[value]}"


def test_conditions_see_the_request_its_plan_and_who_asks() -> None:
    seen: dict[str, object] = {}

    def look(values: object) -> Truth:
        seen.update(values)  # type: ignore[call-overload]
        return Truth.TRUE

    decide(a_policy(allow("a", condition(look))), a_request(), (), READ)
    assert seen == {
        "request.action": "restart",
        "request.source": "slack",
        "request.reason": "INC-1",
        "request.ttl": timedelta(0),
        "request.extends": False,
        "request.starts_at": READ.now,
        "requester.id": ANN,
        "requester.kind": "person",
        "requester.groups": [],
        "requester.on_call": [],
        "now": READ.now,
        "risk": "medium",
        "targets": 2,
        "windows": [],
        "freeze.active": False,
        "freeze.until": READ.now,
        "freeze.names": [],
        "plan.undoable": a_snapshot().plan.undoable,  # type: ignore[union-attr]
        "plan.changes": False,
    }


def test_without_a_plan_there_is_no_number_of_targets() -> None:
    seen: list[bool] = []

    def look(values: object) -> Truth:
        seen.append("targets" in values)  # type: ignore[operator]
        return Truth.TRUE

    decide(a_policy(allow("a", condition(look))), a_request(snapshot=a_snapshot(plan=None)), (), READ)
    assert seen == [False]
    assert isinstance(a_snapshot().plan, Plan)


class TestEligible:
    POLICY = a_policy(
        ask(entry("dba")), guardrails=[Guardrail(ask(entry("leads"), name="g")), Guardrail(allow("x"), ("tune",))]
    )

    def by(self, user: str, read: object = READ, **changes: object) -> tuple[str, ...]:
        request = replace(PENDING, **changes)  # type: ignore[arg-type]
        decision = decide(self.POLICY, request, (), READ)
        return eligible(self.POLICY, request, decision, read, user)  # type: ignore[arg-type]

    def test_whoever_satisfies_a_source_is_with_all_that_they_satisfy(self) -> None:
        assert self.by(CY) == ("group:dba", "group:leads")
        assert self.by(DI) == ("group:leads",)

    def test_nobody_else_is(self) -> None:
        assert self.by(EVE) == ()

    @pytest.mark.parametrize("who", ["requester", "beneficiary"])
    def test_neither_who_asked_nor_who_it_is_for_is(self, who: str) -> None:
        assert self.by(CY, **{who: CY}) == ()

    @pytest.mark.parametrize("standing", [each for each in Standing if each is not Standing.MEMBER])
    def test_only_members_are(self, standing: Standing) -> None:
        assert self.by(CY, facts(GROUPS, {CY: standing})) == ()

    def test_who_is_not_asked_now_is_not_though_another_rule_names_them(self) -> None:
        policy = a_policy(ask(entry("dba"), when=TRUE), ask(entry("leads"), name="other"))
        decision = decide(policy, PENDING, (), READ)
        assert eligible(policy, PENDING, decision, READ, DI) == ()
        assert eligible(policy, PENDING, decision, READ, CY) == ("group:dba", "group:leads")

    def test_every_selector_that_could_be_asked_is_mentioned(self) -> None:
        assert mentioned(self.POLICY, "restart") == ("group:dba", "group:leads")
        assert mentioned(self.POLICY, "gone") == ("group:leads",)


def test_an_action_finds_its_parameters_by_name() -> None:
    assert an_action().parameter("nothing") is None
