"""Policies that change while the bot runs: taken whole, by every process, on record, and followed up at once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from jitbot.errors import RunnerRefused, Unavailable
from jitbot.model import AuditEvent, Author, Facts, Request, State
from tests.acceptance.test_weather import Down, break_ledger
from tests.town import ANN, BO, CY, DI, PEOPLE, POLICY, FakeInputs, Town

ONE = "        review: [{from: [group:oncall], count: 1}]"
LEADS = "        review: [{from: [group:leads], count: 1}]"
WITH = 'with: {what: "{service}", where: "{env}"}'
OTHER = 'with: {what: "{service}", where: "{env}", value: 7}'
LEADS_NAME = "prod needs one on call"


@pytest.fixture
def asked(town: Town) -> Request:
    return town.ask(ANN, "restart", service="api", env="prod")


@pytest.fixture
def twin(town: Town) -> Iterator[Town]:
    """Start a second process, whose files are its own from here on."""
    twin = town.twin()
    yield twin
    twin.close()


def change(town: Town, old: str, new: str) -> None:
    """Edit the team's file, and let the bot look at it as it does every few seconds."""
    assert old in town.files["payments.yml"]
    town.files = {**town.files, "payments.yml": town.files["payments.yml"].replace(old, new)}
    town.reload()


def events(town: Town, kind: str) -> list[AuditEvent]:
    return [event for event in town.trail.events(limit=10_000) if event.kind == kind]


def test_who_changed_what_from_which_set_to_which_is_on_record(town: Town) -> None:
    before = town.book.policy.digest
    town.author = Author("Dana Doe", "3f2a9c1d" * 5, "Have leads look", committed=True)
    change(town, ONE, LEADS)
    body = events(town, "policies")[-1].body
    assert (body["before"], body["digest"]) == (before, town.book.policy.digest)
    assert (body["author"], body["commit"], body["committed"]) == ("Dana Doe", "3f2a9c1d" * 5, True)
    assert (body["added"], body["removed"], body["changed"]) == ([], [], [f"rule “{LEADS_NAME}” of restart"])
    assert town.sets.files(body["digest"]) == town.files


def test_a_change_is_announced_in_one_message(town: Town, asked: Request) -> None:
    town.author = Author("Dana Doe", "3f2a9c1d" * 5, "Have leads look", committed=True)
    change(town, ONE, LEADS)
    (said,) = town.said("news")
    assert said.startswith("The policies have changed: Dana Doe, commit 3f2a9c1d3f2a “Have leads look”.\n")
    assert f"Changed: rule “{LEADS_NAME}” of restart." in said
    assert f"Waiting requests: JIT-{asked.id} asks one of leads: <@U0CY> or <@U0DI> now." in said


def test_the_first_set_of_all_is_on_record_and_is_no_news(town: Town) -> None:
    town.reload()
    assert [event.body for event in events(town, "policies")] == [{"by": "files", "digest": town.book.policy.digest}]
    assert town.said("news") == []


def test_an_edit_without_a_commit_is_not_laid_at_the_door_of_the_last_author(town: Town) -> None:
    town.author = Author("Dana Doe", "3f2a9c1d" * 5)
    change(town, ONE, LEADS)
    assert (
        "somebody edited the files without a commit; the last one is 3f2a9c1d3f2a by Dana Doe" in town.said("news")[0]
    )
    assert events(town, "policies")[-1].body["committed"] is False


def test_what_nobody_knows_the_author_of_says_so(town: Town) -> None:
    change(town, "team: payments", "team: payments  # ours")
    (said,) = town.said("news")
    assert said.startswith("The policies have changed: the files do not say who did it.\nNothing that decides: ")
    assert said.endswith("No waiting request is touched.")


def test_files_that_are_still_being_written_are_not_taken(town: Town) -> None:
    whole = {**town.files, "guardrails.yml": "guardrails: [{name: stop, deny: Not today.}]\n"}

    def written_on() -> None:
        town.files = whole
        town.while_at_rest = lambda: None

    before = town.book.policy.digest
    town.while_at_rest = written_on
    town.files = {**town.files, "payments.yml": POLICY.replace(ONE, LEADS)}
    town.reload()
    assert (town.book.policy.digest, town.book.fault) == (before, "")
    town.reload()
    assert town.try_to_ask(ANN, "restart", service="api", env="staging").text == "Not today."


