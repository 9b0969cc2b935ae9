"""What a worker has granted ends on time, by its own file and its own clock, though nobody asks for it."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jitbot.errors import RunnerUnsure, SettingsError
from jitbot.model import Receipt
from jitbot.pools import ender, grants
from jitbot.pools.calls import Answer, Call, Kind, Word
from jitbot.pools.ender import GRACE, OwnRun
from jitbot.pools.grants import Grants
from jitbot.pools.held import Held
from jitbot.pools.state import State
from jitbot.ports import Run
from jitbot.warrants.journal import Journal
from jitbot.warrants.warrant import Deed, Warrant
from tests.town import FakeRunner, OneRunner

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
INPUTS = {"what": "api", "where": "prod", "value": 7}


class AWorker:
    """A worker's own side: its file, its clock, its runner; `busy` is until when its hands are at it."""

    def __init__(self, folder: Path, runner: FakeRunner) -> None:
        self.now, self.runner = NOW, runner
        self.busy: datetime | None = None
        self.hanging: list[str] = []
        """Ends that are not waited for."""
        self.grants = Grants(Journal(folder / "granted"))
        self.held = Held(self.grants, OneRunner(runner), lambda: self.now)

    def grant(self, key: str = "jit-1-1", lasts: float = 1800.0, answer: Answer | None = None, **inputs: Any) -> None:
        self.grants.permitted(a_warrant(key, lasts, {**INPUTS, **inputs}))
        self.answered(Kind.START, key, answer or Answer(Word.DONE, Receipt({"before": 100})))

    def answered(self, kind: Kind, key: str = "jit-1-1", answer: Answer | None = None, until: Any = None) -> None:
        self.held.answered(a_call(kind, key, until), answer or Answer(Word.DONE))

    def look(self, **forward: float) -> list[str]:
        """Move the clock, look what is due, and return the keys of all that was undone by now."""
        self.now += timedelta(**forward)
        self.held.look(lambda key: self.busy)
        for thread in threading.enumerate():
            if thread.name.startswith("end ") and thread.name not in self.hanging:
                thread.join(5)
        return self.runner.undone

    def said(self) -> list[str]:
        said: list[str] = []
        self.held.about_to(a_call(Kind.UNDO), said.append)
        return said


def a_call(kind: Kind, key: str = "jit-1-1", until: datetime | None = None) -> Call:
    return Call("c", kind, "fake", INPUTS, None, key, None, until)


def a_warrant(key: str, lasts: float | None, inputs: Any, deed: Deed = Deed.START) -> Warrant:
    until = None if lasts is None else NOW + HOUR
    what = {"deed": deed, "key": key, "inputs": inputs, "until": until, "lasts": lasts, "start_before": NOW + HOUR}
    who = {"number": "n", "request": 1, "digest": "d", "runner": "fake", "receipt": "", "pool": "p", "worker": "w"}
    return Warrant(**what, **who, policy="p", count=1, head="h")  # type: ignore[arg-type]  # each is of its own type


@pytest.fixture
def worker(tmp_path: Path) -> AWorker:
    return AWorker(tmp_path, FakeRunner())


@pytest.fixture
def again(tmp_path: Path, worker: AWorker) -> Callable[[], AWorker]:
    """Return the same worker, killed and started again."""

    def restarted() -> AWorker:
        other = AWorker(tmp_path, worker.runner)
        other.now = worker.now
        return other

    return restarted


def test_a_grant_that_nobody_ends_is_ended_after_its_time_and_a_little_grace(worker: AWorker) -> None:
    worker.grant()
    assert worker.look(minutes=30, seconds=GRACE.total_seconds() - 1) == []
    assert worker.look(seconds=1) == ["jit-1-1"]
    assert worker.look(hours=1) == ["jit-1-1"], "once"
    assert worker.runner.world["prod/api"] == 100


def test_a_worker_that_was_killed_ends_it_after_it_is_back(worker: AWorker, again: Callable[[], AWorker]) -> None:
    worker.grant()
    assert again().look(hours=2) == ["jit-1-1"]
    assert again().look(hours=3) == ["jit-1-1"]


def test_a_start_that_never_answered_is_undone_at_the_end_that_was_signed(
    worker: AWorker, again: Callable[[], AWorker]
) -> None:
    worker.grants.permitted(a_warrant("jit-1-1", 1800.0, INPUTS))
    back = again()
    assert back.look(minutes=59) == []
    assert back.look(minutes=2) == ["jit-1-1"]


