"""Calls on a runner of a pool: what is asked is done once, and what nobody knows is said to be so.

Not marked `postgres`: what pools do shows nowhere else, so deliberate faults are tried on them too.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jitbot.errors import PoolUnavailable, RunnerCutOff, RunnerRefused, RunnerUnsure, StoreUnavailable, WorkerLost
from jitbot.model import Health, HealthState, Privilege, Receipt
from jitbot.pools.calls import Answer, Call, CallState, Kind, Line, Word
from jitbot.pools.hand import Hand
from jitbot.ports import Run
from jitbot.testing.runners import ContractRun
from tests.pooling import APool, Later, until
from tests.town import FakeInputs, FakeRunner, OneRunner

INPUTS = FakeInputs(what="api", where="prod", value=7)


@dataclass
class Both:
    """A pool, the runner that its workers have, and the same runner as the service has it."""

    pool: APool
    there: FakeRunner
    here: Any

    def worker(self, hands: int = 4) -> Any:
        return self.pool.worker(OneRunner(self.there), hands)


@pytest.fixture
def both(pool: APool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    monkeypatch.setattr("jitbot.pools.following.WAKE_SECONDS", 0.2)
    there = FakeRunner()
    here = pool.runners(OneRunner(FakeRunner())).runner("fake")
    yield Both(pool, there, here)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a worker up soon; where no real one works, which could be silent for so long on a busy machine."""
    monkeypatch.setattr("jitbot.pools.following.LOST_SECONDS", 0.6)


def a_start(key: str = "jit-1-1") -> Call:
    deadline = datetime.now(UTC) + timedelta(seconds=30)
    return Call(key, Kind.START, "fake", INPUTS.model_dump(), None, key, deadline)


def test_everything_that_is_asked_is_done_by_the_worker(both: Both) -> None:
    run = ContractRun()
    both.there.health = HealthState.HEALTHY
    with both.worker():
        assert both.here.plan(INPUTS).fingerprint == "as planned"
        receipt = both.here.start(INPUTS, run)
        assert receipt == Receipt({"before": 100}, "changed it")
        assert run.lines == ["changed prod/api"]
        assert both.here.check(INPUTS, receipt).state is HealthState.HEALTHY
        assert both.there.world == {"prod/api": 7}
        both.here.undo(INPUTS, receipt, ContractRun())
    assert both.there.world == {"prod/api": 100}
    assert both.here.target(INPUTS) == "prod/api", "that is known without a worker"


class ARunnerOfGrants(FakeRunner):
    """A fake one that has all that a runner can have besides."""

    def extend(self, inputs: Any, receipt: Receipt | None, run: Run) -> Receipt:
        return Receipt({"until": str(run.until), "key": run.key, "had": dict(receipt.data) if receipt else None})

    def privileges(self, inputs: Any) -> list[Privilege]:
        return [Privilege("prod/api", "ann", ours=True)]

    def check_by_key(self, inputs: Any, key: str) -> Health:
        return Health(HealthState.HEALTHY, f"there is {key}")


def test_what_a_runner_has_besides_it_has_in_a_pool_too_and_nothing_else(pool: APool) -> None:
    plain = pool.runners(OneRunner(FakeRunner())).runner("fake")
    here: Any = pool.runners(OneRunner(ARunnerOfGrants())).runner("fake")
    run = ContractRun()
    assert plain.privileges(INPUTS) is None  # type: ignore[attr-defined]
    with pool.worker(OneRunner(ARunnerOfGrants())):
        here.start(INPUTS, run)
        extended = here.extend(INPUTS, Receipt({"x": 1}), run)
        assert extended.data == {"until": str(run.until), "key": "jit-1-1", "had": {"x": 1}}
        assert here.privileges(INPUTS) == [Privilege("prod/api", "ann", ours=True)]
        assert here.check_by_key(INPUTS, "jit-1-1") == Health(HealthState.HEALTHY, "there is jit-1-1")


