"""Cases are read as strictly as policies, decided as the bot decides, and say what is not as expected and why."""

from textwrap import dedent
from xml.etree import ElementTree

import pytest

from jitbot.errors import PolicyError
from jitbot.workbench.cases import only, read_cases
from jitbot.workbench.judging import Judged, all_rules, judge, reached
from jitbot.workbench.junit import junit
from jitbot.workbench.rehearsal import Bench

HEAD = """
people:
  ann: {groups: [engineering], email: ann@acme.example}
  bo: {groups: [engineering], on_call: [primary]}
  cy: {groups: [leads]}
  gus: {groups: [engineering], standing: guest}
  robo: {groups: [engineering], kind: agent}
"""
MARK = "»"


def run(bench: Bench, cases: str, head: str = HEAD) -> list[Judged]:
    text = head + "cases:\n" + dedent(cases)
    return [judge(case, bench) for case in read_cases({"x.cases.yml": text}, bench)]


def one(bench: Bench, given: str, expect: str, head: str = HEAD) -> Judged:
    (judged,) = run(bench, f"- {{name: a, given: {{{given}}}, expect: {{{expect}}}}}\n", head)
    return judged


RESTART = "action: restart, as: ann, params: {service: api, env: prod}"


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        pytest.param(
            "action: restart, as: ann, params: {service: api, env: staging}",
            "outcome: allow, rule: staging is self-serve",
            id="a rule allows",
        ),
        pytest.param(RESTART, "outcome: review, missing: 1, approvers: [cy]", id="people are asked"),
        pytest.param(f"{RESTART}, approved_by: [cy]", "outcome: allow, rule: a lead decides", id="a lead approved"),
        pytest.param(f"{RESTART}, denied_by: [cy]", "outcome: deny", id="a lead denied"),
        pytest.param(f"{RESTART}, approved_by: [ann, gus]", "outcome: review, missing: 1", id="others do not count"),
        pytest.param(f"{RESTART}, reason: because", "outcome: invalid, reason: 'INC-[0-9]+'", id="no ticket"),
        pytest.param(f"{RESTART}, reason: INC-1", "outcome: review", id="a ticket"),
        pytest.param(
            "action: restart, as: ann, params: {service: apu}",
            "outcome: invalid, reason: Did you mean api",
            id="a wrong choice",
        ),
        pytest.param(
            "action: restart, as: bo, params: {service: api, env: prod}, facts: {incidents: 2}",
            "outcome: review, rule: a lead decides, unread: [facts.incidents]",
            id="an argument that is not known leaves the fact unread",
        ),
        pytest.param(
            "action: restart, as: gus, params: {service: api, env: staging}",
            "outcome: deny, reason: A guest cannot ask",
            id="a guest",
        ),
        pytest.param(
            f"{RESTART}, unread: [oncall:primary]",
            "outcome: review, unread: [requester.on_call]",
            id="a rota that is unread is not empty",
        ),
        pytest.param(
            f"{RESTART}, unread: [group:leads]",
            "outcome: deny, reason: could not be read",
            id="a group within the requesters that is unread",
        ),
        pytest.param(
            "action: restart, as: cy, params: {service: api, env: prod}",
            "outcome: deny, reason: Nobody can approve this",
            id="the only lead asks, by a nested group",
        ),
        pytest.param(
            "action: restart, as: robo, params: {service: api, env: staging}",
            "outcome: review, missing: 1, approvers: [cy]",
            id="a guardrail adds a review",
        ),
        pytest.param(
            "action: tune, as: ann, params: {whose: bo}, at: '2026-12-24T23:30:00+01:00', targets: 1",
            "outcome: deny, rule: not at night, reason: Not at night",
            id="in another zone's night",
        ),
        pytest.param(
            "action: tune, as: ann, params: {whose: bo}, for: 5h, at: '2026-12-24T12:00:00Z', targets: 2",
            "outcome: invalid, reason: 4h at most",
            id="too long",
        ),
    ],
)
def test_a_case_comes_out_as_the_bot_would_decide(bench: Bench, given: str, expect: str) -> None:
    judged = one(bench, given, expect)
    assert judged.differences == (), judged.why


def test_a_fact_is_seen_by_conditions(bench: Bench) -> None:
    head = HEAD.replace("on_call: [primary]", "on_call: [primary], email: bo@acme.example")
    given = "action: restart, as: bo, params: {service: api, env: prod}, facts: {incidents: 2, calm: true, load: 0.5}"
    more = "since: '2026-12-24T12:00:00Z', length: 5m, names: [a, b], word: x"
    whole = given.replace("load: 0.5", f"load: 0.5, {more}")
    assert one(bench, whole, "outcome: allow, rule: on call during an incident", head).differences == ()


