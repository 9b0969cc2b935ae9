"""`jitbot doctor` tells which of its files others on this machine can reach or change, and what to run against it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.cli.doctor_files import files
from jitbot.cli.finding import Finding
from jitbot.settings import Settings


class Place:
    """A folder with all that jitbot lives by, of which nothing is open to others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "var").mkdir(mode=0o700)
        (folder / "policies").mkdir(mode=0o755)
        for name in ("signing.key", "jitbot.db", "jitbot.db-wal", "jitbot.db-shm", "jitbot.db.lock"):
            self.write(f"var/{name}", 0o600)
        self.write("policies/payments.yml", 0o644)
        self.write("stores.yml", 0o644)

    def write(self, name: str, mode: int) -> None:
        (self.folder / name).write_text("x")
        (self.folder / name).chmod(mode)

    def findings(self, **changes: object) -> list[Finding]:
        settings = {
            "database_url": f"sqlite:///{self.folder}/var/jitbot.db",
            "key_file": self.folder / "var" / "signing.key",
            "policies": self.folder / "policies",
            "secrets_file": self.folder / "stores.yml",
        }
        return list(files(Settings(**(settings | changes))))  # type: ignore[arg-type]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    before = os.umask(0o022)
    yield Place(tmp_path)
    os.umask(before)


def test_a_place_that_is_closed_to_others_is_in_order(place: Place) -> None:
    [only] = place.findings()
    assert only.good


@pytest.mark.parametrize(
    ("name", "mode", "words", "change"),
    [
        ("var/signing.key", 0o640, "mode 640, so others can reach it", "go-rwx"),
        ("var/jitbot.db", 0o644, "mode 644, so others can reach it", "go-rwx"),
        ("var/jitbot.db-wal", 0o604, "mode 604, so others can reach it", "go-rwx"),
        ("var/jitbot.db-shm", 0o666, "mode 666, so others can reach it", "go-rwx"),
        ("var/jitbot.db.lock", 0o644, "mode 644, so others can reach it", "go-rwx"),
        ("var", 0o777, "mode 777, so others can change it", "go-w"),
        ("var", 0o1777, "mode 1777, so others can change it", "go-w"),
        ("policies", 0o775, "mode 775, so others can change it", "go-w"),
        ("policies/payments.yml", 0o646, "mode 646, so others can change it", "go-w"),
        ("stores.yml", 0o664, "mode 664, so others can change it", "go-w"),
        (".", 0o777, "mode 777, so others can change it", "go-w"),
    ],
)
def test_what_others_reach_is_told_with_the_command_that_mends_it(
    place: Place, name: str, mode: int, words: str, change: str
) -> None:
    path = place.folder / name
    path.chmod(mode)
    [only] = place.findings()
    assert not only.good
    assert (only.said, only.advice) == (f"{path} has {words}", f"Run: chmod {change} {path}")


def test_a_folder_around_where_everybody_moves_only_their_own_will_do(place: Place) -> None:
    place.folder.chmod(0o1777)
    [only] = place.findings()
    assert only.good


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_elses_is_told(place: Place) -> None:
    key = place.folder / "var" / "signing.key"
    os.chown(key, 65534, -1)
    [only] = place.findings()
    assert (only.said, only.advice) == (
        f"{key} belongs to another user, with the number 65534",
        f"Run: chown {os.geteuid()} {key}",
    )


def test_what_is_not_there_yet_is_for_others_to_tell(place: Place) -> None:
    nowhere = place.folder / "no" / "such"
    [only] = place.findings(key_file=nowhere / "key", policies=nowhere, database_url=f"sqlite:///{nowhere}/jitbot.db")
    assert only.good


@pytest.mark.parametrize("url", ["postgresql+psycopg://jitbot@db/jitbot", "no address at all"])
def test_without_a_file_for_a_database_the_rest_is_looked_at(place: Place, url: str) -> None:
    (place.folder / "var" / "jitbot.db").chmod(0o666)
    [only] = place.findings(database_url=url)
    assert only.good
