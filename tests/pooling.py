"""Worker pools for tests: a real schema and role on the session's Postgres, and workers in threads or processes."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine

from jitbot.outbound.site import BareSite
from jitbot.pools.asked import Asked
from jitbot.pools.catalog import PoolCatalog
from jitbot.pools.creating import create
from jitbot.pools.place import Place
from jitbot.pools.taken import Taken
from jitbot.pools.wakeups import Wakeups
from jitbot.pools.worker import Worker
from jitbot.ports import Catalog
from jitbot.runners.guard import Guarded

SECONDS = 20.0


class APool:
    """One pool. `rows` looks past jitbot, as a superuser; `rows(..., address)` as its workers could."""

    def __init__(self, url: str) -> None:
        self.url, self.name = url, f"p{uuid.uuid4().hex[:10]}"
        self.made = create(url, self.name)
        self._places: list[Place] = []

    def place(self, url: str = "") -> Place:
        place = Place(url or self.url, self.name)
        self._places.append(place)
        return place

    def asked(self) -> Asked:
        return Asked(self.place())

    def taken(self, worker: str) -> Taken:
        """Return the calls as a worker has them, with nothing that beats: it is lost as soon as nobody tells of it."""
        return Taken(self.place(self.made.address), worker)

    def runners(self, local: Catalog) -> Catalog:
        """Return the runners as the service has them."""
        site = BareSite(lambda text: text)
        return PoolCatalog(local, self.asked(), lambda name, runner: Guarded(name, runner, site))

    @contextmanager
    def worker(self, catalog: Catalog, hands: int = 4) -> Iterator[Worker]:
        """Run a worker in a thread of this process."""
        place, told = Place(self.made.address, self.name), threading.Event()
        wakeups = Wakeups(place.conninfo, place.options, place.schema, hands)
        worker = Worker(taken=Taken(place, uuid.uuid4().hex), wakeups=wakeups, catalog=catalog)
        thread = threading.Thread(target=worker.run, args=(told,))
        thread.start()
        try:
            yield worker
        finally:
            told.set()
            thread.join()
            place.close()

    def process(self, log: Path, **settings: str) -> subprocess.Popen[bytes]:
        """Start `jitbot worker` with the address that was printed, and with no variable of Slack's."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "JITBOT_"))}
        variables = inherited | {"JITBOT_DATABASE_URL": self.made.address, **settings}
        with log.open("ab") as file:
            words = [sys.executable, "-m", "jitbot", "worker", "--pool", self.name]
            return subprocess.Popen(words, env=variables, stdout=file, stderr=file)

    def rows(self, statement: str, address: str = "") -> list[Any]:
        engine = create_engine(address or self.url, poolclass=NullPool)
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"SET search_path TO {self.made.schema}")
                answer = connection.exec_driver_sql(statement)
                return list(answer) if answer.returns_rows else []
        finally:
            engine.dispose()

    def calls(self, kind: str) -> list[Any]:
        """Return state, attempt and worker of the calls of one kind, oldest first."""
        columns = f"SELECT state, attempt, worker FROM calls WHERE kind = '{kind}' ORDER BY asked_at"
        return self.rows(columns)

    def workers(self) -> list[str]:
        """Return the workers that were heard of lately."""
        heard = "SELECT name FROM workers WHERE seen_at > now() - interval '5 seconds'"
        return [name for (name,) in self.rows(heard)]

    def close(self) -> None:
        for place in self._places:
            place.close()
        self.rows(f"DROP SCHEMA {self.made.schema} CASCADE")
        self.rows(f"DROP OWNED BY {self.made.schema}")
        self.rows(f"DROP ROLE {self.made.schema}")


@pytest.fixture
def pool(postgres_url: str) -> Iterator[APool]:
    pool = APool(postgres_url)
    yield pool
    pool.close()


def until(look: Callable[[], Any], what: str, timeout: float = SECONDS) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)
    return found


class Later:
    """Something that is done in a thread of its own; `result` is what it returned or raised."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self._result: Any = None
        self._thread = threading.Thread(target=self._run, args=(do,), daemon=True)
        self._thread.start()

    def _run(self, do: Callable[[], Any]) -> None:
        try:
            self._result = do()
        except Exception as error:  # noqa: BLE001 - whatever it raised is what is looked at
            self._result = error

    def result(self) -> Any:
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), "it did not come to its end"
        return self._result
