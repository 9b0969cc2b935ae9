"""What a team's file may say about an action, and how each fault reads."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from jitbot.model import Action, Limits, Policy, ReasonRule, Selector, Timebox, UserId

Fault = Callable[[str], str]
FaultIn = Callable[..., str]
TEAM = "team: payments\nchannel: '#pay'\nactions:\n"
PLAIN = "{runner: demo, requesters: [user:U1ANN], rules: [{allow: true}]}"


def test_an_action_that_says_the_least_gets_the_usual_rest(load_action: Callable[[str], Action]) -> None:
    action = load_action("")
    assert (action.title, action.team, action.channel, action.runner) == ("Restart", "payments", "#pay", "demo")
    assert (action.inputs, action.parameters, action.risk, action.timebox) == ({}, (), "medium", None)
    assert action.requesters == (Selector("group", "engineering"),)
    assert action.reason == ReasonRule(required=True)
    assert (action.lapse_after, action.start_within) == (timedelta(hours=8), timedelta(hours=1))
    assert action.time_limit == timedelta(minutes=5)
    assert action.where == "payments.yml:4"


def test_everything_an_action_says_is_kept(load_action: Callable[[str], Action]) -> None:
    action = load_action("""
        title: Restart a service
        description: Stops it and starts it.
        with: {service: api}
        risk: critical
        requesters: [group:engineering, user:U1ANN, group:engineering]
        reason: {required: false, pattern: "INC-[0-9]+", hint: the incident}
        timebox: {default: 30m, max: 30m}
        lapse_after: 1h30m
        start_within: 2d
        time_limit: 45s
        start_later: {max: 7d}
        parameters: {who: {type: user}}
        beneficiary: who
        limits: {held: 5, held_by_one: 1, cool_down: 15m}
    """)
    assert (action.start_later, action.beneficiary) == (timedelta(days=7), "who")
    assert action.limits == Limits(5, 1, timedelta(minutes=15))
    assert (action.title, action.description) == ("Restart a service", "Stops it and starts it.")
    assert (action.inputs, action.risk) == ({"service": "api"}, "critical")
    assert action.requesters == (Selector("group", "engineering"), Selector("user", "U1ANN"))
    assert action.reason == ReasonRule(required=False, pattern="INC-[0-9]+", hint="the incident")
    assert action.timebox == Timebox(timedelta(minutes=30), timedelta(minutes=30))
    assert (action.lapse_after, action.start_within) == (timedelta(minutes=90), timedelta(days=2))
    assert action.time_limit == timedelta(seconds=45)


@pytest.mark.parametrize(("text", "required"), [("true", True), ("false", False)])
def test_a_reason_can_be_asked_for_in_one_word(load_action: Callable[[str], Action], text: str, required: bool) -> None:
    assert load_action(f"reason: {text}").reason == ReasonRule(required=required)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "»requester: [x]",
            "'requester' is not a key here. Did you mean requesters? Allowed: title, description, runner, with, "
            "parameters, risk, requesters, reason, facts, pool, for_each, timebox, beneficiary, verify, limits, "
            "break_glass, rules, lapse_after, start_within, start_later and time_limit.",
        ),
        ("»windows: {}", "'windows' is not a key here."),
        ("risk: »hihg", "this can be low, medium, high or critical, not 'hihg'. Did you mean high?"),
        ("runner: »7", "this must be text, not 7; put it in quotes."),
        ("runner: »[demo]", "this must be text, not a list."),
        ("title: »true", "this must be text, not true; put it in quotes."),
        ("title: »' '", "this is empty; write some words, or leave the key out."),
        ("title:» ", "`title` is empty; write a value, or leave the key out."),
        (f"title: »{'x' * 76}", "this is too long; 75 characters are the most."),
        ("requesters: »[]", "this is empty; at least 1 is needed."),
        ("requesters: »group:engineering", "this must be a list, not 'group:engineering'."),
        ("rules: »[]", "this is empty; at least 1 is needed."),
        ("rules: »{allow: true}", "this must be a list, not a mapping."),
        ("with: »x", "this must be a mapping (`key: value` lines), not 'x'."),
        ("parameters: »[a]", "this must be a mapping (`key: value` lines), not a list."),
        ("timebox: »30m", "this must be a mapping (`key: value` lines), not '30m'."),
        ("»timebox: {default: 1h}", "`max` is missing in `timebox`."),
        ("timebox: {default: »5h, max: 4h}", "the default of 5h is longer than the maximum of 4h."),
        ("timebox: {default: »30, max: 4h}", "'30' needs a unit: write a duration like 45s, 30m, 1h30m or 2d."),
        ("lapse_after: »1 hour", "'1 hour' is not a duration; write it like 45s, 30m, 1h30m or 2d."),
        ("start_within: »0s", "'0s' is no time at all; a duration must be longer than zero."),
        ("time_limit: »[]", "'[]' needs a unit: write a duration like 45s, 30m, 1h30m or 2d."),
        ("reason: {required: »'yes'}", "this must be true or false, not 'yes'."),
        ("reason: {»needed: true}", "'needed' is not a key here. Allowed: required, pattern and hint."),
        ("reason: {pattern: »'INC-['}", "'INC-[' is not a pattern (RE2): missing ]: [."),
        ("reason: {pattern: »'(?=x)'}", "'(?=x)' is not a pattern (RE2): invalid perl operator: (?=."),
        (
            "requesters: [»group:enginering]",
            "the group 'enginering' is not defined. Did you mean engineering? people.yml has engineering and leads.",
        ),
        (
            "requesters: [»ann]",
            "'ann' names nobody; write group:NAME, oncall:NAME, attribute:NAME=VALUE, "
            "or user: and a Slack id, as in user:U024BE7LH.",
        ),
        ("requesters: [group:leads, »user:ann]", "'user:ann' names nobody;"),
        ("requesters: [»'*']", "'*' names nobody;"),
        ("requesters: [»7]", "this must be text, not 7; put it in quotes."),
        ("limits: »{}", "this limits nothing; write held, held_by_one or cool_down, or leave `limits` out."),
        ("limits: {»held: 3}", "`held` counts grants, and without a `timebox` nothing is held; leave it out."),
        ("limits: {cool_down: 5m, »held_by_one: 1}", "`held_by_one` counts grants, and without a `timebox`"),
        ("limits: {cool_down: 5m, held_by_one: »0}", "this must be 1 or more."),
        (
            "limits: {»hold: 3}",
            "'hold' is not a key here. Did you mean held? Allowed: held, held_by_one and cool_down.",
        ),
        ("start_later: »7d", "this must be a mapping (`key: value` lines), not '7d'."),
        ("start_later: {max: »7}", "'7' needs a unit: write a duration like 45s, 30m, 1h30m or 2d."),
        ("beneficiary: »who", "'who' is not a parameter of type user of this action. It has none."),
        (
            "beneficiary: »wo\nparameters: {who: {type: user}, what: {type: text}}",
            "'wo' is not a parameter of type user of this action. Did you mean who? It has who.",
        ),
    ],
    ids=lambda value: value[:30],
)
def test_a_fault_is_named_where_it_stands_with_what_is_allowed(fault: Fault, body: str, message: str) -> None:
    assert fault(body).startswith(message)


def test_a_missing_key_is_reported_at_the_action(fault_in: FaultIn) -> None:
    text = TEAM + "  »restart: {requesters: [user:U1ANN], rules: [{allow: true}]}\n"
    assert fault_in(text) == "`runner` is missing in `restart`."


@pytest.mark.parametrize("name", ["Restart", "1st", "a_b", "a b", "-a", "a" * 41, "''", "ré"])
def test_an_action_has_a_name_that_can_be_typed(fault_in: FaultIn, name: str) -> None:
    assert "cannot be an action's name; use 1 to 40 of a-z, 0-9 and -, a letter first." in fault_in(
        f"{TEAM}  »{name}: {PLAIN}\n"
    )


def test_the_longest_name_is_taken(load_files: Callable[..., Policy]) -> None:
    assert list(load_files({"p.yml": f"{TEAM}  {'a' * 40}: {PLAIN}\n"}).actions) == ["a" * 40]


@pytest.mark.parametrize(
    "name",
    ["help", "status", "mine", "pending", "withdraw", "drop", "why", "extend", "audit", "delegate", "halt"],
)
def test_words_of_the_command_are_no_names_for_actions(fault_in: FaultIn, name: str) -> None:
    message = fault_in(f"{TEAM}  »{name}: {PLAIN}\n")
    assert message == f"an action cannot be called '{name}': `/jit {name}` means something else."


def test_an_action_of_another_file_is_named_with_its_place(faults: Callable[..., list[str]]) -> None:
    text = f"{TEAM}  restart: {PLAIN}\n"
    assert faults({"a.yml": text, "b.yml": text}) == [
        "b.yml:4:3: there is an action 'restart' already, at a.yml:4:3; names are unique over all files."
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("»team: ''\nchannel: '#x'\nactions: {}\n", None),
        ("»42", "this must be a mapping (`key: value` lines), not 42."),
        ("»", "this must be a mapping (`key: value` lines), not nothing."),
        (f"»channel: '#x'\nactions: {{a: {PLAIN}}}\n", "`team` is missing."),
        (
            f"team: x\nchannel:» #pay\nactions: {{a: {PLAIN}}}\n",
            "`channel` is empty; write a value (text that begins with # must be in quotes), or leave the key out.",
        ),
        (
            f"team: x\nchannel: »pay\nactions: {{a: {PLAIN}}}\n",
            "'pay' is not a channel; write '#name', or a channel id.",
        ),
        ("team: x\nchannel: C024BE91L\nactions: »{}\n", "this is empty; at least 1 is needed."),
        ("team: x\nchannel: C024BE91L\nactions: {a: »7}\n", "this must be a mapping (`key: value` lines), not 7."),
        (
            f"»owner: x\nteam: x\nchannel: '#x'\nactions: {{a: {PLAIN}}}\n",
            "'owner' is not a key here. Allowed: team, channel and actions.",
        ),
    ],
    ids=[
        "several",
        "number",
        "empty file",
        "no team",
        "comment for a channel",
        "no channel",
        "no actions",
        "action",
        "unknown key",
    ],
)
def test_a_file_says_whose_actions_it_holds(
    fault_in: FaultIn, faults: Callable[..., list[str]], text: str, message: str | None
) -> None:
    if message is None:
        assert faults({"payments.yml": text.replace("»", "")}) == [
            "payments.yml:1:7: this is empty; write some words, or leave the key out.",
            "payments.yml:3:10: this is empty; at least 1 is needed.",
        ]
    else:
        assert fault_in(text) == message


def test_all_faults_of_all_files_are_reported_at_once_in_order(faults: Callable[..., list[str]]) -> None:
    lines = faults(
        {
            "b.yml": f"{TEAM}  one: {{}}\n  two: {PLAIN.replace('U1ANN', 'ann')}\n",
            "a.yml": "a: 1\na: 2\n",
            "guardrails.yml": "guardrails: [{deny: true, when: params.x}, {}]",
            "people.yml": "groups: {g: [nobody]}",
        }
    )
    assert [line.split(": ")[0] for line in lines] == [
        "a.yml:2:1", "b.yml:4:3", "b.yml:4:3", "b.yml:4:3", "b.yml:5:36", "guardrails.yml:1:44", "people.yml:1:14",
    ]  # fmt: skip


def test_groups_are_not_called_undefined_when_people_yml_cannot_be_read(faults: Callable[..., list[str]]) -> None:
    text = f"{TEAM}  one: {PLAIN.replace('user:U1ANN', 'group:sre')}\n"
    assert [line.split(":")[0] for line in faults({"a.yml": text, "people.yml": "groups: ["})] == ["people.yml"]
    assert [line.split(":")[0] for line in faults({"a.yml": text, "people.yml": "group: {}"})] == ["people.yml"] * 2


def test_people_are_named_by_id_address_or_user_group(load_files: Callable[..., Policy]) -> None:
    text = "groups:\n  sre: [U1ANN, W2BOB, ann@example.com, '@sre-team', U1ANN]\n  none: []\n"
    groups = load_files({"people.yml": text}).groups
    assert groups["sre"].users == (UserId("U1ANN"), UserId("W2BOB"))
    assert (groups["sre"].emails, groups["sre"].usergroups) == (("ann@example.com",), ("sre-team",))
    assert (groups["sre"].where, groups["none"].users) == ("people.yml:2", ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "groups: {sre: [»ann]}",
            "'ann' is not a member; write a Slack id (U024BE7LH), an e-mail address, @usergroup, group:NAME, "
            "oncall:NAME or attribute:NAME=VALUE.",
        ),
        ("groups: {sre: [»group:dev]}", "the group 'dev' is not defined. There is sre."),
        ("groups: {sre: [»5]}", "this must be text, not 5; put it in quotes."),
        ("groups: {»'s r e': []}", "'s r e' cannot be a group's name; use letters, digits, `-`, `_` and `.`."),
        ("groups: »[]", "this must be a mapping"),
        (
            "»rotas: {}\ngroups: {}",
            "'rotas' is not a key here. Allowed: groups, on_call, attributes, people, accounts and zone.",
        ),
    ],
    ids=lambda value: value[:30],
)
def test_a_fault_in_people_yml_is_named_where_it_stands(fault_in: FaultIn, text: str, message: str) -> None:
    assert fault_in(text, "people.yml").startswith(message)
