"""What goes wrong on the way to an API server is refused or unsure as it must be, and a token goes nowhere else."""

from pathlib import Path
from typing import Any

import pytest

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.runners.kubernetes.scale import KubernetesScale
from tests.kubernetes.between import Between, between
from tests.kubernetes.certificates import make
from tests.kubernetes.cluster import ANN
from tests.kubernetes.place import Place, ending_in


@pytest.fixture
def runner(place: Place) -> KubernetesScale:
    place.make("Deployment", replicas=3)
    return KubernetesScale(place.cluster.site)


def told(place: Place, **changes: Any) -> Any:
    return KubernetesScale.Inputs.model_validate({**place.inputs, "deployment": "web", "replicas": 5, **changes})


def by(way: Between, place: Place) -> tuple[KubernetesScale, Any]:
    return KubernetesScale(way.site), told(place, server=way.url)


# Whether it happened


@pytest.mark.parametrize("fate", ["lose", "swallow"])
@pytest.mark.parametrize("cut", range(5))
def test_wherever_a_start_is_cut_off_undo_restores(runner: KubernetesScale, place: Place, cut: int, fate: str) -> None:
    asked = list[str]()

    def hears(method: str, path: str) -> str:
        asked.append(method)
        return fate if len(asked) > cut else "pass"

    with between(place.cluster, hears) as way:
        cut_off, inputs = by(way, place)
        try:
            cut_off.start(inputs, ending_in(place.run(), 1))
        except RunnerRefused:
            assert place.replicas() == 3
            assert cut < 2
        except RunnerUnsure:
            assert place.replicas() == (5 if cut > 2 or fate == "swallow" else 3)
            assert cut >= 2
        else:
            assert cut >= 4, "look, autoscalers, patch, and a look at least"
    runner.undo(told(place), None, place.run())
    assert place.replicas() == 3


@pytest.mark.parametrize("fate", ["500", "503 ServiceUnavailable"])
def test_an_error_of_the_server_leaves_it_unsure(runner: KubernetesScale, place: Place, fate: str) -> None:
    with between(place.cluster, lambda method, path: fate if method == "PATCH" else "pass") as way:
        failing, inputs = by(way, place)
        with pytest.raises(RunnerUnsure, match=f"may have been changed: .* says {fate[:3]}"):
            failing.start(inputs, place.run())


@pytest.mark.parametrize("fate", ["400", "403 Forbidden", "404 NotFound", "409", "422 Invalid", "429 TooManyRequests"])
def test_a_change_that_is_declined_did_not_happen(runner: KubernetesScale, place: Place, fate: str) -> None:
    with between(place.cluster, lambda method, path: fate if method == "PATCH" else "pass") as way:
        declined, inputs = by(way, place)
        for step in (declined.plan, lambda inputs: declined.start(inputs, place.run())):
            with pytest.raises(RunnerRefused, match=f"Nothing was changed.*says {fate[:3]}"):
                step(inputs)
    assert place.replicas() == 3


@pytest.mark.parametrize("fate", ["lose", "404", "404 NotFound", "401", "500", "302", "200"])
def test_who_only_stands_in_between_does_not_say_that_nothing_is_there(
    runner: KubernetesScale, place: Place, fate: str
) -> None:
    receipt = runner.start(told(place), place.run())
    with between(place.cluster, lambda method, path: fate) as way:
        blind, inputs = by(way, place)
        assert blind.check(inputs, receipt).state is HealthState.UNKNOWN
        with pytest.raises(RunnerUnsure, match="may not be as it was"):
            blind.undo(inputs, receipt, place.run())
        with pytest.raises(RunnerRefused, match="Nothing was changed"):
            blind.plan(inputs)
        assert len(way.asked) == 3, "nothing is sent anywhere else, and nothing twice"
    assert place.replicas() == 5


def test_an_undo_that_is_cut_off_is_done_the_next_time(runner: KubernetesScale, place: Place) -> None:
    receipt = runner.start(told(place), place.run())
    with between(place.cluster, lambda method, path: "swallow" if method == "PATCH" else "pass") as way:
        cut_off, inputs = by(way, place)
        with pytest.raises(RunnerUnsure):
            cut_off.undo(inputs, receipt, place.run())
    assert place.replicas() == 3
    runner.undo(told(place), receipt, place.run())
    assert place.replicas() == 3


