import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from jitbot.compose import open_catalog
from jitbot.errors import InvalidInput, RunnerRefused, SettingsError
from jitbot.model import HealthState
from jitbot.runners.guard import Guarded
from jitbot.runners.registry import Registry
from jitbot.settings import read_settings

ROOT = Path(__file__).parents[3]

PLUGIN = """
from pydantic import BaseModel
loaded.append(__name__)

class Door:
    class Inputs(BaseModel):
        name: str
        floor: int = 0
    repeatable = undoable = True
    def __init__(self, site): self.site = site
    def target(self, inputs): return inputs.name
    plan = start = check = undo = target

class Half:
    Inputs = dict
    repeatable = 1
    def __init__(self, site): pass
    def target(self, inputs): ...

def broken(site):
    raise RuntimeError("no licence")

def leaves(site):
    raise SystemExit(1)
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch):
    """Return a function that installs a distribution with entry points, for this test."""
    loaded: list[str] = []
    monkeypatch.setattr("builtins.loaded", loaded, raising=False)  # so that the plugin can tell of its import
    count = iter(range(100))

    def add(distribution: str, points: dict[str, str], code: str = PLUGIN) -> list[str]:
        folder = tmp_path / str(next(count))
        info = folder / f"{distribution}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = "\n".join(f"{name} = {value}" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[jitbot.runners]\n{lines}\n")
        (folder / f"{distribution}.py").write_text(textwrap.dedent(code))
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, distribution, raising=False)
        return loaded

    yield add
    for name in loaded:
        sys.modules.pop(name, None)


def test_only_allowed_runners_exist_and_nothing_is_imported_before_it_is_asked_for(install, site) -> None:
    loaded = install("acme_doors", {"acme.door": "acme_doors:Door", "acme.other": "acme_doors:Half"})
    registry = Registry(["acme.door"], site)
    assert registry.names() == ("acme.door",)
    assert loaded == []
    with pytest.raises(KeyError):
        registry.runner("acme.other")
    runner = registry.runner("acme.door")
    assert isinstance(runner, Guarded)
    assert registry.runner("acme.door") is runner
    assert loaded == ["acme_doors"]


def test_a_missing_runner_stops_the_start(site) -> None:
    with pytest.raises(SettingsError, match=r"'acme\.nope' is allowed but not installed: install the package"):
        Registry(["acme.nope"], site)


def test_two_packages_with_one_name_stop_the_start(install, site) -> None:
    install("acme_doors", {"acme.door": "acme_doors:Door"})
    install("evil_doors", {"acme.door": "evil_doors:Door"})
    with pytest.raises(SettingsError, match=r"acme_doors \(acme_doors:Door\), evil_doors .*Remove all but one"):
        Registry(["acme.door"], site)


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ("acme_doors:broken", "cannot be loaded: RuntimeError: no licence"),
        ("acme_doors:leaves", "cannot be loaded: SystemExit"),
        ("acme_doors:Nothing", "cannot be loaded: AttributeError"),
        ("acme_windows:Window", "cannot be loaded: ModuleNotFoundError"),
        ("acme_doors:Half", "lacks plan, start, check, undo, repeatable, undoable, Inputs"),
    ],
)
def test_a_runner_that_cannot_be_used_says_why(install, site, point, words) -> None:
    install("acme_doors", {"acme.door": point})
    with pytest.raises(SettingsError, match=words):
        Registry(["acme.door"], site).runner("acme.door")


def test_inputs_are_validated_field_by_field(install, site) -> None:
    install("acme_doors", {"acme.door": "acme_doors:Door"})
    registry = Registry(["acme.door"], site)
    assert registry.inputs("acme.door", {"name": "north"}).model_dump() == {"name": "north", "floor": 0}
    with pytest.raises(InvalidInput, match=r"'acme\.door' cannot take this: name: Field required; floor: ") as caught:
        registry.inputs("acme.door", {"floor": "top"})
    assert set(caught.value.fields) == {"name", "floor"}


def test_the_built_in_runners_are_found_where_the_project_names_them(install, site) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    install("jitbot", project["project"]["entry-points"]["jitbot.runners"], code="")
    sys.path.remove(next(path for path in sys.path if (Path(path) / "jitbot.py").exists()))
    registry = Registry(["http", "command"], site)
    assert registry.names() == ("command", "http")
    with pytest.raises(InvalidInput) as caught:
        registry.inputs("command", {"argv": ["./x", ""], "expect": [0], "refused": [0], "variables": {"A": []}})
    assert caught.value.fields == {
        "argv.1": "String should have at least 1 character",
        "variables.A": "must be a text or {secret: NAME}",
    }
    with pytest.raises(InvalidInput) as caught:
        registry.inputs("http", {"url": "https://a/x", "method": "PUT", "expect": [404]})
    assert caught.value.fields == {"": "status 404 cannot mean both done (expect) and nothing happened (refused)"}
    inputs = registry.inputs("command", {"argv": ["true"]})
    assert registry.runner("command").check(inputs, None).state is HealthState.UNKNOWN


def test_the_operator_grants_paths_and_the_runners_of_jitbot_heed_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "app.yml").write_text("level: info\n")
    monkeypatch.setenv("JITBOT_RUNNERS", "config.file,haproxy.server")
    monkeypatch.setenv("JITBOT_RUNNER_PATHS", f"{tmp_path}/a, {tmp_path}/b.sock")
    catalog = open_catalog(read_settings())
    assert catalog.names() == ("config.file", "haproxy.server")
    told = {"folder": f"{tmp_path}/a", "file": "app.yml", "key": ["level"], "value": "debug"}
    assert '(now "info")' in catalog.runner("config.file").plan(catalog.inputs("config.file", told)).summary
    with pytest.raises(RunnerRefused, match="not below JITBOT_RUNNER_PATHS"):
        catalog.runner("config.file").plan(catalog.inputs("config.file", {**told, "folder": f"{tmp_path}/c"}))
    told = {"socket": f"{tmp_path}/b.sock", "backend": "web", "server": "a", "to": "drain"}
    with pytest.raises(RunnerRefused, match="HAProxy was not reached"):
        catalog.runner("haproxy.server").plan(catalog.inputs("haproxy.server", told))