def test_a_waiting_request_that_is_refused_now_ends_at_once_and_its_requester_is_told(
    town: Town, asked: Request
) -> None:
    change(town, ONE, "        deny: Not in prod.")
    now = town.see(asked)
    assert (now.state, now.outcome, now.policy_digest) == (State.DENIED, "Not in prod.", town.book.policy.digest)
    assert any("the policies have changed: Not in prod." in said for said in town.said("notice"))
    assert town.trail.events(asked.id)[-1].body["changes"]["decision"]["tree"]["label"] == "REFUSED"
    assert events(town, "policies_applied")[-1].body["requests"] == {asked.name: "is refused now (“Not in prod.”)"}


def test_a_waiting_request_that_needs_nobody_any_more_runs_at_once(town: Town, asked: Request) -> None:
    change(town, ONE, "        allow: true")
    assert (town.state(asked), town.runner.started) == (State.SUCCEEDED, [f"jit-{asked.id}-1"])


def test_a_waiting_request_that_asks_others_now_is_redrawn_and_counts_by_the_new_rule(
    town: Town, asked: Request
) -> None:
    change(town, ONE, LEADS)
    now = town.see(asked)
    assert now.decision is not None
    assert (now.decision.needs[0].candidates, now.lapses_at) == ((CY, DI), asked.lapses_at)
    assert town.kinds(asked) == ["requested", "ask", "redecided"]
    assert town.approve(BO, asked).refused
    town.approve(DI, asked)
    assert town.state(asked) is State.SUCCEEDED