# Where a token goes


def test_a_server_that_is_not_allowed_is_not_talked_to(place: Place) -> None:
    runner = KubernetesScale(place.cluster.site_for("https://elsewhere.example.com"))
    for step in (runner.plan, lambda inputs: runner.undo(inputs, None, place.run())):
        with pytest.raises(NotGranted, match=r"may not talk to 127\.0\.0\.1"):
            step(told(place))


def test_a_server_that_proves_nothing_gets_no_token(runner: KubernetesScale, place: Place, tmp_path: Path) -> None:
    stranger = make(tmp_path).ca
    with between(place.cluster, lambda method, path: "pass") as way:
        for ca in (stranger, None):
            with pytest.raises(RunnerRefused, match=r"was not reached: .*CERTIFICATE_VERIFY_FAILED"):
                KubernetesScale(way.site).plan(told(place, server=way.url, ca=ca))
        assert way.asked == []


def test_an_authority_is_read_from_a_granted_file_alone(runner: KubernetesScale, place: Place, tmp_path: Path) -> None:
    (tmp_path / "granted").mkdir()
    (tmp_path / "granted" / "ca.crt").write_text(place.cluster.certificates.ca)
    (tmp_path / "ca.crt").write_text(place.cluster.certificates.ca)
    (tmp_path / "granted" / "empty.crt").write_text("nothing\n")
    granted = KubernetesScale(place.cluster.site_for(place.cluster.url, paths=[tmp_path / "granted"]))
    granted.plan(told(place, ca=str(tmp_path / "granted" / "ca.crt")))
    with pytest.raises(NotGranted, match="not below JITBOT_RUNNER_PATHS"):
        granted.plan(told(place, ca=str(tmp_path / "ca.crt")))
    for name in ("empty.crt", "missing.crt"):
        with pytest.raises(RunnerRefused, match="`ca` cannot be used"):
            granted.plan(told(place, ca=str(tmp_path / "granted" / name)))


def test_a_token_that_is_not_known_and_one_without_rights_are_told_apart(runner: KubernetesScale, place: Place) -> None:
    site = place.cluster.site_for(place.cluster.url, token="nobody-knows-this-one")
    with pytest.raises(RunnerRefused, match="says 401: Unauthorized"):
        KubernetesScale(site).plan(told(place))
    site = place.cluster.site_for(place.cluster.url, token=ANN)
    with pytest.raises(RunnerRefused, match=r'User "ann@example\.com" cannot get resource "deployments"'):
        KubernetesScale(site).plan(told(place))


def test_a_token_cannot_be_more_than_one_line(runner: KubernetesScale, place: Place) -> None:
    site = place.cluster.site_for(place.cluster.url, token="one-line\r\nX-Remote-User: admin")
    with pytest.raises(NotGranted, match="'cluster' is no token"):
        KubernetesScale(site).plan(told(place))


def test_what_jitbot_may_not_change_is_refused_before_anybody_is_asked(runner: KubernetesScale, place: Place) -> None:
    rule = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}
    role = {"kind": "Role", "metadata": {"name": "looks"}, "rules": [rule]}
    subject = {"kind": "User", "name": "ann@example.com", "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "Role", "name": "looks", "apiGroup": "rbac.authorization.k8s.io"}
    binding = {"kind": "RoleBinding", "metadata": {"name": "looks"}, "roleRef": reference, "subjects": [subject]}
    for plural, body in (("roles", role), ("rolebindings", binding)):
        place.cluster.create(plural, {"apiVersion": "rbac.authorization.k8s.io/v1", **body}, place.namespace)
    place.await_right(ANN, place.cluster.path("deployments", place.namespace))
    with pytest.raises(RunnerRefused, match='cannot patch resource "deployments"'):
        KubernetesScale(place.cluster.site_for(place.cluster.url, token=ANN)).plan(told(place))
