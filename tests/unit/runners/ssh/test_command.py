"""Single commands on a real sshd."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import asyncssh
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState, Receipt
from jitbot.outbound.site import EnvironmentSite
from jitbot.runners.ssh.command import SshCommandRunner
from jitbot.runners.ssh.login import quoted
from tests.hostile import values
from tests.sshd import a_key, private, public
from tests.unit.runners.test_command import HOSTILE

SHELLS = [path for path in map(shutil.which, ("sh", "bash", "dash", "fish", "zsh")) if path]


@pytest.fixture
def runner(site):
    return SshCommandRunner(site)


@pytest.fixture
def told(far):
    return lambda *argv, **more: SshCommandRunner.Inputs.model_validate(far.inputs(argv=argv, **more))


def sh(script: str, *words: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script, "sh", *words)


# What arrives


def test_hostile_words_arrive_as_they_are(runner, told, a_run, tmp_path: Path) -> None:
    out = tmp_path / "words"
    runner.start(told(*sh(f"""printf '%s\\0' "$@" > {out}""", *HOSTILE)), a_run())
    assert out.read_bytes().decode().split("\0")[:-1] == HOSTILE


@given(st.lists(values(storable=True), max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("shell", SHELLS)
def test_no_shell_reads_anything_into_a_word(shell, words) -> None:
    command = quoted(["/usr/bin/printf", "%s\\0", "x", *words])
    said = subprocess.run([shell, "-c", command], capture_output=True, check=True, env={"LANG": "C.UTF-8"}).stdout
    assert said.decode().split("\0")[:-1] == ["x", *words]


def test_a_shell_that_reads_backslashes_inside_quotes_is_not_led_astray() -> None:
    assert quoted(["/bin/a", "b\\", "; reboot"]) == "/bin/a 'b'\\\\'' '; reboot'"


def test_the_run_key_is_filled_in(runner, told, a_run) -> None:
    run = a_run(key="jit-7-1")
    runner.start(told(*sh('echo "key=$1"', "{run.key}")), run)
    assert run.lines == ["key=jit-7-1"]


def test_nothing_of_jitbots_environment_arrives(runner, told, a_run, monkeypatch) -> None:
    monkeypatch.setenv("LC_SECRETISH", "no")
    run = a_run()
    runner.start(told("/usr/bin/env"), run)
    assert not any("SECRETISH" in line for line in run.lines)


# How it ends


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("echo no room; exit 3", RunnerRefused, "refused with exit code 3: no room"),
        ("exit 1", RunnerUnsure, r"ended with exit code 1\."),
        ("exit 255", RunnerUnsure, "ended with exit code 255"),
        ("kill -9 $$", RunnerUnsure, "ended with signal 9"),
    ],
)
def test_an_exit_code_says_whether_anything_happened(runner, told, a_run, script, error, words) -> None:
    with pytest.raises(error, match=words):
        runner.start(told(*sh(script), refused=[3]), a_run())


def test_what_it_says_is_logged_and_its_receipt_kept(runner, told, a_run) -> None:
    run = a_run()
    receipt = runner.start(told(*sh("echo one; echo two; echo '::receipt {\"id\": 7}'; echo three")), run)
    assert receipt == Receipt({"id": 7}, summary="three")
    assert run.lines == ["one", "two", "three"]


def test_a_flood_comes_through_whole(runner, told, a_run) -> None:
    run = a_run()
    runner.start(told(*sh("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")), run)
    assert run.lines == [f"line {number}" for number in range(20000)]


def test_what_is_left_in_the_background_is_not_waited_for(runner, told, a_run) -> None:
    began = time.monotonic()
    runner.start(told(*sh("sleep 30 & echo done")), a_run())
    assert time.monotonic() - began < 10


def test_streams_do_not_run_into_each_other(runner, told, a_run) -> None:
    run = a_run()
    runner.start(told(*sh("printf on; sleep 0.3; echo oops >&2; sleep 0.3; echo e")), run)
    assert run.lines == ["oops", "one"]


def test_a_command_that_hangs_is_ended_at_the_time_limit(far, runner, told, a_run, tmp_path: Path) -> None:
    far.stop()
    far.start(LogLevel="DEBUG2")
    began = time.monotonic()
    with pytest.raises(RunnerUnsure, match="time limit"):
        runner.start(told(*sh(f"echo $$ > {tmp_path}/pid; sleep 60")), a_run(seconds=2))
    assert time.monotonic() - began < 4
    asked = (far.folder / "log").read_text().count("req signal")
    pid = int((tmp_path / "pid").read_text())
    if os.getuid() == 0:  # OpenSSH signals nothing for root; that it was asked is all there is to see
        assert asked == 2
        os.killpg(pid, signal.SIGKILL)
        return
    assert asked >= 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_run_whose_time_is_over_does_not_begin(runner, told, a_run, tmp_path: Path) -> None:
    with pytest.raises(RunnerRefused, match="over before it began"):
        runner.start(told("/usr/bin/touch", f"{tmp_path}/x"), a_run(seconds=-1))
    assert not (tmp_path / "x").exists()


def test_a_connection_that_is_cut_in_the_middle_leaves_it_unsure(runner, far, told, a_run, tmp_path: Path) -> None:
    mark = tmp_path / "begun"
    cutter = threading.Thread(target=_cut_when, args=(far, mark))
    cutter.start()
    try:
        with pytest.raises(RunnerUnsure, match="not known"):
            runner.start(told(*sh(f"touch {mark}; sleep 5")), a_run())
    finally:
        cutter.join()


def _cut_when(far, mark: Path) -> None:
    end = time.monotonic() + 10
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.02)
    far.cut()


# Undo, check, plan


def test_undo_and_check_are_given_the_receipt(runner, told, a_run, tmp_path: Path) -> None:
    inputs = told("/bin/true", undo_argv=sh(f"cat > {tmp_path}/undo"), check_argv=sh(f"cat > {tmp_path}/check"))
    assert runner.check(inputs, Receipt({"id": 7})).state is HealthState.HEALTHY
    runner.undo(inputs, Receipt({"id": 7}), a_run())
    for name in ("undo", "check"):
        assert json.loads((tmp_path / name).read_text()) == {"id": 7}
    runner.undo(inputs, None, a_run())
    assert (tmp_path / "undo").read_text() == ""


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("exit 0", HealthState.HEALTHY),
        ("exit 4", HealthState.ABSENT),
        ("exit 9", HealthState.UNHEALTHY),
        ("exit 3", HealthState.UNKNOWN),
        ("kill -9 $$", HealthState.UNKNOWN),
        ("sleep 9", HealthState.UNKNOWN),
    ],
)
def test_a_check_says_how_it_is(far, site, told, script, state) -> None:
    runner = SshCommandRunner(site, look_seconds=2)
    assert runner.check(told("/bin/true", check_argv=sh(script), refused=[3]), None).state is state


def test_a_check_of_a_host_that_is_down_knows_nothing(runner, far, told) -> None:
    far.stop()
    assert runner.check(told("/bin/true", check_argv=["/bin/true"]), None).state is HealthState.UNKNOWN
    assert runner.check(told("/bin/true"), None).state is HealthState.UNKNOWN


def test_what_has_no_undo_cannot_be_taken_back(runner, told, a_run) -> None:
    assert not runner.plan(told("/bin/true")).undoable
    with pytest.raises(RunnerRefused, match="no undo_argv"):
        runner.undo(told("/bin/true"), None, a_run())


def test_a_plan_is_what_the_far_side_says(runner, told, tmp_path: Path) -> None:
    (tmp_path / "now").write_text("blue\n")
    inputs = told("/bin/true", plan_argv=["/bin/cat", f"{tmp_path}/now"])
    first = runner.plan(inputs)
    assert first.summary == "blue"
    (tmp_path / "now").write_text("green\n")
    assert runner.plan(inputs).fingerprint != first.fingerprint
    for script in ("exit 1", "true", "head -c 20000 /dev/zero"):
        with pytest.raises(RunnerRefused):
            runner.plan(told("/bin/true", plan_argv=sh(script)))


def test_a_plan_without_a_program_is_the_command_and_who_runs_it(runner, far, told) -> None:
    plan = runner.plan(told("/opt/acme/drain", "--", "a b\u202e"))
    assert plan.summary == f"Run `/opt/acme/drain -- 'a b\\u202e'` as {far.user}@{far.address}"
    assert plan.fingerprint != runner.plan(told("/opt/acme/drain", "--", "a c")).fingerprint


def test_a_secret_that_the_far_side_repeats_stays_hidden(far, told, a_run) -> None:
    runner = SshCommandRunner(EnvironmentSite([far.address], {**far.secrets(), "JITBOT_SECRET_X": "hunter2hunter2"}))
    run = a_run()
    runner.start(told(*sh("echo it is hunter2hunter2")), run)
    assert run.lines == ["it is •••"]


# Inputs


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"argv": []}, "at least 1"),
        ({"argv": ["ls"]}, "full path"),
        ({"argv": ["-rf"]}, "full path"),
        ({"argv": ["/bin/a", "x\0y"]}, "NUL"),
        ({"argv": ["/bin/a", "\ud800"]}, "encoding|surrogate|unicode"),
        ({"argv": ["/bin/a", "x" * 40_000]}, "longer than"),
        ({"refused": [0]}, "cannot mean both"),
        ({"check_argv": ["/bin/a", "{run.key}"]}, "belong to no run"),
        ({"host_keys": []}, "one of the two"),
        ({"known_hosts": "/etc/known"}, "one of the two"),
        ({"host_keys": ["ssh-ed25519 AAAA"]}, "no public key"),
        ({"host_keys": ["@cert-authority x"]}, "no public key"),
        ({"key": {"secret": "x", "prefix": "y"}}, "no prefix"),
        ({"key": "text"}, "dictionary|instance"),
        ({"host": "a b"}, "host name"),
        ({"host": "ann@h"}, "host name"),
        ({"host": "-oProxyCommand=x"}, "host name"),
        ({"host": "h/../x"}, "host name"),
        ({"port": 0}, "greater"),
        ({"user": "-l"}, "pattern"),
        ({"user": "a b"}, "pattern"),
        ({"extra": 1}, "not permitted"),
    ],
)
def test_wrong_inputs_are_refused(far, changes, words) -> None:
    with pytest.raises(ValidationError, match=words):
        SshCommandRunner.Inputs.model_validate(far.inputs(argv=["/bin/true"]) | changes)


def test_an_address_of_six_colons_is_allowed_in_brackets(far) -> None:
    told = SshCommandRunner.Inputs.model_validate(far.inputs(argv=["/bin/true"], host="::1"))
    assert told.address == f"[::1]:{far.port}"


# Stopped by hand


def test_a_command_that_somebody_stops_is_asked_to_end_and_may_go_on(far, runner, told, a_run, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    command = told(*sh(f"touch {begun}; sleep 20"), undo_argv=["/bin/rm", "-f", str(begun)])
    began = time.monotonic()
    with pytest.raises(
        RunnerUnsure, match="somebody stopped it; it was asked to end, and may have done a part or go on"
    ):
        runner.start(command, a_run(stops=begun.exists))
    assert time.monotonic() - began < 10
    runner.undo(command, None, a_run())
    assert not begun.exists()


def test_a_host_that_tells_how_a_stopped_command_ended_is_believed(a_polite_host, a_run) -> None:
    runner, command, begun = a_polite_host
    words = "somebody stopped it; it was asked to end, ended with signal 15, and may have done a part"
    with pytest.raises(RunnerUnsure, match=words):
        runner.start(command, a_run(stops=begun.is_set))


def test_a_login_that_somebody_stops_runs_nothing(far, told, a_run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # lets anybody in, and says nothing
        port = silent.getsockname()[1]
        runner = SshCommandRunner(EnvironmentSite([f"127.0.0.1:{port}"], far.secrets()))
        began = time.monotonic()
        with pytest.raises(RunnerRefused, match="somebody stopped it before there was a login"):
            runner.start(told("/bin/true", port=port), a_run(stops=lambda: True))
        assert time.monotonic() - began < 5


class _Polite(asyncssh.SSHServer, asyncssh.SSHServerSession[bytes]):
    def __init__(self, begun: threading.Event) -> None:
        self._begun = begun

    def connection_made(self, conn) -> None:
        self._last = conn  # of the server first, then the channel of its one session

    def session_requested(self) -> "_Polite":
        return self

    def exec_requested(self, command: str) -> bool:
        self._begun.set()
        return True

    def signal_received(self, signal: str) -> None:
        self._last.exit_with_signal(signal)


@pytest.fixture
def a_polite_host():
    """Give a host that ends what it runs when it is asked to, and says so; OpenSSH does neither for root."""
    host_key, key, begun = a_key(), a_key(), threading.Event()

    async def listen() -> asyncssh.SSHAcceptor:
        known = asyncssh.import_authorized_keys(public(key))
        words = {
            "server_host_keys": [host_key],
            "authorized_client_keys": known,
            "server_factory": lambda: _Polite(begun),
        }
        return await asyncssh.listen("127.0.0.1", 0, **words)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    port = server.get_port()
    words = {"host": "127.0.0.1", "port": port, "user": "ann", "key": {"secret": "ssh"}}
    command = SshCommandRunner.Inputs.model_validate({**words, "host_keys": [public(host_key)], "argv": ["/bin/x"]})
    site = EnvironmentSite([f"127.0.0.1:{port}"], {"JITBOT_SECRET_SSH": private(key)})
    yield SshCommandRunner(site), command, begun

    async def close() -> None:
        server.close()
        await server.wait_closed()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