def test_a_look_that_nobody_takes_says_that_nobody_is_there_and_is_not_made_later(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"No worker of pool {both.pool.name} answered within 0.3 s; nothing was done."
    with monkeypatch.context() as patch:
        patch.setattr("jitbot.pools.pooled.TAKE_SECONDS", 0.3)
        with pytest.raises(PoolUnavailable, match=nobody):
            both.here.plan(INPUTS)
        assert both.here.check(INPUTS, None) == Health(HealthState.UNKNOWN, nobody)
    assert [each.state for each in both.pool.calls("plan")] == ["withdrawn"]
    planned: list[object] = []
    both.there.on_plan = planned.append
    with both.worker():
        both.here.plan(INPUTS)
    assert len(planned) == 1


def test_a_start_that_nobody_takes_by_its_deadline_has_not_happened_and_never_will(both: Both) -> None:
    run = ContractRun()
    run.deadline = datetime.now(UTC) + timedelta(seconds=0.3)
    with pytest.raises(RunnerRefused, match="answered in time; nothing was done"):
        both.here.start(INPUTS, run)
    with both.worker(), pytest.raises(RunnerRefused, match="taken back before a worker had begun it"):
        both.here.start(INPUTS, ContractRun())
    assert both.there.started == []


def test_a_start_that_is_stopped_before_anybody_took_it_has_not_happened(both: Both) -> None:
    with pytest.raises(RunnerRefused, match="No worker had begun it, so nothing was done: it was stopped"):
        both.here.start(INPUTS, ContractRun(stopped=1))


class HaltedRun(ContractRun):
    """A run that nobody may begin any more after it was asked so often."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def halted(self) -> str:
        self._after -= 1
        return "everything is halted" if self._after < 0 else ""


def test_a_start_that_is_halted_before_anybody_took_it_is_taken_back(both: Both) -> None:
    with pytest.raises(RunnerRefused, match="No worker had begun it, so nothing was done: everything is halted"):
        both.here.start(INPUTS, HaltedRun(after=1))
    with both.worker(), pytest.raises(RunnerRefused, match="taken back before a worker had begun it"):
        both.here.start(INPUTS, ContractRun())
    assert both.there.started == []


def test_what_is_halted_is_not_put_up_at_all(both: Both) -> None:
    with both.worker(), pytest.raises(RunnerRefused, match="not given to a worker, so nothing was done"):
        both.here.start(INPUTS, HaltedRun(after=0))
    assert both.pool.calls("start") == []


def test_a_start_that_a_worker_has_begun_comes_to_its_end_though_it_is_halted(both: Both) -> None:
    with both.worker():
        first = both.here.start(INPUTS, ContractRun())
        assert both.here.start(INPUTS, HaltedRun(after=0)) == first
    assert len(both.there.started) == 1


def test_a_start_that_is_asked_for_again_is_the_one_that_was_begun(both: Both) -> None:
    """A service dies while a worker runs, and another one goes on with its request."""
    go_on, begun = threading.Event(), threading.Event()

    def slowly(inputs: FakeInputs, run: Run) -> None:
        run.log("half way")
        begun.set()
        go_on.wait(20)

    both.there.on_start = slowly
    first, second = ContractRun(), ContractRun()
    with both.worker():
        one = Later(lambda: both.here.start(INPUTS, first))
        assert begun.wait(20)
        other = Later(lambda: both.here.start(INPUTS, second))
        until(lambda: second.lines, "the line that the first one has read, too")
        go_on.set()
        assert one.result() == other.result() == Receipt({"before": 100}, "changed it")
        assert both.here.start(INPUTS, ContractRun()) == one.result(), "and when it is over, too"
    assert both.there.started == ["jit-1-1"]
    assert first.lines == second.lines == ["half way", "changed prod/api"]


def test_a_start_of_this_name_with_other_inputs_is_not_taken_for_the_same(both: Both) -> None:
    """The ledger was restored from a backup, and its numbers are given again."""
    with both.worker():
        both.here.start(INPUTS, ContractRun())
        with pytest.raises(RunnerRefused, match="perhaps of another database"):
            both.here.start(INPUTS.model_copy(update={"value": 8}), ContractRun())
    assert both.there.world == {"prod/api": 7}


def test_a_press_on_stop_and_what_is_for_the_requester_alone_come_through(both: Both) -> None:
    def until_stopped(inputs: FakeInputs, run: Run) -> None:
        run.result("42 rows")
        until(run.stopping, "the press on Stop")
        raise RunnerRefused("stopped half way")

    both.there.on_start = until_stopped
    run = ContractRun(stopped=3)
    with both.worker(), pytest.raises(RunnerRefused, match="stopped half way"):
        both.here.start(INPUTS, run)
    assert run.results == ["42 rows"]


def test_an_undo_is_not_told_to_stop(both: Both) -> None:
    told: list[bool] = []
    both.there.on_undo = lambda inputs, run: told.append(run.stopping())
    with both.worker():
        both.here.undo(INPUTS, None, ContractRun())
    assert told == [False]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RunnerRefused("no"), RunnerRefused),
        (RunnerUnsure("perhaps"), RunnerUnsure),
        (RunnerCutOff("perhaps yet"), RunnerCutOff),
        (ValueError("x"), RunnerUnsure),
    ],
    ids=["refused", "unsure", "cut off", "anything else"],
)
def test_what_a_runner_raises_over_there_is_raised_here(both: Both, error: Exception, kind: type[Exception]) -> None:
    def fail(*_: object) -> None:
        raise error

    both.there.on_start = fail
    with both.worker(), pytest.raises(kind) as raised:
        both.here.start(INPUTS, ContractRun())
    assert type(raised.value) is kind


def test_a_runner_that_the_workers_do_not_have_is_refused(both: Both) -> None:
    catalog = OneRunner(both.there)
    catalog.gone = True
    with both.pool.worker(catalog), pytest.raises(RunnerRefused, match="fake is not allowed in this pool"):
        both.here.start(INPUTS, ContractRun())


@pytest.mark.usefixtures("impatient")
def test_a_worker_that_is_not_heard_of_leaves_its_start_unsure_and_its_late_answer_counts(both: Both) -> None:
    frozen = both.pool.taken("frozen")
    start = Later(lambda: both.here.start(INPUTS, ContractRun()))
    hold = until(lambda: frozen.take("jit-1-1", 1), "the call")
    lost = start.result()
    assert isinstance(lost, WorkerLost)
    assert "The worker frozen of pool" in str(lost)
    assert both.here.answered("jit-1-1") is None
    assert frozen.answer(hold, Answer(Word.DONE, Receipt({"x": 1})), [Line("late")])
    assert both.here.answered("jit-1-1") == Receipt({"x": 1})


def test_a_repeatable_start_is_given_to_another_worker_and_the_first_one_cannot_answer(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.here._runner.repeatable = True
    frozen, run = both.pool.taken("frozen"), ContractRun()
    with monkeypatch.context() as impatient:
        impatient.setattr("jitbot.pools.following.LOST_SECONDS", 0.6)
        start = Later(lambda: both.here.start(INPUTS, run))
        hold = until(lambda: frozen.take("jit-1-1", 1), "the call")
        frozen.tell([], [(hold, [Line("said by the first")])])
        until(lambda: [each.attempt for each in both.pool.calls("start")] == [2], "a second attempt")
    with both.worker():
        assert start.result() == Receipt({"before": 100}, "changed it")
    assert not frozen.holds(hold)
    assert not frozen.answer(hold, Answer(Word.REFUSED, said="no"))
    assert frozen.take("jit-1-1", 1) is None
    assert run.lines[-1] == "changed prod/api"
    [call] = both.pool.calls("start")
    assert (call.state, call.attempt) == ("answered", 2)


@pytest.mark.usefixtures("impatient")
def test_a_start_that_costs_one_worker_after_the_other_is_not_given_to_a_fourth(both: Both) -> None:
    both.here._runner.repeatable = True
    frozen = both.pool.taken("frozen")
    start = Later(lambda: both.here.start(INPUTS, ContractRun()))
    for attempt in (1, 2, 3):
        until(lambda attempt=attempt: frozen.take("jit-1-1", attempt), f"attempt {attempt}")
    assert isinstance(start.result(), WorkerLost)


@pytest.mark.usefixtures("impatient")
def test_a_second_worker_that_never_comes_does_not_make_the_first_one_have_done_nothing(both: Both) -> None:
    both.here._runner.repeatable = True
    frozen, run = both.pool.taken("frozen"), ContractRun()
    run.deadline = datetime.now(UTC) + timedelta(seconds=4)
    start = Later(lambda: both.here.start(INPUTS, run))
    until(lambda: frozen.take("jit-1-1", 1), "the call")
    assert isinstance(start.result(), WorkerLost)
    with pytest.raises(WorkerLost):
        both.here.start(INPUTS, ContractRun())


def test_a_start_that_may_have_been_asked_for_is_asked_for_again(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks as the call is committed: to say that nothing was done would be a guess."""
    asked = both.here._runner._asked
    ask, times = asked.ask, iter(range(1000))

    def cut_off(*words: Any) -> bool:
        done: bool = ask(*words)
        if next(times) < 2:
            raise StoreUnavailable("the connection is lost")
        return done

    monkeypatch.setattr(asked, "ask", cut_off)
    with both.worker():
        assert both.here.start(INPUTS, ContractRun()).summary == "changed it"
        monkeypatch.setattr(asked, "ask", lambda *_: _away())
        with pytest.raises(PoolUnavailable, match="away"):
            both.here.plan(INPUTS)
    assert both.there.started == ["jit-1-1"]


def _away() -> bool:
    raise StoreUnavailable("The queue is away.")


def test_a_worker_that_is_heard_of_is_not_lost_however_long_it_takes(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jitbot.pools.following.LOST_SECONDS", 3.0)
    both.there.on_start = lambda inputs, run: threading.Event().wait(4.5)
    with both.worker():
        assert both.here.start(INPUTS, ContractRun()).summary == "changed it"
    assert [each.attempt for each in both.pool.calls("start")] == [1]


def test_nobody_is_taken_for_lost_because_the_database_was_away(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = both.pool.taken("quiet")
    asked = both.here._runner._asked
    look, looks = asked.look, iter(range(1000))

    def away_now_and_then(call: str, after: int = 0) -> Any:
        if next(looks) % 3 == 2:
            raise StoreUnavailable("the database is away")
        return look(call, after)

    monkeypatch.setattr(asked, "look", away_now_and_then)
    monkeypatch.setattr("jitbot.pools.following.LOST_SECONDS", 2.0)
    start = Later(lambda: both.here.start(INPUTS, ContractRun()))
    hold = until(lambda: quiet.take("jit-1-1", 1), "the call")
    threading.Event().wait(3.0)
    assert [each.state for each in both.pool.calls("start")] == ["taken"]
    quiet.answer(hold, Answer(Word.DONE, Receipt()))
    assert start.result() == Receipt()


def test_being_woken_twice_is_being_woken_once(both: Both) -> None:
    both.there.on_start = lambda inputs, run: threading.Event().wait(1.5)  # type: ignore[assignment, return-value]
    run = ContractRun()
    with both.worker():
        start = Later(lambda: both.here.start(INPUTS, run))
        until(lambda: [each.state for each in both.pool.calls("start")] == ["taken"], "the run")
        for _ in range(3):
            both.pool.asked().wake("jit-1-1", 1)
        assert start.result().summary == "changed it"
    assert (both.there.started, run.lines) == (["jit-1-1"], ["changed prod/api"])


def test_a_wake_up_that_is_lost_with_its_worker_is_given_again(both: Both) -> None:
    start = Later(lambda: both.here.start(INPUTS, ContractRun()))
    until(lambda: both.pool.calls("start"), "the call")
    both.pool.rows("DELETE FROM procrastinate_jobs")
    with both.worker():
        assert start.result().summary == "changed it"
    left = both.pool.rows("SELECT status FROM procrastinate_jobs")
    assert left == [], "wake-ups that have come are not kept"


def test_an_answer_that_is_none_is_no_answer(both: Both) -> None:
    """What workers write is a claim."""
    liar = both.pool.taken("liar")
    start = Later(lambda: both.here.start(INPUTS, ContractRun()))
    until(lambda: liar.take("jit-1-1", 1), "the call")
    change = """UPDATE calls SET state = 'answered', answer = '{"done": 7}'"""
    both.pool.rows(change, both.pool.made.address)
    assert isinstance(start.result(), RunnerUnsure)
    assert "an answer that is none" in str(start.result())


def test_a_call_is_put_up_with_its_wake_up_or_not_at_all(both: Both) -> None:
    asked = both.pool.asked()
    both.pool.rows("ALTER TABLE procrastinate_jobs RENAME TO elsewhere")
    with pytest.raises(StoreUnavailable):
        asked.ask(a_start())
    assert asked.look("jit-1-1") is None


def test_what_is_taken_by_one_is_not_to_be_had_by_another(both: Both) -> None:
    one, other = both.pool.taken("one"), both.pool.taken("other")
    both.pool.asked().ask(a_start())
    assert one.take("jit-1-1", 1) is not None
    assert other.take("jit-1-1", 1) is None
    assert not both.pool.asked().withdraw("jit-1-1"), "it has begun"


def test_what_is_too_late_or_taken_back_is_not_begun(both: Both) -> None:
    worker, asked = both.pool.taken("one"), both.pool.asked()
    asked.ask(a_start("a"), take_within=0)
    asked.ask(a_start("b"))
    assert asked.withdraw("b")
    assert worker.take("a", 1) is None
    assert worker.take("b", 1) is None
    seen = asked.look("a")
    assert seen is not None
    assert (seen.state, seen.too_late) == (CallState.WAITING, True)


def test_what_was_taken_and_never_begun_is_put_back_and_begun(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks just as the taking is committed: the worker does not know that it has it."""
    with both.worker() as worker:
        take = worker._taken.take

        def cut_off(call: str, attempt: int) -> None:
            monkeypatch.setattr(worker._taken, "take", take)
            assert take(call, attempt) is not None
            raise StoreUnavailable("the connection is lost")

        monkeypatch.setattr(worker._taken, "take", cut_off)
        assert both.here.start(INPUTS, ContractRun()).summary == "changed it"
    assert both.there.started == ["jit-1-1"]


def test_a_line_that_cannot_be_stored_holds_up_nothing(both: Both) -> None:
    worker = both.pool.taken("one")
    both.pool.asked().ask(a_start())
    hold = worker.take("jit-1-1", 1)
    assert hold is not None
    run = Hand(hold)
    run.log("a\0b\ud800c")
    worker.tell([], [(hold, run.take())])
    assert both.pool.rows("SELECT text FROM lines") == [("a\ufffdb?c",)]


def test_what_is_said_at_the_end_is_not_written_behind_the_answer(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clerk has a line in its hands when the run ends; whoever has the answer has all lines."""
    picked, run = threading.Event(), ContractRun()

    def say(inputs: FakeInputs, run: Run) -> None:
        run.log("one")
        assert picked.wait(20)

    both.there.on_start = say
    with both.worker() as worker:
        tell = worker._taken.tell

        def slowly(runners: Any, said: Any) -> Any:
            if any(lines for _, lines in said):
                picked.set()
                threading.Event().wait(0.5)
            return tell(runners, said)

        monkeypatch.setattr(worker._taken, "tell", slowly)
        both.here.start(INPUTS, run)
        monkeypatch.undo()
    assert run.lines == ["one", "changed prod/api"]


def test_an_answer_that_cannot_be_written_is_unsure_and_not_begun_again(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    with both.worker() as worker:
        answer = worker._taken.answer

        def picky(hold: Any, given: Answer, said: Any = ()) -> bool:
            if given.word is Word.DONE:
                raise TypeError("this cannot be written")
            done: bool = answer(hold, given, said)
            return done

        monkeypatch.setattr(worker._taken, "answer", picky)
        with pytest.raises(RunnerUnsure, match="it may have happened"):
            both.here.start(INPUTS, ContractRun())
    assert both.there.started == ["jit-1-1"]


def test_two_workers_share_the_work(both: Both) -> None:
    both_run = threading.Barrier(2)
    both.there.on_start = lambda inputs, run: both_run.wait(20)  # type: ignore[assignment, return-value]
    with both.worker(hands=1), both.worker(hands=1):
        until(lambda: len(both.pool.workers()) == 2, "two workers")
        starts = [Later(lambda key=key: both.here.start(INPUTS, ContractRun(key))) for key in ("jit-1-1", "jit-2-1")]
        assert [start.result().summary for start in starts] == ["changed it"] * 2
    assert len({each.worker for each in both.pool.calls("start")}) == 2


def test_a_worker_whose_connections_are_cut_connects_again(both: Both) -> None:
    both.there.on_start = lambda inputs, run: threading.Event().wait(1.0)  # type: ignore[assignment, return-value]
    with both.worker():
        start = Later(lambda: both.here.start(INPUTS, ContractRun()))
        until(lambda: [each.state for each in both.pool.calls("start")] == ["taken"], "the run")
        role = both.pool.made.schema
        cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
        assert both.pool.rows(cut)
        assert start.result().summary == "changed it", "the run went on"
        both.here.undo(INPUTS, None, ContractRun())
    assert both.there.started == ["jit-1-1"]


def test_what_hangs_on_a_worker_does_not_keep_others_out(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.pools.worker.LONG_SECONDS", 0.2)
    release = threading.Event()
    both.there.on_start = lambda inputs, run: release.wait(20)  # type: ignore[assignment, return-value]
    with both.worker(hands=1):
        start = Later(lambda: both.here.start(INPUTS, ContractRun()))
        until(lambda: [each.state for each in both.pool.calls("start")] == ["taken"], "the run that hangs")
        both.here.undo(INPUTS, None, ContractRun())
        release.set()
        assert start.result().summary == "changed it"


def test_what_a_worker_has_in_hand_when_it_is_told_to_stop_is_brought_to_its_end(both: Both) -> None:
    begun = threading.Event()

    def slowly(*_: object) -> None:
        begun.set()
        threading.Event().wait(0.5)

    both.there.on_start = slowly
    with both.worker():
        start = Later(lambda: both.here.start(INPUTS, ContractRun()))
        assert begun.wait(20)
    assert start.result().summary == "changed it"
    assert both.pool.workers() == [], "it has said that it is gone"


def test_what_is_long_over_is_not_kept(both: Both) -> None:
    worker, asked = both.pool.taken("one"), both.pool.asked()
    for key in ("old", "new"):
        asked.ask(a_start(key))
        hold = worker.take(key, 1)
        assert hold is not None
        worker.answer(hold, Answer(Word.REFUSED, said="no"), [Line(key)])
    both.pool.rows("UPDATE calls SET deadline = now() - interval '8 days' WHERE id = 'old'")
    worker.tidy()
    assert asked.look("old") is None
    assert [text for (text,) in both.pool.rows("SELECT text FROM lines")] == ["new"]
