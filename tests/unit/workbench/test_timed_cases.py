"""Cases of windows and freezes: the time says the most of it, and calendars are given."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from jitbot.errors import InvalidInput, PolicyError
from jitbot.model import Decision
from jitbot.workbench.cases import read_cases
from jitbot.workbench.judging import judge
from jitbot.workbench.rehearsal import Bench
from jitbot.workbench.whatif import WhatIf, explain_what_if

FILES = {
    "people.yml": "groups: {engineering: [U0ANN, U0BO], sre: [U0BO]}\n",
    "guardrails.yml": "guardrails: [{name: freeze, when: freeze.active, deny: Not now.}]\n",
    "windows.yml": """
zone: Europe/Berlin
windows:
  office: {days: [mon-fri], from: "09:00", until: "17:00"}
freezes:
  year-end: {from: 2026-12-19, until: 2027-01-03, except: [group:sre]}
  launches: {calendar: {source: fake, name: launches, as: spans}}
""",
    "db.yml": """
team: db
channel: "#db"
actions:
  restart:
    runner: fake
    with: {what: db, where: prod}
    requesters: [group:engineering]
    reason: false
    rules:
      - {name: by day, when: "'office' in windows", allow: true}
      - {name: an SRE decides, review: [{from: [group:sre]}]}
""",
}
HEAD = """
people: {ann: {groups: [engineering]}, bo: {groups: [engineering, sre]}}
cases:
  - {name: a, given: {action: restart, as: ann, at: '2026-12-15T%s:00+01:00'%s}, expect: {%s}}
"""


@pytest.fixture
def timed(make_bench: Callable[[Mapping[str, str]], Bench]) -> Bench:
    return make_bench(FILES)


@pytest.mark.parametrize(
    ("hour", "given", "expect"),
    [
        ("12:00", "", "outcome: allow, rule: by day"),
        ("18:00", "", "outcome: review, rule: an SRE decides"),
        ("12:00", ", frozen: [launches]", "outcome: deny, rule: freeze, reason: Not now."),
        ("12:00", ", unread: ['freeze:launches']", "outcome: deny, rule: freeze, unread: [freeze.active]"),
    ],
)
def test_the_time_and_the_calendars_decide(timed: Bench, hour: str, given: str, expect: str) -> None:
    (case,) = read_cases({"db.cases.yml": HEAD % (hour, given, expect)}, timed)
    judged = judge(case, timed)
    assert judged.differences == (), judged.why


def test_who_may_pass_a_freeze_does(timed: Bench) -> None:
    text = HEAD.replace("12-15", "12-22") % ("12:00", "", "outcome: deny")
    cases = text + text.split("cases:")[1].replace("ann", "bo").replace("name: a", "name: b").replace("deny", "allow")
    assert [judge(case, timed).differences for case in read_cases({"db.cases.yml": cases}, timed)] == [(), ()]


@pytest.mark.parametrize("given", ["frozen: [year-end]", "frozen: [x]", "unread: ['freeze:year-end']"])
def test_only_freezes_with_a_calendar_can_be_given(timed: Bench, given: str) -> None:
    with pytest.raises(PolicyError, match="there is no"):
        read_cases({"db.cases.yml": HEAD % ("12:00", f", {given}", "outcome: deny")}, timed)


def test_a_case_that_looks_at_windows_has_to_say_when(timed: Bench) -> None:
    text = HEAD.replace("at: '2026-12-15T%s:00+01:00'", "source: slack%s") % ("", "", "outcome: deny")
    with pytest.raises(PolicyError, match="`at` is missing"):
        read_cases({"db.cases.yml": text}, timed)


def test_what_the_plan_says_has_to_be_given_where_a_rule_looks_at_it(
    make_bench: Callable[[Mapping[str, str]], Bench],
) -> None:
    rule = '"plan.undoable && !plan.changes"'
    bench = make_bench({**FILES, "db.yml": FILES["db.yml"].replace("\"'office' in windows\"", rule)})
    with pytest.raises(PolicyError, match=r"(?s)`undoable` is missing.*`changes` is missing|`changes`.*`undoable`"):
        read_cases({"db.cases.yml": HEAD % ("12:00", "", "outcome: deny")}, bench)
    for changes, outcome in (("false", "allow"), ("true", "review")):
        given = f", undoable: true, changes: {changes}"
        (case,) = read_cases({"db.cases.yml": HEAD % ("12:00", given, f"outcome: {outcome}")}, bench)
        assert judge(case, bench).differences == ()
    said = WhatIf(["restart"], "U0ANN", datetime(2026, 12, 15, 12, tzinfo=UTC), targets=1, frozen=["launches=no"])
    decision = explain_what_if(bench, said).rehearsal.decision
    assert decision is not None
    assert decision.rule == "an SRE decides"


def test_a_calendar_is_unread_on_the_command_line_unless_it_is_said(timed: Bench) -> None:
    def decided(*frozen: str) -> tuple[Decision, Mapping[str, str]]:
        said = WhatIf(["restart"], "U0ANN", datetime(2026, 12, 15, 12, tzinfo=UTC), frozen=frozen)
        found = explain_what_if(timed, said)
        assert found.rehearsal.decision is not None
        return found.rehearsal.decision, found.not_read

    decision, how = decided()
    assert (decision.rule, how) == ("freeze", {"freeze.active": "--frozen launches (or launches=no)"})
    assert decided("launches=no")[0].rule == "by day"
    assert decided("launches")[0].unread == ()
    with pytest.raises(InvalidInput, match="no freeze with a calendar"):
        decided("year-end")
    with pytest.raises(InvalidInput, match="no freeze with a calendar"):
        decided("launches=maybe")
