"""Facts, rotas and nested groups in policy files: typed at load, with every fault at its place."""

from collections.abc import Callable

import pytest

from jitbot.errors import PolicyError
from jitbot.model import FactCall, FactKind, Policy
from jitbot.policy.files.load import load
from jitbot.policy.wanted import wanted, wanted_for_asking
from tests.fake_sources import FakeSource, FakeSources
from tests.unit.policy.conftest import PEOPLE, Runners, action_text, unmarked

Loads = Callable[..., Policy]


def loads(**files: str) -> Policy:
    names = {"people": "people.yml", "payments": "payments.yml", "guardrails": "guardrails.yml"}
    texts = {"people.yml": PEOPLE} | {names[name]: text for name, text in files.items()}
    return load(texts, Runners(), FakeSources(FakeSource()))


def refusal(marked: str, file: str = "payments", **others: str) -> tuple[str, list[str]]:
    text, place = unmarked(marked)
    with pytest.raises(PolicyError) as caught:
        loads(**{file: text}, **others)
    return f"{file}.yml:{place}: ", str(caught.value).splitlines()


def test_a_fact_has_a_type_by_its_source_and_arguments() -> None:
    body = """
    facts:
      firing: {source: fake, name: "{service}", as: integer}
      status: {source: fake, name: status, as: text}
    parameters: {service: {type: choice, options: [api, web]}}
    rules: [{when: "facts.firing > 1 && facts.status != 'down'", allow: true}, {deny: true}]
    """
    action = loads(payments=action_text(body)).actions["restart"]
    assert [(fact.name, fact.kind) for fact in action.facts] == [
        ("firing", FactKind.INTEGER),
        ("status", FactKind.TEXT),
    ]
    assert action.facts[0].arguments == {"name": "{service}", "as": "integer"}
    assert action.facts[0].where == "payments.yml:6"


def test_braces_of_a_query_are_no_templates() -> None:
    body = """
    facts: {up: {source: fake, name: a, query: 'up{{job="api"}}'}}
    rules: [{when: "facts.up > 1", allow: true}]
    """
    assert loads(payments=action_text(body)).actions["restart"].facts[0].arguments["query"] == 'up{{job="api"}}'


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ("{open: {source: »fak, name: a}}", "there is no source 'fak'. Did you mean fake?"),
        ("{open: {source: fake, name: '»{servicez}'}}", "`{servicez}` names no parameter of this action"),
        (
            "{open: {source: fake, name: a, query: 'up > »{request.reason}'}}",
            "`query` of fake takes no `{request.reason}`",
        ),
        ("{»open: {source: fake}}", "the source fake does not take `name`: Field required"),
        ("{open: {source: fake, name: a, wrong: »1}}", "the source fake does not take `wrong`: Extra inputs"),
        ("{open: {source: »fake, name: a, as: people}}", "fake comes to people, and here boolean, duration"),
        ("{»Open: {source: fake, name: a}}", "'Open' cannot be a fact's name"),
        ("{open: {»name: a}}", "`source` is missing"),
    ],
)
def test_a_fault_in_a_fact_is_told_at_its_place(facts: str, words: str) -> None:
    place, told = refusal(action_text(f"facts: {facts}"))
    assert len(told) == 1
    assert words in told[0]
    if "missing" not in words:
        assert told[0].startswith(place)


def test_a_condition_on_a_faulty_fact_is_not_blamed_too() -> None:
    body = "facts: {open: {source: »nope}}\nrules: [{when: facts.open > 1, allow: true}, {deny: true}]"
    place, told = refusal(action_text(body))
    assert [line.startswith(place) for line in told] == [True]


def test_a_fact_that_no_action_declares_is_unknown_to_its_conditions() -> None:
    _, told = refusal(action_text("rules: [{when: »facts.open > 1, allow: true}, {deny: true}]"))
    assert "facts.open" in told[0]


def test_an_argument_that_only_a_request_knows_is_not_judged_at_load() -> None:
    action = loads(payments=action_text("facts: {seen: {source: fake, name: '{request.reason}'}}")).actions["restart"]
    assert action.facts[0].arguments == {"name": "{request.reason}"}


