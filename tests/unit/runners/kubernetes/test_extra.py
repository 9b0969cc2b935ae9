"""Whoever allows a runner for Kubernetes and has not installed its library is told what to install."""

import sys

import pytest

from jitbot.errors import SettingsError
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.registry import Registry


def test_without_its_library_a_runner_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in [name for name in sys.modules if name.startswith("jitbot.runners.kubernetes")]:
        monkeypatch.delitem(sys.modules, name)
    registry = Registry(["kubernetes.scale"], EnvironmentSite((), {}))
    with pytest.raises(SettingsError, match=r"need lightkube: pip install 'jitbot\[kubernetes\]'"):
        registry.runner("kubernetes.scale")


@pytest.mark.parametrize("name", ["restart", "rollback", "scale", "node", "role_binding"])
def test_with_it_each_is_found_by_its_name(name: str) -> None:
    runner = Registry([f"kubernetes.{name}"], EnvironmentSite((), {})).runner(f"kubernetes.{name}")
    assert (runner.repeatable, runner.undoable) == (False, True)
