"""Attributes of people: declared with a type, given in `people.yml` or read elsewhere, faults named at their place."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from jitbot.errors import FactUnavailable
from jitbot.model import Attribute, FactKind, Given, Person, Policy, UserId
from jitbot.policy.attributes import holders, value_of
from tests.unit.policy.conftest import action_text

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
BO = Person(UserId("U0BO"), "T0ACME", "Bo", email="Bo@acme.example")
PEOPLE = """
zone: Europe/Berlin
groups:
  engineering: [U1ANN, "attribute:role=dba"]
attributes:
  role: {type: text, options: [dba, sre]}
  skills: {type: texts, from: {source: fake, name: skills, as: attributes}}
  pci_training: {type: boolean}
  cost_center: {type: text, from: {source: fake, name: one, as: attributes, about: "{requester.email}"}}
people:
  Bo@acme.example: {role: dba, pci_training: {value: true, until: 2027-03-31}, skills: [postgres]}
  U0CY: {role: sre, pci_training: false}
"""


@pytest.fixture
def policy(load_files: Callable[[Mapping[str, str]], Policy]) -> Policy:
    rules = """
    requesters: ["attribute:pci_training", "attribute:role=dba"]
    rules:
      - {when: requester.attributes.role == 'dba' && requester.attributes.pci_training, allow: true}
      - {when: "requester.attributes.role == '' || 'postgres' in requester.attributes.skills", deny: true}
      - {when: requester.attributes.cost_center == '4711', deny: true}
      - review: [{from: ["attribute:skills=postgres", group:engineering]}]
    """
    return load_files({"people.yml": PEOPLE, "payments.yml": action_text(rules)})


def test_attributes_are_read_with_their_types_and_ends(policy: Policy) -> None:
    role, training = policy.attributes["role"], policy.attributes["pci_training"]
    assert (role.kind, role.options, role.given["bo@acme.example"]) == (FactKind.TEXT, ("dba", "sre"), Given("dba"))
    assert training.given["bo@acme.example"] == Given(True, datetime(2027, 3, 31, 22, 0, tzinfo=UTC))
    assert policy.attributes["cost_center"].personal
    assert not policy.attributes["skills"].personal
    assert policy.groups["engineering"].attributes == ("role=dba",)
    assert [str(who) for who in policy.actions["restart"].requesters] == [
        "attribute:pci_training",
        "attribute:role=dba",
    ]


def people(**lines: str) -> str:
    given = {"attributes": "{role: {type: text, options: [dba, sre]}, ready: {type: boolean}}", **lines}
    return "groups: {engineering: [U1ANN], leads: []}\n" + "".join(f"{key}: {line}\n" for key, line in given.items())


FAULTS = {
    "an unknown type": ({"attributes": "{role: {type: »number}}"}, "this can be text, texts or boolean, not 'number'"),
    "a bad name": ({"attributes": "{»Role: {type: text}}"}, "'Role' cannot be an attribute's name"),
    "options of a boolean": ({"attributes": "{a: {type: boolean, »options: [x]}}"}, "`options` are for texts"),
    "a source of another kind": (
        {"attributes": "{a: {type: text, from: {source: »fake, name: x}}}"},
        "fake comes to integer, and here attributes is needed",
    ),
    "an unknown source": ({"attributes": "{a: {type: text, from: {source: »scum}}}"}, "there is no source 'scum'"),
    "an unknown attribute": ({"people": "{U0BO: {»rloe: dba}}"}, "no attribute 'rloe'. Did you mean role?"),
    "a person who is none": ({"people": "{»bo: {role: dba}}"}, "'bo' is nobody; write a Slack id"),
    "a value of no option": (
        {"people": "{U0BO: {role: »dab}}"},
        "this can be dba or sre, not 'dab'. Did you mean dba?",
    ),
    "text for a boolean": ({"people": "{U0BO: {ready: »yes}}"}, "this must be true or false, not 'yes'"),
    "a list for a text": ({"people": "{U0BO: {role: »[dba]}}"}, "this must be text, not a list"),
    "a number": ({"people": "{U0BO: {role: »8}}"}, "this must be text, not 8"),
    "an end that is no day": (
        {"people": "{U0BO: {ready: {value: true, until: »2027-02-30}}}"},
        "is not a day; write it like",
    ),
    "an end with a time": ({"people": '{U0BO: {ready: {value: true, until: »"2027-02-01 10:00"}}}'}, "is not a day"),
    "the end of all days": ({"people": "{U0BO: {ready: {value: true, until: »9999-12-31}}}"}, "is not a day"),
    "a value with an end that does not fit": ({"people": "{U0BO: {ready: {value: »1, until: 2027-01-01}}}"}, "not 1"),
    "no end": ({"people": "{U0BO: {»ready: {value: true}}}"}, "`until` is missing"),
    "a person twice": (
        {"people": "{bo@a.example: {ready: true}, BO@a.example: {»ready: true}}"},
        "is given this twice",
    ),
    "an unknown zone": ({"zone": "»Mars/Olympus"}, "'Mars/Olympus' is not a time zone"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_where_it_stands(fault_in: Callable[..., str], name: str) -> None:
    lines, why = FAULTS[name]
    assert why in fault_in(people(**lines), "people.yml")


SELECTORS = {
    '»"attribute:rloe=dba"': "the attribute 'rloe' is not defined. Did you mean role? people.yml has ready and role.",
    '»"attribute:role=dab"': "'role' can be dba or sre, not 'dab'. Did you mean dba?",
    '»"attribute:role"': "'role' is text; write attribute:role=VALUE.",
    '»"attribute:ready=true"': "'ready' is true or false; write attribute:ready for all who have it.",
    '»"attribute:"': "the attribute '' is not defined.",
}


@pytest.mark.parametrize("selector", SELECTORS)
def test_a_selector_that_finds_nobody_is_refused(fault_in: Callable[..., str], selector: str) -> None:
    rule = action_text(f"rules: [{{review: [{{from: [{selector}]}}]}}]")
    assert SELECTORS[selector] in fault_in(rule, "payments.yml", people=people())


def test_a_group_refuses_a_member_by_an_unknown_attribute(fault_in: Callable[..., str]) -> None:
    text = people().replace("leads: []", 'leads: [»"attribute:rloe=x"]')
    assert "'rloe' is not defined" in fault_in(text, "people.yml")


def test_nobody_is_found_by_what_is_read_of_the_requester_alone(fault_in: Callable[..., str]) -> None:
    own = people(attributes='{a: {type: text, from: {source: fake, name: x, as: attributes, about: "{requester.id}"}}}')
    rule = action_text('rules: [{review: [{from: [»"attribute:a=x"]}]}]')
    assert "is read of the requester alone" in fault_in(rule, "payments.yml", people=own)


CONDITIONS = {
    "requester.attributes.role == »'dab'": "'dab' is never in requester.attributes.role",
    "»requester.attributes.rloe == 'dba'": "requester.attributes.rloe",
    "requester.attributes.ready »== 'yes'": "",
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_on_attributes_are_typed_and_linted(fault_in: Callable[..., str], condition: str) -> None:
    rule = action_text(f'rules: [{{when: "{condition}", allow: true}}, {{deny: true}}]')
    assert CONDITIONS[condition] in fault_in(rule, "payments.yml", people=people())


def test_conditions_on_attributes_wait_until_people_yml_is_whole(faults: Callable[..., list[str]]) -> None:
    rule = action_text("rules: [{when: requester.attributes.x == 'y', allow: true}]")
    selector = action_text('rules: [{review: [{from: ["attribute:x=y"]}]}]', "stop")
    found = faults({"people.yml": "groups: 1\n", "a.yml": rule, "b.yml": selector})
    assert [line.split(":")[0] for line in found] == ["people.yml"]


def attribute(kind: FactKind = FactKind.TEXT, **given: Given) -> Attribute:
    return Attribute("role", kind, given={who.replace("_at_", "@"): each for who, each in given.items()})


def test_what_is_given_goes_before_what_is_read_until_it_ends() -> None:
    own = attribute(U0BO=Given("dba", NOW))
    read = {"BO@acme.example": {"role": "sre"}, "cy@acme.example": {"role": "dba"}}
    before, after = NOW.replace(hour=11), NOW
    assert value_of(own, BO, read, before) == "dba"
    assert value_of(own, BO, read, after) == "sre"
    assert holders(own, "dba", read, before) == {"U0BO", "cy@acme.example"}
    assert holders(own, "dba", read, after) == {"cy@acme.example"}


@pytest.mark.parametrize(("kind", "empty"), [(FactKind.TEXT, ""), (FactKind.TEXTS, []), (FactKind.BOOLEAN, False)])
def test_whoever_was_read_to_have_none_has_the_empty_value(kind: FactKind, empty: object) -> None:
    assert value_of(attribute(kind), BO, {}, NOW) == empty
    assert value_of(attribute(kind), BO, {"bo@acme.example": {"role": None}}, NOW) == empty


def test_what_is_unread_is_not_known_unless_the_policy_gives_it() -> None:
    with pytest.raises(FactUnavailable, match="could not be read"):
        value_of(attribute(), BO, None, NOW)
    assert value_of(attribute(U0BO=Given("dba")), BO, None, NOW) == "dba"
    with pytest.raises(FactUnavailable, match="could not be looked up"):
        value_of(attribute(), None, {}, NOW)


def test_whoever_has_no_address_is_not_known_by_one() -> None:
    nobody = Person(UserId("U0BO"), "T0ACME", "Bo")
    with pytest.raises(FactUnavailable, match="no e-mail address"):
        value_of(attribute(), nobody, {"bo@acme.example": {"role": "dba"}}, NOW)
    with pytest.raises(FactUnavailable, match="no e-mail address"):
        value_of(attribute(bo_at_acme=Given("dba")), nobody, {}, NOW)
    assert value_of(attribute(), nobody, {"U0BO": {"role": "dba"}}, NOW) == "dba"
    assert value_of(attribute(), nobody, {"U0CY": {"role": "dba"}}, NOW) == ""


@pytest.mark.parametrize(
    ("kind", "value"),
    [(FactKind.TEXT, 7), (FactKind.TEXTS, ["a", 1]), (FactKind.TEXTS, "a"), (FactKind.BOOLEAN, "true")],
)
def test_a_value_of_another_type_makes_it_unread(kind: FactKind, value: object) -> None:
    read = {"bo@acme.example": {"role": value}}
    with pytest.raises(FactUnavailable, match=r"the role of bo@acme.example is not"):
        holders(attribute(kind), "a", read, NOW)
    with pytest.raises(FactUnavailable, match="is not"):
        value_of(attribute(kind), BO, read, NOW)


def test_texts_and_booleans_are_held_by_who_has_them() -> None:
    texts = {"U0BO": {"role": ["a", "b"]}, "U0CY": {"role": ["b"]}}
    assert holders(attribute(FactKind.TEXTS), "a", texts, NOW) == {"U0BO"}
    yes = {"U0BO": {"role": True}, "U0CY": {"role": False}}
    assert holders(attribute(FactKind.BOOLEAN), "", yes, NOW) == {"U0BO"}
