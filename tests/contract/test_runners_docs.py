"""What the documents on runners say is true: their code is run, their tables are complete."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from jitbot.errors import SettingsError
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.templates import fill
from jitbot.runners.command_inputs import CommandInputs
from jitbot.runners.http_inputs import HttpInputs
from jitbot.runners.registry import Registry

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs/reference/runners.md").read_text(encoding="utf-8")
HOWTO = (ROOT / "docs/howto/write-a-runner.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The files of the how-to, each named by its first line."""
    for block in blocks(HOWTO, "python") + blocks(HOWTO, "toml"):
        name = block.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(block, encoding="utf-8")
    return tmp_path


def test_the_runner_of_the_howto_passes_the_suite(package: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{package}"}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(package)]
    told = subprocess.run(words, cwd=package, env=env, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "skipped" not in told.stdout
    assert re.search(r"1[0-9] passed", told.stdout)


def test_the_package_of_the_howto_is_found(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    info = package / "acme_maintenance-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["jitbot.runners"]
    (info / "entry_points.txt").write_text(
        "[jitbot.runners]\n" + "".join(f"{name} = {point}\n" for name, point in points.items())
    )
    site = EnvironmentSite(hosts=())
    with pytest.raises(SettingsError):
        Registry(["acme.maintenance"], site)
    monkeypatch.syspath_prepend(str(package))
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
