"""What policy concludes, seen from the one who asks."""

import re
from datetime import timedelta

import pytest

from jitbot.explain import who
from jitbot.model import Mark, Outcome, Plan, Reason, Standing, State
from tests.town import ANN, BO, CY, EVE, Town

FREEZE = """
guardrails:
  - {name: freeze, deny: Nothing runs in the freeze.}
"""
SECOND_PAIR = """
guardrails:
  - name: prod is seen by a lead
    applies_to: [restart]
    when: params.env == 'prod'
    review: [{from: [group:leads]}]
"""
FREE = """
team: free
channel: "#free"
actions:
  free:
    runner: fake
    with: {what: "{what}", where: prod}
    parameters: {what: {type: text}}
    requesters: [group:engineering]
    rules: [{allow: true}]
"""


def test_a_guardrail_beats_what_every_team_rule_allows(town: Town) -> None:
    town.write("guardrails.yml", FREEZE)
    request = town.ask(ANN, "restart", service="api", env="staging")
    assert (town.state(request), town.see(request).outcome) == (State.DENIED, "Nothing runs in the freeze.")
    assert town.runner.started == []


def test_a_guardrails_review_is_wanted_besides_the_rules_own(town: Town) -> None:
    town.write("guardrails.yml", SECOND_PAIR)
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve(BO, request)
    assert town.state(request) is State.PENDING
    town.approve(CY, request)
    assert town.state(request) is State.SUCCEEDED


def test_the_first_rule_that_matches_decides(town: Town) -> None:
    town.edit(
        "    rules:\n      - {name: staging",
        "    rules:\n      - {name: nobody, when: params.service == 'api', deny: Not here.}\n      - {name: staging",
    )
    request = town.ask(ANN, "restart", service="api", env="staging")
    assert town.see(request).outcome == "Not here."


def test_when_only_the_requester_could_approve_it_is_refused_at_once(town: Town) -> None:
    town.edit("oncall: [U0BO, U0CY]", "oncall: [U0ANN]", "people.yml")
    answer = town.try_to_ask(ANN, "restart", service="api", env="prod")
    assert answer.refused
    assert "Nobody can approve this" in answer.text
    assert answer.request is not None
    assert town.ledger.get(answer.request).state is State.DENIED


def test_when_all_who_could_approve_have_left_it_is_refused_at_once(town: Town) -> None:
    town.directory.set(BO, Standing.DEACTIVATED)
    town.directory.set(CY, Standing.GUEST)
    assert "Nobody can approve this" in town.try_to_ask(ANN, "restart", service="api", env="prod").text


def test_no_rule_that_matches_is_a_refusal_of_its_own_kind(town: Town) -> None:
    town.edit("      - name: prod needs one on call\n        review: [{from: [group:oncall], count: 1}]\n", "")
    answer = town.try_to_ask(ANN, "restart", service="api", env="prod")
    assert (answer.refused, answer.text) == (True, "No rule allows this.")


def test_a_rule_whose_condition_is_false_is_skipped_and_all_skipped_is_a_refusal(town: Town) -> None:
    town.edit("when: params.env == 'staging', allow", "when: params.service == 'worker', allow")
    town.edit("review: [{from: [group:oncall], count: 1}]", "when: params.env == 'staging'\n        allow: true")
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert town.state(request) is State.DENIED
    assert town.runner.started == []


@pytest.fixture
def on_groups(town: Town) -> Town:
    """Let people be in the group of who is frozen out, whose members Slack knows."""
    town.directory.usergroups["frozen"] = set()
    town.edit("groups:\n", "groups:\n  frozen: ['@frozen']\n", "people.yml")
    town.edit("when: params.env == 'staging', allow", "when: \"!('frozen' in requester.groups)\", allow")
    return town


def test_a_condition_that_can_be_read_allows(on_groups: Town) -> None:
    assert on_groups.state(on_groups.ask(ANN, "restart", service="api", env="staging")) is State.SUCCEEDED


def test_a_condition_that_cannot_be_read_is_not_false_and_people_decide(on_groups: Town) -> None:
    del on_groups.directory.usergroups["frozen"]
    request = on_groups.ask(ANN, "restart", service="api", env="staging")
    decision = on_groups.see(request).decision
    assert on_groups.state(request) is State.PENDING
    assert decision is not None
    assert decision.unread == ("requester.groups",)
    shown = next(each for each in decision.tree.children if each.label == "staging is self-serve")
    assert (shown.mark, shown.detail) == (Mark.ERROR, "could not be told: requester.groups could not be read")