def test_a_start_that_is_unsure_is_undone_and_one_that_was_refused_is_not(worker: AWorker) -> None:
    worker.grant("jit-1-1", answer=Answer(Word.REFUSED, said="no"))
    worker.grant("jit-2-1", answer=Answer(Word.UNSURE, said="perhaps"))
    assert worker.look(hours=2) == ["jit-2-1"]


@pytest.mark.parametrize("kind", [Kind.UNDO, Kind.RELEASE])
def test_what_was_undone_or_let_go_is_not_undone_again(worker: AWorker, kind: Kind) -> None:
    worker.grant()
    worker.answered(kind)
    assert worker.look(hours=2) == []
    assert worker.said() == []


def test_an_undo_that_failed_is_no_end(worker: AWorker) -> None:
    worker.grant()
    worker.answered(Kind.UNDO, answer=Answer(Word.UNSURE, said="no answer"))
    assert worker.look(hours=2) == ["jit-1-1"]


def test_an_extension_ends_later_and_undoes_by_its_receipt(worker: AWorker, again: Callable[[], AWorker]) -> None:
    worker.grant()
    worker.answered(Kind.EXTEND, answer=Answer(Word.DONE, Receipt({"before": 50})), until=NOW + 2 * HOUR)
    back = again()
    assert back.look(hours=1) == []
    assert back.look(hours=1, minutes=1) == ["jit-1-1"]


def test_an_extension_that_was_refused_changes_nothing(worker: AWorker) -> None:
    worker.grant()
    worker.answered(Kind.EXTEND, answer=Answer(Word.REFUSED, said="no"), until=NOW + 2 * HOUR)
    assert worker.look(hours=1) == ["jit-1-1"]


def test_what_is_in_hand_is_left_to_the_hand(worker: AWorker) -> None:
    worker.grant()
    worker.busy = NOW + HOUR
    assert worker.look(minutes=59) == []


def test_a_hand_that_hangs_beyond_its_deadline_holds_up_no_end(worker: AWorker) -> None:
    worker.grant()
    worker.busy = NOW + HOUR
    assert worker.look(hours=1) == ["jit-1-1"]


def test_a_start_that_lands_behind_its_own_end_is_ended_once_more(
    worker: AWorker, again: Callable[[], AWorker]
) -> None:
    worker.grants.permitted(a_warrant("jit-1-1", 1800.0, INPUTS))
    assert worker.look(hours=2) == ["jit-1-1"]
    worker.answered(Kind.START, answer=Answer(Word.DONE, Receipt({"before": 100})))
    assert again().look(seconds=1) == ["jit-1-1", "jit-1-1"]


@pytest.mark.parametrize("hang", [1, ender.AT_ONCE])
def test_ends_that_hang_keep_no_others_waiting_for_ever(
    worker: AWorker, monkeypatch: pytest.MonkeyPatch, hang: int
) -> None:
    hanging = threading.Event()
    worker.hanging = [f"end jit-{number}-1" for number in range(hang)]

    def undo(_: object, run: Run) -> None:
        if f"end {run.key}" in worker.hanging:
            hanging.wait()

    worker.runner.on_undo = undo
    for number in range(hang + 2):
        worker.grant(f"jit-{number}-1", lasts=60.0 * (number + 1), what=f"service {number}")
    if hang == ender.AT_ONCE:
        assert worker.look(hours=1) == []
        monkeypatch.setattr(ender, "LONG_SECONDS", 0.0)
    assert worker.look(hours=1) == [f"jit-{hang}-1", f"jit-{hang + 1}-1"]
    hanging.set()


def test_whoever_asks_for_it_afterwards_is_told(worker: AWorker, again: Callable[[], AWorker]) -> None:
    worker.grant()
    assert worker.said() == []
    worker.look(hours=1)
    [said] = again().said()
    assert said == "The worker had ended this by itself at 2026-11-26 10:00:00 UTC, since nobody had asked for it."


