"""Towns whose database and whose Slack a test breaks."""

import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.sandbox.local import LocalSlack
from tests.acceptance.conftest import make_town
from tests.outages.server import Breakable
from tests.slack_town import WORKSPACE, SlackTown
from tests.town import Town

__all__ = ["make_town"]


@pytest.fixture(scope="session")
def server() -> Iterator[Breakable]:
    """Run one server that tests break and mend."""
    with tempfile.TemporaryDirectory(prefix="jitbot-pg-") as folder:
        server = Breakable(Path(folder))
        yield server
        server.settled()
        server.stop(signal.SIGINT)


@pytest.fixture
def postgres(server: Breakable) -> Iterator[Breakable]:
    """Give that server as it should be, and leave it so."""
    yield server
    server.settled()
    server.thaw()


@pytest.fixture
def on_postgres(postgres: Breakable, tmp_path: Path) -> Iterator[Town]:
    """Give a town on it."""
    town = Town(postgres.url(f"t{uuid.uuid4().hex[:12]}"), tmp_path)
    yield town
    postgres.settled()
    town.close()


@pytest.fixture
def on_file(empty_file: Path, tmp_path: Path) -> Iterator[Town]:
    """Give a town on a SQLite file."""
    shutil.copy(empty_file, tmp_path / "jitbot.db")
    town = Town(f"sqlite:///{tmp_path}/jitbot.db", tmp_path)
    yield town
    town.close()


@pytest.fixture
def world(empty_file: Path, tmp_path: Path) -> Iterator[SlackTown]:
    """Give a jitbot on a file, and on a local Slack."""
    shutil.copy(empty_file, tmp_path / "jitbot.db")
    slack = LocalSlack(WORKSPACE).start()
    world = SlackTown(slack, Town(f"sqlite:///{tmp_path}/jitbot.db", tmp_path)).connect()
    yield world
    world.close()
    slack.stop()
