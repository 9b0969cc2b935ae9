"""Real Postgres servers of three versions, runners that administer them, and runs."""

from collections.abc import Iterator

import pytest

from jitbot.testing.runners import ContractRun
from tests.postgres import APostgres, server
from tests.servers import a_rude_server

__all__ = ["a_rude_server", "server"]


@pytest.fixture
def a_run() -> type[ContractRun]:
    return ContractRun


@pytest.fixture
def run() -> ContractRun:
    return ContractRun()


@pytest.fixture(autouse=True)
def nothing_stays(server: APostgres) -> Iterator[None]:
    """See that a test leaves no mark behind that it did not find."""
    before = server.marks()
    yield
    assert server.marks() == before
