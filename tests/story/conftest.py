"""The whole demo, as `make demo` starts it: the bot is a process of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.cli.demo import Demo

VARIANTS = {
    "over a socket, on SQLite": ("sqlite", False),
    "over HTTP, on SQLite": ("sqlite", True),
    "over a socket, on Postgres": ("postgres", False),
}


@pytest.fixture(params=[pytest.param(each, id=name) for name, each in VARIANTS.items()])
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Demo]:
    """Start the demo on a free port, in each of its variants."""
    database, http = request.param
    url = request.getfixturevalue("postgres_url") if database == "postgres" else ""
    with Demo(port=0, folder=tmp_path / "demo", policies=Path("policies"), database_url=url, http=http) as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log
