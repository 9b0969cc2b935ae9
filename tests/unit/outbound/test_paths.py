from pathlib import Path

import pytest

from jitbot.errors import NotGranted
from jitbot.outbound.paths import granted
from jitbot.outbound.site import EnvironmentSite


@pytest.fixture
def site(tmp_path: Path) -> EnvironmentSite:
    (tmp_path / "granted").mkdir()
    return EnvironmentSite((), {}, [tmp_path / "granted", tmp_path / "one.sock"])


@pytest.mark.parametrize("path", ["granted", "granted/a", "granted/a/b", "one.sock", "granted/a/../b"])
def test_a_path_below_a_granted_folder_may_be_used(site: EnvironmentSite, tmp_path: Path, path: str) -> None:
    assert granted(str(tmp_path / path), site) == (tmp_path / path).resolve()


@pytest.mark.parametrize("path", ["", "granted2", "grante", "granted/../x", "granted/link/x", "one.sock.x", "other"])
def test_a_path_elsewhere_may_not(site: EnvironmentSite, tmp_path: Path, path: str) -> None:
    (tmp_path / "granted" / "link").symlink_to(tmp_path)
    with pytest.raises(NotGranted, match="not below JITBOT_RUNNER_PATHS"):
        granted(str(tmp_path / path), site)


def test_a_granted_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    site = EnvironmentSite((), {}, [tmp_path / "link"])
    assert granted(str(tmp_path / "link" / "x"), site) == tmp_path / "real" / "x"
