"""For each test a namespace of a cluster, in which jitbot may do what the page on its runners says, and no more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes.cluster import JITBOT, Cluster, cluster
from tests.kubernetes.controllers import controlled
from tests.kubernetes.place import Place, debug_role, rights, until


@pytest.fixture(
    scope="session",
    params=["small", pytest.param("real", marks=[pytest.mark.long, pytest.mark.xdist_group("kubernetes")])],
)
def cluster_of_tests(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder: Path = tmp_path_factory.mktemp("kubernetes")
    with cluster(folder, real=request.param == "real") as made:
        made.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jitbot"}}])
        made.apply([each for each in rights("shop") if each["metadata"].get("namespace") != "shop"])
        yield made


@pytest.fixture
def place(cluster_of_tests: Cluster) -> Iterator[Place]:
    made = cluster_of_tests
    namespace = f"shop-{next(made.numbers)}"
    mine = [each for each in rights(namespace) if each["metadata"].get("namespace") == namespace]
    made.apply(
        [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, *mine, debug_role(namespace)]
    )
    until(lambda: made.may(JITBOT, made.path("rolebindings", namespace)))
    with controlled(made, namespace) as controllers:
        yield Place(made, namespace, controllers)


@pytest.fixture
def node(place: Place) -> Iterator[str]:
    name = f"{place.namespace}.example.com"
    place.cluster.create("nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}})
    yield name
    place.cluster.delete("nodes", name)
