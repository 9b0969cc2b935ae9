"""A town on each of the two databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.town import Town


@pytest.fixture
def town(database_url: str, tmp_path: Path) -> Iterator[Town]:
    """Give a whole jitbot whose world the test moves."""
    town = Town(database_url, tmp_path)
    yield town
    town.close()
