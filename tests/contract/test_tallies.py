"""What is counted for a decision: other requests only, and nobody counts the same place at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from jitbot.model import Counting, RequestId, State, Tally, UndoCause
from jitbot.store.steady import SteadyClock
from tests.contract.conftest import Store
from tests.unit.core.builders import ANN, BO, CY, a_request, a_review, a_snapshot

HOUR = timedelta(hours=1)
EVERYTHING = Counting({"a few": HOUR}, grants=True, cool_down=HOUR, apart=HOUR)


@pytest.mark.parametrize(
    "what",
    [Counting({"a few": HOUR}), Counting(grants=True), Counting(cool_down=HOUR), Counting(apart=HOUR), EVERYTHING],
    ids=["quotas", "grants", "cool-down", "apart", "all"],
)
def test_whoever_counts_in_a_transaction_counts_alone(store: Store, what: Counting) -> None:
    counted = threading.Event()

    def count() -> None:
        with store.ledger.begin() as entry:
            entry.tally(a_request(), what)
            counted.set()

    with ThreadPoolExecutor(1) as pool:
        with store.ledger.begin() as entry:
            entry.tally(a_request(), what)
            other = pool.submit(count)
            assert not counted.wait(0.7)
        other.result(timeout=20)
    assert counted.is_set()


def test_counting_as_advice_waits_for_nobody(store: Store) -> None:
    store.add()
    with store.ledger.begin() as entry:
        entry.tally(a_request(), EVERYTHING)
        assert store.ledger.tally(a_request(), EVERYTHING) == Tally({"a few": 0})


def test_only_others_of_the_same_kind_are_counted(store: Store) -> None:
    grant = {"ttl": HOUR, "state": State.ACTIVE}
    own = store.add(quota="a few", **grant)
    for changes in (
        {"requester": BO, "quota": "a few"},
        {"action": "drain", "quota": "a few", **grant},
        {"quota": "another rule"},
        {"quota": "a few", "created_at": own.created_at - timedelta(days=2)},
        {"state": State.ACTIVE},
        {"state": State.FAILED, "ended_at": own.created_at - timedelta(days=2)},
    ):
        store.add(**changes)
    back = own.created_at - store.ledger.now()
    store.database.offset, store.database.steady = back, SteadyClock()  # which goes back for a new process only
    assert store.ledger.tally(own, EVERYTHING) == Tally({"a few": 0})
    other = store.add(quota="a few", beneficiary=CY, expires_at=own.created_at, **grant)
    found = store.ledger.tally(own, EVERYTHING)
    assert found.used == {"a few": 1}
    assert [(each.name, each.requester, each.beneficiary, each.until) for each in found.holders] == [
        (other.name, ANN, CY, own.created_at)
    ]


@pytest.mark.parametrize(
    ("state", "cause", "failed"),
    [
        (State.FAILED, None, True),
        (State.ROLLED_BACK, UndoCause.UNHEALTHY, True),
        (State.ROLLED_BACK, UndoCause.STOP, False),
        (State.SUCCEEDED, None, False),
    ],
)
def test_a_run_has_failed_when_it_failed_or_was_undone_for_its_health(
    store: Store, state: State, cause: UndoCause | None, failed: bool
) -> None:
    now = store.ledger.now()
    older = store.add(state=State.FAILED, ended_at=now - timedelta(minutes=50))
    newer = store.add(state=state, undo_cause=cause, ended_at=now - timedelta(minutes=5))
    store.add(state=State.FAILED, ended_at=now, snapshot=a_snapshot(target="prod/other"))
    found = store.ledger.tally(a_request(id=RequestId(99)), EVERYTHING).failure
    assert found is not None
    assert found.name == (newer if failed else older).name


def test_who_approved_whom_is_told_by_whose_it_was(store: Store) -> None:
    now = store.ledger.now()
    for beneficiary, at in ((CY, now - timedelta(minutes=5)), (BO, now - timedelta(hours=3))):
        request = store.add(requester=BO, beneficiary=beneficiary)
        with store.ledger.begin() as entry:
            entry.review(request, a_review(ANN, "leads", at=at))
    found = store.ledger.tally(a_request(id=RequestId(99), created_at=now), EVERYTHING).approvals
    assert found == {BO: (now - timedelta(minutes=5),), CY: (now - timedelta(minutes=5),)}
    assert (
        store.ledger.tally(
            a_request(id=RequestId(99), requester=CY, beneficiary=CY, created_at=now), EVERYTHING
        ).approvals
        == {}
    )
