"""What was approved is what runs: an edit after the approval has it asked again."""

import pytest

from jitbot.errors import RunnerRefused
from jitbot.model import Answer, DeliveryKind, Request, State
from tests.town import ANN, BO, CY, DI, FakeInputs, Town

WITH = 'with: {what: "{service}", where: "{env}"}'
OTHER = 'with: {what: "{service}", where: "{env}", value: 7}'
FREE = "allow: true}\n      - name: prod needs one on call"
NOT_FREE = "deny: no}\n      - name: prod needs one on call"
ONE = "        review: [{from: [group:oncall], count: 1}]"


@pytest.fixture
def asked(town: Town) -> Request:
    return town.ask(ANN, "restart", service="api", env="prod")


def approve_only(town: Town, request: Request) -> Answer | None:
    """Approve, without anything being worked on after."""
    return town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1))


def test_editing_what_the_action_does_voids_the_reviews(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    town.edit("what: admin, where: prod", "what: admin, where: everywhere")
    answer = town.approve(DI, request)
    assert "has changed since it was asked" in answer.text
    now = town.see(request)
    assert (now.state, now.revision, town.ledger.reviews(now)) == (State.PENDING, 2, [])
    assert now.snapshot.inputs == {"what": "admin", "where": "everywhere"}
    town.approve(BO, request)
    town.approve(DI, request)
    assert town.runner.started == [f"jit-{request.id}-2"]


def test_a_click_on_a_card_drawn_before_the_edit_approves_nothing(town: Town, asked: Request) -> None:
    town.edit(WITH, OTHER)
    town.approve(BO, asked)
    answer = town.approve(BO, asked, revision=1)
    assert answer.text == f"JIT-{asked.id} has changed since this was drawn. Look at it again, then decide."
    assert (town.state(asked), town.runner.started) == (State.PENDING, [])
    assert "card" in [message.topic for message in town.outbox.claim(100, town.world.lease)]


def test_a_click_without_a_revision_approves_nothing(town: Town, asked: Request) -> None:
    assert town.do(DeliveryKind.APPROVE, BO, asked.id).refused
    assert town.state(asked) is State.PENDING


def test_an_edit_between_approval_and_run_has_it_asked_again(town: Town, asked: Request) -> None:
    approve_only(town, asked)
    town.edit(WITH, OTHER)
    town.settle()
    assert (town.state(asked), town.see(asked).revision, town.runner.started) == (State.PENDING, 2, [])


def test_what_is_asked_again_has_its_whole_time_again_and_lapses_by_it(town: Town, asked: Request) -> None:
    town.forward(minutes=50)
    approve_only(town, asked)
    town.forward(minutes=20)
    town.edit(WITH, OTHER)
    town.settle()
    assert town.state(asked) is State.PENDING
    town.forward(minutes=61)
    assert "lapsed" in town.approve(BO, asked).text
    assert (town.state(asked), town.runner.started) == (State.LAPSED, [])


def test_a_plan_that_has_changed_before_the_run_is_asked_again(town: Town, asked: Request) -> None:
    approve_only(town, asked)
    town.runner.fingerprint = "another plan"
    town.settle()
    assert (town.state(asked), town.runner.started) == (State.PENDING, [])
    town.approve(BO, asked)
    assert town.runner.started == [f"jit-{asked.id}-2"]


def test_a_changed_plan_of_what_needs_nobody_runs_as_its_next_revision(town: Town) -> None:
    town.service.intake.work(
        town.take_in(DeliveryKind.ASK, ANN, action="restart", params={"service": "api", "env": "staging"}, reason="x")
    )
    town.runner.fingerprint = "another plan"
    town.settle()
    assert town.runner.started == ["jit-1-2"]


def test_a_changed_plan_that_policy_refuses_now_is_denied(town: Town, asked: Request) -> None:
    approve_only(town, asked)
    town.runner.fingerprint = "another plan"
    town.edit(ONE, "        deny: Not in prod.")
    town.settle()
    assert (town.state(asked), town.see(asked).outcome) == (State.DENIED, "Not in prod.")


def test_an_edit_that_needs_nobody_any_more_runs_without_a_further_click(town: Town, asked: Request) -> None:
    town.edit(WITH, OTHER)
    town.edit(ONE, "        allow: true")
    assert town.approve(BO, asked).refused
    assert (town.state(asked), town.runner.started) == (State.SUCCEEDED, [f"jit-{asked.id}-2"])


def test_an_edit_of_who_decides_does_not_void_the_reviews(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    town.edit("{from: [group:leads], count: 1}", "{from: [group:leads, user:U0EVE], count: 1}")
    town.approve(DI, request)
    assert (town.state(request), town.see(request).revision) == (State.ACTIVE, 1)


def test_an_edit_that_asks_for_more_people_is_obeyed_before_the_run(town: Town, asked: Request) -> None:
    approve_only(town, asked)
    town.edit("count: 1}]", "count: 2}]")
    town.settle()
    assert (town.state(asked), town.see(asked).revision) == (State.PENDING, 1)
    town.approve(CY, asked)
    assert town.state(asked) is State.SUCCEEDED


def test_an_edit_that_refuses_is_obeyed_before_the_run(town: Town, asked: Request) -> None:
    approve_only(town, asked)
    town.edit(ONE, "        deny: Not in prod.")
    town.settle()
    assert (town.state(asked), town.see(asked).outcome) == (State.DENIED, "Not in prod.")


def test_an_edit_that_asks_for_nobody_any_more_is_obeyed_at_the_next_click(town: Town, asked: Request) -> None:
    town.edit(ONE, "        allow: true")
    town.approve(DI, asked)
    assert town.state(asked) is State.SUCCEEDED
    assert "reviewed" not in town.kinds(asked)


def test_an_edit_that_refuses_is_obeyed_at_the_next_click(town: Town, asked: Request) -> None:
    town.edit(ONE, "        deny: Not in prod.")
    town.approve(BO, asked)
    assert (town.state(asked), town.see(asked).outcome) == (State.DENIED, "Not in prod.")


def test_an_action_that_is_gone_is_not_run(town: Town, asked: Request) -> None:
    approve_only(town, asked)
    town.write("payments.yml", town.files["payments.yml"].replace("  restart:", "  reboot:"))
    town.settle()
    assert town.state(asked) is State.DENIED
    assert town.runner.started == []


def test_what_lacks_a_parameter_that_the_action_has_got_since_is_not_run(town: Town, asked: Request) -> None:
    approve_only(town, asked)
    want_another_parameter(town)
    town.settle()
    assert town.state(asked) is State.DENIED
    assert "names no parameter" in town.see(asked).outcome


def test_what_lacks_a_parameter_that_the_action_has_got_since_is_not_approved(town: Town, asked: Request) -> None:
    want_another_parameter(town)
    assert "has changed since it was asked" in town.approve(BO, asked).text
    assert town.state(asked) is State.PENDING


def want_another_parameter(town: Town) -> None:
    town.edit("      env: {type", "      zone: {type: text}\n      env: {type")
    town.edit(WITH, 'with: {what: "{service}-{zone}", where: "{env}"}')


def test_what_cannot_be_planned_now_cannot_be_approved_now(town: Town, asked: Request) -> None:
    def refuse(inputs: FakeInputs) -> None:
        raise RunnerRefused("the cluster does not answer")

    town.edit(WITH, OTHER)
    town.runner.on_plan = refuse
    answer = town.approve(BO, asked)
    assert answer.text == f"JIT-{asked.id} cannot be planned now: the cluster does not answer"
    assert town.state(asked) is State.PENDING


def test_what_cannot_be_planned_just_before_the_run_is_not_run(town: Town, asked: Request) -> None:
    def refuse(inputs: FakeInputs) -> None:
        raise RunnerRefused("the deployment is gone")

    approve_only(town, asked)
    town.runner.on_plan = refuse
    town.settle()
    assert town.see(asked).outcome == "It cannot be run any more: the deployment is gone"


def test_what_cannot_be_planned_is_not_asked(town: Town) -> None:
    def refuse(inputs: FakeInputs) -> None:
        raise RunnerRefused("there is no such service")

    town.runner.on_plan = refuse
    answer = town.try_to_ask(ANN, "restart", service="api", env="staging")
    assert (answer.text, answer.refused) == ("It cannot be planned: there is no such service", True)


def test_what_cannot_be_undone_cannot_be_held_for_a_time(town: Town) -> None:
    town.runner.can_undo = False
    assert town.try_to_ask(ANN, "tune", value=200).text == "This cannot be undone, so it cannot be held for a time."


def test_a_parameter_whose_type_has_changed_since_stops_nobody_from_looking(town: Town, asked: Request) -> None:
    town.edit("service: {type: choice, options: [api, worker]}", "service: {type: duration}")
    assert [each.id for each in town.service.queries.pending(CY)] == [asked.id]


def test_a_second_edit_while_a_revision_is_made_is_noticed(town: Town, asked: Request) -> None:
    town.edit(WITH, OTHER)
    once = [town.twin()]

    def meanwhile(inputs: FakeInputs) -> None:
        if once:
            twin = once.pop()
            twin.files = town.files
            twin.approve(CY, asked, revision=1)
            twin.close()

    town.runner.on_plan = meanwhile
    assert town.approve(BO, asked, revision=1).refused
    assert (town.see(asked).revision, town.ledger.reviews(town.see(asked))) == (2, [])