def test_a_guardrail_that_cannot_be_read_refuses(on_groups: Town) -> None:
    on_groups.write(
        "guardrails.yml", "guardrails: [{name: frozen, when: \"'frozen' in requester.groups\", deny: You are frozen.}]"
    )
    del on_groups.directory.usergroups["frozen"]
    assert on_groups.try_to_ask(ANN, "restart", service="api", env="staging").text == "You are frozen."


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        pytest.param("payments.yml", "team: a\nchannel: '#a'\nactions: {}\nextra: 1\n", "extra", id="unknown key"),
        pytest.param("people.yml", "groups: {oncall: [U0BO]}\n", "group", id="undefined group"),
        pytest.param("people.yml", "groups: {a: []}\ngroups: {b: []}\n", "people.yml:2:1", id="duplicate key"),
        pytest.param("people.yml", "groups: " + "[" * 200 + "]" * 200, "people.yml:1", id="nested too deep"),
        pytest.param("people.yml", "a: &a [x]\ngroups: {b: [*a, *a]}\n", "people.yml:1", id="aliases"),
    ],
)
def test_a_bad_file_never_replaces_the_good_set(town: Town, file: str, text: str, says: str) -> None:
    town.write(file, text)
    assert says in town.book.fault
    assert ".yml:" in town.book.fault
    assert town.state(town.ask(ANN, "restart", service="api", env="staging")) is State.SUCCEEDED


@pytest.mark.parametrize("ttl", ["4h", "240m", "90m", "2h"])
def test_a_timebox_up_to_the_most_is_taken_as_asked(town: Town, ttl: str) -> None:
    request = town.ask(ANN, "tune", ttl=ttl, value=200)
    granted = town.see(request)
    assert granted.expires_at is not None
    assert granted.granted_at is not None
    assert granted.expires_at - granted.granted_at == granted.ttl


@pytest.mark.parametrize("ttl", ["4h1s", "241m", "0m", " ", "5x", "90", "-1h", "1h 30"])
def test_any_other_timebox_is_refused_and_never_clamped(town: Town, ttl: str) -> None:
    answer = town.try_to_ask(ANN, "tune", ttl=ttl, value=200)
    assert (answer.refused, answer.request) == (True, None)
    assert town.ledger.find() == []


def test_someone_outside_the_requesters_cannot_ask_whoever_would_approve(town: Town) -> None:
    request = town.ask(EVE, "restart", service="api", env="staging")
    assert town.see(request).outcome == "Only engineering may ask for restart."


@pytest.mark.parametrize("standing", [Standing.GUEST, Standing.STRANGER, Standing.BOT, Standing.DEACTIVATED])
def test_only_members_can_ask(town: Town, standing: Standing) -> None:
    town.directory.set(ANN, standing)
    assert town.try_to_ask(ANN, "restart", service="api", env="staging").refused
    assert town.runner.started == []


def test_while_the_directory_is_down_nothing_is_allowed(town: Town) -> None:
    town.directory.down = True
    answer = town.try_to_ask(ANN, "restart", service="api", env="staging")
    assert "could not be looked up" in answer.text
    assert town.runner.started == []


def test_a_reason_arrives_in_the_record_as_typed(town: Town) -> None:
    reason = "fix: db / Account: x#999 <!channel> *bold* `code` &amp; “quoted”\n\tsecond line 🎉"
    request = town.ask(ANN, "restart", reason=reason, service="api", env="staging")
    first = town.trail.events(request.id)[0]
    assert first.body["changes"]["reason"] == reason
    assert town.see(request).reason == reason
    assert first.body["changes"]["params"] == {"service": "api", "env": "staging"}


def test_an_approver_who_left_does_not_stop_the_others_and_is_named(town: Town) -> None:
    town.directory.set(BO, Standing.DEACTIVATED)
    request = town.ask(ANN, "restart", service="api", env="prod")
    decision = town.see(request).decision
    assert decision is not None
    assert who(decision.needs[0], lambda user: user[2:].title()) == "one of oncall: Cy (Bo left)"


