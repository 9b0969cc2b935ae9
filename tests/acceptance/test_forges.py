"""GitHub through the service: a run whose start was never answered is found, and a membership ends with its time."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jitbot.model import Request, State
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.registry import Registry
from jitbot.service.reconciling import Kind, Reconciling
from tests.town import ANN, PEOPLE, Town
from tests.vendors.github import TOKEN, WELL, GitHub
from tests.vendors.server import Reply, listening

POLICY = """
team: shop
channel: "#shop"
actions:
  page:
    title: Show the maintenance page
    runner: github.workflow
    with:
      url: {url}
      token: {{secret: github}}
      repository: acme/shop
      workflow: maintenance.yml
      ref: main
      inputs: {{page: "on"}}
      undo_workflow: maintenance.yml
      undo_inputs: {{page: "off"}}
    requesters: [group:engineering]
    rules: [{{name: free, allow: true}}]
  member:
    title: Be in the team for payments
    runner: github.team_member
    with: {{url: {url}, token: {{secret: github}}, organization: acme, team: payments, user: "{{who}}"}}
    parameters: {{who: {{type: choice, options: [ann, mia]}}}}
    requesters: [group:engineering]
    timebox: {{default: 30m, max: 4h}}
    rules: [{{name: free, allow: true}}]
"""


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with listening(GitHub()) as hub:
        yield hub


@pytest.fixture
def town(hub: GitHub, tmp_path: Path, empty_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    site = EnvironmentSite([hub.host], {"JITBOT_SECRET_GITHUB": TOKEN})
    registry = Registry(["github.workflow", "github.team_member"], site)
    inner = vars(registry.runner("github.workflow"))["_runner"]
    inner._every, inner._appear = 0.01, 0.05
    monkeypatch.setattr("tests.town.OneRunner", lambda fake: registry)
    shutil.copy(empty_file, tmp_path / "jitbot.db")
    files = {"shop.yml": POLICY.format(url=hub.url), "people.yml": PEOPLE}
    town = Town(f"sqlite:///{tmp_path}/jitbot.db", tmp_path, files=files)
    yield town
    town.close()


@pytest.fixture
def unanswered(town: Town, hub: GitHub) -> Request:
    """Have GitHub take an order, and then not answer any more."""
    dispatch = hub._dispatch

    def silent(*words: Any) -> Reply:
        dispatch(*words)
        hub.instead = Reply(lost=True)
        return hub.instead

    hub._dispatch = silent  # type: ignore[method-assign]
    request = town.ask(ANN, "page")
    hub._dispatch = dispatch  # type: ignore[method-assign]
    assert town.state(request) is State.UNSURE
    return request


def later(town: Town) -> None:
    town.forward(seconds=31)
    town.settle()


def test_a_run_whose_start_was_never_answered_is_found_by_its_key(town: Town, hub: GitHub, unanswered: Request) -> None:
    later(town)
    assert town.state(unanswered) is State.UNSURE, "GitHub does not answer yet"
    hub.instead = None
    later(town)
    assert town.state(unanswered) is State.UNSURE, "the run goes on"
    for _ in WELL:
        hub._run(hub.asked[-1], "9000")
    later(town)
    assert (town.state(unanswered), hub.page_shown, len(hub.runs)) == (State.SUCCEEDED, "on", 1)


def test_a_run_of_somebody_else_settles_nothing(town: Town, hub: GitHub, unanswered: Request) -> None:
    hub.instead = None
    hub.runs[0]["display_title"] = "Maintenance (by hand)"
    hub.add_run("maintenance.yml", f"Maintenance (jit-{unanswered.id}-10)")["status"] = "completed"
    later(town)
    assert town.state(unanswered) is State.UNSURE


def test_a_membership_ends_with_its_time(town: Town, hub: GitHub) -> None:
    request = town.ask(ANN, "member", who="ann")
    assert (town.state(request), hub.team["ann"]) == (State.ACTIVE, "member")
    town.forward(minutes=31)
    town.settle()
    assert (town.state(request), "ann" in hub.team) == (State.EXPIRED, False)


def test_an_unanswered_membership_ends_with_its_time_too(town: Town, hub: GitHub) -> None:
    hub.lose = ("PUT .*", True)
    request = town.ask(ANN, "member", who="ann")
    assert town.state(request) is State.ACTIVE
    town.forward(hours=1)
    town.settle()
    assert (town.state(request), "ann" in hub.team) == (State.EXPIRED, False)


def test_grants_are_compared_with_who_is_in_the_team(town: Town, hub: GitHub) -> None:
    request = town.ask(ANN, "member", who="ann")
    compare = Reconciling(town.ledger, town.catalog, town.book.policy.actions)
    others = {(Kind.FOREIGN, f"github:{hub.host} team acme/payments for {user}") for user in ("bo", "mia")}
    target = town.see(request).snapshot.target
    found = {(each.kind, each.target) for each in compare.look()}
    assert found == others, "a live grant is none of them"
    del hub.team["ann"]
    assert {(each.kind, each.target) for each in compare.look()} == {*others, (Kind.MISSING, target)}
    town.forward(minutes=31)
    town.settle()
    hub.team["ann"] = "member"
    assert {(each.kind, each.target) for each in compare.look()} == {*others, (Kind.UNCLEAR, target)}
