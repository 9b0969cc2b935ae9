"""What runs say, through the service: kept whole, vouched for by the record, results for the requester alone."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from jitbot.errors import Conflict, NotFound, NotPermitted, RunnerUnsure, Settled, StoreRefused, StoreUnavailable
from jitbot.model import Output, Phase, Request, State
from jitbot.ports import Run
from jitbot.service import runlog
from jitbot.service.results import passes
from jitbot.service.runlog import RunLog
from jitbot.service.transcript import text_of, vouched
from jitbot.store.tables import output_chunks
from tests.acceptance.killing import Killed
from tests.acceptance.test_many_targets import POLICY as WAVES
from tests.town import ANN, BO, CY, EVE, PEOPLE, FakeInputs, Town


def saying(town: Town, *lines: str, results: tuple[str, ...] = ()) -> None:
    """Have the runner say something in every start."""

    def on_start(inputs: FakeInputs, run: Run) -> None:
        for line in lines:
            run.log(line)
        for line in results:
            run.result(line)

    town.runner.on_start = on_start


def ran(town: Town) -> Request:
    return town.ask(ANN, "restart", service="api", env="staging")


def kept(town: Town, request: Request) -> list[tuple[Output, str]]:
    return [(each, text_of(each, town.outputs.chunks(each.id))) for each in town.outputs.of(request.id)]


def fault(town: Town, output: Output) -> str:
    return vouched(output, town.outputs.chunks(output.id), town.trail.told(output.request, "output"))


def wait_for(look: Callable[[], Any]) -> Any:
    """Wait until something is true; what is waited for is another thread."""
    for _ in range(1000):
        found = look()
        if found:
            return found
        threading.Event().wait(0.01)
    raise AssertionError("it did not come")


def test_what_a_run_says_is_kept_whole_and_on_record(town: Town) -> None:
    saying(town, "pulling", "x" * 15_000)
    request = ran(town)
    ((output, text),) = kept(town, request)
    assert text == f"pulling\n{'x' * 15_000}\nchanged staging/api\n"
    assert (output.phase, output.attempt, output.results, output.size) == (Phase.START, 1, False, len(text))
    assert output.ended_at is not None
    assert fault(town, output) == ""
    told = town.trail.told(request.id, "output")
    assert [(each.body["bytes"], each.body["missing"]) for each in told] == [(len(text), 0)]


def test_output_that_was_changed_afterwards_is_not_what_the_record_says(town: Town) -> None:
    saying(town, "deleted 3 rows")
    ((output, text),) = kept(town, ran(town))
    other = text.replace("3 rows", "9 rows").encode()
    with town.database.write() as connection:
        connection.execute(update(output_chunks).values(data=other))
    assert fault(town, output).startswith("IT WAS CHANGED: the record says ")
    assert fault(town, replace(output, attempt=2)).startswith("IT WAS CHANGED")


def test_start_and_undo_are_kept_apart(town: Town) -> None:
    town.runner.on_undo = lambda inputs, run: run.log("put back")
    request = town.ask(ANN, "tune", value=200)
    town.drop(ANN, request)
    assert [(each.phase, each.attempt, text) for each, text in kept(town, request)] == [
        (Phase.START, 1, "changed prod/work_mem\n"),
        (Phase.UNDO, 1, "put back\n"),
    ]


def test_each_try_of_an_undo_is_kept_apart(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    tries = iter(range(3))

    def on_undo(inputs: FakeInputs, run: Run) -> None:
        number = next(tries)
        run.log(f"try {number}")
        if number < 2:
            raise RunnerUnsure("no answer")

    town.runner.on_undo = on_undo
    town.drop(ANN, request)
    for _ in range(2):
        town.forward(seconds=10)
        town.settle()
    undos = [(each.attempt, text) for each, text in kept(town, request) if each.phase is Phase.UNDO]
    assert undos == [(1, "try 0\n"), (2, "try 1\n"), (3, "try 2\n")]


def test_a_run_that_says_nothing_leaves_nothing(town: Town) -> None:
    request = town.ask(ANN, "tune", value=200)
    town.drop(ANN, request)
    assert [each.phase for each, _ in kept(town, request)] == [Phase.START]


def test_a_failed_run_keeps_what_it_said(town: Town) -> None:
    def on_start(inputs: FakeInputs, run: Run) -> None:
        run.log("no such host")
        raise RunnerUnsure("gave up")

    town.runner.on_start = on_start
    request = ran(town)
    ((output, text),) = kept(town, request)
    assert (town.state(request), text, fault(town, output)) == (State.UNSURE, "no such host\n", "")


def test_results_are_for_the_requester_alone(town: Town) -> None:
    saying(town, "reading", results=("id = 1", "id = 2"))
    request = ran(town)
    assert "id = 1" not in str(town.said("thread"))
    said, found = kept(town, request)
    assert (found[0].results, found[1], said[1]) == (True, "id = 1\nid = 2\n", "reading\nchanged staging/api\n")
    rows = [each for each in town.outbox.claim(100, timedelta(0)) if each.topic == "result"]
    assert [(each.to, each.text) for each in rows] == [(ANN, str(found[0].id))], "no copy stands in the outbox"
    assert list(town.service.handing_out.files(ANN, request.id)) == ["JIT-1-output.txt", "JIT-1-results.txt"]
    others = town.service.handing_out.files(BO, request.id)
    assert list(others) == ["JIT-1-output.txt"]
    assert "id = 1" not in str(others)
    assert town.service.handing_out.result(request.id, found[0].id)[1] == "id = 1\nid = 2\n"
    with pytest.raises(NotFound):
        town.service.handing_out.result(request.id, said[0].id)
    assert all("id = 1" not in str(event.body) for event in town.trail.events())


def test_the_output_goes_to_whoever_may_see_the_request(town: Town) -> None:
    saying(town, "words")
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve(BO, request)
    for user in (ANN, BO, CY):
        town.service.handing_out.ask(user, request.id)
        town.service.handing_out.ask(user, request.id)
    rows = [each for each in town.outbox.claim(100, timedelta(0)) if each.topic == "output"]
    assert [each.to for each in rows] == [ANN, BO, CY], "asked twice, sent once"
    with pytest.raises(NotPermitted):
        town.service.handing_out.ask(EVE, request.id)


def test_where_nothing_is_kept_that_is_said(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    with pytest.raises(Settled, match="Nothing is kept of what JIT-1 said"):
        town.service.handing_out.ask(ANN, request.id)
    saying(town, results=("for Ann",))
    town.runner.after_start = lambda: None
    town.approve(BO, request)
    assert town.service.handing_out.files(BO, request.id).keys() == {"JIT-1-output.txt"}


def test_output_is_deleted_thirty_days_after_the_end_and_the_record_stays(town: Town) -> None:
    request = ran(town)
    town.settle()
    town.forward(days=29, hours=23)
    town.settle()
    assert kept(town, request)
    town.forward(hours=2)
    town.settle()
    assert kept(town, request) == []
    assert len(town.trail.told(request.id, "output")) == 1
    assert town.trail.verify()


def test_more_than_one_batch_is_deleted_in_sweep_after_sweep(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.service.keeping.AT_ONCE", 1)
    requests = [ran(town) for _ in range(3)]
    town.forward(days=31)
    for left in (2, 1, 0):
        town.service.sweep.tick()
        assert sum(len(kept(town, each)) for each in requests) == left


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what a run says written and drawn almost at once."""
    monkeypatch.setattr(runlog, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr(runlog, "PROGRESS_SECONDS", 0.0)


@pytest.fixture
def inside(town: Town) -> Iterator[Callable[[Callable[[Request, Run], None]], Request]]:
    """Return what runs a request and calls a function in the middle of it."""

    def run_it(look: Callable[[Request, Run], None]) -> Request:
        def on_start(inputs: FakeInputs, run: Run) -> None:
            look(town.ledger.find()[0], run)

        town.runner.on_start = on_start
        return ran(town)

    yield run_it


@pytest.mark.usefixtures("quick")
def test_it_is_written_while_it_comes(town: Town, inside: Callable[..., Request]) -> None:
    def look(request: Request, run: Run) -> None:
        run.log("half way")
        found = wait_for(lambda: kept(town, request))
        assert [text for _, text in found] == ["half way\n"]
        assert found[0][0].ended_at is None
        assert fault(town, found[0][0]).startswith("the record says nothing of it")

    request = inside(look)
    assert town.state(request) is State.SUCCEEDED
    assert [text for _, text in kept(town, request)] == ["half way\nchanged staging/api\n"]


@pytest.mark.usefixtures("quick")
def test_the_card_is_told_the_last_line_while_it_runs(town: Town, inside: Callable[..., Request]) -> None:
    def look(request: Request, run: Run) -> None:
        version = town.see(request).version
        run.log("4 of 6 pods")
        wait_for(lambda: town.see(request).last_line == "4 of 6 pods")
        assert town.see(request).version == version + 1, "the card is redrawn"

    request = inside(look)
    assert town.state(request) is State.SUCCEEDED
    assert "said" not in town.kinds(request), "how far it has come is no event"
    assert town.trail.verify()


@pytest.mark.usefixtures("quick")
def test_a_run_does_not_wait_for_a_database_that_hangs(town: Town, inside: Callable[..., Request]) -> None:
    free = threading.Event()
    begin = town.ledger.begin

    def hanging() -> Any:
        if threading.current_thread().name.startswith("output of"):
            free.wait(20)
            raise StoreUnavailable("it hangs")
        return begin()

    def look(request: Request, run: Run) -> None:
        town.ledger.begin = hanging  # type: ignore[method-assign]
        for number in range(2000):
            run.log(f"line {number}")
        free.set()

    request = inside(look)
    assert town.state(request) is State.SUCCEEDED
    ((output, text),) = kept(town, request)
    assert text.startswith("line 0\nline 1\n")
    assert text.endswith("line 1999\nchanged staging/api\n")
    assert fault(town, output) == ""


@pytest.mark.usefixtures("quick")
def test_what_was_written_outlives_the_worker_and_the_next_attempt_is_apart(town: Town) -> None:
    town.runner.repeatable = True

    def die(inputs: FakeInputs, run: Run) -> None:
        run.log("so far")
        wait_for(lambda: kept(town, town.ledger.find()[0]))
        raise Killed

    town.runner.on_start = die
    with pytest.raises(Killed):
        ran(town)
    town.restart()
    town._build()
    saying(town, "once more")
    town.forward(seconds=31)
    town.settle()
    request = town.ledger.find()[0]
    first, second = kept(town, request)
    assert (first[0].attempt, first[1], first[0].ended_at) == (1, "so far\n", None)
    assert (second[0].attempt, second[1]) == (2, "once more\nchanged staging/api\n")
    assert fault(town, first[0]).startswith("the record says nothing of it")
    assert fault(town, second[0]) == ""
    assert not [each for each in threading.enumerate() if each.name.startswith("output of")], "nothing writes on"


def test_a_result_is_worth_more_than_its_output(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    begin, broken = town.ledger.begin, []

    def once() -> Any:
        if not broken:
            broken.append(1)
            raise StoreRefused("too large")
        return begin()

    town.runner.after_start = lambda: setattr(town.ledger, "begin", once)
    request = ran(town)
    assert town.state(request) is State.SUCCEEDED
    assert kept(town, request) == []
    assert "output of jit-1-1 was lost" in caplog.text


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text(max_size=40), max_size=8))
def test_whatever_a_runner_says_is_kept_and_vouched_for(town: Town, lines: list[str]) -> None:
    saying(town, *lines, results=tuple(lines))
    request = ran(town)
    assert town.state(request) is State.SUCCEEDED
    for output, text in kept(town, request):
        assert fault(town, output) == ""
        assert text.count("\n") == len(lines) + (not output.results), "a line of theirs is one line"