def test_the_result_is_never_announced_before_it_is_true(town: Town) -> None:
    seen: list[str] = []
    town.runner.on_start = lambda inputs, run: seen.extend(town.said("notice"))
    town.runner.on_undo = lambda inputs, run: seen.extend(town.said("notice") + town.said("summary"))
    request = town.ask(ANN, "tune", value=200)
    assert [text for text in seen if "granted" in text] == []
    town.drop(ANN, request)
    assert [text for text in seen if "was dropped" in text] == []
    assert [text for text in town.said("notice") if "was dropped" in text] != []


def test_people_are_offered_what_they_may_run_and_nothing_else(town: Town) -> None:
    offered = [action.name for action in town.service.queries.offered(ANN)]
    assert offered == ["admin", "restart", "tune"]
    assert town.service.queries.offered(EVE) == []
    town.edit("requesters: [group:engineering]\n    lapse_after", "requesters: [user:U0EVE]\n    lapse_after")
    assert [action.name for action in town.service.queries.offered(EVE)] == ["restart"]


def answered_after(town: Town, *minutes: int) -> None:
    """Have requests for production answered after so many minutes each, every other one with a denial."""
    for number, each in enumerate(minutes):
        request = town.ask(ANN, "restart", service="api", env="prod")
        town.forward(minutes=each)
        (town.deny if number % 2 else town.approve)(BO, request)


def test_the_preview_knows_how_long_an_answer_usually_takes(town: Town) -> None:
    queries = town.service.queries
    action = queries.action("restart")

    def usual(env: str) -> timedelta | None:
        return queries.usual_wait(
            queries.preview(ANN, action, {"params": {"service": "api", "env": env}, "reason": "INC-1"})
        )

    answered_after(town, 2, 4)
    assert usual("prod") is None, "two answers say nothing about what is usual"
    town.ask(ANN, "restart", service="api", env="staging")
    town.withdraw(ANN, town.ask(ANN, "restart", service="api", env="prod"))
    answered_after(town, 50)
    found = usual("prod")
    assert found is not None
    assert timedelta(minutes=4) <= found < timedelta(minutes=5)
    assert usual("staging") is None


def test_the_preview_says_what_will_happen_and_who_will_be_asked(town: Town) -> None:
    queries = town.service.queries
    action = queries.action("restart")
    free = queries.preview(ANN, action, {"params": {"service": "api", "env": "staging"}, "reason": "INC-1"})
    asked = queries.preview(ANN, action, {"params": {"service": "api", "env": "prod"}, "reason": "INC-1"})
    assert free.decision is not None
    assert asked.decision is not None
    assert (free.decision.outcome, asked.decision.outcome) == (Outcome.ALLOW, Outcome.REVIEW)
    assert asked.snapshot.plan == Plan("changes prod/api", "as planned", undoable=True)
    assert asked.decision.needs[0].candidates == (BO, CY)
    assert town.ledger.find() == []


def test_the_decision_on_record_is_the_one_that_was_shown(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    decision = town.see(request).decision
    assert decision is not None
    assert isinstance(decision.tree, Reason)
    assert decision.where == "payments.yml:16"


def test_a_request_is_kept_whatever_becomes_of_its_messages(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    for message in town.outbox.claim(100, town.world.lease):
        town.outbox.park(message, "is_archived")
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED
    assert town.said("card") != []


def test_broken_policies_name_the_file_and_line(town: Town) -> None:
    town.edit("group:leads", "group:leeds")
    assert re.match(r"payments\.yml:\d+:\d+: .*leeds", town.book.fault)


@pytest.mark.parametrize("typed", ["{run.key}", "a{receipt.id}b"])
def test_what_a_runner_fills_in_itself_cannot_be_typed(town: Town, typed: str) -> None:
    town.runner.reserved = re.compile(r"\{(?:run\.key|receipt\.[a-z]+)\}")  # type: ignore[attr-defined]
    town.files = {**town.files, "free.yml": FREE}
    town.restart()
    answer = town.try_to_ask(ANN, "free", what=typed)
    assert answer.refused
    assert f"what must not contain {typed.strip('ab')}" in answer.text
    assert town.try_to_ask(ANN, "free", what="{run.kex}").request is not None
