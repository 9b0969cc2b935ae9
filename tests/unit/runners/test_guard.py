import logging
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from jitbot.errors import InvalidInput, NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Privilege, Receipt
from jitbot.outbound.text import KEPT_CHARACTERS
from jitbot.runners.guard import RECEIPT_BYTES, Guarded
from jitbot.runners.http import HttpRunner

SECRET = "hunter2/ü&"


class Inputs(BaseModel):
    name: str = "x"


class Plugin:
    """Does what its attributes say: raises errors, calls functions, returns anything else."""

    Inputs = Inputs
    repeatable = True
    undoable = False

    def __init__(self, **answers) -> None:
        self.answers = {
            "target": "t",
            "plan": Plan("p", "f"),
            "start": Receipt({"id": 7}, "done"),
            "check": Health(HealthState.HEALTHY),
            "undo": None,
        } | answers

    def _answer(self, step, run=None):
        answer = self.answers[step]
        if isinstance(answer, BaseException):
            raise answer
        return answer(run) if callable(answer) else answer

    def target(self, inputs):
        return self._answer("target")

    def plan(self, inputs):
        return self._answer("plan")

    def start(self, inputs, run):
        return self._answer("start", run)

    def check(self, inputs, receipt):
        return self._answer("check")

    def undo(self, inputs, receipt, run):
        return self._answer("undo", run)


@pytest.fixture
def guarded(site):
    return lambda **answers: Guarded("acme", Plugin(**answers), site)


def step(runner, name, a_run, inputs=None):
    inputs = inputs or Inputs()
    more = {"start": (a_run(),), "check": (None,), "undo": (None, a_run())}.get(name, ())
    return getattr(runner, name)(inputs, *more)


@pytest.mark.parametrize("name", ["plan", "start", "undo"])
def test_what_the_operator_does_not_grant_is_a_refusal(guarded, a_run, name: str) -> None:
    runner = guarded(**{name: NotGranted(f"set it, not like {SECRET}")})
    with pytest.raises(RunnerRefused, match="set it, not like •••"):
        step(runner, name, a_run)


def test_a_check_that_the_operator_does_not_grant_knows_nothing(guarded, a_run) -> None:
    health = step(guarded(check=NotGranted("the host is not allowed")), "check", a_run)
    assert health == Health(HealthState.UNKNOWN, "the host is not allowed")


def test_what_works_is_handed_on(guarded, a_run) -> None:
    runner = guarded()
    assert (runner.Inputs, runner.repeatable, runner.undoable) == (Inputs, True, False)
    assert step(runner, "target", a_run) == "t"
    assert step(runner, "plan", a_run) == Plan("p", "f")
    assert step(runner, "start", a_run) == Receipt({"id": 7}, "done")
    assert step(runner, "check", a_run) == Health(HealthState.HEALTHY)
    assert step(runner, "undo", a_run) is None


FOREIGN = [
    ZeroDivisionError("secret detail"),
    SystemExit(0),
    InvalidInput("late"),
    BaseExceptionGroup("g", [KeyError()]),
]


@pytest.mark.parametrize("name", ["start", "undo"])
@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
def test_a_foreign_error_while_acting_means_that_it_may_have_happened(guarded, a_run, name, error) -> None:
    with pytest.raises(RunnerUnsure, match=f"'acme' failed to {name} .*it may have happened") as caught:
        step(guarded(**{name: error}), name, a_run)
    assert caught.value.__cause__ is error
    assert "secret detail" not in str(caught.value)


@pytest.mark.parametrize("name", ["target", "plan"])
@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
def test_a_foreign_error_before_acting_means_that_nothing_was_done(guarded, a_run, name, error) -> None:
    with pytest.raises(RunnerRefused, match="nothing was done"):
        step(guarded(**{name: error}), name, a_run)


@pytest.mark.parametrize(
    "error", [*FOREIGN, RunnerRefused("no"), RunnerUnsure("hm")], ids=lambda error: type(error).__name__
)
def test_a_check_that_breaks_is_no_finding(guarded, a_run, error) -> None:
    assert step(guarded(check=error), "check", a_run).state is HealthState.UNKNOWN


def test_an_interrupt_is_not_the_runners(guarded, a_run) -> None:
    with pytest.raises(KeyboardInterrupt):
        step(guarded(start=KeyboardInterrupt()), "start", a_run)


@pytest.mark.parametrize("name", ["target", "plan", "start", "undo"])
@pytest.mark.parametrize("kind", [RunnerRefused, RunnerUnsure])
def test_the_two_known_errors_pass_but_not_their_secrets(guarded, a_run, name, kind) -> None:
    plain = kind("no room")
    with pytest.raises(kind) as caught:
        step(guarded(**{name: plain}), name, a_run)
    assert caught.value is plain
    with pytest.raises(kind, match=r"^login •••$") as caught:
        step(guarded(**{name: kind(f"login {SECRET}")}), name, a_run)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "answer", "error"),
    [
        ("target", "", RunnerRefused),
        ("target", 7, RunnerRefused),
        ("target", "x" * 501, RunnerRefused),
        ("plan", "a plan", RunnerRefused),
        ("plan", Plan("p", ""), RunnerRefused),
        ("start", None, RunnerUnsure),
        ("start", Receipt(["a"]), RunnerUnsure),
        ("start", Receipt({"a": object()}), RunnerUnsure),
        ("start", Receipt({"a": float("nan")}), RunnerUnsure),
        ("start", Receipt({"a": "x" * RECEIPT_BYTES}), RunnerUnsure),
    ],
)
def test_an_answer_that_breaks_the_contract_is_not_taken(guarded, a_run, name, answer, error) -> None:
    with pytest.raises(error):
        step(guarded(**{name: answer}), name, a_run)


