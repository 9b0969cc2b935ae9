"""A process whose turn it is not leaves the policy files alone, and decides by what another one has put in force."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jitbot.errors import PolicyError, Unavailable
from jitbot.service import Book
from tests.acceptance.test_reloading import LEADS, LEADS_NAME, ONE, events
from tests.town import Town


@pytest.fixture
def early(database_url: str, tmp_path: Path) -> Iterator[Town]:
    """Give a town that has never had any policies."""
    town = Town(database_url, tmp_path, files={})
    yield town
    town.close()


def follower(town: Town) -> Book:
    """Return the book of another process, which must not look at its files."""

    def read() -> dict[str, str]:
        raise PolicyError("the files of a follower were read")

    folder = replace(town.book._folder, read=read)
    book = Book(folder, town.sets, town.ledger, town.trail, str)
    book.follow()
    return book


def test_it_decides_from_its_start_by_what_is_in_force(town: Town) -> None:
    book = follower(town)
    assert book.for_new().digest == town.book.policy.digest
    assert (book.ends_only, book.none_yet, book.fault) == (False, False, "")


def test_it_follows_each_change(town: Town) -> None:
    book = follower(town)
    town.edit(ONE, LEADS)
    assert book.policy.digest != town.book.policy.digest
    book.follow()
    assert book.policy.digest == town.book.policy.digest
    assert book.policy.actions["restart"].rules[-1].name == LEADS_NAME


def test_before_any_set_was_in_force_it_decides_nothing_and_says_what_is_missing(early: Town) -> None:
    book = follower(early)
    assert (book.ends_only, book.none_yet) == (True, True)
    with pytest.raises(Unavailable, match="No policies are in force yet: a process with the role clock"):
        book.for_new()
    early.files = {"people.yml": "groups: {}\n"}
    early.book.reload()
    book.follow()
    assert (book.ends_only, book.none_yet, book.fault) == (False, False, "")


def test_that_there_are_none_yet_is_no_fault_to_tell_anybody(early: Town) -> None:
    book = early.book
    vars(book).update(vars(follower(early)))
    early.service.reloading.follow()
    assert book.none_yet
    assert events(early, "policies_broken") == []


def test_what_it_cannot_use_is_told_to_the_operators(town: Town) -> None:
    twin = town.twin()
    twin.catalog.gone = True
    town.edit(ONE, LEADS)
    twin.service.reloading.follow()
    assert len(events(town, "policies_broken")) == 1
    twin.catalog.gone = False
    twin.service.reloading.follow()
    assert len(events(town, "policies_mended")) == 1
    twin.close()


def test_its_own_files_come_into_force_when_it_is_its_turn(town: Town) -> None:
    twin = town.twin()
    twin.files = {**town.files, "payments.yml": town.files["payments.yml"].replace(ONE, LEADS)}
    book = Book(twin.book._folder, twin.sets, twin.ledger, twin.trail, str)
    book.follow()
    assert book.policy.digest == town.book.policy.digest
    book.reload()
    town.service.reloading.follow()
    assert book.policy.digest == town.book.policy.digest
    assert len(events(town, "policies")) == 2
    twin.close()


def test_it_does_not_decide_anew_what_waits(town: Town) -> None:
    request = town.ask("U0ANN", "restart", service="api", env="prod")  # type: ignore[arg-type]
    twin = town.twin()
    town.edit(ONE, LEADS)
    for _ in range(3):
        twin.forward(minutes=2)
        twin.service.reloading.follow()
    assert town.see(request).policy_digest != town.book.policy.digest
    twin.close()
