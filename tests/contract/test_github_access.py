"""How runners are known to GitHub, and how they wait when they ask too often."""

import json
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.github.deployment import GithubDeployment
from jitbot.runners.github.repository_permission import GithubRepositoryPermission
from jitbot.runners.github.team_member import GithubTeamMember
from jitbot.runners.github.workflow import GithubWorkflow
from jitbot.testing.runners import ContractRun
from tests.vendors.github import FOR_EVER, GitHub, refused
from tests.vendors.server import Asked, Reply, listening


@cache
def key() -> RSAPrivateKey:
    return generate_private_key(65_537, 2_048)


def pem(private: Any) -> str:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with listening(GitHub()) as hub:
        hub.app_key = key().public_key()
        yield hub


def site(hub: GitHub, secret: str | None = None) -> EnvironmentSite:
    return EnvironmentSite([hub.host], {"JITBOT_SECRET_APP_KEY": secret or pem(key())})


def as_app(hub: GitHub, **more: Any) -> dict[str, Any]:
    known = {"app_id": "4711", "installation_id": 77, "private_key": {"secret": "app-key"}}
    return {"url": hub.url, **known, **more}


def workflow(hub: GitHub, **more: Any) -> Any:
    told = {"repository": "acme/shop", "workflow": "maintenance.yml", "ref": "main", "inputs": {"page": "on"}}
    return GithubWorkflow.Inputs.model_validate(as_app(hub, **told, **more))


def running(hub: GitHub) -> GithubWorkflow:
    return GithubWorkflow(site(hub), every=0.01, appear=0.05)


def test_an_app_fetches_a_token_for_little_and_gives_it_back(hub: GitHub) -> None:
    running(hub).start(workflow(hub), ContractRun())
    wanted = [asked.document() for asked in hub.asked if asked.path.endswith("/access_tokens")]
    assert wanted == [{"permissions": {"actions": "write", "contents": "read"}, "repositories": ["shop"]}]
    assert (len(hub.given_back), hub.fetched) == (1, {})


def test_a_plan_and_a_check_can_only_look(hub: GitHub) -> None:
    runner = running(hub)
    runner.plan(workflow(hub))
    runner.check_by_key(workflow(hub), "jit-1-1")
    wanted = [asked.document()["permissions"] for asked in hub.asked if asked.path.endswith("/access_tokens")]
    assert wanted == [{"actions": "read", "contents": "read"}] * 2
    assert len(hub.given_back) == 2


def test_every_runner_asks_for_enough(hub: GitHub) -> None:
    hub.add_deployment("1" * 40, "success")
    hub.add_deployment("2" * 40, "success")
    team = as_app(hub, organization="acme", team="payments", user="ann")
    cases: list[tuple[Any, dict[str, Any]]] = [
        (GithubDeployment(site(hub), every=0.01), as_app(hub, repository="acme/shop", environment="production")),
        (GithubTeamMember(site(hub)), team),
        (GithubRepositoryPermission(site(hub)), as_app(hub, repository="acme/shop", user="ann", permission="admin")),
    ]
    for runner, values in cases:
        told = runner.Inputs.model_validate(values)
        runner.plan(told)
        receipt = runner.start(told, ContractRun())
        assert runner.check(told, receipt).state is HealthState.HEALTHY
        runner.undo(told, receipt, ContractRun())
    assert hub.fetched == {}


def test_a_token_that_was_fetched_is_never_told(hub: GitHub) -> None:
    """Even by a server that says it in everything it answers, and before the guard has looked for credentials."""
    hub.script = FOR_EVER
    tell: list[str] = []
    reply = hub.reply

    def echo(asked: Asked) -> Reply:
        given = asked.headers["authorization"]
        tell.append(given.removeprefix("Bearer "))
        if asked.path.endswith("/dispatches"):
            return refused(f"not with {given}", 403)
        answer = reply(asked)
        if asked.path.endswith("/commits/main"):
            answer.document["commit"]["message"] = f"Take {given}"
        return answer

    hub.reply = echo  # type: ignore[method-assign]
    run = ContractRun()
    said = [running(hub).plan(workflow(hub)).summary]
    with pytest.raises(RunnerRefused) as refusal:
        running(hub).start(workflow(hub), run)
    said += [str(refusal.value), *run.lines]
    assert "not with Bearer •••" in str(refusal.value)
    assert "Take Bearer •••" in said[0]
    assert not [token for token in tell if token in json.dumps(said)]


