"""A Postgres of its own that a test stops, freezes, fills and starts again, always on the same port."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from threading import Event, Timer
from typing import Any

import psycopg

from tests.postgres import _account, _free_port, programs

VERSION = 18
READY_SECONDS = 60
SETTINGS = "fsync = off\nmax_connections = 60\nlisten_addresses = '127.0.0.1'\n"


class Breakable:
    """One server; `url` is that of a schema of one's own."""

    def __init__(self, folder: Path) -> None:
        binaries = programs(VERSION)
        self.folder, self._binaries = folder, binaries
        self._who: dict[str, Any] = _account(folder, binaries)
        made = [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        subprocess.run([*made, "--no-sync"], check=True, capture_output=True, cwd=folder, **self._who)
        with (folder / "data/postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._later: list[Timer] = []
        self.start()

    def url(self, schema: str) -> str:
        self.rows(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{schema}"

    def url_in_space(self, space: str, folder: Path) -> str:
        """Return the URL of a schema whose tables lie in a folder of their own."""
        if self._who:
            shutil.chown(folder, self._who["user"], self._who.get("group"))
        self.rows(f"CREATE TABLESPACE {space} LOCATION '{folder}'")
        return f"{self.url(f'in_{space}')}%20-cdefault_tablespace%3D{space}"

    def drop_space(self, space: str) -> None:
        self.rows(f"DROP SCHEMA IF EXISTS in_{space} CASCADE")
        self.rows(f"DROP TABLESPACE IF EXISTS {space}")

    def start(self) -> None:
        words = [self._binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-k", self.folder]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(words, cwd=self.folder, stdout=log, stderr=log, **self._who)
        pause = Event()
        for _ in range(READY_SECONDS * 20):
            try:
                self.rows("SELECT 1")
            except psycopg.OperationalError:
                pause.wait(0.05)
            else:
                return
        raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop at once, as a crash does; every connection is lost."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(READY_SECONDS)

    def gone_for(self, seconds: float) -> None:
        """Stop now, and start again after a while; `settled` waits for that."""
        self.stop()
        self._after(seconds, self.start)

    def freeze(self) -> None:
        """Have it say nothing more; the kernel goes on accepting connections and data for it."""
        self._tell(self._pids(), signal.SIGSTOP)

    def thaw(self) -> None:
        self._tell(self._pids()[::-1], signal.SIGCONT)

    def frozen_for(self, seconds: float) -> None:
        self.freeze()
        self._after(seconds, self.thaw)

    def lose_connections(self) -> int:
        """End every session but our own, as a failover does."""
        rows = self.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return len(rows)

    def read_only(self, on: bool) -> None:
        """Have every new session write nothing, as a standby does; the others are ended."""
        word = "on" if on else "off"
        self.rows("SET default_transaction_read_only = off", f"ALTER SYSTEM SET default_transaction_read_only = {word}")
        self.rows("SELECT pg_reload_conf()")
        while self.rows("SHOW default_transaction_read_only") != [(word,)]:
            Event().wait(0.01)
        self.lose_connections()

    def settled(self) -> None:
        """Wait until all that was to come later has come."""
        for timer in self._later:
            timer.join(READY_SECONDS)
        self._later.clear()

    def rows(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements in one session of our own, and return what the last one has found."""
        words = {"host": "127.0.0.1", "port": self.port, "dbname": "postgres", "user": "postgres"}
        with psycopg.connect(**words, autocommit=True, connect_timeout=5) as connection:  # type: ignore[arg-type]
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _tell(self, pids: list[int], what: signal.Signals) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):  # that session has ended just now
                os.kill(pid, what)

    def _after(self, seconds: float, do: Any) -> None:
        timer = Timer(seconds, do)
        timer.start()
        self._later.append(timer)

    def _pids(self) -> list[int]:
        assert self._process is not None
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own, *map(int, children)]
