"""A pool and the role of its workers: what it may, and all that it may not.

Not marked `postgres`: what pools do shows nowhere else, so deliberate faults are tried on them too.
"""

import json
import threading
import uuid
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError
from typer.testing import CliRunner

from jitbot.cli.app import app
from jitbot.cli.doctor_pools import pools
from jitbot.cli.doctor_trust import trust
from jitbot.compose import check_pools
from jitbot.errors import SettingsError, StoreUnavailable
from jitbot.model import Policy
from jitbot.pools.building import Rules, worker
from jitbot.pools.creating import create
from jitbot.pools.state import key_of
from jitbot.settings import read_settings
from jitbot.store.upgrade import ready
from jitbot.warrants.keys import key_line, trusted
from tests.pooling import APool, until
from tests.town import FakeRunner, OneRunner
from tests.unit.core.builders import an_action


def test_the_role_of_a_pool_reads_and_writes_nothing_but_its_pool(pool: APool) -> None:
    ready(pool.url)
    other = APool(pool.url)
    schema = make_url(pool.url).query["options"]
    ledger = str(schema).split("=")[1]
    refused = [
        f"SELECT * FROM {ledger}.requests",
        f"SELECT * FROM {ledger}.events",
        f"UPDATE {ledger}.requests SET state = 'ACTIVE'",
        f"SELECT * FROM {other.made.schema}.calls",
        f"INSERT INTO {other.made.schema}.procrastinate_jobs (queue_name, task_name) VALUES ('x', 'y')",
        "CREATE TABLE public.mine ()",
        f"CREATE TABLE {pool.made.schema}.mine ()",
        "CREATE ROLE somebody",
        "INSERT INTO calls (id, kind, runner, inputs, key, deadline, take_before, state) "
        "VALUES ('x', 'start', 'command', '{}', 'x', now(), now(), 'waiting')",
        "UPDATE calls SET inputs = '{}'",
        "UPDATE calls SET attempt = 7",
        "UPDATE calls SET warrant = 'forged'",
    ]
    try:
        for statement in refused:
            with pytest.raises(ProgrammingError, match="InsufficientPrivilege"):
                pool.rows(statement, pool.made.address)
        assert pool.rows("SELECT * FROM calls", pool.made.address) == []
    finally:
        other.close()


def test_making_a_pool_again_leaves_alone_what_is_there(pool: APool) -> None:
    pool.rows("INSERT INTO workers (name, runners) VALUES ('one', '[]')")
    again = create(pool.url, pool.name)
    assert pool.made.password
    assert again.password == ""
    assert ":PASSWORD@" in again.address
    assert pool.workers() == ["one"]


