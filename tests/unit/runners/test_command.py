import os
import signal
import socket
import sys
import textwrap
import time
import tracemalloc
from collections import deque
from pathlib import Path

import pytest
from pydantic import ValidationError

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.model import HealthState, Receipt
from jitbot.runners.command import LOOK_SECONDS, PATH, CommandRunner

HOSTILE = [
    "-rf",
    "--",
    "$(id)",
    "`id`",
    "a b",
    "'",
    '"',
    "\\",
    "line\nbreak",
    "*",
    "~",
    ";ls",
    "|",
    "&",
    "ünï 🙂",
    "%s",
]


@pytest.fixture
def runner(site):
    return CommandRunner(site)


def told(**values):
    return CommandRunner.Inputs.model_validate(values)


def python(script: str, *words: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", textwrap.dedent(script), *words]


def sh(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


REPORT = "import os, sys, json; print('::receipt ' + json.dumps({'argv': sys.argv[1:], 'env': dict(os.environ)}))"


# What a program is given


def test_hostile_words_reach_the_program_as_they_are(runner, a_run) -> None:
    receipt = runner.start(told(argv=python(REPORT, *HOSTILE)), a_run())
    assert receipt.data["argv"] == HOSTILE


def test_a_program_sees_only_the_environment_it_is_given(runner, a_run, monkeypatch) -> None:
    monkeypatch.setenv("LET_THROUGH", "yes")
    monkeypatch.setenv("KEPT_BACK", "no")
    inputs = told(
        argv=python(REPORT), env=["LET_THROUGH"], variables={"NUMBER": 3, "TOKEN": {"secret": "db", "prefix": "t-"}}
    )
    env = runner.start(inputs, a_run(key="jit-7-1")).data["env"]
    env.pop("LC_CTYPE", None)  # Python's own
    assert env == {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "LET_THROUGH": "yes",
        "NUMBER": "3",
        "TOKEN": "t-hunter2/ü&",
        "JITBOT_RUN_KEY": "jit-7-1",
    }


def test_nothing_can_pose_as_the_run_key(runner, a_run) -> None:
    with pytest.raises(ValidationError, match="jitbot's own"):
        told(argv=["true"], variables={"JITBOT_RUN_KEY": "jit-8-1"})


def test_a_bare_name_is_found_in_fixed_folders_only(runner, a_run, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("#!/bin/sh\necho hijacked\n")
    (tmp_path / "env").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    run = a_run()
    runner.start(told(argv=["env"], folder=str(tmp_path)), run)
    assert "hijacked" not in run.lines


def test_it_works_in_its_folder_without_input_or_stray_files(runner, a_run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as leak:
        os.set_inheritable(leak.fileno(), True)
        run = a_run()
        script = (
            f"import os, sys; print(os.getcwd(), sys.stdin.read() == '', os.path.exists('/dev/fd/{leak.fileno()}'))"
        )
        runner.start(told(argv=python(script), folder=str(tmp_path)), run)
    assert run.lines == [f"{tmp_path} True False"]


# How it ends


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("echo no room; exit 3", RunnerRefused, "refused with exit code 3: no room"),
        ("exit 1", RunnerUnsure, "ended with exit code 1."),
        ("kill -9 $$", RunnerUnsure, "ended with signal 9."),
    ],
)
def test_an_exit_code_says_whether_anything_happened(runner, a_run, script, error, words) -> None:
    with pytest.raises(error, match=words):
        runner.start(told(argv=sh(script), refused=[3]), a_run())


def test_further_exit_codes_may_mean_done(runner, a_run) -> None:
    assert runner.start(told(argv=sh("echo well; exit 7"), expect=[0, 7]), a_run()) == Receipt({}, summary="well")


@pytest.mark.parametrize(
    ("argv", "folder"),
    [
        (["no-such-program"], "/"),
        (["/no/such/program"], "/"),
        (["/etc/hostname"], "/"),
        (["true"], "/no/such/folder"),
        (["true", "x" * 200_000], "/"),
    ],
    ids=["unknown", "missing", "not executable", "no folder", "too long"],
)
def test_what_cannot_be_run_did_nothing(runner, a_run, argv, folder) -> None:
    with pytest.raises(RunnerRefused):
        runner.start(told(argv=argv, folder=folder), a_run())


def test_a_run_whose_time_is_over_does_not_begin(runner, a_run, tmp_path: Path) -> None:
    with pytest.raises(RunnerRefused, match="over before it began"):
        runner.start(told(argv=["touch", str(tmp_path / "x")]), a_run(seconds=-1))
    assert not list(tmp_path.iterdir())


def test_the_time_limit_ends_grandchildren_that_ignore_being_asked(runner, a_run) -> None:
    script = """
        import os, signal, socket, sys, time
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            line.send(b"here")
        time.sleep(60)
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        run = a_run(seconds=0.95)
        began = time.monotonic()
        with pytest.raises(RunnerUnsure, match="stopped at its time limit"):
            runner.start(told(argv=python(script, str(listener.getsockname()[1]))), run)
        assert time.monotonic() - began < 3
        listener.settimeout(5)
        line, _ = listener.accept()
        with line:
            line.settimeout(5)
            assert line.recv(10) == b"here"
            assert line.recv(10) == b"", "its end of the line closes when it is gone"


@pytest.mark.parametrize("first", ["", "os.close(1); os.close(2); "])
def test_a_program_is_ended_when_somebody_wants_it_to_stop(runner, a_run, first: str) -> None:
    began = time.monotonic()
    with pytest.raises(RunnerUnsure, match="was stopped by hand; it may have done a part"):
        runner.start(told(argv=python(f"import os, time; {first}time.sleep(20)")), a_run(stops=lambda: True))
    assert time.monotonic() - began < 10


def test_a_program_may_tidy_up_when_its_time_is_over(runner, a_run, tmp_path: Path) -> None:
    script = f"trap 'echo tidied; exit 0' TERM; echo begun > {tmp_path}/x; while :; do sleep 0.02; done"
    run = a_run(seconds=0.95)
    with pytest.raises(RunnerUnsure):
        runner.start(told(argv=sh(script)), run)
    assert "tidied" in run.lines


def test_what_is_left_running_does_not_hold_a_run_up(runner, a_run) -> None:
    began = time.monotonic()
    receipt = runner.start(told(argv=sh("sleep 3 & echo left $!")), a_run())
    assert time.monotonic() - began < 2
    os.kill(int(receipt.summary.split()[1]), signal.SIGKILL)


def test_a_program_that_closes_its_output_is_waited_for(runner, a_run) -> None:
    with pytest.raises(RunnerUnsure, match="exit code 9"):
        runner.start(told(argv=sh("exec >&- 2>&-; sleep 0.1; exit 9")), a_run())


def test_a_log_that_breaks_leaves_nothing_running(runner, a_run, tmp_path: Path) -> None:
    class Broken(a_run):
        def log(self, line: str) -> None:
            raise OSError(line)

    with pytest.raises(OSError, match="hello"):
        runner.start(told(argv=sh(f"echo hello; sleep 0.5; touch {tmp_path}/done")), Broken(seconds=1))
    assert not (tmp_path / "done").exists()


# What it says


def test_both_streams_are_logged_in_order_with_odd_bytes_visible(runner, a_run) -> None:
    run = a_run()
    runner.start(told(argv=sh(r"echo one; echo two >&2; printf 'caf\351 \033[0m\n'")), run)
    assert run.lines == ["one", "two", "caf� ␛[0m"]


def test_secrets_do_not_get_out(runner, a_run) -> None:
    run = a_run()
    runner.start(told(argv=sh('echo "it is $T"'), variables={"T": {"secret": "db"}}), run)
    assert run.lines == ["it is •••"]


def test_a_flood_of_output_keeps_memory_flat(runner, a_run) -> None:
    run = a_run(lines=deque(maxlen=3))  # what is kept of all that is the service's business
    tracemalloc.start()
    receipt = runner.start(
        told(argv=python("import os\nfor _ in range(400): os.write(1, b'y' * 65535 + b'\\n')\nprint('::receipt {}')")),
        run,
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    assert len(run.lines) == 3
    assert receipt.data == {}


def test_the_receipt_is_given_to_undo_and_check(runner, a_run) -> None:
    inputs = told(
        argv=sh("""echo '::receipt {"id": "a7"}'"""),
        undo_argv=sh('echo "$JITBOT_RUN_KEY takes back $JITBOT_RECEIPT"'),
        check_argv=sh('echo "sees $JITBOT_RECEIPT"'),
    )
    receipt = runner.start(inputs, a_run())
    run = a_run(key="jit-9-1")
    runner.undo(inputs, receipt, run)
    assert run.lines == ['jit-9-1 takes back {"id": "a7"}']
    assert runner.check(inputs, receipt).detail == 'sees {"id": "a7"}'
    assert runner.check(inputs, None).detail == "sees "


@pytest.mark.parametrize(
    "receipt",
    ["{", "[1]", "[" * 10_000, '{"a": "' + "x" * 16_400 + '"}'],
    ids=["broken", "a list", "too deep", "too long"],
)
def test_a_receipt_that_cannot_be_kept_makes_it_unsure(runner, a_run, receipt: str) -> None:
    with pytest.raises(RunnerUnsure, match="It was done, but"):
        runner.start(told(argv=["echo", f"::receipt {receipt}"]), a_run())


# Plan, check, undo, target


def test_without_a_plan_program_the_plan_is_what_would_be_run(runner, monkeypatch) -> None:
    monkeypatch.setenv("LET_THROUGH", "yes")
    plan = runner.plan(
        told(
            argv=["echo", "a b", "\u202e"],
            undo_argv=["true"],
            env=["LET_THROUGH"],
            variables={"A": "b c", "S": {"secret": "db"}},
        )
    )
    assert plan.summary == (
        "Run `echo 'a b' '\\u202e'` in / with LET_THROUGH as set for jitbot, A='b c', S=the secret 'db'"
    )
    assert plan.undoable
    assert len(plan.fingerprint) == 64


def test_a_plan_tells_apart_what_differs(runner) -> None:
    assert runner.plan(told(argv=["echo", "a"])).fingerprint != runner.plan(told(argv=["echo", "b"])).fingerprint


def test_the_plan_program_says_what_would_happen(runner, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("41")
    inputs = told(argv=["true"], plan_argv=sh(f"echo from $(cat {tmp_path}/state); echo to 42; echo $RANDOM noise >&2"))
    plan = runner.plan(inputs)
    assert plan.summary == "from 41\nto 42"
    assert not plan.undoable
    (tmp_path / "state").write_text("40")
    assert runner.plan(inputs).fingerprint != plan.fingerprint


@pytest.mark.parametrize(
    ("plan_argv", "words"),
    [
        (sh("echo no cluster >&2; exit 1"), "could not be made: no cluster"),
        (sh("exit 1"), "could not be made: exit code 1"),
        (sh("echo"), "empty or longer"),
        (sh("head -c 20000 /dev/zero | tr '\\0' x"), "empty or longer"),
        (["/no/such"], "could not be run"),
        (["no-such"], "There is no program 'no-such'"),
    ],
    ids=["told why", "silent", "empty", "too long", "missing", "unknown"],
)
def test_no_plan_no_approval(runner, plan_argv, words) -> None:
    with pytest.raises(RunnerRefused, match=words):
        runner.plan(told(argv=["true"], plan_argv=plan_argv))


def test_a_plan_that_takes_too_long_is_given_up(site) -> None:
    assert LOOK_SECONDS > 1
    with pytest.raises(RunnerRefused, match=r"did not answer within 0\.3 s"):
        CommandRunner(site, look_seconds=0.3).plan(told(argv=["true"], plan_argv=["sleep", "5"]))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"argv": ["no-such"]}, "no program 'no-such'"),
        ({"argv": ["true"], "undo_argv": ["no-such"]}, "no program 'no-such'"),
        ({"argv": ["true"], "env": ["NOT_SET_ANYWHERE"]}, "NOT_SET_ANYWHERE is to be let through"),
        ({"argv": ["true"], "variables": {"A": {"secret": "nope"}}}, "set JITBOT_SECRET_NOPE"),
        ({"argv": ["true"], "variables": {"A": {"secret": "short"}}}, "too short"),
    ],
)
def test_what_could_not_be_run_is_found_before_anybody_is_asked(runner, values, words) -> None:
    with pytest.raises((NotGranted, RunnerRefused), match=words):
        runner.plan(told(**values))


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("exit 0", HealthState.HEALTHY),
        ("exit 4", HealthState.ABSENT),
        ("exit 3", HealthState.UNKNOWN),
        ("exit 1", HealthState.UNHEALTHY),
        ("kill -9 $$", HealthState.UNKNOWN),
    ],
)
def test_a_check_says_how_it_stands(runner, script, state) -> None:
    health = runner.check(told(argv=["true"], check_argv=sh(script), refused=[3]), None)
    assert health.state is state
    assert health.detail.startswith("The check ended with ")


def test_a_check_that_cannot_be_made_is_no_finding(site) -> None:
    runner = CommandRunner(site, look_seconds=0.3)
    for check_argv in (None, ["/no/such"], ["sleep", "5"]):
        assert runner.check(told(argv=["true"], check_argv=check_argv), None).state is HealthState.UNKNOWN


def test_without_an_undo_program_nothing_is_taken_back(runner, a_run) -> None:
    with pytest.raises(RunnerRefused, match="no undo_argv"):
        runner.undo(told(argv=["true"]), None, a_run())


def test_an_undo_that_fails_is_not_believed(runner, a_run) -> None:
    with pytest.raises(RunnerUnsure):
        runner.undo(told(argv=["true"], undo_argv=["false"]), None, a_run())


def test_a_target_is_what_was_named_or_the_program_in_its_folder(runner) -> None:
    assert runner.target(told(argv=["true"], target="db:orders")) == "db:orders"
    assert runner.target(told(argv=["true"], folder="/tmp")) == "command:/tmp:true"
