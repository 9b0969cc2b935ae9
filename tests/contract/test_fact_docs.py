"""What the how-to on sources of facts says is true: its package is installed, found, tested and used."""

import sys
from pathlib import Path

import pytest
import yaml

from jitbot.errors import SettingsError
from jitbot.facts.registry import FactRegistry
from jitbot.model import FactKind
from jitbot.outbound.site import EnvironmentSite
from tests.contract.howto import ROOT, Package, blocks

HOWTO = (ROOT / "docs/howto/write-a-source-of-facts.md").read_text(encoding="utf-8")


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return Package(HOWTO, tmp_path)


def test_the_source_of_the_howto_passes_the_suite(package: Package) -> None:
    assert 40 <= package.passes() < 50


def test_the_package_of_the_howto_is_found_and_its_policy_is_typed(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, site = package.installed("jitbot.facts"), EnvironmentSite(hosts=())
    with pytest.raises(SettingsError, match="not installed"):
        FactRegistry(points, site)
    monkeypatch.syspath_prepend(str(package.site))
    declared = dict(yaml.safe_load(blocks(HOWTO, "yaml")[0])["facts"]["budget"])
    name = declared.pop("source")
    registry = FactRegistry([name], site)
    assert registry.kind(name, declared) is FactKind.NUMBER
    assert registry.arguments(name, declared)
    monkeypatch.delitem(sys.modules, "acme_budget")
