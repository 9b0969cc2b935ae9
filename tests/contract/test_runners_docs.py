"""What the documents on runners say is true: their code is run, their tables are complete."""

import sys
from pathlib import Path

import pytest
import yaml

from jitbot.errors import SettingsError
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.templates import fill
from jitbot.runners.command_inputs import CommandInputs
from jitbot.runners.http_inputs import HttpInputs
from jitbot.runners.registry import Registry
from tests.contract.howto import ROOT, Package, blocks

REFERENCE = (ROOT / "docs/reference/runners.md").read_text(encoding="utf-8")
HOWTO = (ROOT / "docs/howto/write-a-runner.md").read_text(encoding="utf-8")


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return Package(HOWTO, tmp_path)


def test_the_runner_of_the_howto_passes_the_suite(package: Package) -> None:
    assert 10 <= package.passes() < 20


def test_the_package_of_the_howto_is_found(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    points, site = package.installed("jitbot.runners"), EnvironmentSite(hosts=())
    with pytest.raises(SettingsError, match="not installed"):
        Registry(points, site)
    monkeypatch.syspath_prepend(str(package.site))
    [policy] = blocks(HOWTO, "yaml")
    action = yaml.safe_load(policy)["actions"]["maintenance"]
    registry = Registry([action["runner"]], site)
    told = registry.inputs(action["runner"], action["with"])
    assert registry.runner(action["runner"]).target(told) == "maintenance:/srv/www/{site}"
    monkeypatch.delitem(sys.modules, "acme_maintenance")


@pytest.mark.parametrize("inputs", [CommandInputs, HttpInputs])
def test_every_input_is_documented(inputs: type[CommandInputs | HttpInputs]) -> None:
    for name, field in inputs.model_fields.items():
        assert f"`{field.alias or name}`" in REFERENCE


@pytest.mark.parametrize(
    ("example", "inputs"), list(zip(blocks(REFERENCE, "yaml"), [CommandInputs, HttpInputs], strict=True))
)
def test_the_examples_are_inputs(example: str, inputs: type[CommandInputs | HttpInputs]) -> None:
    told = inputs.model_validate(fill(yaml.safe_load(example)["with"], {"node": "blue-7", "user": "ann"}))
    assert "{" not in str(told.target)
