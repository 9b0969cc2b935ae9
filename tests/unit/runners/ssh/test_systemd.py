"""Units of systemd over a real sshd; `systemctl` is the stand-in of `tests/systemctl.py`."""

import shutil
import threading
import time

import pytest
from pydantic import ValidationError

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState, Receipt
from jitbot.runners.ssh.systemd import SystemdRunner

WEB = "web.service"


@pytest.fixture
def runner(site):
    return SystemdRunner(site)


@pytest.fixture
def told(far):
    def make(verb, **more):
        values = far.inputs(unit=WEB, verb=verb, systemctl=str(far.systemctl)) | more
        return SystemdRunner.Inputs.model_validate(values)

    return make


# What people approve


def test_a_plan_says_how_the_unit_stands_and_what_will_be(runner, far, units, told) -> None:
    units.add(WEB, ActiveState="active")
    plan = runner.plan(told("restart"))
    assert plan.summary.startswith(
        f"Restart web.service on {far.address}, as {far.user}: it is active (running), PID 812, since "
    )
    assert plan.diff == "- active\n+ active, as a new run"
    assert not plan.undoable
    assert runner.plan(told("stop")).diff == "- active\n+ inactive"
    assert runner.plan(told("stop")).undoable


def test_a_plan_changes_with_the_state_and_not_with_the_process(runner, units, told) -> None:
    units.add(WEB, ActiveState="active", MainPID="900")
    first = runner.plan(told("restart"))
    units.add(WEB, ActiveState="active", MainPID="901", InvocationID="f" * 32)
    second = runner.plan(told("restart"))
    assert first.fingerprint == second.fingerprint
    units.add(WEB, ActiveState="failed", SubState="failed")
    assert runner.plan(told("restart")).fingerprint != first.fingerprint
    units.add(WEB, ActiveState="active", NeedDaemonReload="yes")
    stale = runner.plan(told("restart"))
    assert stale.fingerprint != first.fingerprint
    assert "run daemon-reload first" in stale.summary


@pytest.mark.parametrize(
    ("verb", "state", "words"),
    [
        ("start", {"ActiveState": "active"}, "nothing to start"),
        ("start", {"ActiveState": "activating", "SubState": "auto-restart"}, "nothing to start"),
        ("start", {"ActiveState": "inactive", "Job": "7"}, "nothing to start"),
        ("stop", {"ActiveState": "inactive"}, "nothing to stop"),
        ("stop", {"ActiveState": "failed"}, "nothing to stop"),
        ("restart", {"LoadState": "masked"}, "masked"),
        ("status", {"LoadState": "bad-setting"}, "bad-setting"),
        ("restart", {"Id": "site.service"}, "another name of site.service"),
        ("start", {"Type": "oneshot"}, "by ssh.command instead"),
    ],
)
def test_what_makes_no_sense_is_neither_planned_nor_started(runner, units, told, a_run, verb, state, words) -> None:
    units.add(WEB, **state)
    for step in (runner.plan, lambda inputs: runner.start(inputs, a_run())):
        with pytest.raises(RunnerRefused, match=words):
            step(told(verb))
    assert units.calls() == []


def test_a_unit_that_is_not_there_is_refused(runner, units, told) -> None:
    with pytest.raises(RunnerRefused, match=r"has no web\.service that it could run: not-found"):
        runner.plan(told("start"))


def test_a_host_without_systemctl_is_refused(runner, told, a_run) -> None:
    for step in (runner.plan, lambda inputs: runner.start(inputs, a_run())):
        with pytest.raises(RunnerRefused, match="systemctl failed"):
            step(told("start", systemctl="/no/such/systemctl"))


def test_a_program_that_is_no_systemctl_is_refused(runner, told) -> None:
    with pytest.raises(RunnerRefused, match="did not say Id"):
        runner.plan(told("start", systemctl="/bin/echo"))


# Doing it


def test_a_restart_says_the_new_process(runner, units, told, a_run) -> None:
    units.add(WEB, ActiveState="active")
    run = a_run()
    receipt = runner.start(told("restart"), run)
    assert (receipt.data["was"], receipt.data["is"], receipt.data["pid"]) == ("active", "active", "824")
    assert receipt.summary.startswith("web.service is active (running), PID 824, since ")
    assert [line[:42] for line in run.lines] == [f"web.service is active (running), PID {pid}, " for pid in (812, 824)]


def test_a_unit_that_restarts_itself_for_ever_can_be_stopped(runner, units, told, a_run) -> None:
    units.add(WEB, ActiveState="activating", SubState="auto-restart")
    assert runner.start(told("stop"), a_run()).data["is"] == "inactive"


