"""Cases of quotas, limits, planned starts and people kept apart."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from jitbot.errors import InvalidInput, PolicyError
from jitbot.workbench.cases import read_cases
from jitbot.workbench.judging import judge
from jitbot.workbench.rehearsal import Bench
from jitbot.workbench.whatif import WhatIf, explain_what_if

FILES = {
    "people.yml": "groups: {engineering: [U0ANN], leads: [U0BO, U0CY]}\n",
    "guardrails.yml": "guardrails: [{name: not in turn, not_recently_approved_by: 24h}]\n",
    "db.yml": """
team: db
channel: "#db"
actions:
  admin:
    runner: fake
    with: {what: admin, where: prod}
    requesters: [group:engineering]
    reason: false
    timebox: {default: 30m, max: 4h}
    start_later: {max: 2d}
    limits: {held: 2, held_by_one: 1, cool_down: 10m}
    rules:
      - {name: twice a day, allow: {at_most: 2, per: 1d}}
      - {name: a lead decides, review: [{from: [group:leads]}]}
""",
}
HEAD = """
people: {ann: {groups: [engineering]}, bo: {groups: [leads]}, cy: {groups: [leads]}}
at: 2026-12-24T12:00:00Z
cases:
  - {name: a, given: {action: admin, as: ann%s}, expect: {%s}}
"""


@pytest.fixture
def limited(make_bench: Callable[[Mapping[str, str]], Bench]) -> Bench:
    return make_bench(FILES)


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        ("", "outcome: allow, rule: twice a day"),
        (", used: {twice a day: 1}", "outcome: allow"),
        (", used: {twice a day: 2}", "outcome: review, rule: a lead decides, approvers: [bo, cy]"),
        (", used: {twice a day: 2}, approved_lately: {bo: 2h}", "outcome: review, approvers: [cy]"),
        (", used: {twice a day: 2}, approved_lately: {bo: 25h}", "outcome: review, approvers: [bo, cy]"),
        (", held_by: [ann]", "outcome: deny, reason: One person may hold 1 at a time"),
        (", held_by: [bo, cy]", "outcome: deny, reason: may be held 2 times at the same time"),
        (", held_by: [bo]", "outcome: allow"),
        (", failed: 9m", "outcome: deny, reason: failed on this target"),
        (", failed: 11m", "outcome: allow"),
        (", starts_at: '2026-12-25T12:00:00Z'", "outcome: allow"),
        (", starts_at: '2026-12-29T12:00:00Z'", "outcome: invalid, reason: too far ahead"),
    ],
)
def test_what_the_ledger_would_count_can_be_given(limited: Bench, given: str, expect: str) -> None:
    (case,) = read_cases({"db.cases.yml": HEAD % (given, expect)}, limited)
    judged = judge(case, limited)
    assert judged.differences == (), judged.why


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (", used: {twice a dai: 1}", "there is no rule with a quota 'twice a dai'. Did you mean twice a day?"),
        (", used: {twice a day: -1}", "this must be 0 or more."),
        (", held_by: [eve]", "there is no person 'eve'"),
        (", approved_lately: {eve: 1h}", "there is no person 'eve'"),
        (", failed: 5", "'5' needs a unit"),
        (", starts_at: tomorrow", "is not a point in time with its offset"),
    ],
)
def test_counts_of_what_there_is_not_are_refused(limited: Bench, given: str, fault: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_cases({"db.cases.yml": HEAD % (given, "outcome: deny")}, limited)
    assert fault in str(caught.value)


def test_a_quota_is_unread_on_the_command_line_unless_it_is_said(limited: Bench) -> None:
    said = WhatIf(["admin"], "U0ANN", datetime(2026, 12, 24, 12, tzinfo=UTC))
    found = explain_what_if(limited, said)
    assert found.rehearsal.decision is not None
    assert found.rehearsal.decision.rule == "a lead decides"
    assert found.not_read == {"counts": "--used RULE=NUMBER"}
    found = explain_what_if(limited, WhatIf(["admin"], "U0ANN", said.at, used=["twice a day=1"]))
    assert found.rehearsal.decision is not None
    assert found.rehearsal.decision.rule == "twice a day"


@pytest.mark.parametrize("used", ["twice a day", "x=1", "twice a day=many"])
def test_a_count_that_is_none_is_refused(limited: Bench, used: str) -> None:
    with pytest.raises(InvalidInput):
        explain_what_if(limited, WhatIf(["admin"], "U0ANN", datetime(2026, 12, 24, 12, tzinfo=UTC), used=[used]))
