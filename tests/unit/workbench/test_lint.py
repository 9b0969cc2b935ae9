"""Advice on rules and freezes: what it is about, on which line, and what it leaves alone."""

import pytest

from tests.unit.workbench.advice import LEADS, MARK, PEOPLE, Advised, marked, restart

NEVER_TRUE = (
    "never-true: no values make this condition true, so that the rule never matches. "
    "Mend the condition, or take it out."
)


def test_policies_that_say_what_is_meant_get_no_advice(advised: Advised) -> None:
    rules = f"""
        - {{name: staging, when: params.env == 'staging', allow: true}}
        - {{name: small, when: params.size < 3, {LEADS}}}
        - {{name: prod, review: [{{from: [group:leads], count: 2}}]}}
    """
    assert advised(restart(rules)) == []


@pytest.mark.parametrize(
    ("when", "keys"),
    [
        ("params.env == 'prod' && params.env == 'staging'", ""),
        ("params.size > 9", ""),
        ("risk == 'high'", "risk: low"),
        ("request.ttl > duration('4h')", "timebox: {default: 1h, max: 2h}"),
        ("request.ttl > duration('1s')", ""),
        ("targets < 0", ""),
        ("freeze.active", ""),
        ("requester.kind in ['agent'] && requester.kind == 'person'", ""),
    ],
)
def test_a_condition_that_nothing_can_make_true(advised: Advised, when: str, keys: str) -> None:
    rules = f"""
        - name: never
          {MARK}when: "{when}"
          allow: true
        - {{name: leads, {LEADS}}}
    """
    assert advised(restart(rules, keys)) == [NEVER_TRUE]


def test_an_attribute_has_its_options_and_none_of_them(advised: Advised) -> None:
    rules = f"""
        - {{name: none, when: requester.attributes.role == '', deny: Tell us what you do.}}
        - name: both
          {MARK}when: "requester.attributes.role == 'dba' && requester.attributes.role != 'dba'"
          deny: true
        - {{name: leads, {LEADS}}}
    """
    people = PEOPLE + "attributes:\n  role: {type: text, options: [dba, dev]}\n"
    assert advised(restart(rules), people) == [NEVER_TRUE]


def test_a_guardrail_is_tried_on_every_action_that_it_covers(advised: Advised) -> None:
    guardrails = f"""
guardrails:
  - {{name: high, when: "risk == 'high' || request.action == 'restart'", {LEADS}}}
  - {{{MARK}name: critical, when: risk == 'critical', deny: Not here.}}
  - {{name: never for this one, applies_to: [restart], {MARK}when: risk == 'low', deny: Not here.}}
"""
    assert advised(restart(f"- {{{LEADS}}}"), guardrails=guardrails) == [NEVER_TRUE, NEVER_TRUE]


@pytest.mark.parametrize(
    ("above", "below", "why"),
    [
        ("'sre' in requester.groups", "params.env == 'prod' && 'sre' in requester.groups", "'first' (line 13) matches"),
        ("params.size >= 3", "params.size > 4", "'first' (line 13) matches"),
        ("true", "params.size > 4", "'first' (line 13) matches"),
        ("params.env != 'prod'", "params.env == 'staging' || params.size > 9", "'first' (line 13) matches"),
    ],
)
def test_a_rule_behind_one_that_matches_whenever_it_would(advised: Advised, above: str, below: str, why: str) -> None:
    rules = f"""
        - {{name: leads first, when: now.getHours('UTC') > 20, {LEADS}}}
        - {{name: first, when: "{above}", {LEADS}}}
        - {{{MARK}name: second, when: "{below}", allow: true}}
        - {{name: others, when: params.env == 'prod' && params.size == 2, deny: true}}
    """
    text = restart(rules)
    if above == "true":
        text = text.replace("{name: others", f"{{{MARK}name: others")
    found = advised(text, PEOPLE + '  sre: ["@sre"]\n' if "sre" in above else PEOPLE)
    assert found[0] == (
        f"never-reached: this rule is never reached: {why} whenever it would. "
        "Put the narrower one first, or take one out."
    )


def test_rules_that_only_together_leave_nothing_over(advised: Advised) -> None:
    rules = f"""
        - {{name: staging, when: params.env == 'staging', allow: true}}
        - {{name: prod, when: params.env == 'prod', {LEADS}}}
        - {{{MARK}name: rest, deny: Nothing else.}}
    """
    assert advised(restart(rules)) == [
        "never-reached: this rule is never reached: one of those above it matches whenever it would. "
        "Put the narrower one first, or take one out."
    ]


def test_a_rule_that_can_be_used_up_leaves_something_to_those_below(advised: Advised) -> None:
    rules = f"""
        - {{name: thrice, when: params.env == 'staging', allow: {{at_most: 3, per: 1h}}}}
        - {{name: then, when: params.env == 'staging' && params.size < 5, {LEADS}}}
    """
    assert advised(restart(rules)) == []


