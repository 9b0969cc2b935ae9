"""Without pools nothing of them is needed; and what they need is said where it is missing."""

import importlib.util
import subprocess
import sys

import pytest

from jitbot.compose import check_pools, open_catalog
from jitbot.errors import NotGranted, SettingsError
from jitbot.outbound.site import BareSite
from jitbot.settings import read_settings

LOOK = """
import sys
from jitbot.compose import open_catalog
from jitbot.settings import read_settings
assert open_catalog(read_settings(pools="")).pools() == []
assert not [name for name in sys.modules if name.startswith(("procrastinate", "jitbot.pools"))]
"""


@pytest.mark.long
def test_without_pools_nothing_of_them_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pools_on_sqlite_are_refused_at_the_start_and_policies_can_be_checked_all_the_same(sqlite_url: str) -> None:
    settings = read_settings(database_url=sqlite_url, pools="prod-eu")
    with pytest.raises(SettingsError, match="Pool prod-eu needs Postgres"):
        check_pools(settings)
    catalog = open_catalog(settings)
    assert catalog.pools() == ["prod-eu"]
    there = catalog.pool("prod-eu")
    assert there.runner("command").target(there.inputs("command", {"argv": ["ls"]})) == "command:/:ls"


def test_a_pool_whose_name_cannot_be_one_is_refused(sqlite_url: str) -> None:
    with pytest.raises(SettingsError, match="'Prod EU' cannot be a pool's name"):
        open_catalog(read_settings(database_url=sqlite_url, pools="Prod EU"))


def test_what_has_to_be_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    spec = importlib.util.find_spec("jitbot.pools.wakeups")
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(SettingsError, match=r"pip install 'jitbot\[pools\]'"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_nothing_is_granted_to_a_runner_that_runs_elsewhere() -> None:
    site = BareSite(lambda text: text)
    assert (site.hosts, site.paths) == (frozenset(), frozenset())
    with pytest.raises(NotGranted, match="read by the workers of the pool"):
        site.secret("vault-key")