def test_a_check_that_breaks_the_contract_is_no_finding(guarded, a_run) -> None:
    assert step(guarded(check="fine"), "check", a_run).state is HealthState.UNKNOWN


@pytest.mark.parametrize("name", ["target", "plan", "start", "undo"])
def test_inputs_of_another_runner_are_refused(guarded, a_run, name) -> None:
    class Others(BaseModel):
        pass

    with pytest.raises(RunnerRefused, match="not those of the runner 'acme'"):
        step(guarded(), name, a_run, Others())


@pytest.mark.parametrize("way", ["log", "result"])
def test_what_is_said_loses_its_secrets_shows_what_is_hidden_and_is_capped(guarded, a_run, way) -> None:
    def start(run):
        getattr(run, way)(f"login {SECRET}\x1b")
        getattr(run, way)("x" * (KEPT_CHARACTERS + 7))
        return Receipt()

    run = a_run()
    guarded(start=start).start(Inputs(), run)
    said, other = (run.lines, run.results) if way == "log" else (run.results, run.lines)
    assert said == ["login •••␛", "x" * KEPT_CHARACTERS + "… (7 more)"]
    assert other == []


def test_a_private_key_is_hidden_in_each_stream_whatever_the_other_says_between(guarded, a_run) -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"

    def start(run):
        run.result("-----BEGIN PRIVATE KEY-----")
        run.log("reading")
        run.log("-----END PRIVATE KEY-----")
        run.result(body)
        run.result("-----END PRIVATE KEY-----")
        return Receipt()

    run = a_run()
    guarded(start=start).start(Inputs(), run)
    assert body not in f"{run.results}{run.lines}"
    assert run.lines[0] == "reading"


def test_secrets_stay_inside(guarded, a_run) -> None:
    runner = guarded(
        plan=Plan(f"use {SECRET}", "f", diff=f"+{SECRET}"),
        start=Receipt({"a": [SECRET, 1, None], SECRET: {"b": SECRET}}, f"got {SECRET}"),
        check=Health(HealthState.HEALTHY, f"saw {SECRET}\n"),
    )
    assert step(runner, "plan", a_run) == Plan("use •••", "f", diff="+•••")
    assert step(runner, "start", a_run) == Receipt({"a": ["•••", 1, None], "•••": {"b": "•••"}}, "got •••")
    assert step(runner, "check", a_run).detail == "saw •••␊"


def test_receipts_become_plain_json(guarded, a_run) -> None:
    data = SimpleNamespace(ids=(1, 2))
    assert step(guarded(start=Receipt({"ids": data.ids, 7: "x"})), "start", a_run).data == {"ids": [1, 2], "7": "x"}


def test_lines_lose_their_secrets_and_their_tricks(guarded, a_run) -> None:
    run = a_run(key="jit-3-1")
    runner = guarded(start=lambda seen: (seen.log(f"{seen.key} \x1b {SECRET}"), Receipt())[1])
    runner.start(Inputs(), run)
    assert run.lines == ["jit-3-1 ␛ •••"]


def test_a_line_that_is_lost_does_not_stop_the_work(guarded, a_run, caplog) -> None:
    class Full(a_run):
        def log(self, line: str) -> None:
            raise OSError("disk full")

    runner = guarded(undo=lambda run: run.log("gone"))
    with caplog.at_level(logging.WARNING):
        runner.undo(Inputs(), None, Full())
    assert "was lost" in caplog.text


def lister(guarded, answer):
    runner = guarded()

    def privileges(inputs):
        if isinstance(answer, Exception):
            raise answer
        return answer

    runner._runner.privileges = privileges
    return runner


def test_who_holds_something_is_handed_on_without_secrets(guarded) -> None:
    runner = lister(guarded, [Privilege("role:payments_rw:ann", f"ann {SECRET}\u202e", ours=True)])
    assert runner.privileges(Inputs()) == [Privilege("role:payments_rw:ann", "ann •••\\u202e", ours=True)]


def test_a_runner_that_cannot_tell_who_holds_something_says_so(guarded) -> None:
    assert guarded().privileges(Inputs()) is None


@pytest.mark.parametrize("answer", [None, ["ann"], [Privilege("", "ann")], KeyError("x"), RunnerRefused("no answer")])
def test_a_list_of_holders_that_cannot_be_read_is_not_an_empty_one(guarded, answer) -> None:
    with pytest.raises(RunnerRefused):
        lister(guarded, answer).privileges(Inputs())


def test_what_never_answered_is_looked_for_by_its_key_where_the_runner_can(guarded) -> None:
    runner = guarded(check=Health(HealthState.ABSENT))
    assert runner.check_by_key(Inputs(), "jit-7-1").state is HealthState.ABSENT
    runner._runner.check_by_key = lambda inputs, key: Health(HealthState.HEALTHY, f"{key} {SECRET}")
    assert runner.check_by_key(Inputs(), "jit-7-1") == Health(HealthState.HEALTHY, "jit-7-1 •••")


class NotOurs(BaseModel):
    pass


@pytest.mark.parametrize("error", [*FOREIGN, RunnerRefused("no"), RunnerUnsure("hm")], ids=repr)
def test_a_look_for_a_key_that_breaks_is_no_finding(guarded, error) -> None:
    runner = guarded()

    def broken(inputs, key):
        raise error

    runner._runner.check_by_key = broken
    assert runner.check_by_key(Inputs(), "jit-7-1").state is HealthState.UNKNOWN
    assert runner.check_by_key(NotOurs(), "jit-7-1").state is HealthState.UNKNOWN


def test_what_the_runner_fills_in_itself_is_known_outside(guarded, site) -> None:
    assert Guarded("http", HttpRunner(site), site).reserved.search("a{run.key}") is not None
    assert guarded().reserved is None