@pytest.mark.parametrize("due", [True, False], ids=["also for the thread", "to be kept only"])
@pytest.mark.parametrize("error", [Conflict("overtaken"), StoreRefused("no"), StoreUnavailable("down")], ids=repr)
def test_lines_that_cannot_be_written_in_the_midst_of_a_run_are_written_with_the_next(
    town: Town, error: Exception, due: bool
) -> None:
    begin = town.ledger.begin

    def once() -> Any:
        town.ledger.begin = begin  # type: ignore[method-assign]
        raise error

    with RunLog(town.world, ran(town), town.ledger.now()) as run:
        run.log("first")
        run._batches._taken_at -= 60 if due else 0
        town.ledger.begin = once  # type: ignore[method-assign]
        assert run._write() is not passes(error)
        run.log("second")
    assert "first\nsecond\n" in [text for _, text in kept(town, town.ledger.find()[0])][-1]


def test_lines_after_the_end_of_a_run_change_nothing(town: Town) -> None:
    with RunLog(town.world, ran(town), town.ledger.now()) as run:
        run.log("in time")
    run.log("too late")
    assert "too late" not in str(kept(town, town.ledger.find()[0]))


def test_each_wave_of_many_targets_is_kept_and_each_line_says_whose_it_is(town: Town) -> None:
    policy = WAVES.replace("FOR_EACH", "for_each: {parameter: hosts, waves: [1, 2]}")
    town.files = {"web.yml": policy, "people.yml": PEOPLE}
    town.restart()
    saying(town, "draining", results=("3 sessions",))
    request = town.ask(ANN, "tune", hosts=["web1", "web2", "web3"])
    town.approve(BO, request)
    assert town.state(request) is State.SUCCEEDED
    said = [sorted(text.splitlines()) for each, text in kept(town, request) if not each.results]
    assert said == [
        ["web1: changed prod/web1", "web1: draining"],
        ["web2: changed prod/web2", "web2: draining", "web3: changed prod/web3", "web3: draining"],
    ]
    found = [sorted(text.splitlines()) for each, text in kept(town, request) if each.results]
    assert found == [["web1: 3 sessions"], ["web2: 3 sessions", "web3: 3 sessions"]]
    assert [fault(town, each) for each, _ in kept(town, request)] == [""] * 4


def test_what_a_run_says_after_its_end_is_not_drawn(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="staging")
    run = RunLog(town.world, town.see(request), town.ledger.now())
    with town.ledger.begin() as entry:
        run._draw(entry, "too late")
    assert (town.see(request).last_line, town.state(request)) == ("", State.SUCCEEDED)