def test_a_failure_says_what_was_expected_what_came_and_why(bench: Bench) -> None:
    judged = one(
        bench,
        f"{RESTART}, approved_by: [ann]",
        "outcome: allow, rule: staging is self-serve, missing: 0, approvers: [ann], reason: soup, unread: []",
    )
    found = {each.what: (each.expected, each.got) for each in judged.differences}
    assert found == {
        "outcome": ("allow", "review"),
        "rule": ("staging is self-serve", "a lead decides"),
        "missing": ("0", "1"),
        "approvers": ("ann", "cy"),
        "reason": ("soup", "“a lead decides” asks for approval."),
    }
    assert "ASK ONE PERSON · a lead decides" in judged.why
    assert "params.env is 'prod'" in judged.why
    assert "ann may not review this" in judged.why


def test_what_is_not_taken_in_says_so(bench: Bench) -> None:
    judged = one(bench, "action: restart, as: ann", "outcome: review, unread: [x]")
    assert [(each.what, each.got) for each in judged.differences] == [("outcome", "invalid")]
    assert "not taken in: service is needed." in judged.why


def test_rules_whose_condition_never_came_true_are_not_reached(bench: Bench) -> None:
    judged = run(
        bench,
        """
        - {name: a, given: {action: restart, as: ann, params: {service: api, env: prod}}, expect: {outcome: deny}}
        - {name: b, given: {action: restart, as: ann}, expect: {outcome: invalid}}
        """,
    )
    assert len(all_rules(bench.policy)) == 7
    assert {name for _, name in set(all_rules(bench.policy)) & reached(judged)} == {"a lead decides"}


def test_cases_are_chosen_by_words_of_their_name_or_file(bench: Bench) -> None:
    text = HEAD + "cases: [{name: One, given: {action: restart, as: ann}, expect: {outcome: deny}}]"
    cases = read_cases({"x.cases.yml": text, "y.cases.yml": text.replace("One", "Two")}, bench)
    assert [case.name for case in only(cases, "one")] == ["One"]
    assert [case.name for case in only(cases, "Y.cases")] == ["Two"]
    assert [(case.file, case.line) for case in only(cases, "")] == [("x.cases.yml", 8), ("y.cases.yml", 8)]


