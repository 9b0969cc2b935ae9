"""What the how-to on sources of facts says is true: its package is installed, found, tested and used."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from jitbot.errors import SettingsError
from jitbot.facts.registry import FactRegistry
from jitbot.model import FactKind
from jitbot.outbound.site import EnvironmentSite

ROOT = Path(__file__).parents[2]
HOWTO = (ROOT / "docs/howto/write-a-source-of-facts.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", HOWTO, re.DOTALL | re.MULTILINE)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The files of the how-to, each named by its first line."""
    for block in blocks("python") + blocks("toml"):
        name = block.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(block, encoding="utf-8")
    return tmp_path


def test_the_source_of_the_howto_passes_the_suite(package: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{package}"}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(package)]
    told = subprocess.run(words, cwd=package, env=env, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "skipped" not in told.stdout
    assert re.search(r"4[0-9] passed", told.stdout), told.stdout


def test_the_package_of_the_howto_is_found_and_its_policy_is_typed(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    info = package / "acme_budget-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["jitbot.facts"]
    lines = "".join(f"{name} = {point}\n" for name, point in points.items())
    (info / "entry_points.txt").write_text(f"[jitbot.facts]\n{lines}")
    site = EnvironmentSite(hosts=())
    with pytest.raises(SettingsError, match="not installed"):
        FactRegistry(list(points), site)
    monkeypatch.syspath_prepend(str(package))
    declared = dict(yaml.safe_load(blocks("yaml")[0])["facts"]["budget"])
    name = declared.pop("source")
    registry = FactRegistry([name], site)
    assert registry.kind(name, declared) is FactKind.NUMBER
    assert registry.arguments(name, declared)
    monkeypatch.delitem(sys.modules, "acme_budget")