def test_reviews_given_before_the_change_count_on(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    change(town, "{from: [group:leads], count: 1}", "{from: [group:leads, user:U0EVE], count: 1}")
    town.approve(DI, request)
    assert (town.state(request), town.see(request).revision) == (State.ACTIVE, 1)


def test_a_waiting_request_whose_action_does_something_else_now_loses_its_reviews(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    change(town, "what: admin, where: prod", "what: admin, where: everywhere")
    now = town.see(request)
    assert (now.state, now.revision, town.ledger.reviews(now)) == (State.PENDING, 2, [])
    assert now.snapshot.inputs == {"what": "admin", "where": "everywhere"}
    assert "would run something else now, has lost its reviews and asks" in town.said("news")[0]


def test_a_waiting_request_whose_action_is_gone_is_refused(town: Town, asked: Request) -> None:
    change(town, "  restart:", "  reboot:")
    assert town.state(asked) is State.DENIED
    assert "Added: action reboot.\nRemoved: action restart." in town.said("news")[0]


def test_a_change_of_another_action_leaves_a_waiting_request_alone(town: Town, asked: Request) -> None:
    change(town, "title: Tune a parameter", "title: Tune")
    town.forward(minutes=2)
    town.reload()
    assert (town.see(asked).version, town.kinds(asked)) == (asked.version, ["requested", "ask"])


def test_a_change_of_a_group_touches_every_waiting_request(town: Town, asked: Request) -> None:
    town.files = {**town.files, "people.yml": PEOPLE.replace("oncall: [U0BO, U0CY]", "oncall: [U0BO]")}
    town.reload()
    decision = town.see(asked).decision
    assert decision is not None
    assert decision.needs[0].candidates == (BO,)
    assert "Changed: group oncall." in town.said("news")[0]


def test_what_is_decided_as_before_is_on_record_and_tells_nobody(town: Town, asked: Request) -> None:
    change(town, "lapse_after: 1h", "lapse_after: 2h")
    assert town.see(asked).policy_digest == town.book.policy.digest
    assert town.kinds(asked)[-1] == "redecided"
    assert town.said("notice") == []
    assert "No waiting request is touched." in town.said("news")[0]


def test_what_cannot_be_decided_now_waits_as_it_is_and_is_tried_again(town: Town, asked: Request) -> None:
    town.directory.unknown = {ANN}
    change(town, ONE, LEADS)
    assert town.see(asked).version == asked.version
    assert f"{asked.name} cannot be decided now, so it waits as it is" in town.said("news")[0]
    town.directory.unknown = set()
    town.reload()
    assert town.see(asked).version == asked.version
    town.forward(seconds=16)
    town.reload()
    assert town.kinds(asked)[-1] == "redecided"


def test_what_cannot_be_planned_now_waits_as_it_is(town: Town, asked: Request) -> None:
    def refuse(inputs: FakeInputs) -> None:
        raise RunnerRefused("the cluster does not answer")

    town.runner.on_plan = refuse
    change(town, WITH, OTHER)
    assert (town.state(asked), town.see(asked).revision) == (State.PENDING, 1)
    assert "cannot be planned now (the cluster does not answer)" in town.said("news")[0]


def test_a_click_elsewhere_while_it_is_decided_anew_is_not_lost_and_obeys_the_new_set(
    town: Town, twin: Town, asked: Request
) -> None:
    asking = town.service.reloading._asking
    read = asking.facts

    def clicked_meanwhile(*seen: Any) -> Facts:
        asking.facts = read  # type: ignore[method-assign]
        twin.approve(BO, asked)
        return read(*seen)

    asking.facts = clicked_meanwhile  # type: ignore[method-assign]
    change(town, ONE, "        review: [{from: [group:oncall], count: 2}]")
    assert town.kinds(asked) == ["requested", "ask", "reviewed", "approve", "ask"]
    assert (town.see(asked).policy_digest, town.runner.started) == (town.book.policy.digest, [])
    town.approve(CY, asked)
    assert town.state(asked) is State.SUCCEEDED


def test_a_process_that_has_not_looked_yet_runs_nothing_that_the_set_in_force_refuses(town: Town, twin: Town) -> None:
    change(town, "allow: true}\n      - name: prod", "deny: Not today.}\n      - name: prod")
    request = twin.ask(ANN, "restart", service="api", env="staging")
    assert (twin.see(request).outcome, twin.runner.started) == ("Not today.", [])


def test_every_process_decides_by_the_set_in_force(town: Town, twin: Town) -> None:
    change(town, ONE, "        deny: Not in prod.")
    twin.reload()
    assert twin.book.policy.digest == town.book.policy.digest
    assert twin.try_to_ask(ANN, "restart", service="api", env="prod").text == "Not in prod."


def test_a_process_with_the_older_files_does_not_put_them_in_force_again(town: Town, twin: Town) -> None:
    change(town, ONE, LEADS)
    for each in (twin, town, twin):
        each.reload()
    assert len(events(town, "policies")) == 2
    assert twin.book.policy.digest == town.book.policy.digest


def test_two_processes_that_see_the_same_edit_record_and_announce_it_once(town: Town, twin: Town) -> None:
    town.files = twin.files = {**town.files, "payments.yml": POLICY.replace(ONE, LEADS)}
    town.reload()
    twin.reload()
    assert len(events(town, "policies")) == 2
    assert len(town.said("news")) == 1


def test_two_processes_that_put_the_same_set_in_force_in_one_instant_record_it_once(town: Town, twin: Town) -> None:
    def meanwhile() -> None:
        twin.while_at_rest = lambda: None
        town.reload()

    town.files = twin.files = {**town.files, "payments.yml": POLICY.replace(ONE, LEADS)}
    twin.while_at_rest = meanwhile
    twin.reload()
    assert len(events(town, "policies")) == 2
    assert (twin.book.change, twin.book.policy.digest) == (None, town.book.policy.digest)


def test_the_last_of_two_different_edits_is_followed_by_both(town: Town, twin: Town) -> None:
    change(town, ONE, LEADS)
    change(twin, ONE, "        allow: true")
    town.reload()
    assert town.book.policy.digest == twin.book.policy.digest == events(town, "policies")[-1].body["digest"]
    assert len(events(town, "policies")) == 3


def test_what_a_killed_process_left_undecided_the_others_decide(town: Town, twin: Town, asked: Request) -> None:
    town.files = {**town.files, "payments.yml": POLICY.replace(ONE, LEADS)}
    town.book.reload()  # and then it is killed
    twin.reload()
    assert "redecided" not in town.kinds(asked)
    twin.forward(minutes=2)
    twin.reload()
    assert town.kinds(asked)[-1] == "redecided"


def test_what_a_killed_process_did_not_get_to_announce_is_announced_all_the_same(town: Town) -> None:
    town.files = {**town.files, "payments.yml": POLICY.replace(ONE, LEADS)}
    town.book.reload()  # and then it is killed
    assert town.said("news") == []
    town.forward(minutes=1)
    assert f"Changed: rule “{LEADS_NAME}” of restart." in town.said("news")[0]


def test_a_change_while_nothing_ran_is_followed_up_after_the_start(town: Town, asked: Request) -> None:
    town.files = {**town.files, "payments.yml": POLICY.replace(ONE, "        deny: Not in prod.")}
    town.restart()
    town.reload()
    assert town.state(asked) is State.DENIED
    assert f"Changed: rule “{LEADS_NAME}” of restart." in town.said("news")[0]


def test_a_process_that_starts_with_broken_files_takes_what_another_puts_in_force_later(town: Town, twin: Town) -> None:
    twin.files = {"payments.yml": "team: payments\n"}
    twin.restart()
    assert twin.book.ends_only
    twin.reload()
    assert twin.book.ends_only
    change(town, ONE, LEADS)
    twin.reload()
    assert twin.book.policy.digest == town.book.policy.digest


def test_a_process_that_starts_with_broken_files_tells_the_operators_once(town: Town) -> None:
    town.files = {"payments.yml": "team: payments\n"}
    town.restart()
    town.reload()
    town.reload()
    (said,) = town.said("alarm")
    assert said.startswith("The policies are broken; nothing new begins until they are mended.\npayments.yml:1:1")
    assert len(events(town, "policies_broken")) == 1


def test_a_set_that_a_process_cannot_use_leaves_it_ends_only_until_it_can(town: Town, twin: Town) -> None:
    twin.catalog.gone = True
    change(town, ONE, LEADS)
    twin.reload()
    assert twin.book.fault.startswith("The policies that are in force cannot be used here.\npayments.yml:")
    with pytest.raises(Unavailable, match="cannot be used here"):
        twin.book.for_new()
    twin.catalog.gone = False
    twin.reload()
    assert (twin.book.policy.digest, twin.book.fault) == (town.book.policy.digest, "")


def test_a_looser_set_put_into_the_database_is_not_decided_by(town: Town, twin: Town) -> None:
    change(town, ONE, LEADS)
    loose = json.dumps({**town.files, "payments.yml": POLICY.replace(ONE, "        allow: true")})
    with town.database.write() as connection:
        connection.execute(text("UPDATE policy_sets SET files = :loose"), {"loose": loose})
    twin.reload()
    assert twin.book.ends_only
    assert "Which policies are in force cannot be told" in twin.book.fault


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM events WHERE kind = 'policies' AND seq > 1",
        "UPDATE events SET kind = 'waits' WHERE kind = 'policies' AND seq > 1",
    ],
)
def test_an_older_set_cannot_be_brought_back_through_the_database(town: Town, attack: str, asked: Request) -> None:
    change(town, ONE, LEADS)
    with town.database.write() as connection:
        connection.execute(text(attack))
    town.reload()
    assert town.book.ends_only
    town.restart()
    assert town.try_to_ask(ANN, "restart", service="api", env="staging").refused
    assert "Which policies are in force cannot be told" in town.book.fault


