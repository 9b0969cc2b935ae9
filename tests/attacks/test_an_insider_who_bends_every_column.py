"""An insider who writes any one column of any row: nothing runs, goes on or goes elsewhere that was not approved.

In the middle of a day jitbot is down, one value is changed, and the day goes on. A new column is bent too; what it
means has to be said here.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from jitbot.errors import JitbotError
from jitbot.model import WORKERS_OWN, Request
from jitbot.store import tables
from tests.attacks.bending import FAR_AHEAD, LONG_AGO, Bend, Bent, Day, a_day, bends, harm

SIGNED, ITSELF = "the signed record says it too, and is compared with it", "it is signed or chained itself"
WORK, FOUND = "who works on it and when: it costs time", "by which rows are found: it costs time, or frees a place"
SAID = "what people are told and shown: nobody goes by it"

MEANS: Mapping[str, Mapping[str, str]] = {
    "requests": {each.name: WORK if each.name in WORKERS_OWN else SIGNED for each in fields(Request)}
    | {"target": FOUND, "needs": WORK},
    "reviews": dict.fromkeys(
        ("request", "revision", "reviewer", "team", "verdict", "at", "selectors", "comment", "on_behalf_of", "seen"),
        SIGNED,
    )
    | {"id": FOUND},
    "delegations": dict.fromkeys(
        ("id", "delegator", "delegate", "team", "created_at", "ends_at", "note", "ended_at"), SIGNED
    ),
    "events": dict.fromkeys(
        ("seq", "at", "kind", "request", "body", "salt", "commitment", "key", "hash", "signature"), ITSELF
    ),
    "chain": dict.fromkeys(("id", "count", "hash", "key", "halted"), ITSELF),
    "inbox": dict.fromkeys(("key", "kind", "user", "team", "request", "body", "received_at", "seal"), ITSELF)
    | {"done_at": SIGNED, "lease_until": WORK, "attempts": WORK, "needs": WORK},
    "outbox": dict.fromkeys(("key", "topic", "request", "text", "to", "urgency", "error"), SAID)
    | dict.fromkeys(("id", "serial", "due_at", "lease_until", "attempts", "parked_at"), WORK),
    "copies": dict.fromkeys(("request", "place", "channel", "ts", "version", "unsure"), SAID),
    "obligations": dict.fromkeys(("request", "person", "due_at", "look_at", "reviewed_at"), FOUND),
    "parts": dict.fromkeys(("request", "target"), FOUND),
    "turns": dict.fromkeys(("name", "owner", "until", "wanted"), WORK),
    "sinks": dict.fromkeys(("name", "count", "at", "error", "alarmed_at"), SAID),
    "policy_sets": {"digest": SIGNED, "files": SIGNED, "loaded_at": SAID},
    "schemas": dict.fromkeys(("schema", "compatible"), WORK),
    "outputs": dict.fromkeys(
        ("id", "request", "phase", "attempt", "results", "long", "size", "missing", "began_at", "ended_at"), SAID
    ),
    "output_chunks": dict.fromkeys(("output", "number", "data"), SAID),
}
STOPS = ("chain.id", "chain.count", "chain.hash", "chain.key")
"""Where nothing can be written any more, as with a database that is down: the service's own grants stay until then."""
TAKEN_APART = ("events.seq", "events.hash")
"""With which the event behind it cannot be verified by itself either, be it the one that says what a grant is. What
nobody can tell is not undone by guessing, and the operators are told."""
QUIET = dict.fromkeys((0, 7), "what waits for approval gets no further, and is verified if it is to run")
QUIET |= dict.fromkeys((1, 2, 4), "what is over is only shown as something else")
"""The requests with which something else may come of the day and nobody is told: their places, and why that is so."""
SOONER = ("requests.requester", "requests.beneficiary", "requests.state", "requests.expires_at")
"""With which what is held may end sooner, by its record: as if who holds it had left, or as if its end had begun."""
LESS = ("reviews.request", "reviews.revision", "reviews.verdict", "reviews.reviewer", "inbox.done_at")
"""With which an approval of what waits, or a click that nobody has worked on, is taken away."""
SPARSE = {"events": 6, "outbox": 6, "outputs": 3, "output_chunks": 3}
"""Of what is much alike, every so manieth row is tried."""

