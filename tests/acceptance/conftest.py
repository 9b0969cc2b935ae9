"""A town on each of the two databases."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import a_server
from tests.town import Town

__all__ = ["a_server"]

ON_BOTH = ("allowing", "counting", "extending", "halting_at_once", "holds", "killed", "races", "the_loop")
"""Whose tests run on Postgres each time; the others do so in the long tier, and on SQLite each time.

These are about what two do at the same instant, and what must be one transaction: where the two databases differ.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what is the same on both databases into the long tier on Postgres."""
    for item in items:
        here = item.path.parent == Path(__file__).parent and item.path.stem.removeprefix("test_") not in ON_BOTH
        call = getattr(item, "callspec", None)
        if here and call is not None and call.params.get("database_url") == "postgres":
            item.add_marker(pytest.mark.long)


@pytest.fixture
def town(ready_url: str, tmp_path: Path) -> Iterator[Town]:
    """Give a whole jitbot whose world the test moves."""
    town = Town(ready_url, tmp_path)
    yield town
    town.close()


@pytest.fixture
def make_town(tmp_path: Path, empty_file: Path) -> Callable[[], Town]:
    """Make towns on SQLite alone, for what is tried very often; a test closes them."""
    numbers = itertools.count()

    def make() -> Town:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        shutil.copy(empty_file, folder / "jitbot.db")
        return Town(f"sqlite:///{folder}/jitbot.db", folder)

    return make