def test_a_start_waits_until_the_unit_is_up(runner, units, told, a_run) -> None:
    units.add(WEB, **{"X-Slow": "3"})
    assert runner.start(told("start"), a_run()).data["is"] == "active"
    assert units.state(WEB)["X-Slow"] == "0"


def test_a_start_that_is_not_up_in_time_is_unsure(runner, units, told, a_run) -> None:
    units.add(WEB, **{"X-Slow": "9999"})
    with pytest.raises(RunnerUnsure, match=r"time limit|time was over"):
        runner.start(told("start"), a_run(seconds=3))


@pytest.mark.parametrize(("verb", "before"), [("start", "inactive"), ("restart", "active")])
def test_a_unit_that_fails_is_unsure(runner, units, told, a_run, verb, before) -> None:
    units.add(WEB, ActiveState=before, **{"X-Fails": "yes"})
    with pytest.raises(RunnerUnsure, match=r"is failed \(failed\), exit-code.*control process exited"):
        runner.start(told(verb), a_run())
    assert runner.check(told(verb), Receipt({})).state is HealthState.UNHEALTHY


@pytest.mark.parametrize(("verb", "before"), [("start", "inactive"), ("stop", "active"), ("restart", "active")])
def test_what_systemd_does_not_allow_did_nothing(runner, units, told, a_run, verb, before) -> None:
    units.add(WEB, ActiveState=before, **{"X-Denied": "yes"})
    with pytest.raises(RunnerRefused, match=r"stayed as it was.*Interactive authentication required"):
        runner.start(told(verb), a_run())


def test_a_restart_that_changes_nothing_is_not_called_done(runner, far, units, told, a_run) -> None:
    units.add(WEB, ActiveState="active")
    lies = far.folder / "lies"
    lies.write_text(f'#!/bin/sh\n[ "$1" = show ] && exec {far.systemctl} "$@"\nexit 0\n')
    lies.chmod(0o755)
    with pytest.raises(RunnerUnsure, match="After the restart"):
        runner.start(told("restart", systemctl=str(lies)), a_run())


def test_a_verb_that_hangs_is_unsure(runner, units, told, a_run) -> None:
    units.add(WEB, **{"X-Hangs": "30"})
    began = time.monotonic()
    with pytest.raises(RunnerUnsure, match="was sent: it was not done at its time limit"):
        runner.start(told("start"), a_run(seconds=2))
    assert time.monotonic() - began < 4


def test_a_connection_that_is_cut_after_the_verb_was_sent_is_unsure(runner, far, units, told, a_run) -> None:
    units.add(WEB, **{"X-Hangs": "3"})
    cutter = threading.Thread(target=_cut_when_called, args=(far, units))
    cutter.start()
    try:
        with pytest.raises(RunnerUnsure, match="was sent"):
            runner.start(told("start"), a_run())
    finally:
        cutter.join()


def _cut_when_called(far, units) -> None:
    end = time.monotonic() + 10
    while not units.calls() and time.monotonic() < end:
        time.sleep(0.02)
    far.cut()


def test_sudo_is_used_for_the_verb_alone_and_never_asks(runner, far, units, told, a_run) -> None:
    units.add(WEB)
    sudo = far.folder / "sudo"
    sudo.write_text(f'#!/bin/sh\necho "$*" >> {far.folder}/sudoed\nshift 2\nexec "$@"\n')
    sudo.chmod(0o755)
    runner.start(told("start", sudo=str(sudo)), a_run())
    assert (far.folder / "sudoed").read_text() == f"-n -- {far.systemctl} --no-ask-password start -- web.service\n"


@pytest.mark.skipif(shutil.which("sudo") is None, reason="there is no sudo here; apt-get install sudo")
def test_real_sudo_takes_what_it_is_given(runner, far, units, told, a_run) -> None:
    units.add(WEB)
    env = f"/usr/bin/env JITBOT_UNITS={far.folder}/units"
    by = far.folder / "by"  # sudo forgets the variable by which the stand-in finds its units
    by.write_text(f'#!/bin/sh\nshift 2\nexec {shutil.which("sudo")} -n -- {env} "$@"\n')
    by.chmod(0o755)
    try:
        receipt = runner.start(told("start", sudo=str(by)), a_run())
    except RunnerRefused as error:
        assert "password is required" in str(error)  # whoever runs the tests may not, and is not asked
        return
    assert receipt.data["is"] == "active"


def test_a_status_only_looks(runner, units, told, a_run) -> None:
    units.add(WEB, ActiveState="failed", SubState="failed", Result="exit-code")
    run = a_run()
    plan = runner.plan(told("status"))
    assert (plan.undoable, plan.diff) == (False, "")
    receipt = runner.start(told("status"), run)
    assert receipt.summary.startswith("web.service is failed (failed), exit-code")
    assert run.lines == [receipt.summary]
    assert runner.check(told("status"), receipt).state is HealthState.HEALTHY
    runner.undo(told("status"), receipt, a_run())
    assert units.calls() == []


