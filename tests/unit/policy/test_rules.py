"""Rules, their reviews and the guardrails above them, as files declare them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from jitbot.model import Action, Entry, Outcome, Policy, Quota, Reviews, Selector, Truth

Fault = Callable[[str], str]
FaultIn = Callable[..., str]
LoadAction = Callable[[str], Action]
ENGINEERING, LEADS = Selector("group", "engineering"), Selector("group", "leads")
ACTIONS = """
team: payments
channel: '#pay'
actions:
  restart:
    runner: demo
    requesters: [group:engineering]
    parameters:
      env: {type: choice, options: [staging, prod]}
      count: {type: integer}
      name: {type: text}
    rules: [{allow: true}]
  rollback:
    runner: demo
    requesters: [group:engineering]
    parameters:
      env: {type: choice, options: [prod, dr]}
      count: {type: text}
      name: {type: choice, options: [x]}
    rules: [{allow: true}]
  drain:
    runner: demo
    requesters: [group:engineering]
    rules: [{allow: true}]
"""


def test_rules_keep_their_order_their_outcome_and_their_place(load_action: LoadAction) -> None:
    action = load_action("""
        rules:
          - {when: targets > 3, deny: true}
          - name: closed on Sundays
            deny: "Not today."
            when: now.getDayOfWeek('Europe/Berlin') == 0
          - {review: [{from: [group:leads], count: 2}], when: targets > 1}
          - allow: true
    """)
    assert [(rule.name, rule.outcome, rule.message, rule.where) for rule in action.rules] == [
        ("rule 1", Outcome.DENY, "", "payments.yml:6"),
        ("closed on Sundays", Outcome.DENY, "Not today.", "payments.yml:7"),
        ("rule 3", Outcome.REVIEW, "", "payments.yml:10"),
        ("rule 4", Outcome.ALLOW, "", "payments.yml:11"),
    ]
    assert action.rules[2].reviews == Reviews(((Entry((LEADS,), 2),),))
    first, sundays = action.rules[0].when, action.rules[1].when
    assert first is not None
    assert sundays is not None
    assert (sundays.text, sundays.where) == ("now.getDayOfWeek('Europe/Berlin') == 0", "payments.yml:9")
    assert first.test({"targets": 4}).truth is Truth.TRUE
    assert sundays.test({"now": datetime(2026, 11, 22, 12, tzinfo=UTC)}).truth is Truth.TRUE
    assert action.rules[3].when is None


def test_alternatives_are_expanded_and_nested(load_action: LoadAction) -> None:
    action = load_action("""
        rules:
          - review:
              - {from: [group:leads]}
              - any_of:
                  - [{from: [group:engineering], count: 2}]
                  - - {from: [user:U1ANN]}
                    - any_of: [[{from: [user:U2BOB]}], [{from: [user:U3EVE]}]]
    """)
    leads, ann = Entry((LEADS,)), Entry((Selector("user", "U1ANN"),))
    bob, eve = Entry((Selector("user", "U2BOB"),)), Entry((Selector("user", "U3EVE"),))
    assert action.rules[0].reviews == Reviews(
        ((leads, Entry((ENGINEERING,), 2)), (leads, ann, bob), (leads, ann, eve)),
    )


PAIR = "{any_of: [[{from: [group:leads]}], [{from: [group:engineering]}]]}"


def test_sixty_four_alternatives_are_taken_and_more_are_not(load_action: LoadAction, fault: Fault) -> None:
    reviews = load_action(f"rules: [{{review: [{', '.join([PAIR] * 6)}]}}]").rules[0].reviews
    assert reviews is not None
    assert len(reviews.alternatives) == 64
    assert fault(f"rules: [{{review: »[{', '.join([PAIR] * 7)}]}}]") == (
        "these reviews can be met in 128 ways, and 64 are the most; simplify `any_of`."
    )


def test_a_huge_number_of_alternatives_is_counted_and_not_expanded(fault: Fault) -> None:
    assert "ways, and 64 are the most" in fault(f"rules: [{{review: »[{', '.join([PAIR] * 500)}]}}]")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("[»{name: x}]", "a rule says exactly one of allow, deny, review; this has none."),
        ("[»{allow: true, deny: true}]", "a rule says exactly one of allow, deny, review; this has allow and deny."),
        ("[»allow]", "this must be a mapping (`key: value` lines), not 'allow'."),
        ("[{allow: »1}]", "this can be true, not 1."),
        ("[{allow: »false}]", "write `allow: true`, or how often: `allow: {at_most: 3, per: 1h}`; not false."),
        ("[{»allow: {at_most: 3}}]", "`per` is missing in `allow`."),
        ("[{allow: {at_most: »0, per: 1h}}]", "this must be 1 or more."),
        ("[{allow: {at_most: 3, per: »1}}]", "'1' needs a unit: write a duration like 45s, 30m, 1h30m or 2d."),
        ("[{allow: {at_most: 3, per: 1h, »for: x}}]", "'for' is not a key here. Allowed: at_most and per."),
        ("[{deny: »false}]", "write `deny: true`, or the message that people see in quotes."),
        ("[{deny: »''}]", "write `deny: true`, or the message that people see in quotes."),
        ("[{deny: »5}]", "write `deny: true`, or the message that people see in quotes."),
        (
            "[{allow: true, »when_: x}]",
            "'when_' is not a key here. Did you mean when? Allowed: name, when, deny, review, allow, "
            "remind_after, escalate, lapse_after and fallback.",
        ),
        ("[{allow: true, when: »}]", "`when` is empty; write a value, or leave the key out."),
        ("[{allow: true, when: »true}]", "this must be text, not true; put it in quotes."),
        (
            "[{allow: true, when: targets > 3, name: a}, {deny: true, name: »a}]",
            "'a' is the name of another one already, on line 5.",
        ),
        (
            "[{allow: true, when: targets > 3, name: rule 2}, »{deny: true}]",
            "'rule 2' is the name of another one already, on line 5.",
        ),
        (
            "[{allow: true, name: free}, »{deny: true, when: targets > 3}]",
            "this rule is never reached: 'free' on line 5 has no condition, and the first rule that matches decides.",
        ),
        (
            "[{allow: true, when: targets > 3}, »{deny: true, when: targets > 3}]",
            "this rule is never reached: 'rule 1' on line 5 has the same condition,",
        ),
        ("[{review: »[]}]", "this is empty; at least 1 is needed."),
        ("[{review: [»group:leads]}]", "this must be a mapping (`key: value` lines), not 'group:leads'."),
        ("[{review: [»{}]}]", "`from` is missing."),
        ("[{review: [{from: »[]}]}]", "this is empty; at least 1 is needed."),
        ("[{review: [{from: [»group:lead]}]}]", "the group 'lead' is not defined. Did you mean leads?"),
        ("[{review: [{from: [group:leads], count: »0}]}]", "this must be 1 or more."),
        ("[{review: [{from: [group:leads], count: »21}]}]", "this must be 20 or less."),
        ("[{review: [{from: [group:leads], count: »'2'}]}]", "this must be a whole number, not '2'."),
        (
            "[{review: [{from: [group:leads], »cuont: 2}]}]",
            "'cuont' is not a key here. Did you mean count? Allowed: from, count, quiet and any_of.",
        ),
        ("[{review: [{from: [user:U1ANN], count: »2}]}]", "this asks for 2 different people and names 1."),
        ("[{review: [{any_of: »[]}]}]", "this is empty; at least 1 is needed."),
        ("[{review: [{any_of: [»[]]}]}]", "this is empty; at least 1 is needed."),
        ("[{review: [{any_of: [[{from: [»leads]}]]}]}]", "'leads' names nobody;"),
        ("[{review: [{any_of: [[{from: [group:leads]}]], »from: [x]}]}]", "'from' is not a key here."),
    ],
    ids=lambda value: value[:45],
)
def test_a_fault_of_a_rule_is_named_where_it_stands(fault: Fault, rules: str, message: str) -> None:
    assert fault(f"rules: {rules}").startswith(message)


@pytest.mark.parametrize(
    ("when", "message"),
    [
        (
            "params.env == »'stagng'",
            "'stagng' is never in params.env, which knows staging and prod. Did you mean staging?",
        ),
        (
            "»params.evn == 'prod'",
            "'params.evn' is not a name that this condition can use. Did you mean params.env? It can use "
            "freeze.active, freeze.names, freeze.until, now, params.env, plan.changes, plan.undoable, request",
        ),
        ("targets »> '3'", "`>` does not work with a whole number and text."),
        (
            "request.ttl »<= 3600",
            "`<=` does not work with a duration and a whole number. Write lengths of time as duration('30m').",
        ),
        (
            "targets > 3 »and true",
            "the condition cannot be read here (mismatched input 'and' expecting its end); write `&&` for and.",
        ),
        ("(targets > 3»", "the condition cannot be read here (missing ')' at its end)."),
        (
            "false && request.ttl < duration(»'2d')",
            "'2d' is not a duration here; conditions know h, m and s, as in '1h30m' or '48h'.",
        ),
        ("»params.env", "the condition comes to text, not to true or false; compare it with something."),
        ("»'sre' in requester.groups", "'sre' is never in requester.groups, which knows engineering and leads."),
        ("risk == »'hihg'", "'hihg' is never in risk, which knows low, medium, high and critical. Did you mean high?"),
        ("requester.kind == »'robot'", "'robot' is never in requester.kind, which knows person, service and agent."),
        (
            "request.action == »'restrat'",
            "'restrat' is never in request.action, which knows restart. Did you mean restart?",
        ),
    ],
    ids=lambda value: value[:45],
)
@pytest.mark.parametrize("style", ['"{}"', "|\n        {}\n", ">-\n        {}\n"], ids=["quoted", "literal", "folded"])
def test_a_fault_inside_a_condition_is_named_where_it_stands(fault: Fault, when: str, message: str, style: str) -> None:
    body = (
        "parameters: {env: {type: choice, options: [staging, prod]}}\nrules:\n"
        f"  - allow: true\n    when: {style.format(when)}"
    )
    assert fault(body).startswith(message)


def test_every_fault_of_a_condition_is_reported(faults: Callable[..., list[str]]) -> None:
    text = ACTIONS.replace(
        "rules: [{allow: true}]", "rules: [{allow: true, when: foo == 1 && bar(2) && targets == ''}]", 1
    )
    assert [line.split(": ")[0] for line in faults({"p.yml": text})] == ["p.yml:12:33", "p.yml:12:45", "p.yml:12:63"]


def test_guardrails_are_read_with_what_they_apply_to(load_files: Callable[..., Policy]) -> None:
    policy = load_files(
        {
            "p.yml": ACTIONS,
            "guardrails.yml": """