def test_a_rule_that_guardrails_always_refuse(advised: Advised) -> None:
    guardrails = """
guardrails:
  - {name: never large, when: request.action == 'restart', deny: Not this one.}
"""
    rules = f"- {{{MARK}name: leads, {LEADS}}}"
    text = restart(rules).replace("  restart:", f"  {MARK}restart:")
    assert advised(text, guardrails=guardrails) == [
        "nobody-may-ask: whatever is asked, this action is refused. Write a rule that allows or asks, or take it out.",
        "never-reached: this rule never takes effect: guardrails ('never large') refuse whenever it would. "
        "Take it out.",
    ]


def test_what_guardrails_refuse_can_still_be_done_by_breaking_the_glass(advised: Advised) -> None:
    guardrails = """
guardrails:
  - {name: never, deny: Only in an emergency., break_glass: passes}
break_glass: [{who: [group:leads], max: 1h, review_within: 1d, tell: ["#security"]}]
"""
    assert advised(restart(f"- {{name: leads, {LEADS}}}"), guardrails=guardrails) == []


def test_an_action_that_refuses_whatever_is_asked(advised: Advised) -> None:
    text = marked(restart("- {name: closed, deny: Not any more.}"), "restart:")
    people = PEOPLE.replace("  leads: [U1LEAD, U2LEAD, U3LEAD]", "")
    assert advised(text, people) == [
        "nobody-may-ask: whatever is asked, this action is refused. Write a rule that allows or asks, or take it out."
    ]


@pytest.mark.parametrize("risk", ["high", "critical"])
def test_what_is_risky_and_runs_at_once_whatever_is_so(advised: Advised, risk: str) -> None:
    rules = f"""
        - {{name: at night, when: now.getHours('UTC') > 20, {LEADS}}}
        - {{{MARK}name: go, when: risk == '{risk}', allow: {{at_most: 3, per: 1h}}}}
        - {{{MARK}name: go on, allow: true}}
    """
    message = (
        f"unconditional-allow: an action of {risk} risk runs at once here, without any condition. "
        "Write when it may (`when:`), or ask people (`review:`)."
    )
    assert advised(restart(rules, f"risk: {risk}")) == [message, message]


@pytest.mark.parametrize(
    ("rule", "keys", "guardrail"),
    [
        ("allow: true", "", ""),
        ("when: \"'on-call' in requester.groups\", allow: true", "risk: high", ""),
        ("allow: true", "risk: high", f"{{{LEADS}}}"),
        ("allow: true", "risk: high", f"{{when: \"risk in ['high', 'critical']\", {LEADS}}}"),
    ],
)
def test_what_is_harmless_or_looked_at_runs_at_once(advised: Advised, rule: str, keys: str, guardrail: str) -> None:
    people = PEOPLE + '  on-call: ["@on-call", "group:leads"]\n'
    closing = f"- {{when: \"'on-call' in requester.groups\", {LEADS}}}\n" if "when" not in rule else ""
    guardrails = f"guardrails: [{guardrail}]"
    assert advised(restart(f"{closing}- {{{rule}}}", keys), people, guardrails=guardrails) == []


@pytest.mark.parametrize("guardrail", [f"{{when: params.env == 'prod', {LEADS}}}", "{not_recently_approved_by: 24h}"])
def test_a_guardrail_that_asks_only_sometimes_is_no_excuse(advised: Advised, guardrail: str) -> None:
    rules = f"- {{when: params.size == 9, {LEADS}}}\n- {{{MARK}allow: true}}"
    found = advised(restart(rules, "risk: high"), guardrails=f"guardrails: [{guardrail}]")
    assert [each.partition(":")[0] for each in found] == ["unconditional-allow"]


@pytest.mark.parametrize(
    ("stretch", "found"),
    [
        ("{from: 2026-12-20, until: 2027-01-03}", []),
        ("{from: 2026-12-20, until: 2027-12-20}", []),
        ("{from: 2026-12-20, until: 2027-12-21}", ["long-freeze: this freeze lasts until 2027-12-21"]),
        ("{from: 2020-01-01, until: 2099-12-31}", ["long-freeze: this freeze lasts until 2099-12-31"]),
        (
            "{from: 2026-11-20, until: 2026-11-24}",
            ["past-freeze: this freeze is over since 2026-11-24."],
        ),
        ("{from: 2026-11-20, until: 2026-11-25}", []),
        ("{calendar: {source: fake, name: feed, as: spans}}", []),
        ("{calendar: {source: fake, name: feed, as: spans}, from: 2026-11-20, until: 2026-11-24}", []),
    ],
)
def test_freezes_that_never_end_or_are_over(advised: Advised, stretch: str, found: list[str]) -> None:
    windows = f"zone: UTC\nfreezes:\n  {MARK if found else ''}holidays: {stretch}\n"
    text = restart(f"- {{when: freeze.active, deny: Wait.}}\n- {{{LEADS}}}")
    assert [each[: len(found[0])] for each in advised(text, windows=windows)] == found
