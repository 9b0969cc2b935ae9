"""What `systemctl show` writes, as systemd 219 (RHEL 7) and newer ones do: services, timers, odd states.

The outputs are written by hand after published ones.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from jitbot.runners.ssh.systemd_inputs import Unit
from jitbot.runners.ssh.unit_state import PROPERTIES, SHOW, NoState, read_state

RUNNING = """Type=notify
RemainAfterExit=no
Result=success
MainPID=812
Id=web.service
LoadState=loaded
ActiveState=active
SubState=running
StateChangeTimestampMonotonic=43589669780
ActiveEnterTimestamp=Wed 2022-03-09 11:53:44 UTC
InactiveEnterTimestamp=
Job=
NeedDaemonReload=no
InvocationID=3e78d3a1c2b94f0e8d6a7c5b4e3f2a19
"""
OF_219 = """Id=sshd.service
LoadState=loaded
ActiveState=active
SubState=running
ActiveEnterTimestamp=Mon 2017-05-01 09:00:00 CEST
Type=forking
RemainAfterExit=no
Result=success
MainPID=10233
NeedDaemonReload=no
"""
TIMER = """Result=success
Id=logrotate.timer
LoadState=loaded
ActiveState=active
SubState=waiting
StateChangeTimestampMonotonic=3597223
ActiveEnterTimestamp=Mon 2022-07-04 18:56:33 AEST
NeedDaemonReload=no
InvocationID=14d0c7d1b2c34b5f9e8d7c6b5a493827
"""
NOT_FOUND = """Result=success
MainPID=0
Id=gone.service
LoadState=not-found
ActiveState=inactive
SubState=dead
NeedDaemonReload=no
InvocationID=
"""


def changed(text: str, **values: str) -> bytes:
    """Return an output with some values replaced."""
    lines = [line for line in text.splitlines() if line.split("=")[0] not in values]
    return "\n".join([*lines, *(f"{name}={value}" for name, value in values.items())]).encode()


def test_a_service_that_runs() -> None:
    state = read_state(RUNNING.encode())
    assert (state.up, state.down, state.settled, state.stale) == (True, False, True, False)
    assert str(state) == "active (running), PID 812, since Wed 2022-03-09 11:53:44 UTC"


def test_an_old_systemd_says_less() -> None:
    state = read_state(OF_219.encode())
    assert (state.up, state.settled, state.invocation) == (True, True, "")
    assert state.is_run_of(state)
    assert not state.is_run_of(read_state(changed(OF_219, MainPID="10300")))


def test_a_timer_has_no_process() -> None:
    assert str(read_state(TIMER.encode())) == "active (waiting), since Mon 2022-07-04 18:56:33 AEST"


def test_what_is_not_there_is_down() -> None:
    state = read_state(NOT_FOUND.encode())
    assert (state.down, state.load, state.pid) == (True, "not-found", "")


@pytest.mark.parametrize(
    ("active", "sub", "job", "up", "down", "settled"),
    [
        ("active", "running", "", True, False, True),
        ("active", "running", "0", True, False, True),
        ("active", "running", "71", True, False, False),
        ("reloading", "reload", "", True, False, True),
        ("inactive", "dead", "", False, True, True),
        ("inactive", "dead", "72", False, True, False),
        ("failed", "failed", "", False, True, True),
        ("activating", "auto-restart", "", False, False, False),
        ("deactivating", "stop-sigterm", "", False, False, False),
    ],
)
def test_how_a_unit_stands(active, sub, job, up, down, settled) -> None:
    state = read_state(changed(RUNNING, ActiveState=active, SubState=sub, Job=job))
    assert (state.up, state.down, state.settled) == (up, down, settled)


def test_a_failed_unit_says_why_and_since_when() -> None:
    text = changed(
        RUNNING, ActiveState="failed", SubState="failed", Result="exit-code", MainPID="0",
        InactiveEnterTimestamp="Thu 2022-03-10 00:00:10 UTC",
    )  # fmt: skip
    assert str(read_state(text)) == "failed (failed), exit-code, since Thu 2022-03-10 00:00:10 UTC"


def test_a_reload_is_no_other_run_but_another_invocation_is() -> None:
    state = read_state(RUNNING.encode())
    assert read_state(changed(RUNNING, StateChangeTimestampMonotonic="43589669999")).is_run_of(state)
    assert not read_state(changed(RUNNING, InvocationID="f" * 32)).is_run_of(state)


@pytest.mark.parametrize(
    ("kind", "stays", "ends"), [("oneshot", "no", True), ("oneshot", "yes", False), ("simple", "no", False)]
)
def test_what_does_one_thing_ends_by_itself(kind, stays, ends) -> None:
    assert read_state(changed(RUNNING, Type=kind, RemainAfterExit=stays)).ends_by_itself is ends


def test_what_a_login_shell_says_besides_does_not_count() -> None:
    noise = b"Welcome!\nPATH=/bin\n=\nno sign\n\xff\xfe\n"
    assert read_state(noise + RUNNING.encode() + noise) == read_state(RUNNING.encode())


def test_odd_characters_show() -> None:
    assert "\u202e" not in str(read_state(changed(RUNNING, SubState="run\u202ening")))


@pytest.mark.parametrize("name", ["Id", "LoadState", "ActiveState", "SubState"])
def test_an_answer_without_what_matters_is_none(name) -> None:
    with pytest.raises(NoState, match=f"did not say {name}$"):
        read_state(changed(RUNNING, **{name: ""}))


@given(st.binary())
def test_any_answer_is_read_or_is_none(output) -> None:
    with pytest.raises(NoState):
        read_state(output)


def test_everything_that_is_read_is_asked_for() -> None:
    assert ("show", f"--property={','.join(PROPERTIES)}", "--") == SHOW


# Names


@pytest.mark.parametrize(
    "name",
    [
        "web.service",
        "a.socket",
        "worker@3.service",
        "getty@tty1.service",
        "dev-sda1.mount",
        "a\\x2db.service",
        "a:b_c.timer",
    ],
)
def test_names_of_units(name) -> None:
    assert TypeAdapter(Unit).validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "web", "-web.service", "--root=x.service", "*.service", "we?.service", "[a].service", "a b.service",
     "a/b.service", "web.service ", "web.service\n", "web.service;id", "$(id).service", "web@.service", ".service",
     "w\u0435b.service", "x" * 250 + ".service", "web.slice", "../web.service"],
)  # fmt: skip
def test_what_is_no_name_of_one_unit(name) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Unit).validate_python(name)


@given(st.from_regex(r"[^A-Za-z0-9:_.\\@-]", fullmatch=True), st.integers(0, 4))
def test_no_other_character_is_let_through(character, place) -> None:
    name = f"{'name'[:place]}{character}{'name'[place:]}.service"
    with pytest.raises(ValidationError):
        TypeAdapter(Unit).validate_python(name)
