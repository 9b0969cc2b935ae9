"""Advice on what nothing uses, and what comments accept."""

import pytest

from tests.unit.workbench.advice import LEADS, PEOPLE, Advised, marked, restart

ASKS = restart(f"- {{{LEADS}}}")


def unused(what: str, name: str, why: str = "nothing uses it") -> str:
    return f"unused: the {what} {name!r} decides nothing: {why}. Use it, or take it out."


def test_what_nothing_uses(advised: Advised) -> None:
    people = PEOPLE + "  sre: [group:dba]\n  dba: [U1]\n"
    people += "on_call:\n  primary: {source: fake, name: rota, as: people}\n"
    people += "attributes:\n  role: {type: text}\n"
    windows = """
zone: UTC
windows:
  nights: {from: "22:00", until: "06:00"}
freezes:
  holidays: {from: 2026-12-20, until: 2027-01-03}
"""
    text = restart(f"- {{{LEADS}}}", "facts:\n  load: {source: fake, name: load}")
    guardrails = "facts:\n  alarms: {source: fake, name: alarms}\nguardrails: []\n"
    found = advised(
        marked(text, "load: {"),
        marked(people, "sre:", "dba: [", "primary:", "role:"),
        windows=marked(windows, "nights:", "holidays:"),
        guardrails=marked(guardrails, "alarms: {"),
    )
    assert found == [
        unused("fact", "alarms"),
        unused("fact", "load"),
        unused("group", "sre"),
        unused("group", "dba"),
        unused("rota", "primary"),
        unused("attribute", "role"),
        unused("window", "nights"),
        unused("freeze", "holidays", "no condition looks at `freeze.active`, so it holds nothing back"),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        f"when: \"'sre' in requester.groups\", {LEADS}",
        f"when: \"requester.groups.exists(g, g.startsWith('s'))\", {LEADS}",
        "when: params.size > 3, review: [{from: [group:leads], quiet: [group:sre]}]",
        f"when: params.size > 3, {LEADS}, fallback: [group:sre]",
        f"when: params.size > 3, {LEADS}, escalate: [{{after: 20m, to: [group:sre]}}]",
    ],
)
def test_a_group_is_used_wherever_it_names_people(advised: Advised, rule: str) -> None:
    people = PEOPLE + '  sre: ["@sre", group:dba]\n  dba: ["@dba"]\n'
    assert advised(restart(f"- {{{rule}}}\n- {{{LEADS}}}"), people) == []


def test_what_conditions_and_others_look_at_is_used(advised: Advised) -> None:
    people = PEOPLE + '  sre: ["@sre"]\n  pass: ["@pass", oncall:secondary, "attribute:role=dba"]\n'
    people += "on_call:\n  primary: {source: fake, name: rota, as: people}\n"
    people += "  secondary: {source: fake, name: rota, as: people}\n"
    people += "attributes:\n  role: {type: text}\n  trained: {type: boolean}\n"
    windows = """
zone: UTC
windows:
  nights: {from: "22:00", until: "06:00"}
freezes:
  holidays: {from: 2026-12-20, until: 2027-01-03, except: [group:pass]}
  others: {from: 2026-12-20, until: 2027-01-03, applies_to: [tune]}
"""
    rules = f"""
        - {{when: "'primary' in requester.on_call && facts.load > 3 && freeze.active", {LEADS}}}
        - {{when: "'nights' in windows && requester.attributes.trained", {LEADS}}}
    """
    keys = """
        facts:
          load: {source: fake, name: load}
          firing: {source: fake, name: firing}
        verify: {for: 1m, unhealthy_when: facts.firing > 0}
    """
    text = restart(rules, keys)
    text += f"  tune: {{runner: fake, with: {{what: x, where: y}}, requesters: [group:leads], rules: [{{{LEADS}}}]}}\n"
    guardrails = "facts:\n  alarms: {source: fake, name: alarms}\nguardrails: [{when: facts.alarms > 0, deny: Wait.}]\n"
    guardrails += 'break_glass: [{who: [group:sre], max: 1h, review_within: 1d, tell: ["#security"]}]\n'
    found = advised(text, people, windows=marked(windows, "others:"), guardrails=guardrails)
    assert found == [unused("freeze", "others", "no condition looks at `freeze.active`, so it holds nothing back")]


@pytest.mark.parametrize(
    "written",
    [
        "  sre: [U1]  # accept: unused",
        "  # accept: unused\n  sre: [U1]",
        "  # accept: unused for now\n  # by the next team\n  sre: [U1]",
        "  #accept: unused (they come next week)\n  sre: [U1]",
    ],
)
def test_a_comment_accepts_what_is_meant(advised: Advised, written: str) -> None:
    assert advised(ASKS, PEOPLE + written + "\n") == []


NEEDLESS = "needless-accept: there is no advice on {!r} here that could be accepted. Take the comment out."


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("  # accept: unused\n  leads2: [U1]\n  »sre: [U1]", [unused("group", "sre")]),
        ("  »sre: [U1]  # do not accept: unused", [unused("group", "sre")]),
        ("  »sre: [U1]  # accept: past-freeze", [NEEDLESS.format("past-freeze"), unused("group", "sre")]),
        ("  »# accept: unused", [NEEDLESS.format("unused")]),
    ],
)
def test_a_comment_accepts_nothing_else(advised: Advised, written: str, found: list[str]) -> None:
    assert advised(ASKS, PEOPLE + written + "\n") == found


def test_a_comment_that_accepts_no_topic_there_is(advised: Advised) -> None:
    found = advised(ASKS + "»# accept: one-aprover, unused\n")
    assert found[0] == (
        "needless-accept: 'one-aprover' is nothing that could be accepted. Did you mean one-approver? There is "
        "never-true, never-reached, never-met, one-approver, unconditional-allow, nobody-may-ask, long-freeze, "
        "past-freeze and unused."
    )
    assert found[1].startswith("needless-accept: there is no advice on 'unused' here")
