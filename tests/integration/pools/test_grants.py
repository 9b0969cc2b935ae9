"""Who gave a grant in a pool has to know what becomes of it: its later end, its early one, and who keeps it on.

Not marked `postgres`: what pools do shows nowhere else, so deliberate faults are tried on them too.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jitbot.errors import PoolUnavailable, RunnerRefused
from jitbot.model import Receipt
from jitbot.pools.worker import Worker
from jitbot.testing.runners import ContractRun
from tests.pooling import APool, Later, until
from tests.town import FakeInputs, FakeRunner, OneRunner

INPUTS = FakeInputs(what="api", where="prod", value=7)


@pytest.fixture
def service(pool: APool) -> Any:
    """Return the runner as the service has it."""
    return pool.runners(OneRunner(FakeRunner())).runner("fake")


def held(worker: Worker) -> list[str]:
    return [grant.key for grant in worker._held._grants.held()]


def later(run: ContractRun) -> ContractRun:
    """Return a run that has the same grant end later."""
    longer = ContractRun(run.key)
    assert run.until is not None
    longer.until = run.until + timedelta(hours=1)
    return longer


def test_a_later_end_reaches_the_worker_though_there_is_nothing_to_do_for_it(pool: APool, service: Any) -> None:
    run = ContractRun()
    with pool.worker(OneRunner(FakeRunner())) as worker:
        receipt = service.start(INPUTS, run)
        longer = later(run)
        assert service.extend(INPUTS, receipt, longer).data == receipt.data
        [grant] = worker._held._grants.held()
        assert (grant.ends_at, grant.receipt) == (longer.until, {"before": 100})


def test_another_worker_extends_nothing(pool: APool, service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that holds the grant would end it all the same."""
    run = ContractRun()
    with pool.worker(OneRunner(FakeRunner()), state="one"):
        receipt = service.start(INPUTS, run)
    with pool.worker(OneRunner(FakeRunner()), state="two"):
        monkeypatch.setattr("jitbot.pools.pooled.UNDO_SECONDS", 5.0)
        with pytest.raises(RunnerRefused, match="does not hold that grant"):
            service.extend(INPUTS, receipt, later(run))


def test_an_early_end_goes_to_the_worker_that_gave_it_and_to_another_where_that_is_gone(
    pool: APool, service: Any
) -> None:
    first, other, run = FakeRunner(), FakeRunner(), ContractRun()
    with pool.worker(OneRunner(first), state="one") as worker:
        service.start(INPUTS, run)
        service.undo(INPUTS, None, run)
        assert held(worker) == []
        again = ContractRun("jit-2-1")
        service.start(INPUTS, again)
    with pool.worker(OneRunner(other), state="two"):
        service.undo(INPUTS, None, again)
    assert (first.undone, other.undone) == (["jit-1-1"], ["jit-2-1"])


def test_what_another_keeps_on_is_let_go_and_not_ended(pool: APool, service: Any) -> None:
    runner, run = FakeRunner(), ContractRun()
    with pool.worker(OneRunner(runner)) as worker:
        service.start(INPUTS, run)
        service.release(INPUTS, run)
        until(lambda: held(worker) == [], "the worker to let go")
        pool.ahead = timedelta(days=1)
        worker._held.look(lambda key: False)
    assert runner.undone == []


def test_a_worker_that_is_away_finds_the_order_to_let_go_when_it_is_back(pool: APool, service: Any) -> None:
    runner, run = FakeRunner(), ContractRun()
    with pool.worker(OneRunner(runner), state="one"):
        service.start(INPUTS, run)
    service.release(INPUTS, run)
    with pool.worker(OneRunner(runner), state="one") as worker:
        until(lambda: held(worker) == [], "the worker to let go")
    assert runner.undone == []


def test_there_is_nobody_to_tell_of_what_nobody_has_started(pool: APool, service: Any) -> None:
    service.release(INPUTS, ContractRun())
    assert pool.rows("SELECT * FROM calls") == []


def test_without_the_service_what_was_taken_is_put_back_and_done_for_the_next_one(
    pool: APool, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service dies after a worker has taken the call and before it has signed: nothing has begun."""
    monkeypatch.setattr("jitbot.pools.hand.WARRANT_SECONDS", 0.3)
    monkeypatch.setattr("jitbot.pools.following.WAKE_SECONDS", 0.2)
    runner, run = FakeRunner(), ContractRun()

    def signs(*_: object) -> str:
        raise KeyboardInterrupt

    sign: Callable[..., str] = pool.warrant
    pool.warrant = signs  # type: ignore[method-assign]
    with pool.worker(OneRunner(runner)):
        dies = Later(lambda: _dies(service, run))
        assert dies.result() == "died"
        until(lambda: [each.state for each in pool.calls("start")] == ["waiting"], "the worker to put it back")
        assert runner.started == []
        pool.warrant = sign  # type: ignore[method-assign]
        assert service.start(INPUTS, run) == Receipt({"before": 100}, "changed it")
    assert runner.started == ["jit-1-1"]


def _dies(service: Any, run: ContractRun) -> str:
    try:
        service.start(INPUTS, run)
    except KeyboardInterrupt:
        return "died"
    return "lived"


def test_what_is_away_is_said_to_be_away(pool: APool, service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.pools.pooled.UNDO_SECONDS", 0.3)
    with pytest.raises(PoolUnavailable, match="nothing was done"):
        service.extend(INPUTS, None, ContractRun())