guardrails:
  - {name: leads look at prod, when: params.env == 'prod', review: [{from: [group:leads]}],
     applies_to: [restart, rollback]}
  - deny: Too many at once.
    when: targets > 10
""",
        }
    )
    first, second = policy.guardrails
    assert (first.rule.name, first.rule.outcome, first.applies_to) == (
        "leads look at prod", Outcome.REVIEW, ("restart", "rollback"),
    )  # fmt: skip
    assert first.rule.reviews == Reviews(((Entry((LEADS,)),),))
    assert (second.rule.name, second.rule.outcome, second.rule.message) == (
        "guardrail 2",
        Outcome.DENY,
        "Too many at once.",
    )
    assert (second.rule.where, second.applies_to) == ("guardrails.yml:5", ())
    assert second.covers("drain")


def test_no_guardrails_are_fine(load_files: Callable[..., Policy]) -> None:
    assert load_files({"p.yml": ACTIONS, "guardrails.yml": "guardrails: []"}).guardrails == ()


def test_guardrails_over_no_actions_know_what_is_always_known(load_files: Callable[..., Policy]) -> None:
    policy = load_files({"guardrails.yml": "guardrails: [{deny: true, when: risk == 'high'}]"})
    assert len(policy.guardrails) == 1


def test_a_value_of_any_covered_action_may_be_compared_with(load_files: Callable[..., Policy]) -> None:
    text = "guardrails: [{deny: true, when: \"params.env in ['staging', 'dr']\", applies_to: [restart, rollback]}]"
    assert len(load_files({"p.yml": ACTIONS, "guardrails.yml": text}).guardrails) == 1


def test_a_parameter_that_is_free_text_in_one_action_is_free(load_files: Callable[..., Policy]) -> None:
    text = "guardrails: [{deny: true, when: params.name == 'anything', applies_to: [restart, rollback]}]"
    assert len(load_files({"p.yml": ACTIONS, "guardrails.yml": text}).guardrails) == 1


@pytest.mark.parametrize(
    ("guardrail", "message"),
    [
        ("»{name: x}", "a rule says exactly one of deny, review, not_recently_approved_by; this"),
        (
            "{deny: true, »allow: true}",
            "'allow' is not a key here. Allowed: name, when, deny, review, not_recently_approved_by, applies_to and "
            "break_glass.",
        ),
        ("{not_recently_approved_by: »1}", "'1' needs a unit: write a duration like 45s, 30m, 1h30m or 2d."),
        ("»{not_recently_approved_by: 1d, deny: true}", "a rule says exactly one of deny, review, not_rec"),
        ("»x", "this must be a mapping (`key: value` lines), not 'x'."),
        ("{deny: true, applies_to: »[]}", "this is empty; at least 1 is needed."),
        (
            "{deny: true, applies_to: [restart, »rolback]}",
            "there is no action 'rolback'. Did you mean rollback? There is drain, restart and rollback.",
        ),
        ("{deny: true, name: a}, {deny: true, name: »a}", "'a' is the name of another one already, on line 1."),
        ("{review: [{from: [»group:x]}]}", "the group 'x' is not defined."),
        (
            "{deny: true, when: params.env == »'prd', applies_to: [restart, rollback]}",
            "'prd' is never in params.env, which knows staging, prod and dr. Did you mean prod?",
        ),
    ],
    ids=lambda value: value[:60],
)
def test_a_fault_of_a_guardrail_is_named_where_it_stands(fault_in: FaultIn, guardrail: str, message: str) -> None:
    assert fault_in(f"guardrails: [{guardrail}]\n", "guardrails.yml", payments=ACTIONS).startswith(message)


@pytest.mark.parametrize(
    ("guardrail", "name", "why"),
    [
        (
            "{deny: true, when: »params.env == 'prod'}",
            "params.env",
            "It is a parameter of restart and rollback only; narrow `applies_to`.",
        ),
        (
            "{deny: true, when: »params.count > 3, applies_to: [restart, rollback]}",
            "params.count",
            "It is a whole number or text, by the action; narrow `applies_to`.",
        ),
    ],
)
def test_a_guardrail_speaks_of_what_all_its_actions_have(
    fault_in: FaultIn, guardrail: str, name: str, why: str
) -> None:
    told = fault_in(f"guardrails: [{guardrail}]\n", "guardrails.yml", payments=ACTIONS)
    assert told.startswith(f"'{name}' is not a name that this condition can use. It can use ")
    assert told.endswith(why)


def test_guardrails_are_a_list(fault_in: FaultIn) -> None:
    assert fault_in("»guardrail: []\nguardrails: []", "guardrails.yml").startswith("'guardrail' is not a key here.")


def test_a_guardrail_over_a_faulty_action_is_not_blamed(faults: Callable[..., list[str]]) -> None:
    guardrails = "guardrails: [{deny: true, when: params.env == 'prod', applies_to: [restart]}]"
    broken = ACTIONS.replace("runner: demo", "runnr: demo", 1)
    assert {line.split(":")[0] for line in faults({"p.yml": broken, "guardrails.yml": guardrails})} == {"p.yml"}


@pytest.mark.parametrize(
    "when",
    [
        "request.reason.contains('INC')",
        "params.env == 'prod' && request.reason != ''",
        "size(request.reason) > targets",
        "plan.undoable && request.reason != ''",
    ],
)
def test_what_somebody_types_is_never_enough_for_an_allow(fault: Fault, when: str) -> None:
    body = f"""
    parameters: {{env: {{type: choice, options: [prod]}}}}
    rules: [{{when: »"{when}", allow: true}}, {{deny: true}}]
    """
    assert fault(body).startswith("whoever asks can make this true alone, by what they type")


@pytest.mark.parametrize(
    ("when", "outcome"),
    [
        ("request.reason.contains('INC') && 'leads' in requester.groups", "allow: true"),
        ("params.env == 'prod'", "allow: true"),
        ("request.reason.contains('INC')", "review: [{from: [group:leads]}]"),
        ("request.reason == 'because'", "deny: That is no reason."),
    ],
)
def test_what_somebody_types_may_play_a_part(load_action: LoadAction, when: str, outcome: str) -> None:
    body = f"""
    parameters: {{env: {{type: choice, options: [prod]}}}}
    rules: [{{when: "{when}", {outcome}}}, {{review: [{{from: [group:leads]}}]}}]
    """
    assert load_action(body)


def test_a_quota_is_read_and_leaves_something_to_the_rules_below(load_action: Callable[[str], Action]) -> None:
    first, second = load_action("""
        rules:
          - allow: {at_most: 3, per: 1h}
          - review: [{from: [group:leads]}]
    """).rules
    assert (first.outcome, first.quota) == (Outcome.ALLOW, Quota(3, timedelta(hours=1)))
    assert second.quota is None


def test_a_guardrail_can_keep_people_apart(load_files: Callable[..., Policy]) -> None:
    text = "guardrails: [{name: not in turn, not_recently_approved_by: 1d, applies_to: [restart]}]"
    (guardrail,) = load_files({"guardrails.yml": text, "payments.yml": ACTIONS}).guardrails
    assert (guardrail.rule.outcome, guardrail.apart) == (Outcome.ALLOW, timedelta(days=1))
    assert guardrail.applies_to == ("restart",)