def test_a_role_that_would_reach_more_than_its_pool_is_not_made(pool: APool) -> None:
    """As in every Postgres before 15, where PUBLIC may make objects in the schema public."""
    name = f"p{uuid.uuid4().hex[:10]}"
    pool.rows("GRANT CREATE ON SCHEMA public TO PUBLIC")
    try:
        with pytest.raises(SettingsError, match="REVOKE CREATE ON SCHEMA public FROM PUBLIC"):
            create(pool.url, name)
    finally:
        pool.rows("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    assert pool.rows(f"SELECT FROM pg_roles WHERE rolname = 'jitbot_pool_{name}'") == []


def test_a_login_that_may_not_make_roles_is_told_what_to_have_run(pool: APool) -> None:
    pool.rows("CREATE ROLE unprivileged LOGIN")
    try:
        url = make_url(pool.url).set(username="unprivileged").render_as_string(hide_password=False)
        with pytest.raises(SettingsError, match="CREATE ROLE jitbot_pool_another LOGIN"):
            create(url, "another")
    finally:
        pool.rows("DROP ROLE unprivileged")


def test_a_pool_needs_postgres_and_a_name(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs Postgres"):
        create(sqlite_url, "prod-eu")
    with pytest.raises(SettingsError, match="'Prod' cannot be a pool's name"):
        create(sqlite_url, "Prod")
    with pytest.raises(SettingsError, match="needs Postgres: its workers are other processes"):
        worker("prod-eu", sqlite_url, OneRunner(FakeRunner()), 1, Rules([], tmp_path))


def test_a_worker_does_not_start_where_its_schema_is_not(postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Run `jitbot pool create prod-xx`"):
        worker("prod-xx", postgres_url, OneRunner(FakeRunner()), 1, Rules([], tmp_path))


def test_the_doctor_tells_whether_somebody_works_in_a_pool(pool: APool) -> None:
    settings = read_settings(database_url=pool.url, pools=f"{pool.name},gone")
    policy = Policy(actions={"act": an_action(runner="http", pool=pool.name)})

    def found() -> list[tuple[bool, str]]:
        return [(each.good, each.said) for each in pools(settings, policy)]

    assert found()[0] == (False, "has no live worker")
    assert "The schema of pool gone is not there" in found()[1][1]
    pool.rows("""INSERT INTO workers (name, runners) VALUES ('one', '["command"]')""")
    assert found()[0] == (False, "no worker has http")
    pool.rows("""INSERT INTO workers (name, runners) VALUES ('two', '["http"]')""")
    assert found()[0] == (True, "2 live: one, two")


def test_the_command_prints_the_address_once(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JITBOT_DATABASE_URL", postgres_url)
    name = f"p{uuid.uuid4().hex[:10]}"
    first, second = (CliRunner().invoke(app, ["pool", "create", name]).output for _ in range(2))
    assert f"the schema and the role jitbot_pool_{name} are there" in first
    address = next(line.split("=", 1)[1] for line in first.splitlines() if "JITBOT_DATABASE_URL=" in line)
    assert make_url(address).password
    assert f"jitbot worker --pool {name}" in first
    assert "keeps its password" in second
    assert ":PASSWORD@" in second


def test_service_and_worker_are_told_of_each_other_by_commands(
    pool: APool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the page says: a line for the workers, a line for the service, and what is said where one is missing."""
    monkeypatch.setenv("JITBOT_KEY_FILE", str(tmp_path / "signing.key"))
    monkeypatch.setenv("JITBOT_WORKER_STATE", str(tmp_path / "worker"))
    (tmp_path / "trusted").write_text(CliRunner().invoke(app, ["pool", "trust"]).output)
    keys = tmp_path / "known"
    for _ in range(2):
        keys.write_text(CliRunner().invoke(app, ["pool", "key", pool.name]).output)
    assert [key_line("service", key) for key in trusted(tmp_path / "trusted", "X")] == [
        (tmp_path / "trusted").read_text().strip()
    ]
    assert keys.read_text().strip() == key_line(pool.name, key_of(tmp_path / "worker" / pool.name).public)
    settings = read_settings(database_url=pool.url, pools=pool.name, pool_keys=keys)
    check_pools(settings)
    assert [(each.good, each.said) for each in trust(settings)][1] == (True, "1 keys are known")
    unknown = read_settings(database_url=pool.url, pools=pool.name)
    with pytest.raises(SettingsError, match=f"No worker of pool {pool.name} is known: run `jitbot pool key"):
        check_pools(unknown)
    assert [(each.good, each.said) for each in trust(unknown)] == [
        (True, "none: what runs here is bounded by policies alone"),
        (False, "0 keys are known"),
    ]
    keys.chmod(0o666)
    (tmp_path / "ceiling.yml").write_text("runners: [x]")
    broken = read_settings(pools=pool.name, pool_keys=keys, ceiling=tmp_path / "ceiling.yml")
    assert [each.good for each in trust(broken)] == [False, False]
    (tmp_path / "ceiling.yml").write_text("runners: {http: {}, command: {}}")
    assert next(trust(broken)).said == "command, http may be used"


@pytest.mark.long
def test_a_worker_that_is_started_while_the_database_is_away_ends_what_it_holds(tmp_path: Path) -> None:
    nowhere = "postgresql+psycopg://x@127.0.0.1:1/x"
    runner, rules = FakeRunner(), Rules([], tmp_path)
    with pytest.raises(StoreUnavailable):
        worker("prod-eu", nowhere, OneRunner(runner), 1, Rules([], tmp_path / "holds nothing"))
    (tmp_path / "prod-eu").mkdir()
    grant = {"key": "jit-1-1", "runner": "fake", "inputs": {"what": "api", "where": "prod"}, "lasts": 60.0}
    ended = json.dumps({**grant, "ends_at": "2026-01-01T00:00:00Z"}) + "\n"
    (tmp_path / "prod-eu" / "granted").write_text(ended)
    working, told = worker("prod-eu", nowhere, OneRunner(runner), 1, rules), threading.Event()
    thread = threading.Thread(target=working.run, args=(told,), daemon=True)
    thread.start()
    until(lambda: runner.undone == ["jit-1-1"], "the end")
    told.set()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.long
def test_a_worker_starts_with_the_address_and_a_key_alone_and_ends_in_order(pool: APool, tmp_path: Path) -> None:
    working = pool.process(tmp_path / "log", **pool.trusting(tmp_path / "signing.key"))
    try:
        until(pool.workers, "the worker", timeout=40)
    finally:
        working.terminate()
        assert working.wait(20) == 0, (tmp_path / "log").read_text()
