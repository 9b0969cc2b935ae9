"""Cases and what-ifs about waiting and broken glass."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from jitbot.errors import InvalidInput, PolicyError
from jitbot.model import Mark, Reason
from jitbot.workbench.cases import read_cases
from jitbot.workbench.judging import judge
from jitbot.workbench.rehearsal import Bench
from jitbot.workbench.whatif import WhatIf, explain_what_if

FILES = {
    "people.yml": "groups: {engineering: [U0ANN], sre: [U0ANN], oncall: [U0BO], leads: [U0CY]}",
    "guardrails.yml": """
break_glass: [{who: [group:sre], max: 1h, review_within: 1d, tell: ["#security"]}]
guardrails: []
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
    start_later: {max: 7d}
    timebox: {default: 30m, max: 4h}
    rules:
      - name: one on call
        review: [{from: [group:oncall]}]
        escalate: [{after: 20m, to: [group:leads]}]
        fallback: [group:leads]
""",
}
CASES = """
people:
  ann: {groups: [engineering, sre]}
  bo: {%s}
  cy: {groups: [leads]}
cases:
  - {name: a, given: {action: admin, as: ann%s}, expect: {%s}}
"""
ON_CALL = "groups: [oncall]"
AT = datetime(2026, 1, 7, 12, tzinfo=UTC)


@pytest.fixture
def bench(make_bench: Callable[[Mapping[str, str]], Bench]) -> Bench:
    return make_bench(FILES)


@pytest.mark.parametrize(
    ("bo", "given", "expect"),
    [
        (ON_CALL, "", "outcome: review, approvers: [bo], rule: one on call"),
        (ON_CALL, ", waited: 19m", "outcome: review, approvers: [bo]"),
        (ON_CALL, ", waited: 20m", "outcome: review, approvers: [bo, cy]"),
        (ON_CALL, ", approved_by: [cy]", "outcome: review, approvers: [bo]"),
        (ON_CALL, ", approved_by: [cy], waited: 20m", "outcome: allow"),
        ("", "", "outcome: review, approvers: [cy]"),
        ("", ", approved_by: [cy]", "outcome: allow"),
        (ON_CALL, ", break_glass: true", "outcome: allow, rule: break-glass, reason: owed within 1d"),
        (ON_CALL, ", break_glass: true, reason: ''", "outcome: invalid, reason: needs a reason"),
        (ON_CALL, ", break_glass: true, for: 2h", "outcome: deny, reason: lasts 1h at most"),
        (ON_CALL, ", break_glass: true, review_overdue: true", "outcome: deny, reason: is overdue"),
        (ON_CALL, ", break_glass: true, starts_at: '2026-01-08T12:00:00Z'", "outcome: invalid, reason: runs at once"),
    ],
)
def test_a_case_says_how_long_it_waited_and_whether_the_glass_is_broken(
    bench: Bench, bo: str, given: str, expect: str
) -> None:
    (case,) = read_cases({"db.cases.yml": CASES % (bo, given, expect)}, bench)
    judged = judge(case, bench)
    assert judged.differences == (), judged.why


def test_break_glass_is_expected_only_where_guardrails_grant_it(
    make_bench: Callable[[Mapping[str, str]], Bench],
) -> None:
    bench = make_bench({name: text for name, text in FILES.items() if name != "guardrails.yml"})
    with pytest.raises(PolicyError, match="there is no rule or guardrail 'break-glass' of admin"):
        read_cases({"db.cases.yml": CASES % (ON_CALL, "", "outcome: allow, rule: break-glass")}, bench)


def what_if(bench: Bench, *words: str, waited: str = "", overdue: bool | None = None) -> str:
    said = WhatIf(["admin", *words], "U0ANN", AT, waited=waited, overdue=overdue)
    explained = explain_what_if(bench, said)
    decision = explained.rehearsal.decision
    if decision is None:
        return explained.rehearsal.fault
    return "\n".join([decision.summary, *_lines(decision.tree), *map(str, explained.not_read.items())])


def _lines(reason: Reason) -> list[str]:
    sign = "asked" if reason.mark is Mark.YES else "not yet" if reason.mark is Mark.UNTRIED else ""
    return [f"{sign} {reason.label}", *(line for child in reason.children for line in _lines(child))]


def test_a_what_if_says_who_is_asked_later(bench: Bench) -> None:
    assert "not yet or one of group:leads" in what_if(bench)
    assert "asked or one of group:leads" in what_if(bench, waited="20m")
    with pytest.raises(InvalidInput, match="not a duration"):
        what_if(bench, waited="soon")


def test_a_what_if_about_broken_glass_wants_to_know_of_reviews_that_are_owed(bench: Bench) -> None:
    unread = what_if(bench, "break-glass=yes")
    assert "could not be read" in unread
    assert "--no-review-overdue" in unread
    assert "runs at once" in what_if(bench, "break-glass=yes", overdue=False)
    assert "overdue" in what_if(bench, "break-glass=yes", overdue=True)
