"""A host to log in to, and what jitbot is granted for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.outbound.site import EnvironmentSite
from tests.sshd import Sshd, Units, sshd


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Sshd]:
    folder = tmp_path / "far"
    folder.mkdir()
    with sshd(folder) as server:
        yield server


@pytest.fixture
def units(far: Sshd) -> Units:
    return Units(far.folder)


@pytest.fixture
def site(far: Sshd) -> EnvironmentSite:
    return EnvironmentSite([far.address], far.secrets(), [far.folder.parent])