def test_an_emptied_event_says_nothing_about_the_policies(town: Town) -> None:
    with town.database.write() as connection:
        connection.execute(text("UPDATE events SET body = NULL, salt = NULL WHERE kind = 'policies'"))
    town.restart()
    assert "Event 1 is empty" in town.book.fault


def test_a_set_that_could_not_be_put_on_record_comes_into_force_at_a_later_look(town: Town) -> None:
    before = town.book.policy.digest
    break_ledger(town, "begin", Down(1))
    change(town, ONE, LEADS)
    assert (town.book.policy.digest, len(events(town, "policies"))) == (before, 1)
    town.reload()
    assert town.book.policy.digest == events(town, "policies")[-1].body["digest"] != before


def test_a_folder_that_cannot_be_read_for_a_while_changes_nothing(town: Town) -> None:
    good = town.files
    town.files = {}
    town.reload()
    assert town.book.fault
    assert not town.book.ends_only
    town.files = good
    town.reload()
    assert (town.book.fault, len(events(town, "policies"))) == ("", 1)


@pytest.mark.parametrize("lost", ["DELETE FROM policy_sets", 'UPDATE policy_sets SET files = \'{"a.yml": "x"}\''])
def test_a_request_of_a_set_that_cannot_be_told_any_more_is_decided_anew(town: Town, asked: Request, lost: str) -> None:
    with town.database.write() as connection:
        connection.execute(text(lost.replace(":", "\\:")))
    change(town, "title: Tune a parameter", "title: Tune")
    assert town.kinds(asked)[-1] == "redecided"


def test_everything_is_new_where_the_set_before_cannot_be_told_any_more(town: Town) -> None:
    with town.database.write() as connection:
        connection.execute(text("DELETE FROM policy_sets"))
    town.files = {**town.files, "payments.yml": POLICY.replace(ONE, LEADS)}
    town.restart()
    assert "action restart" in events(town, "policies")[-1].body["added"]


def test_a_run_does_not_wait_for_a_look_at_the_files(town: Town) -> None:
    runs: list[State] = []

    def run_meanwhile() -> None:
        runs.append(town.state(town.ask(ANN, "restart", service="api", env="staging")))

    town.while_at_rest = run_meanwhile
    change(town, ONE, LEADS)
    assert runs == [State.SUCCEEDED]
