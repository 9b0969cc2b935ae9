"""Attributes of people decide who may ask and approve; an expired training is none, and unread is never nobody."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jitbot.explain import explain
from jitbot.model import Request, State
from tests.town import ANN, BO, CY, DI, Town

POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    title: Restart a service
    runner: fake
    with: {what: api, where: prod}
    requesters: [group:engineering]
    rules:
      - {name: trained dba, when: requester.attributes.role == 'dba' && requester.attributes.trained, allow: true}
      - {name: one who knows it, review: [{from: ["attribute:skills=postgres"]}]}
"""
DBA = "when: requester.attributes.role == 'dba' && requester.attributes.trained"
UNSKILLED = "when: \"!('postgres' in requester.attributes.skills) && requester.attributes.trained\""
PEOPLE = """
groups:
  engineering: [U0ANN, U0BO, "attribute:trained"]
attributes:
  role: {type: text, options: [dba, sre]}
  trained: {type: boolean}
  skills: {type: texts, from: {source: fake, name: skills, as: attributes}}
people:
  ann@acme.example: {role: dba, trained: {value: true, until: UNTIL}}
  U0CY: {trained: true}
"""


@pytest.fixture
def lively(town: Town) -> Town:
    """Give a town with two kinds of attributes; Ann's training ends with the third day from now, in UTC."""
    for user in (ANN, BO, CY, DI):
        person = town.directory.people[user]
        town.directory.people[user] = replace(person, email=f"{person.name.lower()}@acme.example")
        town.directory.emails[f"{person.name.lower()}@acme.example"] = user
    town.facts.values = {"skills": {"bo@acme.example": {"skills": ["postgres"]}, "U0DI": {"skills": []}}}
    last = town.ledger.now() + timedelta(days=3)
    town.files = {"payments.yml": POLICY, "people.yml": PEOPLE.replace("UNTIL", f"{last:%Y-%m-%d}")}
    town.service.book.reload()
    assert town.book.fault == ""
    return town


def tree(town: Town, request: Request) -> str:
    decision = town.see(request).decision
    assert decision is not None
    return explain(decision, str)


def test_an_attribute_decides_in_a_condition(lively: Town) -> None:
    request = lively.ask(ANN, "restart")
    assert lively.state(request) is State.SUCCEEDED
    assert "requester.attributes.role is 'dba', requester.attributes.trained is true" in tree(lively, request)
    assert lively.state(lively.ask(BO, "restart")) is State.DENIED, "only Bo could approve, and he asks"


def test_a_training_counts_to_the_end_of_its_last_day_and_not_a_moment_longer(lively: Town) -> None:
    now = lively.ledger.now()
    midnight = (now + timedelta(days=4)).replace(hour=0, minute=0, second=0, microsecond=0)
    lively.forward(seconds=(midnight - now).total_seconds() - 20)
    assert lively.state(lively.ask(ANN, "restart")) is State.SUCCEEDED
    lively.forward(seconds=20)
    request = lively.ask(ANN, "restart")
    assert lively.state(request) is State.PENDING
    assert "requester.attributes.trained is false" in tree(lively, request)


def test_whoever_has_the_attribute_may_ask_and_approve(lively: Town) -> None:
    request = lively.ask(CY, "restart")
    assert lively.state(request) is State.PENDING, "in the group by an attribute"
    assert "Only engineering may ask" in lively.try_to_ask(DI, "restart").text
    assert "can't review" in lively.approve(DI, request).text
    lively.approve(BO, request)
    assert lively.state(request) is State.SUCCEEDED
    (review,) = lively.ledger.reviews(request)
    assert review.selectors == ("attribute:skills=postgres",)


def test_a_source_that_is_down_is_unread_and_never_nobody(lively: Town) -> None:
    lively.facts.down = True
    request = lively.ask(CY, "restart")
    assert lively.state(request) is State.PENDING
    decision = lively.see(request).decision
    assert decision is not None and decision.unread == ("attribute:skills=postgres",)
    lively.edit(DBA, UNSKILLED)
    assert lively.book.fault == ""
    request = lively.ask(ANN, "restart")
    assert lively.state(request) is State.PENDING, "not having the skill is not concluded from silence"
    assert "requester.attributes.skills could not be read (fake: it does not answer)" in tree(lively, request)


def test_what_the_policy_gives_is_known_though_the_source_is_down(lively: Town) -> None:
    lively.edit("  U0CY: {trained: true}", "  U0CY: {trained: true, skills: [none]}", "people.yml")
    lively.edit(DBA, UNSKILLED)
    assert lively.book.fault == ""
    lively.facts.down = True
    assert lively.state(lively.ask(CY, "restart")) is State.SUCCEEDED


def test_a_value_of_another_type_is_unread_too(lively: Town) -> None:
    lively.facts.values = {"skills": {"bo@acme.example": {"skills": "postgres"}}}
    facts = lively.service._facts.read(lively.book.policy, "restart", [ANN])
    assert facts.unread == {"attribute:skills=postgres": "the skills of bo@acme.example is not a list of texts"}


def test_a_source_can_be_asked_about_the_requester_alone(lively: Town) -> None:
    own = 'from: {source: fake, name: role, as: attributes, about: "{requester.email}"}'
    lively.edit(
        "role: {type: text, options: [dba, sre]}", f"role: {{type: text, options: [dba, sre], {own}}}", "people.yml"
    )
    lively.facts.values["role"] = {"cy@acme.example": {"role": "dba"}}
    assert lively.state(lively.ask(CY, "restart")) is State.SUCCEEDED
    assert [each.about for each in lively.facts.seen if each.name == "role"] == ["cy@acme.example"]
    lively.directory.people[CY] = replace(lively.directory.people[CY], email=None)
    shown = tree(lively, lively.ask(CY, "restart"))
    assert "requester.attributes.role could not be read (whoever asks has no e-mail address" in shown


def test_a_selector_of_an_attribute_that_is_gone_names_nobody(lively: Town) -> None:
    wanted = lively.book.policy
    gone = replace(wanted, attributes={})
    facts = lively.service._facts.read(gone, "restart", [ANN])
    assert facts.unread["attribute:skills=postgres"] == "it is not defined any more"
