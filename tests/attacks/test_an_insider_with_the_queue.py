"""Somebody owns the database and writes a pool's queue as they like: calls, warrants, answers, where each stands.

They have old warrants and can put them anywhere. They have no key: nothing runs, nothing is prolonged or misdirected.
"""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jitbot.audit import Signer
from jitbot.errors import RunnerUnsure
from jitbot.model import Receipt
from jitbot.outbound.site import BareSite
from jitbot.pools.calls import Call, Kind
from jitbot.pools.state import key_of
from jitbot.runners.registry import Registry
from jitbot.store.keys import open_key
from jitbot.testing.runners import ContractRun
from tests.pooling import APool, Later, pool, until
from tests.story.test_worker_pools import _end
from tests.town import FakeInputs, FakeRunner, OneRunner

__all__ = ["pool"]

pytestmark = pytest.mark.xdist_group("queue")

INPUTS = FakeInputs(what="api", where="prod", value=7)


class Victim:
    """A pool with one worker, and the runner that it has; `service` is the same runner as the service has it."""

    def __init__(self, pool: APool, runner: FakeRunner) -> None:
        self.pool, self.runner = pool, runner
        self.service: Any = pool.runners(OneRunner(FakeRunner())).runner("fake")
        self.run = ContractRun(f"jit-{uuid.uuid4().hex[:8]}-1")
        self.done = (list(runner.started), list(runner.undone), dict(runner.world))

    def signed(self, kind: Kind, receipt: Receipt | None = None) -> str:
        """Return a warrant of the service's for this run that nobody has used."""
        return self.pool.warrant("fake", INPUTS, self.run, kind.value, receipt, self.pool.key.key)

    def call(self, kind: Kind, **bent: Any) -> Call:
        run = self.run
        inputs = INPUTS.model_dump()
        said = Call(uuid.uuid4().hex, kind, "fake", inputs, None, run.key, run.deadline, run.until, self.pool.key.key)
        return replace(said, **bent)

    def put(self, call: Call, warrant: str) -> str:
        """Write a call into the queue, with a warrant, and return what the worker answers."""
        self.pool.asked().tell(call, warrant, 60.0)
        return self.answer(call.id)

    def answer(self, call: str) -> str:
        row = f"SELECT answer FROM calls WHERE id = '{call}' AND state = 'answered'"
        [(answer,)] = until(lambda: self.pool.rows(row), "the answer of the worker")
        return str(answer)

    def again(self, call: str) -> None:
        """Put a call that was answered back to where it stood before, and wake the worker."""
        self.pool.rows(f"UPDATE calls SET state = 'waiting', answer = NULL WHERE id = '{call}'")
        self.pool.asked().wake(call, 1)

    def untouched(self) -> bool:
        return (self.runner.started, self.runner.undone, self.runner.world) == self.done


@pytest.fixture(scope="module")
def working(postgres_server: str) -> Iterator[tuple[APool, FakeRunner]]:
    """Run one pool and one worker for all tests; each has a run of its own."""
    pool, runner = APool(postgres_server), FakeRunner()
    with pool.worker(OneRunner(runner)):
        yield pool, runner
    pool.close()


@pytest.fixture
def victim(working: tuple[APool, FakeRunner]) -> Iterator[Victim]:
    pool, _ = working
    yield Victim(*working)
    pool.bent, pool.ahead = {}, timedelta(0)


ACTS = [Kind.START, Kind.UNDO, Kind.EXTEND, Kind.RELEASE]


