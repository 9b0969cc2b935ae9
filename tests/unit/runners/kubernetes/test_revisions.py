"""Templates of revisions: which is which, what differs, and the patch that makes one of another."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jitbot.runners.kubernetes.revisions import difference, merging, revisions_of, template_of
from tests.kubernetes.store import merged

SCALARS = st.booleans() | st.integers(-9, 9) | st.text(max_size=4)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
)
OBJECTS = st.dictionaries(st.text(max_size=2), DOCUMENTS, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_patch_makes_one_document_of_another_and_touches_nothing_else(now: Any, goal: Any) -> None:
    patch = merging(now, goal)
    assert merged(now, patch) == goal
    assert merging(now, now) == {}
    assert set(patch) == {key for key in now.keys() | goal.keys() if now.get(key, ...) != goal.get(key, ...)}


def a_set(name: str, revision: str | None, owner: str = "u1", controller: bool = True, image: str = "web:1") -> Any:
    about: dict[str, Any] = {"name": name, "ownerReferences": [{"uid": owner, "controller": controller}]}
    about["annotations"] = {} if revision is None else {"deployment.kubernetes.io/revision": revision}
    labels = {"app": "web", "pod-template-hash": name}
    template = {"metadata": {"creationTimestamp": None, "labels": labels}, "spec": {"containers": [{"image": image}]}}
    return {"metadata": about, "spec": {"template": template}}


def test_revisions_are_those_of_the_replica_sets_that_the_deployment_controls() -> None:
    sets = [
        a_set("c", "10"),
        a_set("a", "9"),
        a_set("theirs", "11", owner="u2"),
        a_set("left", "12", controller=False),
        a_set("odd", "x"),
        a_set("none", None),
    ]
    found = revisions_of({"metadata": {"uid": "u1"}}, sets)
    assert [(each.number, each.name) for each in found] == [(9, "a"), (10, "c")]


def test_what_a_controller_adds_is_no_part_of_a_template() -> None:
    bare = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": "web:1"}]}}
    assert template_of(a_set("a", "1")) == template_of({"spec": {"template": bare}}) == bare
    empty = {"metadata": {"labels": {"app": "web"}, "annotations": {}}, "spec": bare["spec"]}
    assert template_of({"spec": {"template": empty}}) == bare


def test_a_difference_names_images_and_places_and_no_values() -> None:
    def template(image: str, value: str, **more: str) -> Any:
        containers = [{"name": "app", "image": image, "env": [{"name": "PASSWORD", "value": value}]}]
        return {"spec": {"containers": containers, "initContainers": [{"name": "set-up", "image": "s:1"}]}, **more}

    assert difference(template("web:1", "a"), template("web:1", "a")) == []
    assert difference(template("web:2", "hunter2"), template("web:1", "hunter1", extra="x")) == [
        "- app: web:2",
        "+ app: web:1",
        "  also different: extra",
        "  also different: spec.containers[0].env[0].value",
    ]


def test_a_container_that_comes_or_goes_is_named() -> None:
    one = {"spec": {"containers": [{"name": "app", "image": "web:1"}]}}
    two = {"spec": {"containers": [*one["spec"]["containers"], {"name": "proxy", "image": "p:1"}]}}
    assert difference(one, two) == ["+ proxy: p:1", "  also different: spec.containers"]
    assert difference(two, one)[0] == "- proxy: p:1"


def test_many_differences_are_counted() -> None:
    lines = difference({}, {f"key{number:02}": number for number in range(15)})
    assert lines[-1] == "  and 3 more differences"
    assert len(lines) == 13
