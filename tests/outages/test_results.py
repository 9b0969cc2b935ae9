"""What a runner came to is known to one process only, and is written however the database is away meanwhile."""

import threading
from collections.abc import Callable

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure, StoreRefused, StoreUnavailable
from jitbot.model import DeliveryKind, Receipt, Stage, State
from jitbot.ports import Run
from jitbot.service.results import until_written
from tests.acceptance.test_many_targets import POLICY as MANY
from tests.outages.server import Breakable
from tests.town import ANN, BO, PEOPLE, FakeInputs, Town

AWAY_SECONDS = 0.5


def once(do: Callable[[], None]) -> Callable[..., None]:
    """Return something that does this when it is called first."""
    left = [do]
    return lambda *_: left.pop()() if left else None


def away(server: Breakable) -> Callable[..., None]:
    """Return what has the database gone as soon as a runner has acted."""
    return once(lambda: server.gone_for(AWAY_SECONDS))


@pytest.mark.postgres
class TestTheDatabaseIsGoneWhenARunnerHasActed:
    def test_a_start_is_done_and_never_was_unsure(self, on_postgres: Town, postgres: Breakable) -> None:
        town = on_postgres
        town.runner.after_start = away(postgres)
        grant = town.ask(ANN, "tune", value=200)
        assert (town.state(grant), town.see(grant).receipt) == (State.ACTIVE, {"before": 100})
        assert town.kinds(grant) == ["requested", "allow", "start", "grant"]
        assert town.said("alarm") == []

    def test_a_refusal_is_a_refusal(self, on_postgres: Town, postgres: Breakable) -> None:
        town = on_postgres
        gone = away(postgres)

        def refuse(inputs: FakeInputs, run: Run) -> None:
            gone()
            raise RunnerRefused("it says no")

        town.runner.on_start = refuse
        grant = town.ask(ANN, "tune", value=200)
        assert (town.state(grant), town.see(grant).outcome) == (State.FAILED, "it says no")

    def test_an_undo_is_done_once(self, on_postgres: Town, postgres: Breakable) -> None:
        town = on_postgres
        grant = town.ask(ANN, "tune", value=200)
        town.runner.after_undo = away(postgres)
        town.drop(ANN, grant)
        assert (town.state(grant), town.runner.undone) == (State.REVOKED, ["jit-1-1"])

    def test_an_undo_that_failed_has_failed_once(self, on_postgres: Town, postgres: Breakable) -> None:
        town = on_postgres
        grant = town.ask(ANN, "tune", value=200)
        gone = away(postgres)

        def fail(inputs: FakeInputs, run: Run) -> None:
            gone()
            raise RunnerUnsure("no answer")

        town.runner.on_undo = fail
        town.drop(ANN, grant)
        assert (town.state(grant), town.see(grant).undo_attempts) == (State.UNDOING, 1)

    def test_an_extension_is_told_once_and_holds(self, on_postgres: Town, postgres: Breakable) -> None:
        town = on_postgres
        told: list[str] = []
        gone = away(postgres)

        def extend(inputs: FakeInputs, receipt: Receipt | None, run: Run) -> Receipt:
            told.append(run.key)
            gone()
            return Receipt({"before": 100}, "longer")

        town.runner.ends_by_itself = True  # type: ignore[attr-defined]
        town.runner.extend = extend  # type: ignore[attr-defined]
        town.restart()
        grant = town.ask(ANN, "tune", value=200)
        extension = town.extend(ANN, grant)
        assert (town.state(extension), town.see(grant).extended_by) == (State.SUCCEEDED, extension.id)
        assert told == ["jit-1-1"]

    def test_of_many_targets_each_is_done_once(self, on_postgres: Town, postgres: Breakable) -> None:
        town = on_postgres
        town.files = {
            "web.yml": MANY.replace("FOR_EACH", "for_each: {parameter: hosts, waves: [2]}"),
            "people.yml": PEOPLE,
        }
        town.restart()
        request = town.ask(ANN, "tune", hosts=["web1", "web2", "web3"])
        town.runner.after_start = away(postgres)
        town.approve(BO, request)
        assert [each.stage for each in town.see(request).progress] == [Stage.DONE] * 3
        assert (town.state(request), len(town.runner.started)) == (State.SUCCEEDED, 3)

    def test_of_many_targets_each_is_undone_once(self, on_postgres: Town, postgres: Breakable) -> None:
        town = on_postgres
        policy = MANY.replace("FOR_EACH", "for_each: hosts\n    timebox: {default: 30m, max: 1h}")
        town.files = {"web.yml": policy, "people.yml": PEOPLE}
        town.restart()
        request = town.ask(ANN, "tune", hosts=["web1", "web2"])
        town.approve(BO, request)
        town.runner.after_undo = away(postgres)
        town.drop(ANN, request)
        assert (town.state(request), len(town.runner.undone)) == (State.REVOKED, 2)


