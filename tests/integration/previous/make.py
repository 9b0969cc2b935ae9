"""Write the databases of the release before, as its own code fills them: `sqlite.sql` and `postgresql.sql`.

To be run by that code, in a folder of its own; `postgresql+psycopg://…` is an empty database, pg_dump on the PATH:

    git archive 7e3ce70 jitbot tests | tar -x -C FOLDER
    cd FOLDER && PYTHONPATH=. python …/tests/integration/previous/make.py OUT postgresql+psycopg://…

7e3ce70 is the last state whose newest schema is 0001. The first lines of each file say when "now" is in it.
"""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy.engine import make_url

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Copy, DeliveryKind, HealthState, State
from tests.town import ANN, BO, CY, DI, Town

SEED = bytes(range(32))
"""The signing key's secret half; a key of tests, and of nothing else."""


class Died(BaseException):
    """The process is gone."""


def fill(town: Town) -> None:
    """Have something of every kind, in all the states that there were."""
    runner = town.runner
    free = {"service": "api", "env": "staging"}
    checked = {"service": "api", "env": "prod"}
    town.ask(ANN, "restart", **free)
    refused = town.try_to_ask(ANN, "tune", value=5000)
    assert refused.refused
    town.deny(BO, town.ask(ANN, "restart", **checked))
    town.withdraw(ANN, town.ask(ANN, "restart", **checked))
    runner.on_start = lambda inputs, run: (_ for _ in ()).throw(RunnerRefused("the service is gone"))
    town.ask(CY, "restart", **free)
    runner.on_start = lambda inputs, run: None
    town.drop(ANN, town.ask(ANN, "tune", value=2))
    expired = town.ask(ANN, "tune", ttl="1m", value=1)
    lapsed = town.ask(ANN, "restart", **checked)
    missed = town.ask(ANN, "restart", **checked)
    key = town.take_in(DeliveryKind.APPROVE, BO, missed.id, revision=missed.revision)
    town.service.intake.work(key)
    town.queue.items.clear()
    town.forward(hours=30)
    town.settle()
    assert [town.ledger.get(each.id).state for each in (expired, lapsed, missed)] == [
        State.EXPIRED,
        State.LAPSED,
        State.MISSED,
    ]
    admin = town.ask(ANN, "admin", ttl="2h")
    town.approve(BO, admin)
    town.approve(DI, admin)
    town.outbox.keep(Copy(admin.id, "#payments-oncall", "C0PAY", "1.1", version=town.ledger.get(admin.id).version))
    half = town.ask(CY, "admin")
    town.approve(BO, half)
    town.outbox.keep(Copy(half.id, "#payments-oncall", "C0PAY", "1.2", version=town.ledger.get(half.id).version))
    waiting = town.ask(ANN, "restart", service="worker", env="prod")
    town.outbox.keep(Copy(waiting.id, "#payments-oncall", "C0PAY", None, version=-1, unsure=True))
    runner.on_undo = lambda inputs, run: (_ for _ in ()).throw(RunnerUnsure("the database hangs"))
    town.drop(ANN, town.ask(ANN, "tune", value=7))
    runner.health = HealthState.UNKNOWN
    runner.on_start = lambda inputs, run: (_ for _ in ()).throw(RunnerUnsure("it timed out"))
    town.ask(CY, "restart", service="worker", env="staging")
    runner.on_start = lambda inputs, run: (_ for _ in ()).throw(Died())
    with suppress(Died):
        town.ask(DI, "restart", **free)
    town.queue.items.clear()
    approved = town.ask(BO, "restart", **checked)
    key = town.take_in(DeliveryKind.APPROVE, CY, approved.id, revision=approved.revision)
    town.service.intake.work(key)
    town.queue.items.clear()
    town.take_in(DeliveryKind.ASK, DI, action="restart", params=free, reason="INC-9", ttl="")
    town.take_in(DeliveryKind.DROP, ANN, admin.id)
    town.queue.items.clear()


def write_key(path: Path) -> None:
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)


def main(out: Path, postgres: str) -> None:
    folder = Path("made")
    folder.mkdir()
    write_key(folder / "signing.key")
    for name, url in (("sqlite", f"sqlite:///{folder}/jitbot.db"), ("postgresql", postgres)):
        town = Town(url, folder)
        fill(town)
        now = town.ledger.now()
        found = sorted({each.state.value for each in town.ledger.find(limit=1000)})
        town.close()
        lines = dumped_sqlite(folder / "jitbot.db") if name == "sqlite" else dumped_postgres(url)
        text = "\n".join(line.rstrip() for line in lines if line.strip())
        (out / f"{name}.sql").write_text(f"-- now: {now.isoformat()}\n-- states: {' '.join(found)}\n{text}\n")


def dumped_sqlite(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def dumped_postgres(url: str) -> list[str]:
    """Dump as plain statements that fit into any schema."""
    address = make_url(url)
    words = [
        "pg_dump",
        "--inserts",
        "--no-owner",
        "--no-privileges",
        "--schema=public",
        f"--username={address.username}",
    ]
    place = [f"--host={address.query.get('host') or address.host}", f"--dbname={address.database}"]
    done = subprocess.run([*words, *place], capture_output=True, text=True, check=True)
    text = re.sub(
        r"^(\\|--|SET |SELECT pg_catalog.set_config|CREATE SCHEMA|COMMENT ON).*$", "", done.stdout, flags=re.M
    )
    return text.replace("public.", "").splitlines()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