def test_a_token_is_fetched_anew_before_it_ends(hub: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.runners.github.hub.RENEW_SECONDS", -1)
    running(hub).start(workflow(hub), ContractRun())
    assert len([asked for asked in hub.asked if asked.path.endswith("/access_tokens")]) > 3


def test_a_token_that_cannot_be_given_back_keeps_no_result_back(hub: GitHub) -> None:
    reply = hub.reply

    def busy(asked: Asked) -> Reply:
        return _limit(retry_after="20") if asked.path == "/installation/token" else reply(asked)

    hub.reply = busy  # type: ignore[method-assign]
    began = time.monotonic()
    running(hub).plan(workflow(hub))
    assert time.monotonic() - began < 10
    assert len(hub.fetched) == 1


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("no key at all", "is none in PEM"),
        (pem(generate_ec_key(SECP256R1())), "is no RSA key"),
        (pem(generate_private_key(65_537, 2_048)), "401 A JSON web token could not be decoded"),
    ],
    ids=["none", "of another kind", "of somebody else"],
)
def test_a_wrong_key_is_refused_before_anything_is_done(hub: GitHub, secret: str, words: str) -> None:
    runner = GithubWorkflow(site(hub, secret), every=0.01, appear=0.05)
    with pytest.raises(RunnerRefused, match=words):
        runner.start(workflow(hub), ContractRun())
    assert hub.runs == []


def test_another_repository_is_not_in_the_installation(hub: GitHub) -> None:
    told = {"repository": "acme/other", "workflow": "maintenance.yml", "ref": "main"}
    with pytest.raises(RunnerRefused, match="422 There is at least one repository"):
        running(hub).plan(GithubWorkflow.Inputs.model_validate(as_app(hub, **told)))


# How often


def _limit(**headers: str) -> Reply:
    return Reply(
        {"message": "API rate limit exceeded"}, 403, {name.replace("_", "-"): at for name, at in headers.items()}
    )


def test_a_short_limit_is_waited_for(hub: GitHub) -> None:
    hub.limits = [_limit(retry_after="1"), _limit(x_ratelimit_remaining="0", x_ratelimit_reset="1")]
    began = time.monotonic()
    assert running(hub).start(workflow(hub), ContractRun()).data == {"run": 9000}
    assert time.monotonic() - began > 1.9
    assert len(hub.runs) == 1


@pytest.mark.parametrize(
    "limit",
    [
        _limit(retry_after="3600"),
        _limit(x_ratelimit_remaining="0", x_ratelimit_reset="4102444800"),
        Reply({"message": "You have exceeded a secondary rate limit"}, 429),
    ],
)
def test_a_limit_longer_than_the_time_says_so(hub: GitHub, limit: Reply) -> None:
    for ask in (lambda: running(hub).plan(workflow(hub)), lambda: running(hub).start(workflow(hub), ContractRun())):
        hub.limits = [limit]
        with pytest.raises(RunnerRefused, match=r"wants us to wait [0-9]+ s, longer than is left"):
            ask()
    assert hub.runs == []


def test_a_limit_in_the_middle_leaves_it_unsure(hub: GitHub) -> None:
    dispatch = hub._dispatch

    def then_limited(*words: Any) -> Reply:
        hub.limits = [_limit(retry_after="3600")] * 1000
        return dispatch(*words)

    hub._dispatch = then_limited  # type: ignore[method-assign]
    with pytest.raises(RunnerUnsure, match="was asked to run"):
        running(hub).start(workflow(hub), ContractRun())


def test_no_permission_is_no_limit(hub: GitHub) -> None:
    hub.limits = [refused("Resource not accessible by integration", 403)]
    began = time.monotonic()
    with pytest.raises(RunnerRefused, match="403 Resource not accessible"):
        running(hub).plan(workflow(hub))
    assert time.monotonic() - began < 5


def test_a_wish_to_stop_is_heeded_while_a_limit_is_waited_for(hub: GitHub) -> None:
    hub.limits = [_limit(retry_after="20")]
    run = ContractRun()
    run.stopping = lambda: True  # type: ignore[method-assign]
    began = time.monotonic()
    with pytest.raises(RunnerRefused, match="Somebody wanted it to end"):
        running(hub).start(workflow(hub), run)
    assert time.monotonic() - began < 10
    assert hub.runs == []