DECIDING = {
    "state": ("expired", "pending", "undoing", "unsure"),
    "expires_at": (FAR_AHEAD, None),
    "due_at": (FAR_AHEAD, None),
    "ttl": (2592000.0,),
    "needs": ("9999",),
    "id": (77,),
    "snapshot": ("null",),
    "receipt": ('{"before": 666}',),
    "target": ("prod/other",),
}
"""What decides when and how a grant ends: tried with each run of the tests. All else takes minutes."""
HELD, APPROVED = 3, 8
"""The places of a grant that is held, and of a request that may start."""


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return a_day(tmp_path_factory.mktemp("day"))


@pytest.fixture(scope="module")
def twin(day: Day, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bent]:
    """Have the same day go on with nothing changed."""
    twin = Bent(day, tmp_path_factory.mktemp("twin"))
    twin.live()
    yield twin
    twin.close()


def wrong_with(bend: Bend, day: Day, twin: Bent, folder: Path) -> list[str]:
    """Have one value changed, and return what is wrong with how the day goes on."""
    folder.mkdir()
    try:
        town = Bent(day, folder, bend.write)
    except (sqlite3.IntegrityError, JitbotError):  # the database refuses it, or jitbot refuses to start on it
        return []
    town.live()
    harmed, told, same = harm(town, twin), town.alarms(), town.course() == twin.course()
    town.close()
    if f"{bend.table}.{bend.column}" in STOPS + TAKEN_APART and told:
        harmed = [each for each in harmed if not each.startswith("is held")]
    quiet = (bend.table == "requests" and bend.row in QUIET) or f"{bend.table}.{bend.column}" in SOONER + LESS
    quiet = quiet or MEANS[bend.table][bend.column] in (WORK, FOUND)
    if not same and not told and not quiet:
        harmed.append("something else came of it, and nobody was told")
    return [f"{bend}: {each}" for each in harmed]


def test_of_every_column_it_is_said_what_it_means() -> None:
    assert {name: set(columns) for name, columns in MEANS.items()} == {
        table.name: {column.name for column in table.columns} for table in tables.metadata.sorted_tables
    }


def test_a_day_that_nobody_meddled_with_raises_no_alarm(twin: Bent) -> None:
    assert twin.alarms() == []
    assert [key for key, _, _ in twin.runner.begun] == ["jit-9-1", "jit-8-1", "jit-1-1"]


@pytest.mark.parametrize("column", DECIDING)
def test_a_grant_ends_whatever_decides_on_it(day: Day, twin: Bent, column: str, tmp_path: Path) -> None:
    for number, value in enumerate(DECIDING[column]):
        bend = Bend("requests", column, HELD, value)
        assert wrong_with(bend, day, twin, tmp_path / str(number)) == []


@pytest.mark.parametrize(("column", "value"), [("start_by", LONG_AGO), ("starts_at", FAR_AHEAD)])
def test_what_is_approved_is_neither_missed_nor_put_off_by_its_row(
    day: Day, twin: Bent, column: str, value: str, tmp_path: Path
) -> None:
    assert wrong_with(Bend("requests", column, APPROVED, value), day, twin, tmp_path / "town") == []


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("column", [f"{name}.{each}" for name, columns in MEANS.items() for each in columns])
def test_no_column_makes_anything_happen(day: Day, twin: Bent, column: str, tmp_path: Path) -> None:
    name, _, own = column.partition(".")
    wrong: list[str] = []
    every = SPARSE.get(name, 1)
    tried = [each for each in bends(day, tables.metadata.tables[name]) if each.column == own and each.row % every == 0]
    for number, bend in enumerate(tried):
        wrong += wrong_with(bend, day, twin, tmp_path / str(number))
    assert (wrong, bool(tried)) == ([], True)
