"""`github.team_member` and `github.repository_permission` pass the published suite; what others gave is left alone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState, Privilege
from jitbot.outbound.site import EnvironmentSite
from jitbot.ports import Runner
from jitbot.runners.github.repository_permission import GithubRepositoryPermission
from jitbot.runners.github.team_member import GithubTeamMember
from jitbot.testing import RunnerContract
from jitbot.testing.runners import ContractRun
from tests.vendors.github import TOKEN, GitHub, refused
from tests.vendors.server import Reply, listening

Grant = GithubTeamMember | GithubRepositoryPermission


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with listening(GitHub()) as hub:
        yield hub


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.runners.github.giving.APPEAR_SECONDS", 0.1)
    monkeypatch.setattr("jitbot.runners.github.giving.EVERY_SECONDS", 0.02)


def site(hub: GitHub) -> EnvironmentSite:
    return EnvironmentSite([hub.host], {"JITBOT_SECRET_GITHUB": TOKEN})


@pytest.fixture
def teams(hub: GitHub) -> GithubTeamMember:
    return GithubTeamMember(site(hub))


@pytest.fixture
def permissions(hub: GitHub) -> GithubRepositoryPermission:
    return GithubRepositoryPermission(site(hub))


def in_team(hub: GitHub, **changes: Any) -> dict[str, Any]:
    token = {"url": hub.url, "token": {"secret": "github"}}
    return {**token, "organization": "acme", "team": "payments", "user": "Ann", **changes}


def on_repository(hub: GitHub, **changes: Any) -> dict[str, Any]:
    token = {"url": hub.url, "token": {"secret": "github"}}
    return {**token, "repository": "acme/shop", "user": "Ann", "permission": "write", **changes}


def member(hub: GitHub, **changes: Any) -> Any:
    return GithubTeamMember.Inputs.model_validate(in_team(hub, **changes))


def permitted(hub: GitHub, **changes: Any) -> Any:
    return GithubRepositoryPermission.Inputs.model_validate(on_repository(hub, **changes))


class TestTeamMember(RunnerContract):
    @pytest.fixture
    def runner(self, hub: GitHub) -> Runner:
        return GithubTeamMember(site(hub))

    @pytest.fixture
    def inputs(self, hub: GitHub) -> dict[str, Any]:
        return in_team(hub)

    @pytest.fixture
    def broken_inputs(self, hub: GitHub) -> list[dict[str, Any]]:
        return [
            in_team(hub, user="bo"),
            in_team(hub, user="mia"),
            in_team(hub, user="olga"),
            in_team(hub, user="stranger"),
            in_team(hub, team="others"),
            in_team(hub, team=".."),
            in_team(hub, user="ann/../bo"),
            in_team(hub, role="member", usually="member"),
            in_team(hub, token={"secret": "unset"}),
        ]

    @pytest.fixture
    def effect(self, hub: GitHub) -> Callable[[], Any]:
        return lambda: dict(hub.team)


class TestMaintainerForATime(TestTeamMember):
    @pytest.fixture
    def inputs(self, hub: GitHub) -> dict[str, Any]:
        return in_team(hub, user="bo", role="maintainer", usually="member")

    @pytest.fixture
    def broken_inputs(self, hub: GitHub) -> list[dict[str, Any]]:
        return [in_team(hub, user=user, role="maintainer", usually="member") for user in ("mia", "ann", "olga")]


class TestPermission(RunnerContract):
    @pytest.fixture
    def runner(self, hub: GitHub) -> Runner:
        return GithubRepositoryPermission(site(hub))

    @pytest.fixture
    def inputs(self, hub: GitHub) -> dict[str, Any]:
        return on_repository(hub)

    @pytest.fixture
    def broken_inputs(self, hub: GitHub) -> list[dict[str, Any]]:
        return [
            on_repository(hub, user="bo"),
            on_repository(hub, user="rita"),
            on_repository(hub, user="olga"),
            on_repository(hub, permission="read"),
            on_repository(hub, permission="owner"),
            on_repository(hub, repository="acme/.."),
            on_repository(hub, repository="acme/other"),
        ]

    @pytest.fixture
    def effect(self, hub: GitHub) -> Callable[[], Any]:
        return lambda: (dict(hub.collaborators), dict(hub.invitations))


class TestMoreThanUsual(TestPermission):
    @pytest.fixture
    def inputs(self, hub: GitHub) -> dict[str, Any]:
        return on_repository(hub, user="RITA", permission="admin", usually="read")


# What was there before


def test_a_maintainer_stays_one_whatever_is_asked(teams: GithubTeamMember, hub: GitHub) -> None:
    with pytest.raises(RunnerRefused, match="mia is not as the policy says \\(usually: none\\), but: maintainer"):
        teams.start(member(hub, user="mia"), ContractRun())
    with pytest.raises(RunnerRefused, match="which somebody else has given"):
        teams.undo(member(hub, user="mia"), None, ContractRun())
    assert hub.team["mia"] == "maintainer"


def test_a_maintainer_for_a_time_is_a_member_again(teams: GithubTeamMember, hub: GitHub) -> None:
    told = member(hub, user="bo", role="maintainer", usually="member")
    teams.start(told, ContractRun())
    assert hub.team["bo"] == "maintainer"
    teams.undo(told, None, ContractRun())
    assert hub.team["bo"] == "member"


def test_a_second_grant_is_told_to_extend_the_first(teams: GithubTeamMember, hub: GitHub) -> None:
    teams.start(member(hub), ContractRun())
    with pytest.raises(RunnerRefused, match="Where a grant gave that, extend it"):
        teams.plan(member(hub))


def test_who_was_taken_out_by_hand_stays_out(teams: GithubTeamMember, hub: GitHub) -> None:
    told = member(hub, user="bo", role="maintainer", usually="member")
    receipt = teams.start(told, ContractRun())
    del hub.team["bo"]
    assert teams.check(told, receipt).state is HealthState.UNHEALTHY
    teams.undo(told, receipt, ContractRun())
    assert "bo" not in hub.team


def test_who_was_promoted_by_hand_is_left(teams: GithubTeamMember, hub: GitHub) -> None:
    receipt = teams.start(member(hub), ContractRun())
    hub.team["ann"] = "maintainer"
    with pytest.raises(RunnerRefused, match="Ann is by now: maintainer"):
        teams.undo(member(hub), receipt, ContractRun())
    assert hub.team["ann"] == "maintainer"


def test_a_team_that_may_not_be_seen_is_not_a_team_without_the_user(teams: GithubTeamMember, hub: GitHub) -> None:
    receipt = teams.start(member(hub), ContractRun())
    hub._list_team = hub._in_team = lambda *_: refused("Not Found", 404)  # type: ignore[assignment, method-assign]
    with pytest.raises(RunnerUnsure, match="may still be a member"):
        teams.undo(member(hub), receipt, ContractRun())
    assert teams.check(member(hub), receipt).state is HealthState.UNKNOWN


def test_an_invitation_that_came_of_it_is_cancelled(teams: GithubTeamMember, hub: GitHub) -> None:
    def pending(*_: Any) -> Reply:
        return Reply({"state": "pending", "role": "member"}) if "ann" in hub.team else refused("Not Found", 404)

    hub._in_team = pending  # type: ignore[method-assign]
    with pytest.raises(RunnerUnsure, match="is not to be seen"):
        teams.start(member(hub), ContractRun())
    teams.undo(member(hub), None, ContractRun())
    assert "ann" not in hub.team


def test_a_permission_of_before_is_restored_exactly(permissions: GithubRepositoryPermission, hub: GitHub) -> None:
    told = permitted(hub, user="rita", permission="maintain", usually="read")
    permissions.start(told, ContractRun())
    assert hub.collaborators["rita"] == "maintain"
    permissions.undo(told, None, ContractRun())
    assert hub.collaborators["rita"] == "read"


def test_a_permission_that_others_changed_is_left(permissions: GithubRepositoryPermission, hub: GitHub) -> None:
    receipt = permissions.start(permitted(hub), ContractRun())
    hub.collaborators["ann"] = "admin"
    with pytest.raises(RunnerRefused, match="Ann has by now: admin"):
        permissions.undo(permitted(hub), receipt, ContractRun())
    assert permissions.check(permitted(hub), receipt).state is HealthState.UNHEALTHY


def test_who_may_do_it_by_a_team_is_given_nothing(permissions: GithubRepositoryPermission, hub: GitHub) -> None:
    hub.base = "write"
    with pytest.raises(RunnerRefused, match="may do that on acme/shop already, by a team or as an owner"):
        permissions.plan(permitted(hub))


# Invitations


def test_a_stranger_is_invited_and_the_invitation_cancelled(
    permissions: GithubRepositoryPermission, hub: GitHub
) -> None:
    told = permitted(hub, user="stranger")
    receipt = permissions.start(told, ContractRun())
    assert receipt.summary == "stranger on acme/shop: write (invited, and not accepted yet)"
    assert permissions.check(told, receipt).state is HealthState.HEALTHY
    permissions.undo(told, None, ContractRun())
    assert (hub.invitations, "stranger" in hub.collaborators) == ({}, False)


def test_an_invitation_that_was_accepted_ends_all_the_same(
    permissions: GithubRepositoryPermission, hub: GitHub
) -> None:
    told = permitted(hub, user="stranger")
    receipt = permissions.start(told, ContractRun())
    hub.collaborators["stranger"] = hub.invitations.pop("stranger")
    permissions.undo(told, receipt, ContractRun())
    assert "stranger" not in hub.collaborators


def test_an_invitation_of_others_is_left(permissions: GithubRepositoryPermission, hub: GitHub) -> None:
    hub.invitations["stranger"] = "admin"
    told = permitted(hub, user="stranger")
    with pytest.raises(RunnerRefused, match="but: admin \\(invited"):
        permissions.start(told, ContractRun())
    with pytest.raises(RunnerRefused, match="which somebody else has given"):
        permissions.undo(told, None, ContractRun())
    assert hub.invitations == {"stranger": "admin"}


# When words get lost


@pytest.mark.parametrize("kind", ["team", "repository"])
def test_a_gift_without_an_answer_that_came_is_given(hub: GitHub, kind: str) -> None:
    runner, told = _one(hub, kind)
    hub.lose = ("PUT .*", True)
    run = ContractRun()
    receipt = runner.start(told, run)
    assert "may have been given" in run.lines[0]
    assert runner.check(told, receipt).state is HealthState.HEALTHY


@pytest.mark.parametrize("kind", ["team", "repository"])
def test_a_gift_without_an_answer_that_did_not_come_is_unsure(hub: GitHub, kind: str) -> None:
    runner, told = _one(hub, kind)
    hub.lose = ("PUT .*", False)
    with pytest.raises(RunnerUnsure, match="is not to be seen"):
        runner.start(told, ContractRun())
    hub.lose = None
    assert runner.check(told, None).state is HealthState.ABSENT
    runner.undo(told, None, ContractRun())
    assert "ann" not in {**hub.team, **hub.collaborators}


@pytest.mark.parametrize("kind", ["team", "repository"])
def test_an_end_without_an_answer_is_unsure_and_comes_again(hub: GitHub, kind: str) -> None:
    runner, told = _one(hub, kind)
    receipt = runner.start(told, ContractRun())
    hub.lose = ("DELETE .*", True)
    with pytest.raises(RunnerUnsure, match="may still"):
        runner.undo(told, receipt, ContractRun())
    runner.undo(told, receipt, ContractRun())
    assert "ann" not in {**hub.team, **hub.collaborators}


@pytest.mark.parametrize("kind", ["team", "repository"])
def test_what_is_refused_was_not_given(hub: GitHub, kind: str) -> None:
    runner, told = _one(hub, kind)
    no = refused("Team membership is managed by an identity provider", 403)
    hub._join = hub._collaborate = lambda *_: no  # type: ignore[assignment, method-assign]
    with pytest.raises(RunnerRefused, match="403 Team membership is managed"):
        runner.start(told, ContractRun())


@pytest.mark.parametrize("kind", ["team", "repository"])
def test_what_was_given_may_be_seen_late(hub: GitHub, kind: str) -> None:
    runner, told = _one(hub, kind)
    give = hub._join if kind == "team" else hub._collaborate

    def blind(*words: Any) -> Reply:
        hub.limits = [refused("Server Error", 500)] * 2
        return give(*words)

    hub._join = hub._collaborate = blind  # type: ignore[method-assign]
    run = ContractRun()
    runner.start(told, run)
    assert any("it is looked again: It answered 500" in line for line in run.lines)


# Who holds it


def test_all_pages_of_holders_are_read(
    teams: GithubTeamMember, permissions: GithubRepositoryPermission, hub: GitHub
) -> None:
    hub.page_size = 2
    hub.team = {f"user{number}": "member" for number in range(7)} | {"mia": "maintainer"}
    assert len(teams.privileges(member(hub))) == 8
    assert [each.holder for each in teams.privileges(member(hub, role="maintainer"))] == ["Mia"]
    hub.collaborators |= {f"user{number}": "admin" for number in range(7)}
    found = permissions.privileges(permitted(hub))
    assert len(found) == 8, "rita has less"
    assert Privilege(f"github:{hub.host} acme/shop for bo", "Bo") in found


def test_a_list_that_cannot_be_read_to_its_end_is_none(
    teams: GithubTeamMember, hub: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jitbot.runners.web_api.MOST_PAGES", 3)
    hub.page_size = 1
    hub.team = {f"user{number}": "member" for number in range(4)}
    with pytest.raises(RunnerRefused, match="more than 3 pages"):
        teams.privileges(member(hub))


def test_the_next_page_is_never_elsewhere(teams: GithubTeamMember, hub: GitHub) -> None:
    headers = {"Link": f'<{hub.url}.evil.example.com/x>; rel="next"'}
    hub._list_team = lambda *_: Reply([], headers=headers)  # type: ignore[method-assign]
    with pytest.raises(RunnerRefused, match="elsewhere, where we do not go"):
        teams.privileges(member(hub))


def _one(hub: GitHub, kind: str) -> tuple[Grant, Any]:
    if kind == "team":
        return GithubTeamMember(site(hub)), member(hub)
    return GithubRepositoryPermission(site(hub)), permitted(hub)
