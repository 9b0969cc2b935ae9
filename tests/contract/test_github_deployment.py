"""`github.deployment` passes the published suite, and rolls back only from what it was asked about."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import Runner
from jitbot.runners.github.deployment import GithubDeployment
from jitbot.testing import RunnerContract
from jitbot.testing.runners import ContractRun
from tests.vendors.github import TOKEN, GitHub, refused
from tests.vendors.server import Reply, listening

OLDEST, FAILED, OLDER, NOW = "1" * 40, "2" * 40, "3" * 40, "4" * 40


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with listening(GitHub()) as hub:
        hub.add_deployment(OLDEST, "success", "inactive")
        hub.add_deployment("9" * 40, "success", environment="staging")
        hub.add_deployment(OLDER, "success", "inactive")
        hub.add_deployment(FAILED, "in_progress", "failure")
        hub.add_deployment(NOW, "success", "inactive")
        hub.add_deployment(NOW, "in_progress", "success")
        yield hub


def runner_for(hub: GitHub) -> GithubDeployment:
    return GithubDeployment(EnvironmentSite([hub.host], {"JITBOT_SECRET_GITHUB": TOKEN}), every=0.01)


@pytest.fixture
def runner(hub: GitHub) -> GithubDeployment:
    return runner_for(hub)


def inputs_for(hub: GitHub, **changes: Any) -> dict[str, Any]:
    token = {"url": hub.url, "token": {"secret": "github"}}
    return {**token, "repository": "acme/shop", "environment": "production", **changes}


def told(hub: GitHub, **changes: Any) -> Any:
    return GithubDeployment.Inputs.model_validate(inputs_for(hub, **changes))


class TestDeployment(RunnerContract):
    @pytest.fixture
    def runner(self, hub: GitHub) -> Runner:
        return runner_for(hub)

    @pytest.fixture
    def inputs(self, hub: GitHub) -> dict[str, Any]:
        return inputs_for(hub)

    @pytest.fixture
    def broken_inputs(self, hub: GitHub) -> list[dict[str, Any]]:
        return [
            inputs_for(hub, environment="nowhere"),
            inputs_for(hub, to="../x"),
            inputs_for(hub, to="5555555"),
            inputs_for(hub, to=NOW),
            inputs_for(hub, to=FAILED),
            inputs_for(hub, token={"secret": "unset"}),
        ]

    @pytest.fixture
    def effect(self, hub: GitHub) -> Callable[[], Any]:
        return hub.running


# What people approve


def test_a_plan_shows_what_is_taken_away(runner: GithubDeployment, hub: GitHub) -> None:
    plan = runner.plan(told(hub))
    assert plan.summary == "Deploy 333333333333 to production of acme/shop again, where 444444444444 runs now."
    assert plan.diff.splitlines() == [
        f"- {NOW} (deployment 105)",
        f"+ {OLDER} (deployment 102)",
        "-   222222222222 Change 2222",
        "-   444444444444 Change 4444",
    ]


def test_many_commits_are_counted(runner: GithubDeployment, hub: GitHub) -> None:
    for number in range(40):
        hub.add_deployment(f"{number:040x}", "failure", environment="elsewhere")
    hub.add_deployment("5" * 40, "success")
    lines = runner.plan(told(hub, to=NOW[:7])).diff.splitlines()
    assert len(lines) == 2 + 30 + 1
    assert lines[-1] == "-   … and 12 more"


def test_commits_that_cannot_be_compared_do_not_stop_a_plan(runner: GithubDeployment, hub: GitHub) -> None:
    hub._compare = lambda *_: refused("Not Found", 404)  # type: ignore[method-assign]
    assert "cannot be shown: It refused: 404 Not Found" in runner.plan(told(hub)).diff


def test_a_plan_is_another_one_when_somebody_deployed(runner: GithubDeployment, hub: GitHub) -> None:
    first = runner.plan(told(hub, to=OLDEST)).fingerprint
    hub.add_deployment("5" * 40, "success")
    assert runner.plan(told(hub, to=OLDEST)).fingerprint != first


def test_it_can_be_said_how_far(runner: GithubDeployment, hub: GitHub) -> None:
    runner.start(told(hub, to=OLDEST[:10]), ContractRun())
    assert hub.running() == OLDEST


@pytest.mark.parametrize("state", ["queued", "pending", "in_progress", "waiting", None])
def test_a_deployment_under_way_is_waited_for(runner: GithubDeployment, hub: GitHub, state: str | None) -> None:
    hub.add_deployment("5" * 40, *([state] if state else []))
    with pytest.raises(RunnerRefused, match="of 555555555555 to production is under way"):
        runner.start(told(hub), ContractRun())


def test_what_was_rolled_back_goes_no_further_by_itself(runner: GithubDeployment, hub: GitHub) -> None:
    runner.start(told(hub), ContractRun())
    with pytest.raises(RunnerRefused, match="was rolled back already, by jit-1-1"):
        runner.start(told(hub), ContractRun("jit-2-1"))
    runner.start(told(hub, to=OLDEST), ContractRun("jit-3-1"))
    assert hub.running() == OLDEST


def test_what_was_taken_back_may_be_rolled_back_again(runner: GithubDeployment, hub: GitHub) -> None:
    runner.undo(told(hub), runner.start(told(hub), ContractRun()), ContractRun())
    runner.start(told(hub), ContractRun("jit-2-1"))
    assert hub.running() == OLDER


# Going on, and not


def test_the_course_of_it_is_told(runner: GithubDeployment, hub: GitHub) -> None:
    run = ContractRun()
    receipt = runner.start(told(hub), run)
    assert run.lines == [
        f"deployment 106 of {OLDER} to production",
        "deployment 106: in_progress",
        "deployment 106: success",
    ]
    assert receipt.data == {"key": "jit-1-1", "before": NOW}


@pytest.mark.parametrize("state", ["failure", "error"])
def test_one_that_fails_has_happened_and_is_taken_back(runner: GithubDeployment, hub: GitHub, state: str) -> None:
    hub.deploy = ["in_progress", state]
    with pytest.raises(RunnerUnsure, match=f"was begun, and is a {state}"):
        runner.start(told(hub), ContractRun())
    assert runner.check_by_key(told(hub), "jit-1-1").state is HealthState.UNHEALTHY
    hub.deploy = ["success"]
    runner.undo(told(hub), None, ContractRun())
    assert (hub.running(), hub.deployments[-1]["sha"]) == (NOW, NOW)


def test_an_order_without_an_answer_that_came_is_followed(runner: GithubDeployment, hub: GitHub) -> None:
    hub.lose = ("POST .*/deployments", True)
    receipt = runner.start(told(hub), ContractRun())
    assert receipt.summary == "production: 333333333333 deployed (deployment 106)"
    assert len(hub.deployments) == 7


def test_an_answer_that_cannot_be_read_is_no_refusal(runner: GithubDeployment, hub: GitHub) -> None:
    make = hub._deploy

    def unreadable(*words: Any) -> Reply:
        make(*words)
        return Reply(b"{", 201)

    hub._deploy = unreadable  # type: ignore[method-assign]
    runner.start(told(hub), ContractRun())
    assert (hub.running(), len(hub.deployments)) == (OLDER, 7)


def test_what_ran_before_is_what_the_receipt_says(runner: GithubDeployment, hub: GitHub) -> None:
    """Whoever makes deployments could write into them that something else ran before."""
    receipt = runner.start(told(hub), ContractRun())
    hub.deployments[-1]["payload"] = {"jitbot": {"key": "jit-1-1", "before": OLDEST}}
    runner.undo(told(hub), receipt, ContractRun())
    assert hub.running() == NOW


def test_an_order_without_an_answer_that_did_not_come_is_unsure(
    runner: GithubDeployment, hub: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jitbot.runners.github.deployment.APPEAR_SECONDS", 0.05)
    hub.lose = ("POST .*/deployments", False)
    with pytest.raises(RunnerUnsure, match="none with the key jit-1-1 is to be seen"):
        runner.start(told(hub), ContractRun())
    assert runner.check_by_key(told(hub), "jit-1-1").state is HealthState.UNKNOWN


def test_a_deployment_is_found_by_its_key_alone(runner: GithubDeployment, hub: GitHub) -> None:
    row = hub.add_deployment(OLDER, payload={"jitbot": {"key": "jit-1-1", "before": NOW}})
    hub.coming[row["id"]] = ["in_progress", "success"]
    assert runner.check(told(hub), None).state is HealthState.UNKNOWN
    assert [runner.check_by_key(told(hub), "jit-1-1").state for _ in "ab"] == [HealthState.UNKNOWN, HealthState.HEALTHY]
    runner.undo(told(hub), None, ContractRun())
    assert hub.running() == NOW


def test_a_payload_that_came_as_text_is_read_too(runner: GithubDeployment, hub: GitHub) -> None:
    hub.add_deployment("5" * 40, "success", payload=json.dumps({"jitbot": {"key": "jit-7-1", "before": NOW}}))
    hub.add_deployment("6" * 40, "failure", payload="{[")
    assert runner.check_by_key(told(hub), "jit-7-1").state is HealthState.HEALTHY


def test_what_is_refused_was_not_made(runner: GithubDeployment, hub: GitHub) -> None:
    hub._deploy = lambda *_: refused("Conflict: Commit status checks failed", 409)  # type: ignore[method-assign]
    with pytest.raises(RunnerRefused, match="No deployment was made: It refused: 409 Conflict"):
        runner.start(told(hub), ContractRun())
    hub._deploy = lambda *_: Reply({"message": "Auto-merged main into topic"}, 202)  # type: ignore[method-assign]
    with pytest.raises(RunnerRefused, match="answered 202"):
        runner.start(told(hub), ContractRun())


def test_words_lost_while_it_goes_on_are_asked_for_again(runner: GithubDeployment, hub: GitHub) -> None:
    hub.lose = ("GET .*/106/statuses", True)
    run = ContractRun()
    runner.start(told(hub), run)
    assert any("is asked again" in line for line in run.lines)


def test_stopping_leaves_it_and_the_undo_waits_for_its_end(runner: GithubDeployment, hub: GitHub) -> None:
    hub.deploy = ["in_progress"] * 3 + ["success"]
    run = ContractRun()
    wish = threading.Event()
    run.stopping = wish.is_set  # type: ignore[method-assign]
    run.log = lambda line: wish.set()  # type: ignore[method-assign]
    with pytest.raises(RunnerUnsure, match="Somebody wanted it to end, and the deployment 106"):
        runner.start(told(hub), run)
    runner.undo(told(hub), None, ContractRun())
    assert hub.statuses[106][-1] == "success"
    assert hub.running() == NOW


def test_who_is_stopped_before_it_began_has_done_nothing(runner: GithubDeployment, hub: GitHub) -> None:
    run = ContractRun()
    run.stopping = lambda: True  # type: ignore[method-assign]
    with pytest.raises(RunnerRefused, match="before anything was done"):
        runner.start(told(hub), run)
    assert len(hub.deployments) == 6


def test_what_others_deployed_since_is_left(runner: GithubDeployment, hub: GitHub) -> None:
    receipt = runner.start(told(hub), ContractRun())
    hub.add_deployment("5" * 40, "success")
    with pytest.raises(RunnerRefused, match="Somebody else has deployed 555555555555"):
        runner.undo(told(hub), receipt, ContractRun())
    assert runner.check(told(hub), receipt).state is HealthState.ABSENT


def test_an_undo_that_failed_is_tried_again(runner: GithubDeployment, hub: GitHub) -> None:
    receipt = runner.start(told(hub), ContractRun())
    hub.deploy = ["failure"]
    with pytest.raises(RunnerUnsure):
        runner.undo(told(hub), receipt, ContractRun())
    hub.deploy = ["success"]
    runner.undo(told(hub), receipt, ContractRun())
    assert hub.running() == NOW


def test_nobody_to_ask_is_unsure_at_the_end(runner: GithubDeployment, hub: GitHub) -> None:
    hub.instead = refused("Bad credentials", 401)
    with pytest.raises(RunnerUnsure, match="It may not be taken back: It refused: 401"):
        runner.undo(told(hub), None, ContractRun())
    assert runner.check_by_key(told(hub), "jit-1-1").state is HealthState.UNKNOWN
