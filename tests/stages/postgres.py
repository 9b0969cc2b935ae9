"""Stages before a real Postgres, whose sessions come over a wire that can be cut."""

from contextlib import suppress
from typing import Any, ClassVar

import psycopg

from jitbot.outbound.site import EnvironmentSite
from tests.postgres import SECRETS, APostgres, a_name
from tests.stages.stage import BadPath, Stage
from tests.wire import wire


class _PostgresStage(Stage):
    time_limit = "2s"
    table: str = ""
    """The catalog, or the table, that nobody gets at while it hangs."""

    def prepare(self) -> None:
        self.server: APostgres = self.fixture("a_postgres")
        self.wire = self.closing.enter_context(wire(("127.0.0.1", self.server.port)))
        self.secrets = SECRETS
        self._holding: psycopg.Connection[Any] | None = None

    def site(self) -> EnvironmentSite:
        return EnvironmentSite([self.wire.host], self.secrets)

    def login(self, **more: Any) -> dict[str, Any]:
        return self.server.inputs(port=self.wire.port, **more)

    def down(self) -> None:
        self.wire.down()

    def up(self) -> None:
        self.wire.up()

    def hang(self) -> None:
        self._holding = self.server.connect(autocommit=False)
        self._holding.execute(f"LOCK TABLE {self.table} IN ACCESS EXCLUSIVE MODE")

    def release(self) -> None:
        if self._holding is not None:
            self._holding.close()

    def lock_out(self) -> None:
        self.secrets = {**SECRETS, "JITBOT_SECRET_PG": "not-the-password"}

    def close(self) -> None:
        self.release()
        super().close()


class RoleStage(_PostgresStage):
    runner = "postgres.role"
    table = "pg_auth_members"

    def prepare(self) -> None:
        super().prepare()
        self.role, self.person = self.server.role(), self.server.login()

    def inputs(self) -> dict[str, Any]:
        return self.login(role=self.role, login=self.person)

    def seen(self) -> bool:
        """Ask as the person, who can read the role's table or cannot."""
        with suppress(psycopg.Error), self.server.session(self.person) as session:
            return self.server.answer(session, self.role) == 42
        return False

    def refuse(self) -> None:
        self.server.admin("DROP ROLE {}", self.person)

    def do_before(self) -> None:
        self.server.admin("GRANT {} TO {}", self.role, self.person)


class ParameterStage(_PostgresStage):
    runner = "postgres.parameter"
    table = "pg_db_role_setting"

    def prepare(self) -> None:
        super().prepare()
        self.person = self.server.login()
        if self.server.version >= 16:
            self.server.admin("GRANT {} TO jitbot WITH ADMIN OPTION", self.person)
        self.server.admin("ALTER ROLE {} SET work_mem TO '7MB'", self.person)

    def inputs(self) -> dict[str, Any]:
        return self.login(parameter="work_mem", value="64MB", login=self.person)

    def seen(self) -> str:
        with suppress(psycopg.Error), self.server.session(self.person) as session:
            row = session.execute("SHOW work_mem").fetchone()
            return "" if row is None else str(row[0])
        return ""

    def refuse(self) -> None:
        self.server.admin("DROP ROLE {}", self.person)

    def do_before(self) -> None:
        self.server.admin("ALTER ROLE {} SET work_mem TO '64MB'", self.person)


class LoginStage(_PostgresStage):
    runner = "postgres.login"
    table = "pg_authid"

    def prepare(self) -> None:
        super().prepare()
        self.role, self.owner, self.name = self.server.role(), self.server.role(), a_name("visitor")

    def inputs(self) -> dict[str, Any]:
        secret = {"secret": "pg-login"}
        return self.login(login=self.name, roles=[self.role], objects_to=self.owner, login_password=secret)

    def seen(self) -> list[str]:
        return [name for (name,) in self.server.rows("SELECT rolname FROM pg_roles WHERE rolname = %s", self.name)]

    def refuse(self) -> None:
        self.server.admin("DROP TABLE {}", f"t {self.role}")
        self.server.admin("DROP ROLE {}", self.role)

    def do_before(self) -> None:
        self.server.admin("CREATE ROLE {}", self.name)

    def hang(self) -> None:
        """Have somebody else be about to make a login of that name: a new session has to read the catalog itself."""
        self._holding = self.server.connect(autocommit=False)
        self._holding.execute(psycopg.sql.SQL("CREATE ROLE {}").format(psycopg.sql.Identifier(self.name)))


class BackendStage(_PostgresStage):
    runner = "postgres.backend"
    granting = False
    without: ClassVar = {BadPath.TIME_OUT: "test_backend.py of the integration tests has a backend that will not end"}

    def prepare(self) -> None:
        super().prepare()
        self.person = self.server.login()
        self.session = self.closing.enter_context(self.server.session(self.person))
        self.pid = self.session.info.backend_pid
        query = "SELECT backend_start::text FROM pg_stat_activity WHERE pid = %s"
        [(self.begun,)] = self.server.rows(query, self.pid)

    def inputs(self) -> dict[str, Any]:
        return self.login(pid=self.pid, backend_start=self.begun, how="terminate", login=self.person)

    def seen(self) -> list[int]:
        return [pid for (pid,) in self.server.rows("SELECT pid FROM pg_stat_activity WHERE pid = %s", self.pid)]

    def refuse(self) -> None:
        self.server.admin("REVOKE pg_signal_backend FROM jitbot")
        self.closing.callback(self.server.admin, "GRANT pg_signal_backend TO jitbot")

    def do_before(self) -> None:
        self.session.close()


class StatementStage(_PostgresStage):
    runner = "postgres.statement"
    granting = False

    def prepare(self) -> None:
        super().prepare()
        name = a_name("orders")
        self.server.admin("CREATE TABLE {} AS SELECT 1 AS id, 0 AS state", name)
        self.server.admin("GRANT SELECT, UPDATE ON {} TO jitbot", name)
        self.table = '"' + name.replace('"', '""') + '"'

    def inputs(self) -> dict[str, Any]:
        statement = f"UPDATE public.{self.table} SET state = $1 WHERE id = $2"
        return self.login(statement=statement, values=["5", "1"], access="write", max_rows=1)

    def seen(self) -> list[tuple[Any, ...]]:
        if self._holding is not None:
            self.release()
        return self.server.rows(f"SELECT * FROM public.{self.table}")

    def refuse(self) -> None:
        """Have more rows there than may be touched."""
        self.server.admin(f"INSERT INTO public.{self.table} VALUES (1, 0)")

    def do_before(self) -> None:
        self.server.admin(f"UPDATE public.{self.table} SET state = 5")
