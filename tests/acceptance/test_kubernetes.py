"""Runners for Kubernetes through the service: a role is given by policy and ended by the clock, a scaling is shared."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.model import State
from jitbot.runners.registry import Registry
from tests.kubernetes.cluster import ANN as ANN_THERE
from tests.kubernetes.cluster import Cluster, cluster
from tests.kubernetes.controllers import controlled
from tests.kubernetes.place import Place, debug_role, rights
from tests.town import ANN, BO, PEOPLE, Town

ACTION = {"requesters": ["group:engineering"], "timebox": {"default": "30m", "max": "4h"}}
ACTION |= {"rules": [{"name": "free", "allow": True}]}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("kubernetes"), real=False) as made:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
        made.apply([space, {**space, "metadata": {"name": "jitbot"}}, *rights("shop"), debug_role("shop")])
        yield made


@pytest.fixture
def place(small: Cluster) -> Iterator[Place]:
    with controlled(small, "shop") as controllers:
        yield Place(small, "shop", controllers)


@pytest.fixture
def town(place: Place, tmp_path: Path, empty_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    debug = {**place.inputs, "role": "debug", "user": "ann@example.com"}
    scale = {**place.inputs, "deployment": "web", "replicas": "{pods}"}
    actions = {
        "debug": {"title": "Look around", "runner": "kubernetes.role_binding", "with": debug, **ACTION},
        "scale": {"title": "More pods", "runner": "kubernetes.scale", "with": scale, **ACTION},
    }
    actions["scale"]["parameters"] = {"pods": {"type": "integer", "min": 1, "max": 9}}
    policy = json.dumps({"team": "shop", "channel": "#shop", "actions": actions})
    names = [str(action["runner"]) for action in actions.values()]
    monkeypatch.setattr("tests.town.OneRunner", lambda fake: Registry(names, place.cluster.site))
    shutil.copy(empty_file, tmp_path / "jitbot.db")
    files = {"shop.yml": policy, "people.yml": PEOPLE}
    made = Town(f"sqlite:///{tmp_path}/jitbot.db", tmp_path, files=files)
    yield made
    made.close()


def test_a_role_is_held_until_the_clock_ends_it(town: Town, place: Place) -> None:
    secrets = place.cluster.path("configmaps", "shop")
    assert not place.cluster.may(ANN_THERE, secrets)
    asked = town.ask(ANN, "debug")
    assert (town.state(asked), place.cluster.may(ANN_THERE, secrets)) == (State.ACTIVE, True)
    town.forward(minutes=36)
    town.settle()
    assert (town.state(asked), place.cluster.may(ANN_THERE, secrets)) == (State.EXPIRED, False)


def test_the_last_of_two_who_hold_a_scaling_gives_the_replicas_back(town: Town, place: Place) -> None:
    place.make("Deployment", replicas=2)
    first, second = town.ask(ANN, "scale", pods=5), town.ask(BO, "scale", pods=5, ttl="2h")
    assert [town.state(first), town.state(second), place.replicas()] == [State.ACTIVE, State.ACTIVE, 5]
    town.forward(minutes=36)
    town.settle()
    assert (town.state(first), place.replicas()) == (State.EXPIRED, 5)
    town.forward(hours=2)
    town.settle()
    assert (town.state(second), place.replicas()) == (State.EXPIRED, 2)