def test_an_end_that_fails_is_tried_again_and_said(
    worker: AWorker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ender, "LONGEST_WAIT_SECONDS", 0.1)

    def fail(*_: object) -> None:
        raise RunnerUnsure("the target does not answer")

    worker.grant()
    worker.runner.on_undo = fail
    assert worker.look(hours=1) == []
    assert "jit-1-1 CANNOT BE ENDED, and is tried again: the target does not answer" in caplog.text
    worker.runner.on_undo = lambda inputs, run: None
    time.sleep(0.1)
    assert worker.look() == ["jit-1-1"]


def test_an_end_that_fails_is_not_tried_at_every_look(worker: AWorker) -> None:
    tries: list[int] = []

    def fail(*_: object) -> None:
        tries.append(1)
        raise RunnerUnsure("no")

    worker.grant()
    worker.runner.on_undo = fail
    for _ in range(5):
        worker.look(hours=1)
    assert len(tries) == 1


def test_of_two_grants_of_one_target_the_last_undoes_with_what_was_there_before_both(worker: AWorker) -> None:
    worker.grant("jit-1-1", lasts=600)
    worker.grant("jit-2-1", lasts=1200, answer=Answer(Word.DONE, Receipt({"before": 7})))
    assert worker.look(minutes=11) == []
    assert worker.look(minutes=10) == ["jit-2-1"]
    assert worker.runner.world["prod/api"] == 100


def test_another_target_is_another_grant(worker: AWorker) -> None:
    worker.grant("jit-1-1", lasts=600)
    worker.grant("jit-2-1", lasts=1200, what="worker")
    assert worker.look(minutes=11) == ["jit-1-1"]


def test_only_grants_are_kept(worker: AWorker) -> None:
    worker.grants.permitted(a_warrant("jit-1-1", None, INPUTS))
    worker.grants.permitted(a_warrant("jit-2-1", 60.0, INPUTS, Deed.UNDO))
    worker.answered(Kind.START, answer=Answer(Word.DONE, Receipt()))
    worker.answered(Kind.EXTEND, answer=Answer(Word.DONE, Receipt()), until=NOW + HOUR)
    assert worker.grants.held() == []


def test_a_grant_is_known_by_its_run_and_its_inputs(worker: AWorker) -> None:
    worker.grant()
    known = [a_warrant("jit-1-1", 1.0, INPUTS), a_warrant("jit-2-1", 1.0, INPUTS), a_warrant("jit-1-1", 1.0, {})]
    assert [worker.grants.knows(each) for each in known] == [True, False, False]
    worker.answered(Kind.UNDO)
    assert (worker.grants.knows(known[0]), worker.grants.holds(known[0])) == (True, False)


def test_what_cannot_be_kept_of_an_answer_is_undone_once_more(
    worker: AWorker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worker.grant()

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", full)
        worker.answered(Kind.UNDO)
    assert "could not be kept here" in caplog.text
    assert worker.look(hours=1) == ["jit-1-1"]


def test_what_has_ended_long_ago_is_left_out_of_the_file(
    worker: AWorker, again: Callable[[], AWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "TIDY_AFTER", 4)
    worker.grant("jit-0-1", what="held")
    for number in range(1, 9):
        worker.grant(f"jit-{number}-1", lasts=60.0 * number)
        worker.answered(Kind.UNDO, f"jit-{number}-1")
    back = again().grants
    assert [each.key for each in back.held()] == ["jit-0-1"]
    assert back.of("jit-1-1") is None
    assert back.of("jit-8-1") is not None


def test_a_run_of_its_own_is_one_as_runners_know_them(caplog: pytest.LogCaptureFixture) -> None:
    grant = grants.Grant("jit-1-1", "fake", INPUTS, NOW, 60.0)
    run = OwnRun(grant, NOW)
    with caplog.at_level("INFO"):
        run.log("taken back")
    run.result("for nobody")
    assert "jit-1-1: taken back" in caplog.text
    assert (run.stopping(), run.until, run.deadline > NOW) == (False, NOW, True)


def test_two_workers_do_not_share_a_folder(tmp_path: Path) -> None:
    first = State(tmp_path / "one")
    with pytest.raises(SettingsError, match="Give each its own folder: set JITBOT_WORKER_STATE"):
        State(tmp_path / "one")
    first.close()
    again = State(tmp_path / "one")
    assert again.signer.key == first.signer.key
    again.close()


def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(SettingsError, match="chmod 700"):
        State(tmp_path / "open")
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be used"):
        State(tmp_path / "file" / "below")
