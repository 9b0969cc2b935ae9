"""What the pages on the runners for GitHub and Argo CD say is true: their policies are run, their tables are whole."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jitbot.model import HealthState
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.templates import fill
from jitbot.runners.registry import Registry
from jitbot.testing.runners import ContractRun
from tests.contract.howto import ROOT, blocks
from tests.vendors.argocd import FIRST, SECOND, THIRD, ArgoCdServer
from tests.vendors.argocd import TOKEN as ARGOCD_TOKEN
from tests.vendors.github import TOKEN, GitHub
from tests.vendors.server import listening

GITHUB = (ROOT / "docs/reference/runners-github.md").read_text(encoding="utf-8")
ARGOCD = (ROOT / "docs/reference/runners-argocd.md").read_text(encoding="utf-8")
RUNNERS = {
    GITHUB: ["github.workflow", "github.deployment", "github.team_member", "github.repository_permission"],
    ARGOCD: ["argocd.sync", "argocd.rollback"],
}
OLD, NEW = "1" * 40, "2" * 40
PARAMETERS = {"user": "Rita", "revision": "main", "id": 0}


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with listening(GitHub()) as hub:
        hub.files["maintenance.yml"] = blocks(GITHUB, "yaml")[2]
        hub.people["rita"] = "member"
        hub.add_deployment(OLD, "success")
        hub.add_deployment(NEW, "success")
        yield hub


@pytest.fixture
def argo() -> Iterator[ArgoCdServer]:
    with listening(ArgoCdServer()) as argo:
        yield argo


@pytest.fixture
def site(hub: GitHub, argo: ArgoCdServer) -> EnvironmentSite:
    key = generate_private_key(65_537, 2_048)
    hub.app_key = key.public_key()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    tokens = {f"JITBOT_SECRET_GITHUB_{name}": TOKEN for name in ("ACTIONS", "TEAMS", "ADMIN")}
    secrets = {**tokens, "JITBOT_SECRET_GITHUB_APP": pem, "JITBOT_SECRET_ARGOCD": ARGOCD_TOKEN}
    return EnvironmentSite([hub.host, argo.host], secrets)


def actions(page: str) -> dict[str, Any]:
    return yaml.safe_load(blocks(page, "yaml")[0])["actions"]


@pytest.mark.parametrize("page", RUNNERS, ids=["github", "argocd"])
def test_every_runner_and_every_input_is_documented(page: str) -> None:
    registry = Registry(RUNNERS[page], EnvironmentSite([], {}))
    assert sorted(action["runner"] for action in actions(page).values()) == sorted(RUNNERS[page])
    for name in RUNNERS[page]:
        for field in registry.runner(name).Inputs.model_fields:
            assert f"`{field}`" in page, (name, field)


@pytest.mark.parametrize("action", actions(GITHUB))
def test_the_examples_for_github_do_it_and_take_it_back(hub: GitHub, site: EnvironmentSite, action: str) -> None:
    _does_it_and_takes_it_back(
        actions(GITHUB)[action],
        hub.url,
        site,
        lambda: (hub.page_shown, hub.running(), dict(hub.team), dict(hub.collaborators)),
    )


@pytest.mark.parametrize(("action", "deployed"), [("sync", THIRD), ("roll-back", FIRST)])
def test_the_examples_for_argo_cd_do_it_and_take_it_back(
    argo: ArgoCdServer, site: EnvironmentSite, action: str, deployed: str
) -> None:
    _does_it_and_takes_it_back(actions(ARGOCD)[action], argo.url, site, lambda: argo.live)
    assert [each["sync"]["revision"] for each in argo.begun] == [deployed, SECOND]
    assert argo.begun[0]["sync"]["prune"] is (action == "sync")


def _does_it_and_takes_it_back(action: dict[str, Any], url: str, site: EnvironmentSite, effect: Any) -> None:
    registry = Registry([action["runner"]], site)
    runner = registry.runner(action["runner"])
    vars(vars(runner)["_runner"])["_every"] = 0.01  # where it looks every few seconds, it shall not here
    told = registry.inputs(action["runner"], {**fill(action["with"], PARAMETERS), "url": url})
    before = effect()
    assert runner.plan(told).undoable
    receipt = runner.start(told, ContractRun())
    assert effect() != before
    assert runner.check(told, receipt).state is HealthState.HEALTHY
    runner.undo(told, receipt, ContractRun())
    assert effect() == before
