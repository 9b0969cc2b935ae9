"""What the benchmarks fill a ledger with is what jitbot would have written: signed, chained, and the same in rows."""

from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.databases import databases
from benchmarks.ledgers import Ledgers
from jitbot.audit import Verifier
from jitbot.model import RequestId, State
from jitbot.service.authority import verify
from jitbot.store.engine import Database
from jitbot.store.ledger import StoreLedger
from jitbot.store.outputs import StoreOutputs
from jitbot.store.trail import StoreTrail

DONE, WAITING = 18, 2


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> Ledgers:
    return Ledgers(tmp_path_factory.mktemp("ledgers"))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_filled_ledger_verifies_and_every_request_in_it_is_what_its_record_says(
    ledgers: Ledgers, kind: str, tmp_path: Path
) -> None:
    with (
        databases(kind, tmp_path) as fresh_url,
        ledgers.filled(fresh_url, DONE + WAITING) as url,
        closing(Database(url)) as database,
    ):
        keys = ledgers.lived.keys
        trail, ledger = StoreTrail(database, Verifier(keys.public)), StoreLedger(database, keys)
        events = trail.verify()
        requests = [ledger.get(RequestId(number + 1)) for number in range(DONE + WAITING)]
        for request in requests:
            verify(request, ledger, trail)
        assert StoreOutputs(database).of(RequestId(DONE))
        with ledger.begin() as entry:
            added = entry.add(requests[0], by="U0ANN")
        assert trail.verify() == events + 1

    assert [each.state for each in requests] == [State.SUCCEEDED] * DONE + [State.PENDING] * WAITING
    assert len({each.requester for each in requests}) == len({each.snapshot.target for each in requests}) == 20
    asked = [each.created_at for each in requests]
    assert asked == sorted(asked)
    assert added.id == DONE + WAITING + 1
