"""Worker pools for tests: a real schema and role on the session's Postgres, and workers in threads or processes."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import NullPool, create_engine

from jitbot.audit import Signer
from jitbot.model import Receipt
from jitbot.outbound.site import BareSite
from jitbot.pools.asked import Asked
from jitbot.pools.building import Rules, built
from jitbot.pools.catalog import PoolCatalog
from jitbot.pools.creating import create
from jitbot.pools.place import Place
from jitbot.pools.state import State, key_of
from jitbot.pools.taken import Taken
from jitbot.pools.trust import Trust
from jitbot.pools.worker import Worker
from jitbot.ports import Catalog
from jitbot.runners.guard import Guarded
from jitbot.store.keys import open_key
from jitbot.warrants.ceiling import Ceiling
from jitbot.warrants.keys import SERVICE, key_line
from jitbot.warrants.signing import Issuer
from jitbot.warrants.warrant import Act, Deed, receipt_digest

SECONDS = 20.0


class Signing:
    """A runner of a pool as the service has it, whose runs are signed for, as the service's own are.

    `anew` is added to the keys of runs, where tests that share a worker begin with the same one.
    """

    def __init__(self, pool: "APool", name: str, runner: Any, anew: str = "") -> None:
        self.pool, self._name, self._inner, self._anew = pool, name, runner, anew

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def start(self, inputs: Any, run: Any) -> Receipt:
        return cast(Receipt, self._inner.start(inputs, self._signed(inputs, run)))

    def undo(self, inputs: Any, receipt: Receipt | None, run: Any) -> None:
        self._inner.undo(inputs, receipt, self._signed(inputs, run))

    def extend(self, inputs: Any, receipt: Receipt | None, run: Any) -> Receipt:
        return cast(Receipt, self._inner.extend(inputs, receipt, self._signed(inputs, run)))

    def release(self, inputs: Any, run: Any) -> None:
        self._inner.release(inputs, self._signed(inputs, run))

    def _signed(self, inputs: Any, run: Any) -> Any:
        run.key = f"{run.key.removesuffix(self._anew)}{self._anew}"
        run.warrant = lambda deed, receipt, worker: self.pool.warrant(self._name, inputs, run, deed, receipt, worker)
        return run


class APool:
    """One pool. `rows` looks past jitbot, as a superuser; `rows(..., address)` as its workers could.

    `bent` are fields of warrants that the service signs otherwise; `now` is the clock of workers in threads.
    """

    def __init__(self, url: str) -> None:
        self.url, self.name = url, f"p{uuid.uuid4().hex[:10]}"
        self.made = create(url, self.name)
        self.service, self.key = (Signer(Ed25519PrivateKey.generate()) for _ in range(2))
        self.folder = Path(tempfile.mkdtemp(prefix="pool-"))
        self.bent: dict[str, Any] = {}
        self.ceiling: Ceiling | None = None
        self.ahead = timedelta(0)
        self.signed: list[str] = []
        self._places: list[Place] = []

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def warrant(self, runner: str, inputs: Any, run: Any, deed: str, receipt: Receipt | None, worker: str) -> str:
        """Sign for a run, as the service does."""
        said: dict[str, Any] = {
            "deed": Deed(deed),
            "request": 1,
            "digest": "d" * 64,
            "key": run.key,
            "runner": runner,
            "inputs": inputs.model_dump(mode="json"),
            "receipt": receipt_digest(receipt),
            "pool": self.name,
            "worker": worker,
            "start_before": run.deadline,
            "until": run.until,
            "lasts": 3600.0 if deed == Deed.START and run.until else None,
            "policy": "p" * 64,
        }
        self.signed.append(Issuer(lambda: self.service, lambda: (7, b"h" * 32)).issue(Act(**(said | self.bent))))
        return self.signed[-1]

    def place(self, url: str = "") -> Place:
        place = Place(url or self.url, self.name)
        self._places.append(place)
        return place

    def asked(self) -> Asked:
        return Asked(self.place())

    def taken(self, worker: str) -> Taken:
        """Return the calls as a worker has them, with nothing that beats: it is lost as soon as nobody tells of it."""
        return Taken(self.place(self.made.address), worker, self.key)

    def runners(self, local: Catalog) -> Catalog:
        """Return the runners as the service has them."""
        site = BareSite(lambda text: text)
        guard = lambda name, runner: Signing(self, name, Guarded(name, runner, site, elsewhere=True))  # noqa: E731
        return PoolCatalog(local, self.asked(), self.trust, cast(Any, guard))

    @property
    def trust(self) -> Trust:
        """Whom the service knows: the workers with the one key that those in threads have."""
        return Trust([self.key.public])

    def state(self, name: str = "") -> State:
        """Return a worker's own folder: the same again for the same name."""
        state = State(self.folder / (name or uuid.uuid4().hex))
        state.signer = self.key
        return state

    @contextmanager
    def worker(self, catalog: Catalog, hands: int = 4, state: str = "") -> Iterator[Worker]:
        """Run a worker in a thread of this process."""
        place, told, kept = Place(self.made.address, self.name), threading.Event(), self.state(state)
        rules = Rules([self.service.public], self.folder, self.ceiling, self.now)
        worker = built(place, catalog, hands, rules, kept)
        thread = threading.Thread(target=worker.run, args=(told,))
        thread.start()
        try:
            yield worker
        finally:
            told.set()
            thread.join()
            kept.close()
            place.close()

    def trusting(self, key_file: Path) -> dict[str, str]:
        """Return what a worker has to be told of a service with this key."""
        trusted = self.folder / "trusted"
        trusted.write_text(key_line(SERVICE, open_key(key_file).signer().public))
        return {"JITBOT_TRUSTED_KEYS": str(trusted)}

    def known(self, *workers: str) -> dict[str, str]:
        """Return what a service has to be told of the workers with these folders."""
        keys = self.folder / "known"
        lines = [key_line(self.name, key_of(self.folder / name / self.name).public) for name in workers]
        keys.write_text("\n".join(lines))
        return {"JITBOT_POOLS": self.name, "JITBOT_POOL_KEYS": str(keys)}

    def process(self, log: Path, state: str = "one", **settings: str) -> subprocess.Popen[bytes]:
        """Start `jitbot worker` with the address that was printed, and with no variable of Slack's."""
        settings = {"JITBOT_WORKER_STATE": str(self.folder / state), **settings}
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
        shutil.rmtree(self.folder)
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