@pytest.mark.parametrize(
    ("given", "expect", "fault"),
    [
        pytest.param(
            "action: »restrat, as: ann", "outcome: allow", "no action 'restrat'. Did you mean restart?", id="action"
        ),
        pytest.param("action: restart, as: »an", "outcome: allow", "no person 'an'. Did you mean ann?", id="person"),
        pytest.param(f"{RESTART}, approved_by: [cy, »cyy]", "outcome: allow", "no person 'cyy'", id="approver"),
        pytest.param(f"{RESTART}, denied_by: [»x]", "outcome: allow", "no person 'x'", id="denier"),
        pytest.param(RESTART, "outcome: review, approvers: [»x]", "no person 'x'", id="expected approver"),
        pytest.param(
            RESTART, "outcome: »permit", "this can be allow, review, deny or invalid, not 'permit'", id="outcome"
        ),
        pytest.param(RESTART, "outcome: deny, rule: »a leed decides", "Did you mean a lead decides?", id="rule"),
        pytest.param(f"{RESTART}, facts: {{»insidents: 1}}", "outcome: deny", "Did you mean incidents?", id="fact"),
        pytest.param(f"{RESTART}, facts: {{incidents: »true}}", "outcome: deny", "a whole number, not true", id="kind"),
        pytest.param(f"{RESTART}, facts: {{incidents: »1.5}}", "outcome: deny", "a whole number, not 1.5", id="float"),
        pytest.param(f"{RESTART}, facts: {{names: »a}}", "outcome: deny", "a list of texts, not 'a'", id="list"),
        pytest.param(f"{RESTART}, facts: {{since: »'2026-01-01'}}", "outcome: deny", "with its offset", id="instant"),
        pytest.param(
            f"{RESTART}, facts: {{length: »5}}", "outcome: deny", "a duration, such as 30m, not 5", id="length"
        ),
        pytest.param(f"{RESTART}, facts: {{length: »5x}}", "outcome: deny", "is not a duration", id="unit"),
        pytest.param(f"{RESTART}, unread: [»group:lead]", "outcome: deny", "Did you mean group:leads?", id="unread"),
        pytest.param(f"{RESTART}, at: »yesterday", "outcome: deny", "is not a point in time", id="at"),
        pytest.param(
            f"{RESTART}, »reasn: x", "outcome: deny", "'reasn' is not a key here. Did you mean reason?", id="key"
        ),
        pytest.param(
            "»action: tune, as: ann, targets: 1", "outcome: deny", "`at` is missing", id="a rule looks at now"
        ),
        pytest.param(
            "»action: tune, as: ann, at: '2026-01-01T00:00:00Z'", "outcome: deny", "`targets` is missing", id="targets"
        ),
    ],
)
def test_a_fault_in_a_case_is_named_at_its_place(bench: Bench, given: str, expect: str, fault: str) -> None:
    head = HEAD + f"cases:\n- {{name: a, given: {MARK if given.startswith(MARK) else ''}{{"
    text = head + given.removeprefix(MARK) + "}, expect: {" + expect + "}}\n"
    before = text[: text.index(MARK)]
    place = f"x.cases.yml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "
    with pytest.raises(PolicyError) as caught:
        read_cases({"x.cases.yml": text.replace(MARK, "")}, bench)
    assert str(caught.value).startswith(place)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("people", "fault"),
    [
        pytest.param("ann: {groups: [»leeds]}", "there is no group 'leeds'. Did you mean leads?", id="group"),
        pytest.param("ann: {on_call: [»x]}", "there is no rota 'x'. There is primary.", id="rota"),
        pytest.param("ann: {}, »a b: {}", "'a b' cannot be a person's name here", id="name"),
        pytest.param("ann: {id: »u1}", "'u1' is not a Slack id", id="id"),
        pytest.param("ann: {}, »U_ANN: {}", "'U_ANN' has the id U_ANN, which is somebody else's here", id="twice"),
    ],
)
def test_a_fault_in_people_is_named_at_its_place(bench: Bench, people: str, fault: str) -> None:
    text = f"people: {{{people}}}\ncases: [{{name: a, given: {{action: restart, as: ann}}, expect: {{outcome: deny}}}}]"
    with pytest.raises(PolicyError) as caught:
        read_cases({"x.cases.yml": text.replace(MARK, "")}, bench)
    assert str(caught.value).startswith(f"x.cases.yml:1:{text.index(MARK) + 1}: {fault}")


def test_files_that_are_no_cases_and_cases_of_one_name_are_refused(bench: Bench) -> None:
    twice = "- {name: a, given: {action: restart, as: ann}, expect: {outcome: deny}}\n"
    files = {
        "a.cases.yml": "people: {",
        "b.cases.yml": "people: {}\ncases: []",
        "c.cases.yml": HEAD + "cases:\n" + twice * 2,
    }
    with pytest.raises(PolicyError) as caught:
        read_cases(files, bench)
    lines = str(caught.value).split("\n")
    assert [line.split(":")[0] for line in lines] == ["a.cases.yml", "b.cases.yml", "b.cases.yml", "c.cases.yml"]
    assert lines[-1] == "c.cases.yml:10:10: this is the name of another case already, on line 9."


def test_the_time_and_what_is_unread_can_be_said_for_all_cases(bench: Bench) -> None:
    head = "at: 2026-12-24T23:00:00Z\nunread: [facts.incidents]" + HEAD
    judged = one(bench, "action: tune, as: ann, params: {whose: bo}, targets: 1", "outcome: deny", head)
    assert judged.differences == ()
    assert judged.case.scene.unread == {"facts.incidents": "the case says so"}


def test_junit_names_each_case_and_says_why_it_failed(bench: Bench) -> None:
    judged = run(
        bench,
        f"""
        - {{name: good, given: {{{RESTART}}}, expect: {{outcome: review}}}}
        - {{name: "bad <&", given: {{{RESTART}, reason: "INC-1 \\x01"}}, expect: {{outcome: allow}}}}
        """,
    )
    root = ElementTree.fromstring(junit(judged))
    assert (root.tag, root.attrib["tests"], root.attrib["failures"]) == ("testsuites", "2", "1")
    (suite,) = root
    assert [case.attrib["name"] for case in suite] == ["good", "bad <&"]
    (failure,) = suite[1]
    assert failure.attrib["message"] == "outcome: expected allow, got invalid"
    assert "control character" in str(failure.text)
    assert not list(suite[0])
