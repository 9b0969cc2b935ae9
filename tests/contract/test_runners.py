"""The published contract suite, passed by the built-in runners with a real service as their target."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jitbot.cli.demo_service import DemoService
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import Runner
from jitbot.runners.command import CommandRunner
from jitbot.runners.http import HttpRunner
from jitbot.testing import RunnerContract

ROOT = Path(__file__).parents[2]
CTL = [sys.executable, "-m", "jitbot.cli.demo_service.ctl"]


@pytest.fixture
def service() -> Iterator[DemoService]:
    with DemoService() as service:
        yield service


def ctl(service: DemoService, **argvs: str) -> dict[str, Any]:
    """Return inputs that steer the service by its command line."""
    words = {name: [*CTL, *line.split()] for name, line in argvs.items()}
    return {**words, "folder": str(ROOT), "variables": {"DEMO_SERVICE_URL": service.control_url}, "refused": [3]}


class _OfCommand(RunnerContract):
    @pytest.fixture
    def runner(self) -> Runner:
        return CommandRunner(EnvironmentSite(hosts=()))


class TestRollingBackByCommand(_OfCommand):
    @pytest.fixture
    def inputs(self, service: DemoService) -> dict[str, Any]:
        return ctl(service, argv="rollback", undo_argv="roll-forward", check_argv="status", plan_argv="plan rollback")

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        nobody = {"DEMO_SERVICE_URL": "http://127.0.0.1:1"}
        return [{**inputs, "argv": []}, {**inputs, "variables": nobody}]

    @pytest.fixture
    def effect(self, service: DemoService) -> Callable[[], Any]:
        return lambda: service.state()["release"]


class TestGrantingByCommand(_OfCommand):
    @pytest.fixture
    def inputs(self, service: DemoService) -> dict[str, Any]:
        return ctl(service, argv="grant ann", undo_argv="revoke ann", check_argv="status --admin ann")

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        return [{**inputs, "argv": ["./grant"]}, {**inputs, "argv": ["no-such-program"]}]

    @pytest.fixture
    def effect(self, service: DemoService) -> Callable[[], Any]:
        return lambda: service.state()["admins"]


class TestRestartingByCommand(_OfCommand):
    @pytest.fixture
    def inputs(self, service: DemoService) -> dict[str, Any]:
        return ctl(service, argv="restart", check_argv="status", plan_argv="plan restart")

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        return [{**inputs, "env": ["SLACK_BOT_TOKEN"]}]

    @pytest.fixture
    def effect(self, service: DemoService) -> Callable[[], Any]:
        return lambda: service.state()["pid"]


class TestGrantingByHttp(RunnerContract):
    @pytest.fixture
    def runner(self, service: DemoService) -> Runner:
        return HttpRunner(EnvironmentSite(hosts=[service.control_host]))

    @pytest.fixture
    def inputs(self, service: DemoService) -> dict[str, Any]:
        return {
            "method": "PUT",
            "url": f"{service.control_url}/admins",
            "path": ["ann"],
            "json": {},
            "receipt": {"user": "/user"},
            "undo": {},
            "check": {},
        }

    @pytest.fixture
    def broken_inputs(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        return [{**inputs, "url": "https://other.example.com/"}, {**inputs, "url": "file:///etc/passwd"}]

    @pytest.fixture
    def effect(self, service: DemoService) -> Callable[[], Any]:
        return lambda: service.state()["admins"]


class TestReplacingByHttp(TestGrantingByHttp):
    @pytest.fixture
    def inputs(self, service: DemoService) -> dict[str, Any]:
        url = service.control_url
        return {
            "method": "POST",
            "url": f"{url}/releases/41",
            "undo": {"method": "POST", "url": f"{url}/releases/42"},
            "check": {"url": f"{url}/state", "pointer": "/release", "equals": 41},
            "plan": {"url": f"{url}/state", "pointer": "/release"},
        }

    @pytest.fixture
    def effect(self, service: DemoService) -> Callable[[], Any]:
        return lambda: service.state()["release"]


def test_an_author_who_forgets_a_fixture_is_told_which() -> None:
    for name in ("runner", "inputs", "broken_inputs", "effect"):
        with pytest.raises(NotImplementedError, match=f"`{name}`"):
            getattr(RunnerContract, name).__wrapped__(RunnerContract())
