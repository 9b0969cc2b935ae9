"""What jitbot writes beside its database is for its owner alone, however open the machine is to others."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.store.alone import OnlyOne
from jitbot.store.backup import back_up, put_back
from jitbot.store.engine import Database
from jitbot.store.keys import open_key
from jitbot.store.upgrade import ready


@pytest.fixture(autouse=True)
def open_to_all() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {path.name: f"{stat.S_IMODE(path.stat().st_mode):o}" for path in sorted(folder.iterdir())}


def test_the_database_and_all_that_sqlite_puts_beside_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jitbot.db"
    only = OnlyOne(url)
    ready(url)
    database = Database(url)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n INTEGER)")
    assert modes(tmp_path) == dict.fromkeys(["jitbot.db", "jitbot.db-shm", "jitbot.db-wal", "jitbot.db.lock"], "600")
    database.close()
    only.close()


def test_a_backup_that_is_put_back_and_the_folders_that_are_made_for_it_and_for_the_key(tmp_path: Path) -> None:
    ready(f"sqlite:///{tmp_path}/jitbot.db")
    back_up(f"sqlite:///{tmp_path}/jitbot.db", tmp_path / "backup")
    put_back(f"sqlite:///{tmp_path}/new/jitbot.db", tmp_path / "backup")
    open_key(tmp_path / "keys" / "signing.key")
    assert modes(tmp_path) == {"backup": "600", "jitbot.db": "600", "keys": "700", "new": "700"}
    assert modes(tmp_path / "new") == {"jitbot.db": "600"}


def test_a_database_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "jitbot.db").touch(0o640)
    ready(f"sqlite:///{tmp_path}/jitbot.db")
    assert modes(tmp_path)["jitbot.db"] == "640"
