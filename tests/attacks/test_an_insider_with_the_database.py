"""Who has the whole database, and perhaps a stolen key, changes nothing of the past that the auditor would not see.

The auditor has what the insider does not reach: the public key, and the heads that were sent away.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from jitbot.audit import GENESIS, Sealed, Signer
from jitbot.cli.app import app
from jitbot.model import State
from jitbot.service.heads import Sending
from jitbot.sinks.file import FilePlace, FileSink
from jitbot.store.heads import StoreHeads
from jitbot.store.keys import open_key, public_pem
from jitbot.store.rotation import Rotation
from tests.town import ANN, BO, CY, Town


class House:
    """A jitbot that works, an auditor beside it, and an insider who writes the database file past both."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town, self.folder = town, folder
        self.file = Path(town.url.removeprefix("sqlite:///"))
        self.kept = folder / "auditor" / "heads.jsonl"
        self.kept.parent.mkdir()
        keys = open_key(town.folder / "signing.key")
        self.public = folder / "auditor" / "public.pem"
        self.public.write_text(public_pem(keys.public[0]))
        heads = StoreHeads(town.database, keys, town.trail)
        self._sending = Sending(town.ledger, heads, [FileSink("auditor", FilePlace(kind="file", path=self.kept))])

    def ten_minutes_pass(self) -> None:
        """Let a head go out."""
        before = self.kept.read_text().count("\n") if self.kept.exists() else 0
        self.town.forward(minutes=10)
        self._sending.tick()
        self._sending.wait(30)
        assert self.kept.read_text().count("\n") == before + 1

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Do something as the insider."""
        with closing(sqlite3.connect(self.file)) as database, database:
            return database.execute(statement, values).fetchall()

    def verify(self, *, heads: bool = True) -> str:
        """Return what the auditor is told: nothing where all is well."""
        words = ["audit", "verify", "--key", str(self.public), *(["--head", str(self.kept)] if heads else [])]
        done = CliRunner(env={"JITBOT_DATABASE_URL": self.town.url}).invoke(app, words)
        return str(done.exception) if done.exception else ""

    def seal_again(self, signer: Signer, change: Callable[[dict[str, Any]], None]) -> None:
        """Write the whole record anew, each event changed, chained and signed."""
        names = ("seq", "at", "kind", "request", "body", "salt", "commitment", "key", "hash", "signature")
        rows = self.sql(f"SELECT {', '.join(names)} FROM events ORDER BY seq")
        previous = GENESIS
        for row in rows:
            event = dict(zip(names, row, strict=True))
            body = json.loads(event["body"])
            change(body)
            at = datetime.fromisoformat(event["at"])
            sealed = signer.seal(previous, event["seq"], at, event["kind"], event["request"], body)
            previous = sealed.hash
            self.sql(
                "UPDATE events SET body=?, salt=?, commitment=?, key=?, hash=?, signature=? WHERE seq=?",
                *(getattr(sealed, name) for name in ("body", "salt", "commitment", "key", "hash", "signature", "seq")),
            )
        self.sql("UPDATE chain SET hash=?", previous)


@pytest.fixture
def house(sqlite_url: str, tmp_path: Path) -> Iterator[House]:
    """Give a house in which somebody was refused something, and something else ran."""
    town = Town(sqlite_url, tmp_path)
    house = House(town, tmp_path)
    denied = town.ask(ANN, "restart", service="api", env="prod")
    town.deny(BO, denied, "not during the sale")
    house.ten_minutes_pass()
    ran = town.ask(ANN, "restart", reason="INC-7", service="worker", env="prod")
    town.approve(CY, ran)
    assert town.state(ran) is State.SUCCEEDED
    house.ten_minutes_pass()
    yield house
    town.close()


def test_an_untouched_record_holds_by_the_auditors_key_and_heads(house: House) -> None:
    assert house.verify() == ""


def test_an_older_copy_of_the_whole_database_is_told_by_the_head_it_lacks(house: House, tmp_path: Path) -> None:
    house.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(house.file, tmp_path / "older")
    house.town.ask(ANN, "restart", service="api", env="staging")
    house.ten_minutes_pass()
    house.town.close()
    for left in ("-wal", "-shm"):
        house.file.with_name(house.file.name + left).unlink(missing_ok=True)
    shutil.copy(tmp_path / "older", house.file)
    assert house.verify(heads=False) == ""  # by itself an older copy is whole
    assert "The record ends before the head of" in house.verify()


def test_events_cut_off_at_the_end_with_the_head_row_moved_back_are_told(house: House) -> None:
    ((count,),) = house.sql("SELECT count FROM chain")
    house.sql("DELETE FROM events WHERE seq > ?", count - 2)
    house.sql("UPDATE chain SET count = seq, hash = events.hash FROM events WHERE seq = ?", count - 2)
    assert house.verify(heads=False) == ""
    assert "The record ends before the head of" in house.verify()


def test_a_record_signed_anew_with_another_key_is_none_of_ours(house: House) -> None:
    evil = Signer(Ed25519PrivateKey.generate())
    house.seal_again(evil, lambda body: None)
    assert f"Event 1 is signed with a key that is not known here ({evil.key})" in house.verify()


def test_a_record_signed_anew_with_the_stolen_key_itself_is_told_by_the_heads(house: House) -> None:
    thief = open_key(house.town.folder / "signing.key").signer()

    def whitewash(body: dict[str, Any]) -> None:
        if "review" in body:
            body["review"]["comment"] = "nothing to see here"

    house.seal_again(thief, whitewash)
    assert house.verify(heads=False) == ""  # whoever has the key is jitbot, but for what was sent away before
    assert "it was rewritten. No head before it fits." in house.verify()


def test_a_key_that_was_stolen_signs_nothing_once_another_one_does(house: House) -> None:
    town = house.town
    thief = open_key(town.folder / "signing.key").signer()
    Rotation(town.folder / "signing.key", town.ledger, town.trail).rotate()
    house.ten_minutes_pass()
    assert house.verify() == ""
    ((count, digest),) = house.sql("SELECT count, hash FROM chain")
    forged = thief.seal(digest, count + 1, town.ledger.now(), "approve", 1, {"by": "U0EVE"})
    append(house, forged)
    assert f"is signed with a key that did not sign then ({thief.key})" in house.verify()


def append(house: House, sealed: Sealed) -> None:
    names = ("seq", "kind", "request", "body", "salt", "commitment", "key", "hash", "signature")
    values = [getattr(sealed, name) for name in names]
    marks = ", ".join("?" * len(names))
    at = sealed.at.isoformat(timespec="microseconds")
    house.sql(f"INSERT INTO events ({', '.join(names)}, at) VALUES ({marks}, ?)", *values, at)
    house.sql("UPDATE chain SET count = ?, hash = ?", sealed.seq, sealed.hash)


def test_a_body_that_was_altered_is_told(house: House) -> None:
    house.sql("UPDATE events SET body = replace(body, 'not during the sale', 'please') WHERE kind = 'reviewed'")
    assert "the body is not the one that was signed" in house.verify()


def test_a_body_that_was_taken_out_is_told(house: House) -> None:
    house.sql("UPDATE events SET body = NULL, salt = NULL WHERE seq = (SELECT max(seq) FROM events)")
    assert "its body is gone, and the record does not say that it was deleted" in house.verify()


def test_two_events_that_were_given_each_others_body_and_salt_are_told(house: House) -> None:
    first, second = house.sql("SELECT seq, body, salt FROM events WHERE kind = 'requested' ORDER BY seq")
    for (seq, _, _), (_, body, salt) in ((first, second), (second, first)):
        house.sql("UPDATE events SET body = ?, salt = ? WHERE seq = ?", body, salt, seq)
    assert "the body is not the one that was signed" in house.verify()


def test_salts_that_were_swapped_are_told(house: House) -> None:
    first, second = house.sql("SELECT seq, salt FROM events WHERE kind = 'requested' ORDER BY seq")
    house.sql("UPDATE events SET salt = ? WHERE seq = ?", second[1], first[0])
    house.sql("UPDATE events SET salt = ? WHERE seq = ?", first[1], second[0])
    assert "the body is not the one that was signed" in house.verify()


def test_a_request_that_is_called_long_over_is_not_swept_away_with_its_evidence(house: House) -> None:
    town = house.town
    held = town.ask(ANN, "tune", ttl="30m", value=3)
    assert town.state(held) is State.ACTIVE
    house.sql("UPDATE requests SET state = 'expired', ended_at = '2020-01-01T00:00:00.000000+00:00', due_at = NULL")
    town.forward(days=500)
    town.settle()
    assert house.sql("SELECT body IS NOT NULL FROM events WHERE request = ? AND kind = 'requested'", held.id) == [(1,)]
    assert house.verify() == ""


def test_the_heads_themselves_cannot_be_made_up_to_fit(house: House) -> None:
    evil = Signer(Ed25519PrivateKey.generate())
    ((count, digest),) = house.sql("SELECT count, hash FROM chain")
    head = evil.head(count, digest, house.town.ledger.now())
    house.kept.write_text(f"{head.line()}\n")
    assert f"is signed with a key that did not sign then ({evil.key})" in house.verify()
