"""`argocd.sync` and `argocd.rollback` pass the published suite, and stay honest when an operation does not go well."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import Runner
from jitbot.runners.argocd.application import application
from jitbot.runners.argocd.rollback import ArgoCdRollback
from jitbot.runners.argocd.sync import ArgoCdSync
from jitbot.testing import RunnerContract
from jitbot.testing.runners import ContractRun
from tests.vendors.argocd import (
    BADLY,
    FIRST,
    FOR_EVER,
    SECOND,
    THIRD,
    TOKEN,
    WELL,
    ArgoCdServer,
    manifest,
    refused,
)
from tests.vendors.server import Reply, listening

KINDS = pytest.mark.parametrize("kind", ["sync", "rollback"])


@pytest.fixture
def argo() -> Iterator[ArgoCdServer]:
    with listening(ArgoCdServer()) as argo:
        yield argo


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.runners.argocd.operating.APPEAR_SECONDS", 0.1)


def site(argo: ArgoCdServer) -> EnvironmentSite:
    return EnvironmentSite([argo.host], {"JITBOT_SECRET_ARGOCD": TOKEN})


@pytest.fixture
def syncing(argo: ArgoCdServer) -> ArgoCdSync:
    return ArgoCdSync(site(argo), every=0.01)


@pytest.fixture
def rolling(argo: ArgoCdServer) -> ArgoCdRollback:
    return ArgoCdRollback(site(argo), every=0.01)


def inputs_for(argo: ArgoCdServer, **changes: Any) -> dict[str, Any]:
    return {"url": argo.url, "token": {"secret": "argocd"}, "application": "shop", "wait": 5, **changes}


def sync(argo: ArgoCdServer, **changes: Any) -> Any:
    return ArgoCdSync.Inputs.model_validate(inputs_for(argo, **changes))


def rollback(argo: ArgoCdServer, **changes: Any) -> Any:
    return ArgoCdRollback.Inputs.model_validate(inputs_for(argo, **{"id": 0, **changes}))


def either(argo: ArgoCdServer, kind: str) -> tuple[Any, Any, str]:
    """Return a runner, its inputs, and what it deploys."""
    if kind == "sync":
        return ArgoCdSync(site(argo), every=0.01), sync(argo), THIRD
    return ArgoCdRollback(site(argo), every=0.01), rollback(argo), FIRST


class TestSync(RunnerContract):
    @pytest.fixture
    def runner(self, argo: ArgoCdServer) -> Runner:
        return ArgoCdSync(site(argo), every=0.01)

    @pytest.fixture
    def inputs(self, argo: ArgoCdServer) -> dict[str, Any]:
        return inputs_for(argo, revision="main")

    @pytest.fixture
    def broken_inputs(self, argo: ArgoCdServer) -> list[dict[str, Any]]:
        return [
            inputs_for(argo, revision="gone"),
            inputs_for(argo, application="other"),
            inputs_for(argo, application="../shop"),
            inputs_for(argo, project="others"),
            inputs_for(argo, token={"secret": "unset"}),
            inputs_for(argo, url="https://elsewhere.example.com"),
        ]

    @pytest.fixture
    def effect(self, argo: ArgoCdServer) -> Callable[[], Any]:
        return lambda: argo.live


class TestRollback(TestSync):
    @pytest.fixture
    def runner(self, argo: ArgoCdServer) -> Runner:
        return ArgoCdRollback(site(argo), every=0.01)

    @pytest.fixture
    def inputs(self, argo: ArgoCdServer) -> dict[str, Any]:
        return inputs_for(argo, id=0)

    @pytest.fixture
    def broken_inputs(self, argo: ArgoCdServer) -> list[dict[str, Any]]:
        return [inputs_for(argo, id=number) for number in (1, 7, -1, "x")] + [inputs_for(argo)]


# What people approve


def test_a_plan_tells_each_resource_that_changes(syncing: ArgoCdSync, argo: ArgoCdServer) -> None:
    plan = syncing.plan(sync(argo))
    assert plan.summary == f"Sync shop to {THIRD}; nothing is deleted."
    assert plan.diff.splitlines() == [
        "+ Secret payments/new",
        "- ConfigMap payments/old (stays, since prune is off)",
        "~ apps/Deployment payments/api",
        "! Service payments/api (out of sync now)",
    ]
    assert plan.undoable


def test_a_plan_says_what_pruning_deletes(syncing: ArgoCdSync, argo: ArgoCdServer) -> None:
    plan = syncing.plan(sync(argo, prune=True))
    assert plan.summary.endswith("what is not in the source any more is deleted.")
    assert "- ConfigMap payments/old (deleted)" in plan.diff
    assert plan.fingerprint != syncing.plan(sync(argo)).fingerprint


def test_contents_are_never_shown(syncing: ArgoCdSync, argo: ArgoCdServer) -> None:
    argo.source[THIRD].append(manifest("Secret", "till", password="hunter22-hunter22"))
    assert "hunter22" not in str(syncing.plan(sync(argo)))


def test_a_plan_is_another_one_when_the_branch_moves(syncing: ArgoCdSync, argo: ArgoCdServer) -> None:
    first = syncing.plan(sync(argo)).fingerprint
    argo.refs["main"] = FIRST
    assert syncing.plan(sync(argo)).fingerprint != first


def test_drift_is_shown_and_moves_no_plan(syncing: ArgoCdSync, argo: ArgoCdServer) -> None:
    first = syncing.plan(sync(argo))
    argo.resources = []
    second = syncing.plan(sync(argo))
    assert (first.fingerprint, "out of sync" in second.diff) == (second.fingerprint, False)


def test_many_resources_are_counted(syncing: ArgoCdSync, argo: ArgoCdServer) -> None:
    argo.source[THIRD] += [manifest("ConfigMap", f"c{number}") for number in range(90)]
    lines = syncing.plan(sync(argo)).diff.splitlines()
    assert (len(lines), lines[-1]) == (61, "… and 34 more")


def test_nothing_to_change_is_said(syncing: ArgoCdSync, argo: ArgoCdServer) -> None:
    argo.resources = []
    plan = syncing.plan(sync(argo, revision=SECOND))
    assert (plan.diff, plan.undoable) == ("  no resource would change", False)


def test_a_rollback_says_from_where_to_where(rolling: ArgoCdRollback, argo: ArgoCdServer) -> None:
    plan = rolling.plan(rollback(argo))
    assert plan.summary == (
        f"Roll shop back to {FIRST} (history 0, deployed 2026-11-20T10:00:00Z), where {SECOND} runs now."
    )
    assert "~ apps/Deployment payments/api" in plan.diff


def test_what_syncs_by_itself_is_not_rolled_back(
    rolling: ArgoCdRollback, syncing: ArgoCdSync, argo: ArgoCdServer
) -> None:
    argo.automated = {"prune": True}
    with pytest.raises(RunnerRefused, match=r"first switch that off \(spec.syncPolicy.automated\)"):
        rolling.start(rollback(argo), ContractRun())
    with pytest.raises(RunnerRefused, match="leave `revision` out"):
        syncing.start(sync(argo, revision="v1"), ContractRun())
    assert not syncing.plan(sync(argo)).undoable
    syncing.start(sync(argo), ContractRun())
    assert argo.live == THIRD
    argo.automated = {"enabled": False}
    assert not application(argo.document()).automated


@KINDS
def test_what_cannot_begin_is_refused(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    argo.sources = True
    with pytest.raises(RunnerRefused, match="more than one source"):
        runner.start(told, ContractRun())
    argo.sources, argo.operation, argo.steps = False, {"sync": {"revision": FIRST}}, list(FOR_EVER)
    with pytest.raises(RunnerRefused, match="Another operation goes on"):
        runner.start(told, ContractRun())
    assert argo.begun == []


def test_an_entry_that_is_not_there_is_named(rolling: ArgoCdRollback, argo: ArgoCdServer) -> None:
    with pytest.raises(RunnerRefused, match=r"no entry 9, but: 0 \(111111111111\), 1 \(222222222222\)"):
        rolling.plan(rollback(argo, id=9))


# Going on, and not


def test_the_course_of_it_is_told(syncing: ArgoCdSync, argo: ArgoCdServer) -> None:
    run = ContractRun()
    receipt = syncing.start(sync(argo), run)
    assert run.lines == [
        "operation: Running, it is running",
        "operation: Succeeded, it is succeeded",
        "health: not looked at yet",
        "health: Progressing",
        "health: Healthy",
    ]
    assert receipt.data == {"before": 1, "made": 2}
    assert argo.begun == [
        {"sync": {"revision": THIRD, "prune": False}, "info": [{"name": "jitbot", "value": "jit-1-1"}]}
    ]


@KINDS
@pytest.mark.parametrize(("wait", "words"), [(0, "not looked at yet"), (1, "Degraded")])
def test_what_does_not_get_healthy_says_so(argo: ArgoCdServer, kind: str, wait: int, words: str) -> None:
    """That it is called healthy just after the operation says nothing: Argo CD has not looked since."""
    runner, told, _ = either(argo, kind)
    argo.healths = ["Degraded"]
    told = told.model_copy(update={"wait": wait})
    receipt = runner.start(told, ContractRun())
    assert receipt.summary.endswith(f", and {words}")
    assert runner.check(told, receipt).state is HealthState.UNHEALTHY


@KINDS
@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_an_operation_that_fails_may_be_half_done(argo: ArgoCdServer, kind: str, phase: str) -> None:
    runner, told, deployed = either(argo, kind)
    argo.script = ["Running", phase]
    with pytest.raises(RunnerUnsure, match=f"is: {phase}, it is {phase.lower()}. Some of it may have been applied"):
        runner.start(told, ContractRun())
    argo.script = WELL
    runner.undo(told, None, ContractRun())
    assert [each["sync"]["revision"] for each in argo.begun] == [deployed, SECOND]


def test_a_branch_that_moves_in_between_is_noticed(syncing: ArgoCdSync, argo: ArgoCdServer) -> None:
    argo.automated = {}
    begin = argo._sync

    def moved(told: dict[str, Any]) -> Reply:
        argo.refs["main"] = FIRST
        return begin(told)

    argo._sync = moved  # type: ignore[method-assign]
    with pytest.raises(RunnerUnsure, match=f"deployed {FIRST}, and not {THIRD}"):
        syncing.start(sync(argo), ContractRun())


@KINDS
def test_stopping_ends_the_operation(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    argo.script = FOR_EVER
    run = ContractRun()
    wish = threading.Event()
    run.stopping = wish.is_set  # type: ignore[method-assign]
    run.log = lambda line: wish.set()  # type: ignore[method-assign]
    with pytest.raises(RunnerUnsure, match="is: Failed"):
        runner.start(told, run)
    assert argo.operation is None


@KINDS
def test_who_is_stopped_before_it_began_has_done_nothing(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    run = ContractRun()
    run.stopping = lambda: True  # type: ignore[method-assign]
    with pytest.raises(RunnerRefused, match="before anything was done"):
        runner.start(told, run)
    assert argo.begun == []


@KINDS
def test_a_time_that_ends_first_leaves_it_to_be_settled(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    argo.script = FOR_EVER
    run = ContractRun()
    run.deadline = run.deadline.fromtimestamp(run.deadline.timestamp() - 29.5, run.deadline.tzinfo)
    with pytest.raises(RunnerUnsure, match="the operation goes on"):
        runner.start(told, run)
    look = (lambda: runner.check_by_key(told, "jit-1-1")) if kind == "sync" else (lambda: runner.check(told, None))
    assert look().state is HealthState.UNKNOWN
    argo.steps, argo.healths = ["Succeeded"], ["Healthy"]
    assert [look().state for _ in range(2)][-1] is HealthState.HEALTHY


def test_an_operation_of_others_settles_nothing(syncing: ArgoCdSync, argo: ArgoCdServer) -> None:
    syncing.start(sync(argo), ContractRun("jit-2-1"))
    assert syncing.check_by_key(sync(argo), "jit-1-1").state is HealthState.UNKNOWN
    assert syncing.check(sync(argo), None).state is HealthState.UNKNOWN
    syncing.undo(sync(argo), None, ContractRun())
    assert argo.live == THIRD


# When words get lost


@KINDS
def test_an_order_without_an_answer_that_came_is_followed(argo: ArgoCdServer, kind: str) -> None:
    runner, told, deployed = either(argo, kind)
    argo.lose = (f"POST .*/{kind}", True)
    receipt = runner.start(told, ContractRun())
    assert (argo.live, len(argo.begun)) == (deployed, 1)
    runner.undo(told, receipt, ContractRun())
    assert argo.live == SECOND


@KINDS
def test_an_order_without_an_answer_that_did_not_come_is_unsure(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    argo.lose = (f"POST .*/{kind}", False)
    with pytest.raises(RunnerUnsure, match="may have begun, and is not to be seen"):
        runner.start(told, ContractRun())
    argo.lose = None
    runner.undo(told, None, ContractRun())
    assert (argo.live, argo.begun) == (SECOND, [])


@KINDS
def test_what_a_lost_worker_had_begun_is_taken_back_without_a_receipt(argo: ArgoCdServer, kind: str) -> None:
    runner, told, deployed = either(argo, kind)
    runner.start(told, ContractRun())
    assert argo.live == deployed
    for _ in range(2):
        runner.undo(told, None, ContractRun())
        assert (argo.live, len(argo.begun)) == (SECOND, 2)


@KINDS
def test_words_lost_in_the_middle_are_asked_for_again(argo: ArgoCdServer, kind: str) -> None:
    runner, told, deployed = either(argo, kind)
    begin, run = argo._begin, ContractRun()

    def then_lost(operation: dict[str, Any]) -> Reply:
        argo.lose = ("GET .*/shop", True)
        return begin(operation)

    argo._begin = then_lost  # type: ignore[method-assign]
    runner.start(told, run)
    assert argo.live == deployed
    assert any("is asked again" in line for line in run.lines)


@KINDS
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused("invalid session", 16, 401), "401 invalid session"),
        (refused("permission denied", 7, 403), "403 permission denied"),
        (Reply(b"<html>login</html>", 200), "the answer is no JSON"),
        (Reply(b"", 307, {"Location": "https://elsewhere.example.com"}), "sends us elsewhere"),
        (Reply({"status": {}}), "`spec` is no dict"),
        (Reply(b"upstream", 503), "503 upstream"),
    ],
)
def test_what_is_refused_before_changed_nothing(argo: ArgoCdServer, kind: str, answer: Reply, words: str) -> None:
    runner, told, _ = either(argo, kind)
    argo.instead = answer
    for ask in (lambda: runner.plan(told), lambda: runner.start(told, ContractRun())):
        with pytest.raises(RunnerRefused) as refusal:
            ask()
        assert words in str(refusal.value)
    with pytest.raises(RunnerUnsure, match="may not be taken back"):
        runner.undo(told, None, ContractRun())
    assert runner.check(told, None).state is HealthState.UNKNOWN


@KINDS
def test_an_order_that_is_refused_was_not_begun(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    argo._begin = lambda *_: refused("another operation is already in progress", 9, 400)  # type: ignore[method-assign]
    with pytest.raises(RunnerRefused, match="No operation was begun: It refused: 400 another operation"):
        runner.start(told, ContractRun())


# Taking back


@KINDS
def test_what_others_deployed_since_is_left(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    receipt = runner.start(told, ContractRun())
    argo.source["4" * 40] = []
    argo._deployed("4" * 40)
    with pytest.raises(RunnerRefused, match="Somebody else has deployed 4444"):
        runner.undo(told, receipt, ContractRun())
    assert runner.check(told, receipt).state is HealthState.ABSENT


@KINDS
def test_an_undo_that_failed_is_tried_again(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    receipt = runner.start(told, ContractRun())
    argo.script = BADLY
    with pytest.raises(RunnerUnsure, match="is: Failed"):
        runner.undo(told, receipt, ContractRun())
    argo.script = WELL
    runner.undo(told, receipt, ContractRun())
    assert argo.live == SECOND


@KINDS
def test_an_operation_in_hand_is_ended_before_it_is_taken_back(argo: ArgoCdServer, kind: str) -> None:
    runner, told, deployed = either(argo, kind)
    argo.script = FOR_EVER
    info = [{"name": "jitbot", "value": "jit-1-1"}]
    argo._begin({"sync": {"revision": deployed}, "info": info if kind == "sync" else None})
    argo.script = WELL
    runner.undo(told, None, ContractRun())
    assert [each["sync"]["revision"] for each in argo.begun] == [deployed, SECOND]


@KINDS
def test_an_operation_of_others_is_never_ended(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    receipt = runner.start(told, ContractRun())
    argo.operation, argo.steps = {"sync": {"revision": SECOND}}, list(FOR_EVER)
    with pytest.raises(RunnerUnsure, match="Another operation goes on"):
        runner.undo(told, receipt, ContractRun())
    assert not [asked for asked in argo.asked if asked.method == "DELETE"]


@KINDS
def test_a_failure_that_cannot_be_told_whose_it_was_is_not_called_undone(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    argo.script = BADLY
    argo._begin({"sync": {"revision": SECOND}})
    for _ in BADLY:
        argo._go_on()
    with pytest.raises(RunnerUnsure, match="whether it was to take this one back cannot be told"):
        runner.undo(told, None, ContractRun())


@KINDS
def test_automatic_syncing_that_was_switched_on_since_stops_the_undo(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    receipt = runner.start(told, ContractRun())
    argo.automated = {}
    with pytest.raises(RunnerRefused, match="first switch that off"):
        runner.undo(told, receipt, ContractRun())


def test_a_rollback_to_what_the_history_then_forgets_is_taken_back_by_its_receipt(
    rolling: ArgoCdRollback, argo: ArgoCdServer
) -> None:
    """The history keeps ten entries: the oldest goes when one is added."""
    receipt = rolling.start(rollback(argo), ContractRun())
    del argo.history[0]
    assert rolling.check(rollback(argo), receipt).state is HealthState.HEALTHY
    assert rolling.check(rollback(argo), None).state is HealthState.UNKNOWN
    with pytest.raises(RunnerUnsure, match="history has no entry 0 any more"):
        rolling.undo(rollback(argo), None, ContractRun())
    for _ in range(2):
        rolling.undo(rollback(argo), receipt, ContractRun())
        assert (argo.live, len(argo.begun)) == (SECOND, 2)


@KINDS
def test_a_history_that_forgot_what_was_before_says_so(argo: ArgoCdServer, kind: str) -> None:
    runner, told, _ = either(argo, kind)
    receipt = runner.start(told, ContractRun())
    del argo.history[1]
    with pytest.raises(RunnerRefused, match="not in the history any more"):
        runner.undo(told, receipt, ContractRun())
