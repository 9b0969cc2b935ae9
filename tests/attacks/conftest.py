"""What attackers find: a jitbot with its database in a file of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.town import Town


@pytest.fixture
def town(empty_file: Path, tmp_path: Path) -> Iterator[Town]:
    """Give a town on a SQLite file."""
    shutil.copy(empty_file, tmp_path / "jitbot.db")
    town = Town(f"sqlite:///{tmp_path}/jitbot.db", tmp_path)
    yield town
    town.close()