def test_a_fact_whose_kind_cannot_be_told_is_a_fault() -> None:
    place, told = refusal(action_text("facts: {a: {source: »fake, name: '{request.reason}', as: '{request.action}'}}"))
    assert told == [f"{place}what fake comes to cannot be told from these arguments: 'restart' is no kind of fact."]


def test_guardrails_have_facts_of_their_own() -> None:
    guardrails = (
        "facts: {errors: {source: fake, name: e, as: number}}\nguardrails: [{when: facts.errors > 0.5, deny: true}]"
    )
    policy = loads(payments=action_text(""), guardrails=guardrails)
    assert [fact.name for fact in policy.facts] == ["errors"]
    assert [fact.name for fact in wanted(policy, "restart").facts] == ["errors"]


def test_a_guardrail_is_not_blamed_for_a_faulty_fact() -> None:
    place, told = refusal(
        "facts: {errors: {source: »nope}}\nguardrails: [{when: facts.errors > 1, deny: true}]",
        "guardrails",
        payments=action_text(""),
    )
    assert [line.startswith(place) for line in told] == [True]


def test_a_head_of_guardrails_with_faults_is_told_once() -> None:
    _, told = refusal("»guardrails: 7", "guardrails", payments=action_text(""))
    assert len(told) == 1


ROTA = "on_call: {primary: {source: fake, name: p, as: people}}\n"


def test_groups_hold_groups_and_rotas() -> None:
    people = PEOPLE + "  all: [group:engineering, 'oncall:primary', group:leads, U1ANN]\n" + ROTA
    policy = loads(people=people, payments=action_text("rules: [{review: [{from: [oncall:primary, group:all]}]}]"))
    group = policy.groups["all"]
    assert (group.groups, group.on_call, group.users) == (("engineering", "leads"), ("primary",), ("U1ANN",))
    assert policy.on_call["primary"] == FactCall(
        "primary", "fake", {"name": "p", "as": "people"}, FactKind.PEOPLE, "people.yml:6"
    )
    assert wanted(policy, "restart").reviewers == {"oncall:primary", "group:all"}
    assert wanted_for_asking(policy).selectors == {"group:engineering"}


@pytest.mark.parametrize(
    ("people", "words"),
    [
        (PEOPLE + "  all: [»group:engineerinz]\n", "the group 'engineerinz' is not defined. Did you mean engineering?"),
        (PEOPLE + "  all: [»'oncall:x']\n", "the rota 'x' is not defined. There is nothing."),
        (PEOPLE + "  all: [»nobody]\n", "'nobody' is not a member"),
        (PEOPLE + "on_call: {»a b: {source: fake, name: p, as: people}}", "'a b' cannot be a rota's name"),
        (PEOPLE + "on_call: {p: {source: »fake, name: p}}", "fake comes to integer, and here people is needed"),
        (PEOPLE + "on_call: {p: {source: fake, name: '»{service}', as: people}}", "`{service}` names no parameter"),
    ],
)
def test_a_fault_among_people_is_told_at_its_place(people: str, words: str) -> None:
    place, told = refusal(people, "people", payments=action_text(""))
    assert len(told) == 1
    assert told[0].startswith(place)
    assert words in told[0]


def test_groups_that_contain_each_other_are_refused() -> None:
    people = "groups:\n  engineering: [U1ANN]\n  a: [group:b]\n  b: [group:c, U1ANN]\n  c: [group:a]\n"
    with pytest.raises(PolicyError, match="these groups contain each other: "):
        loads(people=people, payments=action_text(""))


def test_an_undefined_rota_is_told_where_it_is_asked() -> None:
    body = "rules: [{review: [{from: [»'oncall:primry']}]}]"
    place, told = refusal(action_text(body), people=PEOPLE + ROTA)
    assert told == [f"{place}the rota 'primry' is not defined. Did you mean primary? people.yml has primary."]


def test_a_misspelt_rota_in_a_condition_is_told() -> None:
    body = "rules: [{when: \"»'primry' in requester.on_call\", allow: true}, {deny: true}]"
    _, told = refusal(action_text(body), people=PEOPLE + ROTA)
    assert "'primry' is never in requester.on_call" in told[0]
