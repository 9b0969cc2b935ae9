"""The whole demo, as `make demo` starts it: the bot is a process of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.cli.demo import Demo

VARIANTS = [
    pytest.param(("sqlite", False), id="over a socket, on SQLite"),
    pytest.param(("sqlite", True), id="over HTTP, on SQLite", marks=pytest.mark.long),
    pytest.param(("postgres", False), id="over a socket, on Postgres", marks=pytest.mark.long),
]


@pytest.fixture(params=VARIANTS)
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Demo]:
    """Start the demo on a free port, in each of its variants."""
    database, http = request.param
    url = request.getfixturevalue("postgres_url") if database == "postgres" else ""
    with Demo(port=0, folder=tmp_path / "demo", policies=Path("policies"), database_url=url, http=http) as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log
