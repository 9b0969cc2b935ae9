"""What the page on the Postgres runners says is true: its policies are run against real servers, its tables are whole.

That its SQL is enough is shown by all tests of these runners, whose servers are prepared with it.
"""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from jitbot.policy.templates import fill
from jitbot.runners.postgres.server import Server
from jitbot.runners.registry import Registry
from jitbot.testing.runners import ContractRun
from tests.contract.howto import blocks
from tests.postgres import LOGIN_PASSWORD, PAGE, PASSWORD, APostgres, server

__all__ = ["server"]

TEXT = PAGE.read_text(encoding="utf-8")
ACTIONS: Mapping[str, Any] = yaml.safe_load(blocks(TEXT, "yaml")[0])["actions"]
RUNNERS = [f"postgres.{name}" for name in ("backend", "login", "parameter", "role", "statement")]


@pytest.fixture
def shop(server: APostgres):
    """Make what the policies of the page speak of."""
    with server.connect() as admin:
        for role in ("orders_rw", "orders_ro", "orders_owner"):
            admin.execute(f"CREATE ROLE {role}")
            admin.execute(f"GRANT {role} TO jitbot WITH ADMIN OPTION")
        admin.execute(f"CREATE ROLE ann LOGIN PASSWORD '{PASSWORD}'")
        admin.execute(f"CREATE ROLE orders LOGIN PASSWORD '{PASSWORD}'")
        admin.execute(f"CREATE ROLE jitbot_orders LOGIN PASSWORD '{PASSWORD}'")
        admin.execute("GRANT ALTER SYSTEM ON PARAMETER log_min_duration_statement TO jitbot")
        admin.execute("CREATE DATABASE orders")
    with server.connect(dbname="orders") as admin:
        admin.execute("CREATE TABLE public.orders AS SELECT 7 AS id, 'stuck' AS state, 'cy@acme.example' AS email")
        admin.execute("GRANT SELECT, UPDATE ON public.orders TO jitbot_orders")
    yield server
    with server.connect() as admin:
        admin.execute("DROP DATABASE orders WITH (FORCE)")
        for role in ("ann", "orders", "jitbot_orders", "orders_rw", "orders_ro", "orders_owner"):
            admin.execute(f"DROP ROLE {role}")
        admin.execute("ALTER SYSTEM RESET ALL")


class Doing:
    """An action of the page, told to go to the server of the test."""

    def __init__(self, server: APostgres, action: str, **parameters: Any) -> None:
        there = {name: value for name, value in server.inputs().items() if name in ("host", "port", "tls", "authority")}
        secrets = {"password": {"secret": "pg"}}
        told = {**fill(ACTIONS[action]["with"], parameters), **there, **secrets}
        if "login_password" in told:
            told["login_password"] = {"secret": "pg-login"}
        registry = Registry(RUNNERS, server.site)
        self.runner = registry.runner(ACTIONS[action]["runner"])
        self.inputs = registry.inputs(ACTIONS[action]["runner"], told)
        self.run = ContractRun()

    def start(self):
        self.runner.plan(self.inputs)
        return self.runner.start(self.inputs, self.run)

    def undo(self, receipt) -> None:
        self.runner.undo(self.inputs, receipt, self.run)


def test_the_role_of_the_page_is_given_and_taken_back(shop) -> None:
    doing = Doing(shop, "db-role", login="ann")
    is_in = "SELECT pg_has_role('ann', 'orders_rw', 'USAGE')"
    receipt = doing.start()
    assert shop.rows(is_in) == [(True,)]
    doing.undo(receipt)
    assert shop.rows(is_in) == [(False,)]


def test_the_parameter_of_the_page_is_set_and_put_back(shop) -> None:
    doing = Doing(shop, "db-slow-queries", longer_than="1s")
    is_set = "SELECT setting FROM pg_file_settings WHERE name = 'log_min_duration_statement'"
    receipt = doing.start()
    assert shop.rows(is_set) == [("1s",)]
    doing.undo(receipt)
    assert shop.rows(is_set) == []


def test_the_login_of_the_page_is_made_and_dropped(shop) -> None:
    doing = Doing(shop, "db-visitor")
    receipt = doing.start()
    shop.connect("supplier", LOGIN_PASSWORD).close()
    doing.undo(receipt)
    assert shop.rows("SELECT FROM pg_roles WHERE rolname = 'supplier'") == []


def test_the_session_of_the_page_is_ended(shop) -> None:
    with shop.session("orders") as session:
        pid = session.info.backend_pid
        [(begun,)] = shop.rows("SELECT backend_start::text FROM pg_stat_activity WHERE pid = %s", pid)
        Doing(shop, "db-end-session", pid=pid, backend_start=begun).start()
        assert shop.rows("SELECT FROM pg_stat_activity WHERE pid = %s", pid) == []


def test_the_statement_of_the_page_is_run_without_telling_the_address(shop) -> None:
    doing = Doing(shop, "db-release-order", order=7)
    doing.start()
    assert doing.run.results == ["id = 7 | state = open | email = •••"]
    assert doing.run.lines == ["1 rows changed"]
    with shop.connect(dbname="orders") as admin:
        assert admin.execute("SELECT state FROM public.orders").fetchall() == [("open",)]


def test_every_action_of_the_page_is_tried_here() -> None:
    assert sorted(action["runner"] for action in ACTIONS.values()) == RUNNERS
    assert len(ACTIONS) == 5


@pytest.mark.parametrize("name", RUNNERS)
def test_every_input_is_documented(name: str, server: APostgres) -> None:
    chapter = TEXT.partition(f"## `{name}`")[2].partition("\n## ")[0]
    assert chapter
    for field in Registry(RUNNERS, server.site).runner(name).Inputs.model_fields:
        where = TEXT.partition("## The way")[2].partition("\n## ")[0] if field in Server.model_fields else chapter
        assert f"`{field}`" in where
