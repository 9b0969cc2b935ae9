"""`break_glass`, as guardrails grant it and actions narrow it."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from jitbot.model import BreakGlass, Policy, Selector
from tests.unit.policy.conftest import action_text, unmarked

PEOPLE = """
groups:
  engineering: [U1ANN, U2BOB]
  leads: [U3CAT, "group:chiefs", "group:deputies", "oncall:first"]
  deputies: ["group:chiefs"]
  chiefs: [U4DAN]
on_call:
  first: {source: fake, name: first, as: people}
"""
GRANT = 'who: [group:leads], max: 1h, review_within: 24h, tell: ["#security"]'
GUARDRAILS = f"guardrails: []\nbreak_glass:\n  - {{{GRANT}}}\n"


def files(narrowing: str, guardrails: str = GUARDRAILS) -> dict[str, str]:
    body = f"timebox: {{default: 10m, max: 4h}}\n{narrowing}"
    return {"people.yml": PEOPLE, "guardrails.yml": guardrails, "payments.yml": action_text(body)}


def test_an_action_has_what_guardrails_grant(load_files: Callable[[Mapping[str, str]], Policy]) -> None:
    (terms,) = load_files(files("")).actions["restart"].break_glass
    assert terms == BreakGlass(
        (Selector("group", "leads"),), timedelta(hours=1), timedelta(hours=24), ("#security",), where="guardrails.yml:3"
    )


def test_an_action_narrows_it(load_files: Callable[[Mapping[str, str]], Policy]) -> None:
    own = 'break_glass: {who: [group:chiefs, "oncall:first", user:U3CAT], max: 30m, review_within: 2h, tell: ["#pay"]}'
    (terms,) = load_files(files(own)).actions["restart"].break_glass
    assert (terms.max, terms.review_within) == (timedelta(minutes=30), timedelta(hours=2))
    assert terms.tell == ("#security", "#pay")
    assert [str(each) for each in terms.within] == ["group:chiefs", "oncall:first", "user:U3CAT"]
    assert terms.who == (Selector("group", "leads"),)


def test_a_grant_for_some_actions_is_not_one_for_others(load_files: Callable[[Mapping[str, str]], Policy]) -> None:
    some = GUARDRAILS.replace("{who", "{applies_to: [restart], bar_when_overdue: false, who")
    two = action_text("title: Other", "other").replace("team: payments", "team: other")
    policy = load_files(files("", some) | {"other.yml": two})
    (terms,) = policy.actions["restart"].break_glass
    assert not terms.bar_when_overdue
    assert policy.actions["other"].break_glass == ()


def test_a_guardrail_says_that_break_glass_passes_it(load_files: Callable[[Mapping[str, str]], Policy]) -> None:
    rails = "guardrails:\n  - {name: a, deny: true, break_glass: passes}\n  - {name: b, deny: true}\n"
    policy = load_files(files("", rails))
    assert [each.passes for each in policy.guardrails] == [True, False]


NARROWING = {
    "nothing is granted": (
        "»break_glass: {max: 30m}",
        "guardrails: []\n",
        "guardrails.yml grants no break-glass for restart, and an action can only narrow what it grants.",
    ),
    "it would last longer": (
        "break_glass: {max: »2h}",
        GUARDRAILS,
        "guardrails.yml grants 1h at most, and an action can only narrow that.",
    ),
    "it would be reviewed later": (
        "break_glass: {review_within: »2d}",
        GUARDRAILS,
        "guardrails.yml grants 1d at most, and an action can only narrow that.",
    ),
    "others could": (
        "break_glass: {who: [group:chiefs, »group:engineering]}",
        GUARDRAILS,
        "guardrails.yml grants break-glass to group:leads, and group:engineering is not one of them or a part of one; "
        "an action can only narrow that.",
    ),
    "it narrows nothing": (
        "break_glass: »{}",
        GUARDRAILS,
        "this narrows nothing; write who, max, review_within or tell, or leave the key out.",
    ),
    "it tells no channel": (
        "break_glass: {tell: [»security]}",
        GUARDRAILS,
        "'security' is not a channel; write '#name', or a channel id.",
    ),
}


@pytest.mark.parametrize("name", NARROWING)
def test_an_action_can_only_narrow(name: str, faults: Callable[[Mapping[str, str]], list[str]]) -> None:
    own, guardrails, message = NARROWING[name]
    wanted = files(own, guardrails)
    text, position = unmarked(wanted["payments.yml"])
    assert faults(wanted | {"payments.yml": text}) == [f"payments.yml:{position}: {message}"]


GRANTS = {
    "an action that is not there": (
        f"break_glass:\n  - {{applies_to: [»restrat], {GRANT}}}",
        "there is no action 'restrat'. Did you mean restart? There is restart.",
    ),
    "nobody is told": (
        "break_glass:\n  - »{who: [group:leads], max: 1h, review_within: 24h}",
        "`tell` is missing.",
    ),
    "another word than passes": (
        "guardrails:\n  - {deny: true, break_glass: »yes}",
        "this can be passes, not 'yes'.",
    ),
}


@pytest.mark.parametrize("name", GRANTS)
def test_a_grant_is_whole(name: str, faults: Callable[[Mapping[str, str]], list[str]]) -> None:
    body, message = GRANTS[name]
    rails = body if body.startswith("guardrails") else f"guardrails: []\n{body}"
    text, position = unmarked(rails + "\n")
    (fault,) = faults(files("", text))
    assert fault.startswith(f"guardrails.yml:{position}: "), fault
    assert message in fault


def test_where_people_have_faults_nobody_is_said_to_be_outside(
    faults: Callable[[Mapping[str, str]], list[str]],
) -> None:
    wrong = files("break_glass: {who: [group:engineering]}") | {"people.yml": "groups: []\n"}
    assert all("narrow" not in line for line in faults(wrong))


def test_a_file_without_a_list_of_guardrails_grants_nothing(faults: Callable[[Mapping[str, str]], list[str]]) -> None:
    (fault,) = faults(files("", "break_glass: []\n"))
    assert "guardrails" in fault
