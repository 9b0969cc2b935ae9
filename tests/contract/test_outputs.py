"""What runs say, as each of the two databases keeps it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jitbot.errors import Tampered
from jitbot.lifecycle import Event
from jitbot.model import Chunk, Output, Phase, Portion, RequestId, State
from jitbot.store.outputs import UNDOS_KEPT, StoreOutputs
from tests.contract.conftest import Store


def portion(*chunks: tuple[int, bytes], gone: range = range(0), missing: int = 0) -> Portion:
    return Portion([Chunk(*each) for each in chunks], gone, sum(len(data) for _, data in chunks), missing)


def keep(store: Store, output: Output, *portions: Portion) -> Output:
    for each in portions:
        with store.ledger.begin() as entry:
            output = entry.keep(output, each)
    return output


def begun(store: Store, **changes: object) -> Output:
    return Output(**{"request": store.add().id, "phase": Phase.START, "attempt": 1, **changes})  # type: ignore[arg-type]


@pytest.fixture
def outputs(store: Store) -> StoreOutputs:
    return StoreOutputs(store.database)


def test_it_is_read_back_as_it_was_written(store: Store, outputs: StoreOutputs) -> None:
    output = keep(store, begun(store, results=True), portion((0, "ü\0\n".encode()), (1, b"two\n")))
    (found,) = outputs.of(output.request)
    assert replace(found, began_at=None) == replace(output, began_at=None)
    assert found.began_at is not None
    assert (found.size, found.results, found.ended_at) == (8, True, None)
    assert outputs.chunks(found.id) == [Chunk(0, "ü\0\n".encode()), Chunk(1, b"two\n")]


def test_a_chunk_that_grows_is_written_again_and_one_that_is_gone_goes(store: Store, outputs: StoreOutputs) -> None:
    first = portion((0, b"a\n"), (1, b"b\n"), (2, b"c\n"))
    output = keep(store, begun(store), first, portion((2, b"c\nd\n"), gone=range(1, 2), missing=2))
    assert outputs.chunks(output.id) == [Chunk(0, b"a\n"), Chunk(2, b"c\nd\n")]
    assert outputs.of(output.request)[0].missing == 2


def test_outputs_of_one_request_come_in_their_order_and_others_not_at_all(store: Store, outputs: StoreOutputs) -> None:
    one, other = begun(store), begun(store)
    for attempt in (1, 2):
        keep(store, replace(one, attempt=attempt), portion((0, b"x\n")))
    keep(store, other, portion((0, b"y\n")))
    assert [each.attempt for each in outputs.of(one.request)] == [1, 2]
    assert outputs.of(RequestId(10**6)) == []


def test_of_an_undo_that_is_tried_on_the_first_and_the_latest_are_kept(store: Store, outputs: StoreOutputs) -> None:
    one = begun(store, phase=Phase.UNDO)
    keep(store, replace(one, phase=Phase.START), portion((0, b"x\n")))
    tries = [keep(store, replace(one, attempt=n), portion((0, b"x\n"))) for n in range(1, UNDOS_KEPT + 6)]
    kept = [each.attempt for each in outputs.of(one.request) if each.phase is Phase.UNDO]
    assert kept == [1, *range(7, UNDOS_KEPT + 6)]
    assert len(outputs.of(one.request)) == UNDOS_KEPT + 1
    assert outputs.chunks(tries[3].id) == []


def test_it_is_forgotten_some_time_after_the_end_a_few_at_a_time(store: Store, outputs: StoreOutputs) -> None:
    ended = store.add(state=State.PENDING)
    for attempt in (1, 2, 3):
        keep(store, Output(ended.id, Phase.START, attempt), portion((0, b"x\n")))
    running = keep(store, begun(store), portion((0, b"y\n")))
    with store.ledger.begin() as entry:
        entry.move(entry.get(ended.id), Event.WITHDRAW, "U0ANN")
    end = store.ledger.get(ended.id).ended_at
    assert end is not None
    assert outputs.forget(end - timedelta(microseconds=1), 10) == 0
    assert outputs.forget(end, 2) == 2
    assert [each.attempt for each in outputs.of(ended.id)] == [3]
    assert outputs.forget(end, 2) == 1
    assert outputs.forget(end + timedelta(days=900), 2) == 0
    assert outputs.chunks(running.id) == [Chunk(0, b"y\n")]


def test_what_the_record_says_of_a_kind_is_read_verified(store: Store) -> None:
    one, other = store.add(), store.add()
    for request in (one, other, one):
        with store.ledger.begin() as entry:
            entry.record("output", "worker", request.id, sha256="ab")
    told = store.trail.told(one.id, "output")
    assert [(each.request, each.body["sha256"]) for each in told] == [(one.id, "ab")] * 2
    assert store.trail.told(one.id, "nothing") == []
    with store.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE events SET body = '{{}}' WHERE seq = {told[0].seq}")
    with pytest.raises(Tampered):
        store.trail.told(one.id, "output")