def broken(town: Town) -> Callable[[], None]:
    """Have every transaction fail from now on, and return what mends that."""
    begin = town.ledger.begin

    def down() -> None:
        raise StoreUnavailable("the database does not answer")

    town.ledger.begin = down  # type: ignore[method-assign, assignment]
    return lambda: setattr(town.ledger, "begin", begin)


def in_a_thread(town: Town, request: int) -> threading.Thread:
    thread = threading.Thread(target=lambda: town.service.sweep.attend(request), daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def wait_for(true: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(2000):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come")


def starting(town: Town) -> tuple[int, threading.Thread, Callable[[], None]]:
    """Have a start done whose result cannot be written, since the database fails."""
    town.service.intake.work(town.take_in(DeliveryKind.ASK, ANN, action="tune", params={"value": 200}, reason="x"))
    request = town.ledger.find()[0].id
    mend: list[Callable[[], None]] = []
    town.runner.after_start = lambda: mend.append(broken(town))
    thread = in_a_thread(town, request)
    wait_for(lambda: town.world.results.waits(request))
    return request, thread, mend[0]


def test_a_result_that_waits_is_in_our_hands_though_its_claim_has_run_out(on_file: Town) -> None:
    town = on_file
    request, thread, mend = starting(town)
    town.forward(minutes=20)  # beyond the claim and the deadline of the start
    town.service.sweep.attend(request)  # type: ignore[arg-type]
    mend()
    town.service.sweep.attend(request)  # type: ignore[arg-type]
    thread.join(20)
    assert town.ledger.find()[0].state is State.ACTIVE
    assert "lose" not in [event.kind for event in town.trail.events()]
    assert town.runner.started == ["jit-1-1"]


def test_a_result_that_another_process_has_gone_on_without_comes_late_and_settles_it(on_file: Town) -> None:
    town = on_file
    _, thread, mend = starting(town)
    twin = town.twin()
    twin.forward(minutes=1)
    twin.settle()
    assert twin.ledger.find()[0].state is State.UNSURE
    mend()
    thread.join(20)
    twin.close()
    assert (town.ledger.find()[0].state, town.runner.started) == (State.ACTIVE, ["jit-1-1"])


def test_a_process_that_ends_gives_a_result_up_and_says_so(on_file: Town, caplog: pytest.LogCaptureFixture) -> None:
    town = on_file
    request, thread, mend = starting(town)
    town.service.close()
    thread.join(20)
    assert not thread.is_alive()
    assert "the result of JIT-1 is kept in memory until the database is back" in caplog.text
    assert "the result of JIT-1 could not be written, and is lost with this process" in caplog.text
    mend()
    town.restart()
    town.forward(minutes=1)
    town.settle()
    assert town.ledger.find()[0].state is State.UNSURE
    assert not town.world.results.waits(request)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "ending"), [(StoreRefused("no such table"), False), (StoreUnavailable("away"), True)]
)
def test_what_no_other_try_would_write_is_tried_once_and_said(
    error: StoreUnavailable, ending: bool, caplog: pytest.LogCaptureFixture
) -> None:
    given_up, tries = threading.Event(), []
    if ending:
        given_up.set()

    def write() -> None:
        tries.append(error)
        raise error

    with pytest.raises(type(error)):
        until_written(write, "the result of JIT-7", given_up)
    assert tries == [error]
    assert f"the result of JIT-7 could not be written, and is lost with this process: {error}" in caplog.text


def test_a_result_whose_commit_was_not_answered_is_not_written_twice(on_file: Town) -> None:
    town = on_file
    begin, lost = town.ledger.begin, []

    def breaking() -> object:
        town.ledger.begin = begin  # type: ignore[method-assign]
        return _Unanswered(begin(), lost)

    town.runner.after_start = lambda: setattr(town.ledger, "begin", breaking)
    town.runner.start = _silent(town.runner.start)  # type: ignore[method-assign]
    grant = town.ask(ANN, "tune", value=200)
    assert lost == [1]
    assert town.kinds(grant) == ["requested", "allow", "start", "grant"]


class _Unanswered:
    """A transaction that is committed, and whose commit is not answered."""

    def __init__(self, inner: object, lost: list[int]) -> None:
        self._inner, self._lost = inner, lost

    def __enter__(self) -> object:
        return self._inner.__enter__()  # type: ignore[attr-defined]

    def __exit__(self, *error: object) -> None:
        self._inner.__exit__(*error)  # type: ignore[attr-defined]
        self._lost.append(1)
        raise StoreUnavailable("no answer")


def _silent(start: Callable[..., Receipt]) -> Callable[..., Receipt]:
    """Start without a word, so that the next transaction is that of the result."""

    def started(inputs: FakeInputs, run: Run) -> Receipt:
        run.log = lambda line: None  # type: ignore[method-assign]
        return start(inputs, run)

    return started