@pytest.mark.parametrize("kind", ACTS)
def test_a_call_without_a_warrant_runs_nothing(victim: Victim, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.pools.hand.WARRANT_SECONDS", 0.2)
    call = victim.call(kind)
    victim.pool.asked().tell(call, "", 60.0)
    taken = f"SELECT FROM calls WHERE id = '{call.id}' AND state = 'taken'"
    until(lambda: victim.pool.rows(taken), "the worker to take it")
    until(lambda: not victim.pool.rows(taken), "the worker to give it back")
    assert victim.untouched()
    victim.pool.rows(f"DELETE FROM calls WHERE id = '{call.id}'")


@pytest.mark.parametrize("kind", ACTS)
def test_a_warrant_that_the_insider_has_signed_runs_nothing(
    victim: Victim, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(victim.pool, "service", Signer(Ed25519PrivateKey.generate()))
    assert "signed with a key that is not known here" in victim.put(victim.call(kind), victim.signed(kind))
    assert victim.untouched()


LATER = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bent", "why"),
    [
        ({"inputs": {"what": "payments", "where": "prod", "value": 7}}, "other inputs"),
        ({"until": LATER}, "another end"),
        ({"until": None}, "another end"),
        ({"key": "jit-1-1"}, "another run"),
        ({"kind": Kind.UNDO}, "permits to start, not to undo"),
        ({"kind": Kind.EXTEND}, "permits to start, not to extend"),
    ],
    ids=["inputs", "later end", "no end", "run", "undo", "extend"],
)
def test_a_true_warrant_runs_nothing_that_it_was_not_signed_for(victim: Victim, bent: Any, why: str) -> None:
    answer = victim.put(replace(victim.call(Kind.START), **bent), victim.signed(Kind.START))
    assert ("barred" in answer, why in answer) == (True, True), answer
    assert victim.untouched()


def test_a_run_gets_no_more_time_than_was_signed(victim: Victim) -> None:
    given: list[datetime] = []
    victim.runner.on_start = lambda inputs, run: given.append(run.deadline)
    try:
        victim.put(replace(victim.call(Kind.START), deadline=LATER), victim.signed(Kind.START))
    finally:
        victim.runner.on_start = lambda inputs, run: None
    assert given == [victim.run.deadline]


def test_an_undo_with_another_receipt_is_misdirected_nowhere(victim: Victim) -> None:
    order = victim.signed(Kind.UNDO, Receipt({"before": 100}))
    assert "another receipt" in victim.put(victim.call(Kind.UNDO, receipt={"before": 9999}), order)
    assert victim.untouched()


@pytest.mark.parametrize("bent", [{"pool": "prod-us"}, {"worker": "0123456789abcdef"}], ids=["pool", "worker"])
def test_the_warrant_of_another_pool_or_worker_runs_nothing_here(victim: Victim, bent: dict[str, Any]) -> None:
    victim.pool.bent = bent
    assert "barred" in victim.put(victim.call(Kind.START), victim.signed(Kind.START))
    assert victim.untouched()


def test_a_start_that_is_put_back_and_a_warrant_that_is_used_again_run_nothing_more(victim: Victim) -> None:
    victim.service.start(INPUTS, victim.run)
    key = victim.run.key
    victim.again(key)
    assert "used before" in victim.answer(key)
    assert "used before" in victim.put(victim.call(Kind.START), victim.pool.signed[-1])
    assert victim.runner.started.count(key) == 1


def test_an_undo_that_was_ordered_once_is_not_done_again_when_somebody_else_holds_it(victim: Victim) -> None:
    receipt = victim.service.start(INPUTS, victim.run)
    victim.service.undo(INPUTS, receipt, victim.run)
    [order] = victim.pool.signed[-1:]
    again = victim.call(Kind.UNDO, receipt=dict(receipt.data))
    assert "used before" in victim.put(again, order)
    assert victim.runner.undone.count(victim.run.key) == 1


def test_a_warrant_that_was_held_back_until_its_time_was_over_runs_nothing(victim: Victim) -> None:
    victim.run.deadline = datetime.now(UTC) - timedelta(seconds=1)
    assert "held until" in victim.put(victim.call(Kind.START), victim.signed(Kind.START))
    assert victim.untouched()


def test_a_grant_of_which_the_end_is_kept_from_the_worker_ends_all_the_same(victim: Victim) -> None:
    victim.service.start(INPUTS, victim.run)
    assert victim.runner.world["prod/api"] == 7
    victim.pool.ahead = timedelta(hours=2)
    until(lambda: victim.run.key in victim.runner.undone, "the worker to end it by itself")
    assert victim.runner.world["prod/api"] == 100
    victim.pool.ahead = timedelta(0)
    victim.service.undo(INPUTS, None, victim.run)
    assert "The worker had ended this by itself" in victim.run.lines[-2] + victim.run.lines[-1]


def test_an_answer_that_was_changed_on_its_way_is_none(victim: Victim) -> None:
    receipt = victim.service.start(INPUTS, victim.run)
    assert victim.service.answered(victim.run.key) == receipt
    change = """'{"done": {"data": {"before": 9999}, "summary": "changed it"}}'"""
    victim.pool.rows(f"UPDATE calls SET answer = {change} WHERE id = '{victim.run.key}'")
    assert victim.service.answered(victim.run.key) is None


def test_an_answer_in_the_place_of_the_worker_s_own_is_unsure(victim: Victim) -> None:
    key = victim.run.key
    victim.runner.on_start = lambda inputs, run: victim.pool.rows(
        f"""UPDATE calls SET state = 'answered', answer = '{{"refused": "nothing was done"}}' WHERE id = '{key}'"""
    )  # type: ignore[assignment, return-value]
    try:
        start = Later(lambda: victim.service.start(INPUTS, victim.run))
        assert isinstance(start.result(), RunnerUnsure), "a refusal would say that nothing is to be undone"
    finally:
        victim.runner.on_start = lambda inputs, run: None


@pytest.mark.long
def test_a_worker_whose_service_and_database_are_gone_ends_what_it_granted(pool: APool, tmp_path: Path) -> None:
    """A real process and its real file: its role is locked out of the database, and nobody asks for an end."""
    there, key = tmp_path / "open", tmp_path / "signing.key"
    trusting = pool.trusting(key)
    process = pool.process(tmp_path / "log", **trusting)
    try:
        until(pool.workers, "the worker", timeout=60)
        pool.service, pool.key = open_key(key).signer(), key_of(pool.folder / "one" / pool.name)
        service: Any = pool.runners(Registry(["command"], BareSite(str))).runner("command")
        inputs = service.Inputs.model_validate({"argv": ["touch", str(there)], "undo_argv": ["rm", "-f", str(there)]})
        run = ContractRun()
        run.until = datetime.now(UTC) + timedelta(seconds=8)
        service.start(inputs, run)
        assert there.exists()
        pool.rows(f"ALTER ROLE {pool.made.schema} NOLOGIN")
        pool.rows(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{pool.made.schema}'")
        until(lambda: not there.exists(), f"the end; see {tmp_path / 'log'}", timeout=60)
        pool.rows(f"ALTER ROLE {pool.made.schema} LOGIN")
        until(lambda: "ended here at its time" in (tmp_path / "log").read_text(), "the word in the log")
        later = ContractRun()
        service.undo(inputs, None, later)
        assert "The worker had ended this by itself" in "\n".join(later.lines), "when the database is back it says so"
    finally:
        _end(process)
