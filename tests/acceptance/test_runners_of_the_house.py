"""Runners that come with jitbot, through the service: granted by policy, held by two, and ended by the clock."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jitbot.model import State
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.registry import Registry
from tests.balancing import Balancer, haproxy
from tests.town import ANN, BO, PEOPLE, Town

FILE = "logging:\n  level: info  # as in production\n"
POLICY = """
team: payments
channel: "#payments"
actions:
  level:
    title: Set the log level
    runner: config.file
    with: {{folder: {folder}, file: app.yml, key: [logging, level], value: "{{level}}"}}
    parameters: {{level: {{type: choice, options: [debug, error]}}}}
    requesters: [group:engineering]
    timebox: {{default: 30m, max: 4h}}
    rules: [{{name: free, allow: true}}]
  drain:
    title: Drain a server
    runner: haproxy.server
    with: {{socket: {folder}/admin.sock, backend: web, server: "{{server}}", to: drain}}
    parameters: {{server: {{type: choice, options: [a, b]}}}}
    requesters: [group:engineering]
    timebox: {{default: 30m, max: 4h}}
    rules: [{{name: free, allow: true}}]
"""


@pytest.fixture
def real(tmp_path: Path, empty_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Town]]:
    """Return a function that gives a jitbot with the real runners, granted one folder."""
    towns: list[Town] = []

    def make(folder: Path) -> Town:
        site = EnvironmentSite((), {}, [folder])
        monkeypatch.setattr("tests.town.OneRunner", lambda fake: Registry(["config.file", "haproxy.server"], site))
        shutil.copy(empty_file, tmp_path / "jitbot.db")
        files = {"payments.yml": POLICY.format(folder=folder), "people.yml": PEOPLE}
        towns.append(Town(f"sqlite:///{tmp_path}/jitbot.db", tmp_path, files=files))
        return towns[0]

    yield make
    for town in towns:
        town.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "granted"
    folder.mkdir()
    (folder / "app.yml").write_text(FILE)
    return folder


@pytest.fixture
def balancer(folder: Path) -> Iterator[Balancer]:
    with haproxy(folder) as balancer:
        yield balancer


def level(folder: Path) -> str:
    return (folder / "app.yml").read_text().split()[2]


def test_the_last_of_two_who_hold_a_key_gives_the_file_its_bytes_back(
    real: Callable[[Path], Town], folder: Path
) -> None:
    town = real(folder)
    first, second = town.ask(ANN, "level", level="debug"), town.ask(BO, "level", level="debug", ttl="2h")
    assert [town.state(first), town.state(second), level(folder)] == [State.ACTIVE, State.ACTIVE, "debug"]
    other = town.ask(ANN, "level", level="error")
    assert [town.state(other), level(folder)] == [State.DENIED, "debug"]
    town.forward(minutes=36)
    town.settle()
    assert [town.state(first), level(folder)] == [State.EXPIRED, "debug"]
    town.forward(hours=2)
    town.settle()
    assert town.state(second) is State.EXPIRED
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"app.yml": FILE}


def test_a_key_that_somebody_else_changed_is_left_and_the_end_is_tried_on(
    real: Callable[[Path], Town], folder: Path
) -> None:
    town = real(folder)
    grant = town.ask(ANN, "level", level="debug")
    (folder / "app.yml").write_text(FILE.replace("info", "warning"))
    town.forward(minutes=36)
    town.settle()
    assert [town.state(grant), level(folder)] == [State.UNDOING, "warning"]
    assert "changed by somebody else" in (town.see(grant).outcome or "")
    (folder / "app.yml").write_text(FILE)
    town.forward(minutes=2)
    town.settle()
    assert town.state(grant) is State.EXPIRED


def test_a_drain_ends_with_its_grant(real: Callable[[Path], Town], folder: Path, balancer: Balancer) -> None:
    town, before = real(folder), balancer.settled()
    grant = town.ask(ANN, "drain", server="a")
    assert town.state(grant) is State.ACTIVE
    assert balancer.settled()["web/a"] == ("8", "100")
    refused = town.try_to_ask(BO, "drain", server="b")
    assert "fewer than the 1 that must remain" in refused.text
    town.forward(minutes=36)
    town.settle()
    assert town.state(grant) is State.EXPIRED
    assert balancer.settled() == before
