"""`github.workflow` passes the published suite, and stays honest when things go wrong in the middle."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import Runner
from jitbot.runners.github.workflow import GithubWorkflow
from jitbot.testing import RunnerContract
from jitbot.testing.runners import ContractRun
from tests.unit.policy.test_yaml_events import MERGE_BOMB
from tests.vendors.github import BADLY, BRANCH, FOR_EVER, MAIN, TOKEN, WELL, GitHub, refused
from tests.vendors.server import Reply, listening


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with listening(GitHub()) as hub:
        yield hub


def runner_for(hub: GitHub, appear: float = 0.05) -> GithubWorkflow:
    return GithubWorkflow(EnvironmentSite([hub.host], {"JITBOT_SECRET_GITHUB": TOKEN}), every=0.01, appear=appear)


@pytest.fixture
def runner(hub: GitHub) -> GithubWorkflow:
    return runner_for(hub)


def inputs_for(hub: GitHub, **changes: Any) -> dict[str, Any]:
    values = {
        "url": hub.url,
        "token": {"secret": "github"},
        "repository": "acme/shop",
        "workflow": "maintenance.yml",
        "ref": "main",
        "inputs": {"page": "on"},
        "undo_workflow": "maintenance.yml",
        "undo_inputs": {"page": "off"},
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def told(hub: GitHub, **changes: Any) -> Any:
    return GithubWorkflow.Inputs.model_validate(inputs_for(hub, **changes))


class TestWorkflow(RunnerContract):
    @pytest.fixture
    def runner(self, hub: GitHub) -> Runner:
        return runner_for(hub)

    @pytest.fixture
    def inputs(self, hub: GitHub) -> dict[str, Any]:
        return inputs_for(hub)

    @pytest.fixture
    def broken_inputs(self, hub: GitHub) -> list[dict[str, Any]]:
        return [
            inputs_for(hub, url="https://elsewhere.example.com"),
            inputs_for(hub, token={"secret": "unset"}),
            inputs_for(hub, token=None),
            inputs_for(hub, repository="acme/other"),
            inputs_for(hub, ref="gone"),
            inputs_for(hub, ref="main?x=y"),
            inputs_for(hub, workflow="../deploy.yml"),
        ]

    @pytest.fixture
    def effect(self, hub: GitHub) -> Callable[[], Any]:
        return lambda: hub.page_shown


# What people approve


def test_a_plan_names_the_commit_and_all_inputs(runner: GithubWorkflow, hub: GitHub) -> None:
    plan = runner.plan(told(hub))
    assert plan.summary == "Run maintenance.yml of acme/shop at main (aaaaaaaaaaaa: Fix the till)."
    assert plan.diff.splitlines() == [
        f"+ maintenance.yml at main ({MAIN})",
        "+   page: on",
        "+   jitbot: the key of the run",
        f"undo: maintenance.yml at main ({MAIN})",
        "undo:   page: off",
        "undo:   jitbot: the key of the run",
    ]
    assert plan.undoable
    assert not runner.plan(told(hub, undo_workflow=None, undo_inputs=None)).undoable


def test_a_workflow_is_one_target_unless_the_policy_says_what_it_touches(runner: GithubWorkflow, hub: GitHub) -> None:
    assert runner.target(told(hub)) == f"github:{hub.host} acme/shop workflow maintenance.yml"
    assert runner.target(told(hub, repository="ACME/Shop")) == runner.target(told(hub))
    assert runner.target(told(hub, target="page:shop")) == "page:shop"


def test_a_plan_is_another_one_when_the_branch_moves(runner: GithubWorkflow, hub: GitHub) -> None:
    first = runner.plan(told(hub)).fingerprint
    hub.refs["main"] = BRANCH
    assert runner.plan(told(hub)).fingerprint != first


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace(" (${{ inputs.jitbot }})", ""), "put ${{ inputs.jitbot }} into its run-name"),
        (lambda text: text.replace("      jitbot: {type: string}\n", ""), "give it an input jitbot"),
        (lambda text: text.replace("workflow_dispatch", "workflow_call"), "cannot be dispatched"),
        (lambda text: text.replace("page:", "side:"), "has no input page"),
        (lambda text: text.replace("jitbot: {", "side: {required: true}\n      jitbot: {"), "wants the input side"),
        (lambda text: text.replace('"Maintenance (${', '["Maintenance (${').replace(')"', ')"]'), "into its run-name"),
        (lambda text: "on: [push", "cannot be read as a workflow"),
        (lambda text: "x: &x {a: 1}\ny: {<<: *x}\n" + text, "cannot be read as a workflow"),
        (lambda text: MERGE_BOMB + text, "cannot be read as a workflow"),
        (lambda text: "- a list", "is no workflow"),
    ],
)
def test_a_workflow_that_could_not_run_or_be_found_again_is_not_planned(
    runner: GithubWorkflow, hub: GitHub, change: Callable[[str], str], words: str
) -> None:
    hub.files["maintenance.yml"] = change(hub.files["maintenance.yml"])
    with pytest.raises(RunnerRefused) as refusal:
        runner.plan(told(hub))
    assert words in str(refusal.value)


def test_the_older_way_to_write_the_input_is_known(runner: GithubWorkflow, hub: GitHub) -> None:
    hub.files["maintenance.yml"] = hub.files["maintenance.yml"].replace("{ inputs", "{ github.event.inputs")
    assert runner.plan(told(hub)).undoable


# Running


def test_a_run_is_followed_step_by_step(runner: GithubWorkflow, hub: GitHub) -> None:
    run = ContractRun()
    receipt = runner.start(told(hub), run)
    assert receipt.data == {"run": 9000}
    assert run.lines == [
        "Maintenance (jit-1-1): https://github.com/acme/shop/actions/runs/9000",
        "page: in_progress",
        "page / Show it: in_progress",
        "page: success",
        "page / Show it: success",
    ]


@pytest.mark.parametrize("details", ["known", "ignored", "refused"])
def test_a_run_is_found_whether_or_not_its_number_is_told(hub: GitHub, details: str) -> None:
    hub.details, hub.hidden = details, 3
    assert runner_for(hub, appear=10).start(told(hub), ContractRun()).data == {"run": 9000}
    assert len(hub.runs) == 1


def test_only_the_run_with_just_this_key_is_ours(hub: GitHub) -> None:
    hub.details = "ignored"
    for title in ("Maintenance (jit-1-10)", "Maintenance (ajit-1-1)", "Maintenance (jit-1-1-undo)"):
        hub.add_run("maintenance.yml", title)
    assert runner_for(hub).start(told(hub), ContractRun()).data == {"run": 9003}


def test_a_key_that_is_there_already_is_not_run_again(runner: GithubWorkflow, hub: GitHub) -> None:
    runner.start(told(hub), ContractRun())
    with pytest.raises(RunnerRefused, match="There is a run with jit-1-1 in its name already"):
        runner.start(told(hub), ContractRun())
    assert len(hub.runs) == 1


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out", "startup_failure"])
def test_a_run_that_ends_badly_has_happened_all_the_same(runner: GithubWorkflow, hub: GitHub, conclusion: str) -> None:
    hub.script = [("queued", None), ("completed", conclusion)]
    with pytest.raises(RunnerUnsure, match=f"has begun, and ended with {conclusion}"):
        runner.start(told(hub), ContractRun())
    assert runner.check_by_key(told(hub), "jit-1-1").state is HealthState.UNHEALTHY


def test_a_branch_that_moves_in_between_is_not_run_to_its_end(runner: GithubWorkflow, hub: GitHub) -> None:
    add = hub.add_run

    def moved(*words: Any) -> dict[str, Any]:
        run = add(*words)
        run["head_sha"] = BRANCH
        return run

    hub.add_run = moved  # type: ignore[method-assign]
    hub.script = FOR_EVER
    with pytest.raises(RunnerUnsure, match="main moved while it was started"):
        runner.start(told(hub), ContractRun())
    assert hub.scripts[9000][-1] == ("completed", "cancelled")


def test_stopping_cancels_the_run(runner: GithubWorkflow, hub: GitHub) -> None:
    hub.script = FOR_EVER
    run = ContractRun()
    wish = threading.Event()
    run.stopping = wish.is_set  # type: ignore[method-assign]
    run.log = lambda line: wish.set() if "in_progress" in line else run.lines.append(line)  # type: ignore[method-assign]
    with pytest.raises(RunnerUnsure, match="ended with cancelled"):
        runner.start(told(hub), run)
    assert hub.runs[0]["conclusion"] == "cancelled"


def test_who_is_stopped_before_it_began_has_done_nothing(runner: GithubWorkflow, hub: GitHub) -> None:
    run = ContractRun()
    run.stopping = lambda: True  # type: ignore[method-assign]
    with pytest.raises(RunnerRefused, match="before anything was done"):
        runner.start(told(hub), run)
    assert hub.runs == []


def test_a_time_that_ends_first_leaves_it_to_be_found(runner: GithubWorkflow, hub: GitHub) -> None:
    hub.script = FOR_EVER
    run = ContractRun()
    run.deadline = run.deadline.fromtimestamp(run.deadline.timestamp() - 29.5, run.deadline.tzinfo)
    with pytest.raises(RunnerUnsure, match=r"goes on: https://github\.com/acme/shop/actions/runs/9000"):
        runner.start(told(hub), run)
    assert runner.check_by_key(told(hub), "jit-1-1").state is HealthState.UNKNOWN
    hub.scripts[9000] = list(WELL)
    health = [runner.check_by_key(told(hub), "jit-1-1").state]
    for _ in WELL:
        hub._run(hub.asked[-1], "9000")
    health.append(runner.check_by_key(told(hub), "jit-1-1").state)
    assert health == [HealthState.UNKNOWN, HealthState.HEALTHY]


# When words get lost


def test_a_dispatch_without_an_answer_is_found_by_its_key(runner: GithubWorkflow, hub: GitHub) -> None:
    hub.lose = ("POST .*/dispatches", True)
    assert runner.start(told(hub), ContractRun()).data == {"run": 9000}


def test_a_dispatch_that_never_came_is_unsure_and_can_be_undone(runner: GithubWorkflow, hub: GitHub) -> None:
    hub.lose = ("POST .*/dispatches", False)
    with pytest.raises(RunnerUnsure, match="no run with jit-1-1 in its name was seen"):
        runner.start(told(hub), ContractRun())
    assert runner.check_by_key(told(hub), "jit-1-1").state is HealthState.UNKNOWN
    hub.lose = None
    runner.undo(told(hub), None, ContractRun())
    assert hub.runs == []


def test_words_lost_while_it_runs_are_asked_for_again(runner: GithubWorkflow, hub: GitHub) -> None:
    hub.lose = ("GET .*/runs/9000", True)
    run = ContractRun()
    assert runner.start(told(hub), run).data == {"run": 9000}
    assert any("did not answer" in line for line in run.lines)


def test_a_token_that_is_gone_in_the_middle_leaves_it_unsure(hub: GitHub) -> None:
    """What the operator does not grant means that nothing was done, but only before something was."""
    site = EnvironmentSite([hub.host], {"JITBOT_SECRET_GITHUB": TOKEN})
    add = hub.add_run

    def gone(*words: Any) -> dict[str, Any]:
        site.secret = lost  # type: ignore[method-assign]
        return add(*words)

    def lost(name: str) -> str:
        raise NotGranted(f"The secret {name!r} cannot be read: the store does not answer.")

    hub.add_run = gone  # type: ignore[method-assign]
    runner = GithubWorkflow(site, every=0.01, appear=0.05)
    with pytest.raises(RunnerUnsure, match="was asked to run"):
        runner.start(told(hub), ContractRun())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused("Bad credentials", 401), "401 Bad credentials"),
        (refused("Resource not accessible by personal access token", 403), "403 Resource not accessible"),
        (Reply({"message": "Moved Permanently"}, 301, {"Location": "http://127.0.0.1:1/"}), "sends us elsewhere"),
        (Reply(b"<html>busy</html>", 502), "502 <html>busy</html>"),
        (Reply(b"no json"), "the answer is no JSON"),
        (Reply([]), "another shape than is documented"),
    ],
)
def test_what_is_refused_before_a_dispatch_changed_nothing(
    runner: GithubWorkflow, hub: GitHub, answer: Reply, words: str
) -> None:
    hub.instead = answer
    for ask in (lambda: runner.plan(told(hub)), lambda: runner.start(told(hub), ContractRun())):
        with pytest.raises(RunnerRefused) as refusal:
            ask()
        assert words in str(refusal.value)


def test_a_dispatch_that_is_refused_changed_nothing(runner: GithubWorkflow, hub: GitHub) -> None:
    with pytest.raises(RunnerRefused, match="422 Unexpected inputs provided"):
        runner.start(told(hub, inputs={"side": "on"}), ContractRun())


def test_a_host_that_is_not_allowed_is_never_asked(hub: GitHub) -> None:
    with pytest.raises(NotGranted):
        GithubWorkflow(EnvironmentSite([], {"JITBOT_SECRET_GITHUB": TOKEN})).plan(told(hub))
    assert hub.asked == []


# Taking back


def test_a_run_in_hand_is_cancelled_before_it_is_taken_back(runner: GithubWorkflow, hub: GitHub) -> None:
    hub.script = FOR_EVER
    hub.add_run("maintenance.yml", "Maintenance (jit-1-1)")
    hub.script = WELL
    hub.page_shown = "half"
    runner.undo(told(hub), None, ContractRun())
    assert hub.runs[0]["conclusion"] == "cancelled"
    assert hub.page_shown == "off"


def test_an_undo_that_failed_is_run_again(runner: GithubWorkflow, hub: GitHub) -> None:
    receipt = runner.start(told(hub), ContractRun())
    hub.script = BADLY
    with pytest.raises(RunnerUnsure, match="was to take it back, and ended with failure"):
        runner.undo(told(hub), receipt, ContractRun())
    hub.script = WELL
    runner.undo(told(hub), receipt, ContractRun())
    runner.undo(told(hub), receipt, ContractRun())
    assert hub.page_shown == "off"
    assert len(hub.runs) == 3


def test_a_start_that_came_after_its_undo_is_taken_back_again(runner: GithubWorkflow, hub: GitHub) -> None:
    hub.add_run("maintenance.yml", "Maintenance (jit-1-1)")["status"] = "completed"
    runner.undo(told(hub), None, ContractRun())
    late = hub.add_run("maintenance.yml", "Maintenance (jit-1-1)", inputs={"page": "on"})
    for _ in WELL:
        hub._run(hub.asked[-1], str(late["id"]))
    assert hub.page_shown == "on"
    runner.undo(told(hub), None, ContractRun())
    assert hub.page_shown == "off"


def test_without_an_undo_workflow_it_says_so(runner: GithubWorkflow, hub: GitHub) -> None:
    lasting = told(hub, undo_workflow=None, undo_inputs=None)
    receipt = runner.start(lasting, ContractRun())
    with pytest.raises(RunnerRefused, match="has no undo_workflow"):
        runner.undo(lasting, receipt, ContractRun())


def test_an_undo_that_reaches_nobody_is_unsure(runner: GithubWorkflow, hub: GitHub) -> None:
    receipt = runner.start(told(hub), ContractRun())
    hub.instead = refused("Bad credentials", 401)
    with pytest.raises(RunnerUnsure, match="It may not be taken back"):
        runner.undo(told(hub), receipt, ContractRun())
