"""What the page on the runners for Kubernetes says is true: its examples are run, its tables are complete."""

import tomllib
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from jitbot.policy.templates import fill
from jitbot.runners.registry import Registry
from tests.contract.howto import ROOT, blocks
from tests.kubernetes.cluster import JITBOT
from tests.kubernetes.place import PAGE, Place

ACTIONS = yaml.safe_load(blocks(PAGE, "yaml")[0])["actions"]
NAMES = [
    name
    for name in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["jitbot.runners"]
    if name.startswith("kubernetes.")
]


@pytest.fixture
def catalog(place: Place) -> Registry:
    return Registry(NAMES, place.cluster.site)


@pytest.mark.parametrize("name", NAMES)
def test_every_input_of_every_runner_is_documented(catalog: Registry, name: str) -> None:
    assert f"`{name}`" in PAGE
    for field in catalog.runner(name).Inputs.model_fields:
        assert f"`{field}`" in PAGE


def test_every_runner_has_an_example() -> None:
    assert sorted(action["runner"] for action in ACTIONS.values()) == sorted(NAMES)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("restart", {"service": "web"}),
        ("rollback", {"service": "web"}),
        ("more-pods", {"pods": 4}),
        ("drain", {"node": "{node}"}),
        ("debug", {"user": "ann@example.com"}),
    ],
)
def test_an_example_does_it_and_takes_it_back(
    catalog: Registry, place: Place, node: str, name: str, typed: dict[str, Any]
) -> None:
    place.make("Deployment", replicas=2)
    place.roll("web:2")
    place.pod(node, "web-a")
    looks: dict[str, Callable[[], Any]] = {
        "restart": place.template,
        "rollback": place.template,
        "more-pods": place.replicas,
        "drain": lambda: place.cluster.get("nodes", node)["spec"].get("unschedulable"),
        "debug": lambda: len(place.cluster.all("rolebindings", place.namespace)),
    }
    action, look = ACTIONS[name], looks[name]
    values = {key: value.replace("{node}", node) if isinstance(value, str) else value for key, value in typed.items()}
    here = place.inputs if "namespace" in action["with"] else place.cluster.inputs
    inputs = catalog.inputs(action["runner"], {**fill(action["with"], values), **here})
    runner, before = catalog.runner(action["runner"]), look()
    assert runner.plan(inputs).undoable
    receipt = runner.start(inputs, place.run())
    assert look() != before
    runner.undo(inputs, receipt, place.run())
    assert look() == before


def test_jitbot_has_no_more_rights_than_the_page_gives(place: Place) -> None:
    """Whoever widens them for a test would write down too few."""
    mine, path = place.namespace, place.cluster.path
    for plural in ("configmaps", "serviceaccounts", "roles", "deployments"):
        assert not place.cluster.may(JITBOT, path(plural, mine))
    for plural in ("rolebindings", "deployments", "replicasets"):
        assert not place.cluster.may(JITBOT, path(plural, "jitbot"))
    assert place.cluster.ask("DELETE", path("pods", mine, "web"), token=JITBOT).status_code == 403