# Afterwards


@pytest.mark.parametrize(
    ("verb", "state", "receipt", "health"),
    [
        ("start", "active", None, HealthState.HEALTHY),
        ("start", "inactive", None, HealthState.ABSENT),
        ("start", "failed", None, HealthState.UNHEALTHY),
        ("start", "activating", None, HealthState.UNKNOWN),
        ("stop", "inactive", None, HealthState.HEALTHY),
        ("stop", "failed", None, HealthState.HEALTHY),
        ("stop", "active", None, HealthState.ABSENT),
        ("stop", "deactivating", None, HealthState.UNKNOWN),
        ("restart", "active", Receipt({}), HealthState.HEALTHY),
        ("restart", "failed", Receipt({}), HealthState.UNHEALTHY),
        ("restart", "inactive", Receipt({}), HealthState.ABSENT),
        ("restart", "active", None, HealthState.UNKNOWN),
    ],
)
def test_a_check_tells_what_can_be_told(runner, units, told, verb, state, receipt, health) -> None:
    units.add(WEB, ActiveState=state)
    assert runner.check(told(verb), receipt).state is health


def test_a_check_of_a_host_that_is_down_knows_nothing(runner, far, told) -> None:
    far.stop()
    health = runner.check(told("start"), None)
    assert (health.state, "Nothing was run" in health.detail) == (HealthState.UNKNOWN, True)


def test_a_host_that_is_down_did_nothing(runner, far, told, a_run) -> None:
    far.stop()
    for step in (runner.start, lambda inputs, run: runner.undo(inputs, None, run)):
        with pytest.raises(RunnerRefused, match="Nothing was run"):
            step(told("start"), a_run())


@pytest.mark.parametrize("receipt", [None, Receipt({"was": "inactive"})])
def test_an_undo_does_the_opposite_and_only_once(runner, units, told, a_run, receipt) -> None:
    units.add(WEB, ActiveState="active")
    for _ in range(2):
        runner.undo(told("start"), receipt, a_run())
        assert units.state(WEB)["ActiveState"] == "inactive"
    for _ in range(2):
        runner.undo(told("stop"), receipt, a_run())
        assert units.state(WEB)["ActiveState"] == "active"
    assert units.calls() == ["stop web.service", "start web.service"]


def test_an_undo_that_systemd_does_not_allow_is_not_called_done(runner, units, told, a_run) -> None:
    units.add(WEB, ActiveState="active", **{"X-Denied": "yes"})
    with pytest.raises(RunnerRefused, match="stayed as it was"):
        runner.undo(told("start"), None, a_run())


def test_a_restart_cannot_be_taken_back(runner, told, a_run) -> None:
    with pytest.raises(RunnerRefused, match="cannot be taken back"):
        runner.undo(told("restart"), None, a_run())


def test_units_of_one_host_are_apart(runner, far, told) -> None:
    assert runner.target(told("start")) == f"systemd:{far.address}:web.service" == runner.target(told("stop"))
    assert runner.target(told("start", unit="db.service")) != runner.target(told("start"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verb": "kill"}, "restart"),
        ({"verb": "daemon-reload"}, "restart"),
        ({"unit": "web"}, "whole name"),
        ({"systemctl": "systemctl"}, "full path"),
        ({"sudo": "sudo"}, "full path"),
        ({"sudo": True}, "string"),
        ({"now": 1}, "not permitted"),
    ],
)
def test_wrong_inputs_are_refused(told, changes, words) -> None:
    with pytest.raises(ValidationError, match=words):
        told(**({"verb": "start"} | changes))


# Stopped by hand


def test_a_start_that_somebody_stops_is_not_waited_for_and_can_be_undone(runner, far, units, told, a_run) -> None:
    units.add(WEB, **{"X-Slow": "9999"})
    # Whether systemctl itself still ran by then, or the waiting had begun, is up to the far side.
    with pytest.raises(RunnerUnsure, match=r"start of web\.service was sent(, and then)?: somebody stopped it"):
        runner.start(told("start"), a_run(stops=lambda: units.calls() != []))
    units.add(WEB, ActiveState="active")
    runner.undo(told("start"), None, a_run())
    assert units.state(WEB)["ActiveState"] == "inactive"


def test_a_unit_that_somebody_stops_before_it_was_told_anything_stays(runner, units, told, a_run) -> None:
    units.add(WEB)
    with pytest.raises(RunnerRefused, match="somebody stopped it"):
        runner.start(told("start"), a_run(stops=lambda: True))
    assert units.calls() == []
