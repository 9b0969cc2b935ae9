"""A SQLite file is served by one process: the second one says so and ends, and the first one goes on."""

from pathlib import Path

import pytest

from tests.replicas.fleet import a_fleet


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_second_process_on_the_same_file_does_not_start(sqlite_url: str, tmp_path: Path) -> None:
    with a_fleet(sqlite_url, tmp_path) as fleet:
        fleet.start("a")
        fleet.launch("b")
        second = fleet.replicas["b"]
        assert second.process.wait(60) == 1
        first = fleet.replicas["a"]
        assert f"jitbot.db is served by process {first.process.pid} already" in second.log.read_text()
        fleet.ask("note", "the first one")
        fleet.converge()
