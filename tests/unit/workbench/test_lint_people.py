"""Advice on who can ask and who can approve, as far as the files name everybody."""

import pytest

from tests.unit.workbench.advice import LEADS, PEOPLE, Advised, marked, restart

NEVER_MET = (
    "never-met: nobody can ever meet these reviews: besides whoever asks, there are not enough different people. "
    "Ask for fewer, or put more people into the groups."
)


def without(who: str) -> str:
    return (
        f"one-approver: nothing can be approved here without {who}, who may be away, or ask themselves. "
        "Put more people into the group, or write a `fallback`."
    )


def asking(review: str, more: str = "") -> str:
    return f"- name: asks\n  review: [{review}]\n{more}"


def people(leads: str, more: str = "", engineering: str = '"@engineering"') -> str:
    return f"groups:\n  engineering: [{engineering}]\n  leads: [{leads}]\n{more}"


def test_an_action_that_nobody_may_ask_for(advised: Advised) -> None:
    text = marked(restart(f"- {{{LEADS}}}"), "restart:")
    nested = PEOPLE.replace('["@engineering"]', "[group:contractors]") + "  contractors: []\n"
    assert advised(text, nested) == [
        "nobody-may-ask: nobody may ask for this: group:engineering names nobody. "
        "Put people into it, or take the action out."
    ]


@pytest.mark.parametrize(
    ("review", "leads"),
    [
        ("{from: [group:leads], count: 4}", "U1, U2, U3"),
        ("{from: [group:leads], count: 2}", "U1, group:lead-of-leads"),
        ("{from: [group:leads]}", ""),
        ("{from: [group:leads, 'user:U1']}, {from: [group:leads]}", "U1"),
        ("{from: [group:leads]}, {from: ['attribute:role=dba']}", "attribute:role=dba"),
        ("{any_of: [[{from: [group:leads], count: 3}], [{from: ['user:U1']}, {from: ['user:U1']}]]}", "U1, U2"),
    ],
)
def test_reviews_that_nobody_can_ever_meet(advised: Advised, review: str, leads: str) -> None:
    more = "  lead-of-leads: [U1]\n" if "lead-of-leads" in leads else ""
    if "attribute" in leads:
        more += "attributes:\n  role: {type: text, options: [dba, dev]}\n"
        more += "people:\n  U1: {role: dba}\n  U2: {role: dev}\n  U3: {role: {value: dba, until: 2026-11-24}}\n"
    assert advised(marked(restart(asking(review)), "name: asks"), people(leads, more)) == [NEVER_MET]


def test_whoever_asks_does_not_approve(advised: Advised) -> None:
    text = marked(restart(asking("{from: [group:leads]}")), "name: asks")
    assert advised(text, people("U1", engineering="U1")) == [NEVER_MET]
    assert advised(text, people("U1", engineering="U1, U2")) == [without("U1")]
    assert advised(text.replace("»", ""), people("U1, U2", engineering="U1, U2")) == []


@pytest.mark.parametrize("review", ["{from: [group:leads], count: 2}", "{from: [group:leads]}, {from: [group:leads]}"])
def test_reviews_that_need_everybody(advised: Advised, review: str) -> None:
    text = marked(restart(asking(review)), "name: asks")
    assert advised(text, people("U1, eve@acme.example")) == [without("U1 and eve@acme.example")]


@pytest.mark.parametrize(
    ("review", "more", "leads"),
    [
        ("{from: [group:leads]}", "", '"@leads"'),
        ("{from: [group:leads], count: 2}", "", "U1, oncall:primary"),
        ("{from: [group:leads]}", "", "U1, attribute:senior"),
        ("{from: [group:leads], quiet: ['user:U2']}", "", "U1"),
        ("{from: [group:leads]}", "  fallback: ['user:U2', 'user:U3']", "U1"),
        ("{from: [group:leads]}", "  escalate: [{after: 20m, to: ['user:U2']}]", "U1"),
        ("{any_of: [[{from: [group:leads]}], [{from: ['user:U2']}]]}", "", "U1"),
    ],
)
def test_reviews_with_somebody_to_spare(advised: Advised, review: str, more: str, leads: str) -> None:
    defined = ""
    if "oncall" in leads:
        defined = "on_call:\n  primary: {source: fake, name: rota, as: people}\n"
    if "attribute" in leads:
        defined = "attributes:\n  senior: {type: boolean, from: {source: fake, name: hr, as: attributes}}\n"
    assert advised(restart(asking(review, more)), people(leads, defined)) == []


def test_a_guardrail_that_hangs_on_one_person(advised: Advised) -> None:
    guardrails = marked("guardrails:\n  - {name: security looks, review: [{from: ['user:U9']}]}\n", "name:")
    assert advised(restart(f"- {{{LEADS}}}"), guardrails=guardrails) == [without("U9")]
