"""Cases and what-ifs about attributes of people, and about who stands in for whom."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from jitbot.errors import InvalidInput, PolicyError
from jitbot.model import Decision
from jitbot.workbench.cases import read_cases
from jitbot.workbench.judging import judge
from jitbot.workbench.rehearsal import Bench
from jitbot.workbench.whatif import WhatIf, explain_what_if

FILES = {
    "people.yml": """
groups: {engineering: [U0ANN, bo@acme.example]}
attributes:
  role: {type: text, options: [dba, dev]}
  trained: {type: boolean}
  level: {type: text, from: {source: fake, name: levels, as: attributes}}
people:
  bo@acme.example: {role: dba}
""",
    "db.yml": """
team: db
channel: "#db"
actions:
  admin:
    runner: fake
    with: {what: admin, where: prod}
    requesters: [group:engineering]
    reason: false
    rules:
      - {name: trained people may, when: requester.attributes.trained, allow: true}
      - {name: seniors may, when: requester.attributes.level == 'senior', allow: true}
      - {name: a DBA decides, review: [{from: ["attribute:role=dba"]}]}
""",
}
HEAD = """
people:
  ann: {groups: [engineering]%s}
  bo: {attributes: {role: dba}}
  cy: {stands_in_for: [bo]}
cases:
  - {name: a, given: {action: admin, as: ann%s}, expect: {%s}}
"""


@pytest.fixture
def bench(make_bench: Callable[[Mapping[str, str]], Bench]) -> Bench:
    return make_bench(FILES)


@pytest.mark.parametrize(
    ("ann", "given", "expect"),
    [
        ("", "", "outcome: review, rule: a DBA decides, approvers: [cy]"),
        ("", ", approved_by: [cy]", "outcome: allow"),
        ("", ", approved_by: [bo]", "outcome: allow"),
        ("", ", approved_by: [ann]", "outcome: review, approvers: [cy]"),
        (", attributes: {trained: true}", "", "outcome: allow, rule: trained people may"),
        (", attributes: {trained: false, level: junior}", "", "outcome: review"),
        (", attributes: {level: senior}", "", "outcome: allow, rule: seniors may"),
        ("", ", unread: ['attribute:trained']", "outcome: review, missing: 1"),
        ("", ", unread: ['attribute:role']", "outcome: review, unread: ['attribute:role=dba']"),
    ],
)
def test_a_case_says_what_people_have_and_who_stands_in(bench: Bench, ann: str, given: str, expect: str) -> None:
    (case,) = read_cases({"db.cases.yml": HEAD % (ann, given, expect)}, bench)
    judged = judge(case, bench)
    assert judged.differences == (), judged.why


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ("ann: {attributes: {rol: dba}}", "there is no attribute 'rol'. Did you mean role? There is "),
        ("ann: {attributes: {role: boss}}", "this can be dba or dev, not 'boss'."),
        ("ann: {attributes: {trained: 1}}", "this must be true or false, not 1."),
        ("ann: {stands_in_for: [eve]}", "there is no person 'eve'."),
        ("ann: {stands_in_for: [ann]}", "nobody stands in for themselves."),
        ("ann: {stands_in_for: [bo]}\n  bo: {}\n  cy: {stands_in_for: [bo]}", "bo has a stand-in already."),
    ],
)
def test_what_is_wrong_with_a_person_is_told_at_its_place(bench: Bench, people: str, words: str) -> None:
    text = f"people:\n  {people}\ncases: [{{name: a, given: {{action: admin, as: ann}}, expect: {{outcome: deny}}}}]\n"
    with pytest.raises(PolicyError) as caught:
        read_cases({"db.cases.yml": text}, bench)
    assert words in str(caught.value)
    assert str(caught.value).startswith("db.cases.yml:")


def decided(bench: Bench, **said: Any) -> Decision:
    found = explain_what_if(bench, WhatIf(["admin"], "U0ANN", datetime(2026, 1, 7, 12, tzinfo=UTC), **said))
    assert found.rehearsal.decision is not None
    return found.rehearsal.decision


def test_what_if_takes_written_attributes_from_the_files_and_others_as_said(bench: Bench) -> None:
    assert decided(bench).unread == ("requester.attributes.level",)
    assert decided(bench, attributes=["level=senior"]).rule == "seniors may"
    assert decided(bench, attributes=["level=junior", "trained=true"]).rule == "trained people may"
    assert [need.candidates for need in decided(bench, attributes=["level=junior"]).needs] == [("U_BO_ACME_EXAMPLE",)]


def test_an_unread_attribute_is_told_with_its_option(bench: Bench) -> None:
    said = WhatIf(["admin"], "U0ANN", datetime(2026, 1, 7, 12, tzinfo=UTC))
    assert explain_what_if(bench, said).not_read == {"requester.attributes.level": "--attribute level=VALUE"}
    with pytest.raises(InvalidInput, match="There is no attribute 'lvl'"):
        decided(bench, attributes=["lvl=1"])
