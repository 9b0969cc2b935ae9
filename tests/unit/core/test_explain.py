"""A decision and a length of time, in words."""

from datetime import timedelta

import pytest

from jitbot.explain import SIGNS, asked, either, explain, length, roughly, seen, who
from jitbot.model import Decision, Mark, Need, Outcome, Reason, UserId
from tests.unit.core.builders import BO, CY, DI, EVE, selector


def name(user: UserId) -> str:
    return user[2:].title()


def a_need(*candidates: UserId, count: int = 1, **changes: object) -> Need:
    return Need("people", (selector("leads"),), count, candidates=candidates, **changes)  # type: ignore[arg-type]


def test_the_tree_is_drawn_with_its_branches() -> None:
    needs = (Reason(Mark.OPEN, "1 of group:dba", "<@U0BO>, <@U0CY>"), Reason(Mark.YES, "1 of group:leads", "<@U0DI>"))
    tree = Reason(
        Mark.OPEN,
        "ASK ONE PERSON",
        "prod",
        "a.yml:3",
        (
            Reason(Mark.YES, "guardrails", children=(Reason(Mark.NO, "freeze", "freeze is false", "g.yml:1"),)),
            Reason(Mark.OPEN, "prod", "", "a.yml:3", needs),
        ),
    )
    decision = Decision(Outcome.REVIEW, "prod", "asks", tree)
    assert explain(decision, name).splitlines() == [
        "ASK ONE PERSON · prod · a.yml:3",
        "├ guardrails",
        "│ └ – freeze   g.yml:1   freeze is false",  # noqa: RUF001 - the sign that people read
        "└ ○ prod   a.yml:3",
        "  ├ ○ 1 of group:dba   Bo, Cy",
        "  └ ✓ 1 of group:leads   Di",
    ]


def test_long_runs_of_rules_that_decided_nothing_are_one_line_by_their_names() -> None:
    skipped = tuple(Reason(Mark.NO, f"no {number}", "x is 1", "a.yml:1") for number in range(9))
    untried = tuple(Reason(Mark.UNTRIED, f"late {number}", "", "a.yml:9") for number in range(3))
    ruled = Reason(Mark.YES, "prod", "x is 2", "a.yml:5")
    tree = Reason(Mark.YES, "ALLOWED", "prod", "a.yml:5", (*skipped, ruled, *untried))
    decision = Decision(Outcome.ALLOW, "prod", "prod", tree, "a.yml:5")
    names = ", ".join(each.label for each in skipped)
    assert explain(decision, name, folded=True).splitlines()[1:] == [
        f"├ – 9 rules do not apply: {names}",  # noqa: RUF001 - the sign that people read
        "├ ✓ prod   a.yml:5   x is 2",
        "└ · 3 rules not tried: late 0, late 1, late 2",
    ]
    assert len(explain(decision, name).splitlines()) == 14


def test_short_runs_and_what_has_branches_stay_as_they_are() -> None:
    branch = Reason(Mark.NO, "guardrails", children=(Reason(Mark.NO, "freeze"),))
    tree = Reason(Mark.DENIED, "REFUSED", children=(branch, Reason(Mark.UNTRIED, "a"), Reason(Mark.UNTRIED, "b")))
    decision = Decision(Outcome.DENY, "", "no", tree)
    assert explain(decision, name, folded=True) == explain(decision, name)


def test_what_the_deciding_rule_saw_is_found() -> None:
    tree = Reason(
        Mark.YES, "ALLOWED", children=(Reason(Mark.NO, "a", "x is 1"), Reason(Mark.YES, "b", "x is 2", "p:3"))
    )
    assert seen(Decision(Outcome.ALLOW, "b", "", tree, "p:3")) == "x is 2"
    assert seen(Decision(Outcome.DENY, "", "", tree)) == ""


def test_every_mark_has_a_sign_of_its_own() -> None:
    assert set(SIGNS) == set(Mark)
    assert len(set(SIGNS.values())) == len(Mark)


def test_what_only_looks_like_a_person_is_left_as_it_is() -> None:
    decision = Decision(Outcome.DENY, "", "", Reason(Mark.DENIED, "REFUSED", "a <@U0BO b <@U0CY> c"))
    assert explain(decision, name) == "REFUSED · a <@U0BO b Cy c"


PEOPLE = {
    "one of leads: Bo": a_need(BO),
    "one of leads: Bo or Cy": a_need(BO, CY),
    "2 of leads: Bo, Cy or Di": a_need(BO, CY, DI, count=2),
    "one of leads: Bo, Cy, Di, Eve or 8 more": a_need(BO, CY, DI, EVE, more=8),
    "one of leads: Bo (Cy and Di left)": a_need(BO, left=(CY, DI)),
    "one of leads: who that is could not be read just now": a_need(unread=True),
    "one of leads: nobody just now": a_need(),
}


@pytest.mark.parametrize("words", PEOPLE)
def test_who_can_still_approve_is_said_in_words(words: str) -> None:
    assert who(PEOPLE[words], name) == words


def test_those_who_are_not_shown_are_counted() -> None:
    assert who(a_need(BO, CY, DI), name, most=2) == "one of leads: Bo, Cy or 1 more"


def test_several_sources_are_said_together() -> None:
    need = Need("people", (selector("dba"), selector("leads")), 1, candidates=(BO,))
    assert who(need, name) == "one of dba or leads: Bo"


@pytest.mark.parametrize(
    ("words", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")]
)
def test_words_are_joined_as_a_sentence_does(words: list[str], said: str) -> None:
    assert either(words) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "under a second"),
        (0, "under a second"),
        (41, "41 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (125 * 60, "2 h 5 min"),
        (90_061, "1 d 1 h"),
        (3_601, "1 h 1 s"),
    ],
)
def test_a_length_of_time_is_said_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert length(timedelta(seconds=seconds)) == said


def test_who_would_be_asked_is_part_of_a_sentence() -> None:
    assert asked(a_need(BO, CY), name) == "one of leads (Bo or Cy)"
    assert asked(a_need(BO, left=(EVE,)), name) == "one of leads (Bo) (Eve left)"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1 second"),
        (20, "20 seconds"),
        (58, "1 minute"),
        (243, "4 minutes"),
        (3500, "1 hour"),
        (7000, "2 hours"),
        (86_400, "1 day"),
        (200_000, "2 days"),
    ],
)
def test_about_how_long_is_said_in_one_unit(seconds: float, said: str) -> None:
    assert roughly(timedelta(seconds=seconds)) == said
