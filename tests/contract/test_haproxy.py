"""`haproxy.server` passes the published suite and drains without losing a request; its target is a real HAProxy."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import Runner
from jitbot.runners.haproxy.server import HaproxyServer
from jitbot.testing import RunnerContract
from jitbot.testing.runners import ContractRun
from tests.balancing import Balancer, between, haproxy, traffic

READY, MAINT, DRAIN = "0", "1", "8"


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Balancer]:
    with haproxy(tmp_path) as balancer:
        yield balancer


@pytest.fixture
def runner(balancer: Balancer) -> HaproxyServer:
    return HaproxyServer(EnvironmentSite([balancer.runtime], {}, [balancer.folder]))


def told(balancer: Balancer, **changes: Any) -> Any:
    values = {"socket": balancer.socket, "backend": "web", "server": "a", "to": "drain", "wait": 5, **changes}
    return HaproxyServer.Inputs.model_validate({key: value for key, value in values.items() if value is not None})


class _Steering(RunnerContract):
    @pytest.fixture
    def runner(self, balancer: Balancer) -> Runner:
        return HaproxyServer(EnvironmentSite([balancer.runtime], {}, [balancer.folder]))

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any], balancer: Balancer) -> list[dict[str, Any]]:
        return [
            {**inputs, "server": "nope"},
            {**inputs, "backend": "nope"},
            {**inputs, "server": "a state ready;disable server web/b"},
            {**inputs, "to": "drain", "min_healthy": 3},
            {**inputs, "socket": "/run/other.sock"},
            {**inputs, "socket": str(balancer.folder / "missing.sock")},
            {**inputs, "socket": str(balancer.folder / "looking.sock")},
        ]

    @pytest.fixture
    def effect(self, balancer: Balancer) -> Callable[[], Any]:
        return balancer.settled


class TestDraining(_Steering):
    @pytest.fixture
    def inputs(self, balancer: Balancer) -> dict[str, Any]:
        return {"socket": balancer.socket, "backend": "web", "server": "a", "to": "drain", "wait": 5}


class TestMaintenanceWithAWeight(_Steering):
    @pytest.fixture
    def inputs(self, balancer: Balancer) -> dict[str, Any]:
        return {"socket": balancer.socket, "backend": "web", "server": "b", "to": "maint", "weight": 7}


class TestMakingReady(_Steering):
    @pytest.fixture
    def inputs(self, balancer: Balancer) -> dict[str, Any]:
        return {"socket": balancer.socket, "backend": "web", "server": "c", "to": "ready", "weight": 3}


class TestWeighingOverTcp(_Steering):
    @pytest.fixture
    def inputs(self, balancer: Balancer) -> dict[str, Any]:
        return {"host": balancer.runtime, "backend": "web", "server": "a", "weight": 0}


# What people approve


def test_a_plan_says_from_what_to_what_and_what_remains(runner: HaproxyServer, balancer: Balancer) -> None:
    plan = runner.plan(told(balancer, weight=10))
    assert plan.summary == (
        f"Drain web/a of HAProxy at {balancer.socket}: web keeps 1 healthy server (web/b); "
        "api keeps 1 healthy server (api/z); at least 1 must remain."
    )
    assert plan.diff.splitlines() == [
        "- ready, weight 100",
        "+ drain, weight 10",
        "+ followed by api/x",
        "+ followed by api/y",
    ]
    assert plan.targets == 3


def test_a_plan_is_another_one_when_somebody_changed_the_server(runner: HaproxyServer, balancer: Balancer) -> None:
    first = runner.plan(told(balancer)).fingerprint
    balancer.ask("set server web/a weight 99")
    assert runner.plan(told(balancer)).fingerprint != first
    balancer.ask("set server web/a weight 100", "set server web/b weight 9")
    assert runner.plan(told(balancer)).fingerprint == first


# Draining


def test_no_request_is_lost_in_a_drain(runner: HaproxyServer, balancer: Balancer) -> None:
    drained = balancer.servers["a"]
    drained.seconds = 0.4
    with traffic(balancer) as seen:
        until(lambda: drained.in_hand >= 2)
        receipt = runner.start(told(balancer), ContractRun())
        assert drained.in_hand == 0, "it has waited for what was in hand"
        taken = drained.taken
        Event().wait(0.5)
        assert drained.taken == taken, "nothing new comes"
        runner.undo(told(balancer), receipt, ContractRun())
        until(lambda: drained.taken > taken)
    assert len(seen.statuses) > 20
    assert set(seen.statuses) == {200}


def test_a_wait_that_ends_too_soon_says_so(runner: HaproxyServer, balancer: Balancer) -> None:
    slow = balancer.servers["a"]
    slow.seconds = 3
    with traffic(balancer, clients=2):
        until(lambda: slow.in_hand >= 1)
        receipt = runner.start(told(balancer, wait=1), ContractRun())
        assert re.search("; after the wait [12] sessions are left", receipt.summary)
        assert runner.check(told(balancer, wait=1), receipt).state is HealthState.UNHEALTHY
        assert runner.check(told(balancer, wait=0), receipt).state is HealthState.HEALTHY
    assert runner.check(told(balancer, wait=1), receipt).state is HealthState.HEALTHY


def test_a_wait_ends_before_the_deadline(runner: HaproxyServer, balancer: Balancer) -> None:
    slow = balancer.servers["a"]
    slow.seconds = 3
    run = ContractRun()
    run.deadline = run.deadline.fromtimestamp(time.time() + 2, run.deadline.tzinfo)
    with traffic(balancer, clients=2):
        until(lambda: slow.in_hand >= 1)
        began = time.monotonic()
        runner.start(told(balancer, wait=3600), run)
        assert time.monotonic() - began < 2


def test_a_server_made_ready_that_does_not_come_up_is_told(runner: HaproxyServer, balancer: Balancer) -> None:
    balancer.ask("set server web/a addr 127.0.0.1 port 1")
    until(lambda: ",DOWN," in balancer.ask("show stat web 4 1"))
    balancer.ask("set server web/a state drain")
    inputs = told(balancer, to="ready", wait=1)
    receipt = runner.start(inputs, ContractRun())
    assert receipt.summary == "web/a: ready, weight 100; after the wait it is not up"
    assert runner.check(inputs, receipt).state is HealthState.UNHEALTHY


# How many must remain


def test_the_last_healthy_server_is_not_taken_away(runner: HaproxyServer, balancer: Balancer) -> None:
    balancer.ask("set server web/b state maint")
    before = balancer.settled()
    for change in ({"to": "drain"}, {"to": "maint"}, {"to": None, "weight": 0}):
        for step in (runner.plan, lambda inputs: runner.start(inputs, ContractRun())):
            with pytest.raises(RunnerRefused, match="the backend web would have 0 healthy servers, fewer than the 1"):
                step(told(balancer, **change))
    assert balancer.settled() == before
    runner.start(told(balancer, min_healthy=0), ContractRun())


def test_a_weight_is_not_followed(runner: HaproxyServer, balancer: Balancer) -> None:
    balancer.ask("set server api/z state drain")
    plan = runner.plan(told(balancer, to=None, weight=0))
    assert (plan.targets, "followed" in plan.diff) == (1, False)


def test_servers_that_follow_count_in_their_own_backends(runner: HaproxyServer, balancer: Balancer) -> None:
    balancer.ask("set server api/z state drain")
    with pytest.raises(RunnerRefused, match="the backend api would have 0 healthy"):
        runner.plan(told(balancer))


@pytest.mark.parametrize("away", ["state maint", "state drain", "weight 0"])
def test_what_takes_no_traffic_is_not_healthy(runner: HaproxyServer, balancer: Balancer, away: str) -> None:
    balancer.ask(f"set server web/b {away}")
    with pytest.raises(RunnerRefused, match="0 healthy"):
        runner.plan(told(balancer))


def test_a_backup_is_not_counted(runner: HaproxyServer, balancer: Balancer) -> None:
    with pytest.raises(RunnerRefused, match="spare would have 0 healthy"):
        runner.plan(told(balancer, backend="spare", server="only"))


def test_two_drains_at_the_same_instant_do_not_empty_a_backend(runner: HaproxyServer, balancer: Balancer) -> None:
    before = balancer.settled()
    other = threading.Event()

    def hears(line: str) -> str:
        if line.startswith("set server web/a state drain") and not other.is_set():
            other.set()
            balancer.ask("set server web/b state drain")  # after the count, before the change
        return "pass"

    with between(balancer, hears) as host:
        runner = HaproxyServer(EnvironmentSite([host], {}))
        with pytest.raises(RunnerRefused, match=r"0 healthy servers.*web/a is as it was: ready, weight 100"):
            runner.start(told(balancer, socket=None, host=host), ContractRun())
    assert balancer.settled() == {**before, "web/b": (DRAIN, "50")}


# What goes wrong


def test_a_weight_that_is_refused_leaves_the_state(runner: HaproxyServer, balancer: Balancer) -> None:
    before = balancer.settled()
    with pytest.raises(RunnerRefused, match=r"static LB algorithm.*fixed/s1 is as it was: ready, weight 1"):
        runner.start(told(balancer, backend="fixed", server="s1", weight=9), ContractRun())
    assert balancer.settled() == before


def test_a_haproxy_that_is_gone_refuses_or_is_unknown(runner: HaproxyServer, balancer: Balancer) -> None:
    receipt = runner.start(told(balancer), ContractRun())
    balancer.kill()
    for step in (runner.plan, lambda inputs: runner.start(inputs, ContractRun())):
        with pytest.raises(RunnerRefused, match="was not reached"):
            step(told(balancer))
    assert runner.check(told(balancer), receipt).state is HealthState.UNKNOWN
    with pytest.raises(RunnerUnsure, match="was not reached"):
        runner.undo(told(balancer), receipt, ContractRun())


@pytest.mark.parametrize(("fate", "found"), [("lose", READY), ("swallow", DRAIN)])
def test_an_answer_that_never_comes_leaves_it_unsure_and_can_be_undone(
    balancer: Balancer, fate: str, found: str
) -> None:
    before = balancer.settled()
    with between(balancer, lambda line: fate if line.startswith("set server") else "pass") as host:
        runner = HaproxyServer(EnvironmentSite([host], {}))
        with pytest.raises(RunnerUnsure, match="may have been changed"):
            runner.start(told(balancer, socket=None, host=host), ContractRun())
    assert balancer.settled()["web/a"] == (found, "100")
    runner = HaproxyServer(EnvironmentSite([], {}, [balancer.folder]))
    wanted = HealthState.ABSENT if found == READY else HealthState.HEALTHY
    assert runner.check(told(balancer), None).state is wanted
    runner.undo(told(balancer), None, ContractRun())
    assert balancer.settled() == before


@pytest.mark.parametrize("fate", ["lose", "swallow"])
@pytest.mark.parametrize("cut", range(7))
def test_wherever_a_start_is_cut_off_undo_restores(
    runner: HaproxyServer, balancer: Balancer, cut: int, fate: str
) -> None:
    before, lines = balancer.settled(), list[str]()

    def hears(line: str) -> str:
        lines.append(line)
        return fate if len(lines) > cut else "pass"

    with between(balancer, hears) as host:
        inputs = told(balancer, socket=None, host=host, weight=10)
        try:
            HaproxyServer(EnvironmentSite([host], {})).start(inputs, ContractRun())
        except RunnerRefused:
            assert balancer.settled() == before
        except RunnerUnsure:
            assert 2 <= cut < 6
        else:
            assert cut == len(lines) == 6, "look, note, weight, state, look, look"
    runner.undo(told(balancer, weight=10), None, ContractRun())
    assert balancer.settled() == before


def test_a_start_cut_off_in_the_middle_is_told_and_undone(runner: HaproxyServer, balancer: Balancer) -> None:
    before = balancer.settled()
    inputs = told(balancer, weight=10)
    with between(balancer, lambda line: "lose" if " state drain" in line else "pass") as host:
        cut = HaproxyServer(EnvironmentSite([host], {}))
        with pytest.raises(RunnerUnsure):
            cut.start(told(balancer, weight=10, socket=None, host=host), ContractRun())
    health = runner.check(inputs, None)
    assert (health.state, health.detail) == (HealthState.UNHEALTHY, "ready, weight 10")
    runner.undo(inputs, None, ContractRun())
    assert balancer.settled() == before


@pytest.mark.parametrize("host", ["127.0.0.1:1", "lb.example.com:9999"])
def test_a_host_that_is_not_allowed_is_not_talked_to(balancer: Balancer, host: str) -> None:
    runner = HaproxyServer(EnvironmentSite(["127.0.0.1", balancer.runtime], {}))
    with pytest.raises(NotGranted, match=f"may not talk to {host}"):
        runner.plan(told(balancer, socket=None, host=host))


def test_a_link_out_of_the_granted_folder_is_not_followed(balancer: Balancer, tmp_path: Path) -> None:
    (tmp_path / "granted").mkdir()
    (tmp_path / "granted" / "admin.sock").symlink_to(balancer.socket)
    runner = HaproxyServer(EnvironmentSite([], {}, [tmp_path / "granted"]))
    with pytest.raises(NotGranted, match="not below JITBOT_RUNNER_PATHS"):
        runner.plan(told(balancer, socket=str(tmp_path / "granted" / "admin.sock")))


# Undo


def test_undo_restores_the_state_and_the_weight_that_were_there(runner: HaproxyServer, balancer: Balancer) -> None:
    balancer.ask("set server web/a weight 42", "set server web/a state maint")
    before = balancer.settled()
    inputs = told(balancer, to="ready", weight=3)
    receipt = runner.start(inputs, ContractRun())
    assert balancer.settled()["web/a"] == (READY, "3")
    assert dict(receipt.data) == {"state": "maint", "weight": 42}
    runner.undo(inputs, receipt, ContractRun())
    assert balancer.settled() == before


def test_undo_leaves_what_somebody_else_changed(runner: HaproxyServer, balancer: Balancer) -> None:
    receipt = runner.start(told(balancer), ContractRun())
    balancer.ask("set server web/a state maint")
    with pytest.raises(RunnerRefused, match="changed by somebody else: it is maint"):
        runner.undo(told(balancer), receipt, ContractRun())
    assert balancer.settled()["web/a"] == (MAINT, "100")
    balancer.ask("set server web/a state ready")
    runner.undo(told(balancer), receipt, ContractRun())


def test_a_second_undo_leaves_what_came_after_the_first(runner: HaproxyServer, balancer: Balancer) -> None:
    receipt = runner.start(told(balancer), ContractRun())
    runner.undo(told(balancer), receipt, ContractRun())
    balancer.ask("set server web/a state drain")
    runner.undo(told(balancer), receipt, ContractRun())
    runner.undo(told(balancer), None, ContractRun())
    assert balancer.settled()["web/a"] == (DRAIN, "100")


def test_another_run_without_a_receipt_takes_nothing_back(runner: HaproxyServer, balancer: Balancer) -> None:
    change = ContractRun("jit-1-1")
    change.until = None
    runner.start(told(balancer), change)
    runner.undo(told(balancer), None, ContractRun("jit-2-1"))
    assert balancer.settled()["web/a"] == (DRAIN, "100")


def test_a_grant_that_joins_another_whose_receipt_was_lost_restores_what_was_before_both(
    runner: HaproxyServer, balancer: Balancer
) -> None:
    before = balancer.settled()
    runner.start(told(balancer), ContractRun("jit-1-1"))
    receipt = runner.start(told(balancer), ContractRun("jit-2-1"))
    runner.undo(told(balancer), receipt, ContractRun("jit-2-1"))
    assert balancer.settled() == before


def test_undo_of_a_server_that_was_removed_since_succeeds(runner: HaproxyServer, balancer: Balancer) -> None:
    runner.undo(told(balancer, server="nope"), None, ContractRun())
    assert runner.check(told(balancer, server="nope"), None).state is HealthState.ABSENT


def until(seen: Callable[[], bool]) -> None:
    """Wait for something to be seen."""
    pause, end = Event(), time.monotonic() + 10
    while not seen():
        assert time.monotonic() < end
        pause.wait(0.01)


def test_a_wait_that_somebody_stops_ends_at_once_and_says_what_is_left(
    runner: HaproxyServer, balancer: Balancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, before, run = balancer.servers["a"], balancer.settled(), ContractRun()
    slow.seconds = 1
    monkeypatch.setattr(run, "stopping", lambda: balancer.settled() != before)
    with traffic(balancer, clients=2):
        until(lambda: slow.in_hand >= 1)
        receipt = runner.start(told(balancer, wait=600), run)
        assert re.search("; after the wait [12] sessions are left", receipt.summary)
        runner.undo(told(balancer, wait=600), receipt, ContractRun())
    assert balancer.settled() == before
