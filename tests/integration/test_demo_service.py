"""The demo's little service, with real processes and real sockets."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jitbot.cli.demo_service import DemoService, ctl
from jitbot.cli.demo_service.record import EVENTS_KEPT, RELEASES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[DemoService]:
    with DemoService(tmp_path / "state") as service:
        yield service


@pytest.fixture
def run(service: DemoService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Return a function that runs ctl and returns its exit code and its lines."""
    monkeypatch.setenv("DEMO_SERVICE_URL", service.control_url)

    def run(*words: str, key: str = "", receipt: str | None = None) -> tuple[int, list[str]]:
        with monkeypatch.context() as patch:
            if key:
                patch.setenv("JITBOT_RUN_KEY", key)
            if receipt is not None:
                patch.setenv("JITBOT_RECEIPT", receipt)
            return ctl.main(words), capsys.readouterr().out.splitlines()

    return run


def ask(url: str, method: str = "GET", path: str = "/state", body: str = "", **headers: str) -> tuple[int, Any]:
    line = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        line.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = line.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text) if text.startswith("{") else text
    finally:
        line.close()


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


# The page


def test_the_page_loads_nothing_from_elsewhere(service: DemoService) -> None:
    status, page = ask(service.url, path="/")
    assert status == 200
    assert "http://" not in page
    assert "https://" not in page
    assert "prefers-color-scheme: dark" in page


def test_the_page_is_served_by_the_process_it_shows(service: DemoService) -> None:
    state = ask(service.url)[1]
    assert state == service.state() == ask(service.control_url)[1]
    assert alive(state["pid"])
    assert state["pid"] != os.getpid()
    assert (state["release"], state["previous"], state["health"], state["admins"]) == (42, 41, "healthy", {})


def test_the_page_knows_no_other_paths(service: DemoService) -> None:
    assert ask(service.url, path="/../../etc/passwd")[0] == 404


def test_health_is_told_by_status_too(service: DemoService) -> None:
    assert ask(service.url, path="/healthz")[0] == 200
    ask(service.control_url, "POST", "/fail")
    assert ask(service.url, path="/healthz")[0] == 503
    ask(service.control_url, "POST", "/restart")
    assert ask(service.url, path="/healthz")[0] == 200


# Steering by HTTP


def test_a_restart_changes_the_process_but_not_the_address(service: DemoService) -> None:
    before = service.state()["pid"]
    assert ask(service.control_url, "POST", "/restart")[1] == {"was": before, "now": service.state()["pid"]}
    assert ask(service.url)[1]["pid"] == service.state()["pid"] != before
    assert not alive(before)
    assert service.state()["events"][-1]["text"].startswith("restarted")


def test_one_key_acts_once(service: DemoService) -> None:
    first = ask(service.control_url, "POST", "/restart", Idempotency_Key="jit-1-1")
    assert ask(service.control_url, "POST", "/restart", Idempotency_Key="jit-1-1") == first
    assert service.state()["pid"] == first[1]["now"]
    assert ask(service.control_url, "GET", "/runs/jit-1-1") == first
    assert ask(service.control_url, "POST", "/restart", Idempotency_Key="jit-2-1") != first


def test_a_key_is_for_one_thing(service: DemoService) -> None:
    ask(service.control_url, "PUT", "/admins/ann", Idempotency_Key="jit-1-1")
    assert ask(service.control_url, "PUT", "/admins/bo", Idempotency_Key="jit-1-1")[0] == 422
    assert set(service.state()["admins"]) == {"ann"}


def test_a_release_is_replaced_once(service: DemoService) -> None:
    assert ask(service.control_url, "POST", "/releases/41")[1] == {"was": 42, "now": 41}
    pid = service.state()["pid"]
    assert ask(service.control_url, "POST", "/releases/41")[1] == {"was": 41, "now": 41}
    assert service.state()["pid"] == pid


def test_an_admin_is_one_until_revoked(service: DemoService) -> None:
    assert ask(service.control_url, "GET", "/admins/ann")[0] == 404
    assert ask(service.control_url, "PUT", "/admins/ann") == (200, {"user": "ann", "until": None})
    assert ask(service.control_url, "GET", "/admins/ann") == (200, {"user": "ann", "until": None})
    for _ in range(2):
        assert ask(service.control_url, "DELETE", "/admins/ann")[0] == 200
    assert service.state()["admins"] == {}


def test_an_admin_for_a_while_ends_by_itself(service: DemoService) -> None:
    ask(service.control_url, "PUT", "/admins/ann", '{"seconds": 0.05}')
    ask(service.control_url, "PUT", "/admins/bo", '{"seconds": 1800}')
    wait_until(lambda: set(service.state()["admins"]) == {"bo"})
    assert "ann is no admin any more: the time is over" in str(ask(service.url)[1]["events"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/releases/39", "", 404),
        ("POST", "/releases/-1", "", 404),
        ("POST", "/nowhere", "", 404),
        ("GET", "/nowhere", "", 404),
        ("GET", "/runs/jit-1-1", "", 404),
        ("PUT", "/restart", "", 404),
        ("PUT", "/admins/%3Cscript%3E", "", 422),
        ("PUT", "/admins/..%2F", "", 422),
        ("PUT", "/admins/ann", '{"seconds": "x"}', 422),
        ("PUT", "/admins/ann", '{"seconds": true}', 422),
        ("PUT", "/admins/ann", '{"seconds": 0}', 422),
        ("PUT", "/admins/ann", '{"seconds": 1e9}', 422),
        ("PUT", "/admins/ann", "[]", 400),
        ("PUT", "/admins/ann", "{", 400),
        ("PUT", "/admins/ann", "x" * 70_000, 413),
    ],
)
def test_what_is_refused_changes_nothing(service: DemoService, method, path, body, status) -> None:
    before = service.state()
    with suppress(ConnectionError):  # a long body may not be read to its end
        assert ask(service.control_url, method, path, body)[0] == status
    assert service.state() == before


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}], ids=str)
def test_web_pages_cannot_steer_it(service: DemoService, headers) -> None:
    pid = service.state()["pid"]
    assert ask(service.control_url, "POST", "/restart", **headers)[0] == 403
    assert service.state()["pid"] == pid


# Staying alive, and ending


def test_a_process_that_is_killed_is_started_again(service: DemoService) -> None:
    pid = service.state()["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: service.state()["pid"] != pid)
    assert ask(service.url)[1]["pid"] == service.state()["pid"]
    assert f"process {pid} died" in str(service.state()["events"])


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with DemoService(tmp_path) as service:
        ask(service.control_url, "POST", "/releases/41", Idempotency_Key="jit-1-1")
        ask(service.control_url, "PUT", "/admins/ann")
        ask(service.control_url, "POST", "/fail")
    with DemoService(tmp_path) as service:
        state = ask(service.url)[1]
        assert (state["release"], state["admins"], state["health"]) == (41, {"ann": None}, "failing")
        assert ask(service.control_url, "GET", "/runs/jit-1-1")[1] == {"was": 42, "now": 41}


def test_only_the_last_events_are_kept(service: DemoService) -> None:
    for number in range(EVENTS_KEPT + 5):
        ask(service.control_url, "PUT", f"/admins/u{number}")
    assert len(service.state()["events"]) == EVENTS_KEPT


def test_stopping_ends_its_process_and_no_other() -> None:
    with DemoService() as other:
        with DemoService() as service:
            pid, url = service.state()["pid"], service.url
        assert not alive(pid)
        with pytest.raises(ConnectionError):
            ask(url)
        assert ask(other.url)[0] == 200


def test_a_port_that_is_taken_leaves_nothing_running() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        DemoService(control_port=taken.getsockname()[1]).__enter__()
    assert not any(thread.name.startswith("demo-") for thread in threading.enumerate())


def test_its_process_does_not_outlive_a_killed_supervisor() -> None:
    script = (
        "from jitbot.cli.demo_service import DemoService\n"
        "import time\n"
        "with DemoService() as service:\n"
        "    print(service.state()['pid'], flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout
        pid = int(supervisor.stdout.readline())
        assert alive(pid)
        supervisor.kill()
    wait_until(lambda: not alive(pid))


# Steering by command


def test_ctl_restarts_once_per_run(run, service: DemoService) -> None:
    code, lines = run("restart", key="jit-1-1")
    pid = service.state()["pid"]
    assert code == 0
    assert lines[-1].startswith('::receipt {"was": ')
    assert lines[-1].endswith(f'"now": {pid}}}')
    assert run("restart", key="jit-1-1") == (0, lines)
    assert service.state()["pid"] == pid
    run("restart")
    assert service.state()["pid"] != pid


def test_ctl_rolls_back_once_per_run_and_takes_it_back(run, service: DemoService) -> None:
    for _ in range(2):
        code, lines = run("rollback", key="jit-1-1")
        assert (code, service.state()["release"]) == (0, 41)
        assert lines[-1] == '::receipt {"was": 42, "now": 41}'
    for _ in range(2):
        assert run("roll-forward", key="jit-1-1", receipt='{"was": 42, "now": 41}')[0] == 0
        assert service.state()["release"] == 42


def test_ctl_takes_back_by_the_runs_key_what_gave_no_receipt(run, service: DemoService) -> None:
    run("rollback", key="jit-1-1")
    assert run("roll-forward", key="jit-1-1")[0] == 0
    assert service.state()["release"] == 42


def test_ctl_takes_nothing_back_that_was_never_done(run, service: DemoService) -> None:
    assert run("roll-forward", key="jit-1-1") == (0, ["nothing was rolled back, so there is nothing to take back"])
    assert run("roll-forward")[0] == 0
    assert service.state()["release"] == 42


def test_ctl_leaves_alone_what_somebody_changed_since(run, service: DemoService) -> None:
    run("rollback", key="jit-1-1")
    run("roll-forward", "40")
    assert "left as it is" in run("roll-forward", key="jit-1-1")[1][0]
    assert service.state()["release"] == 40


def test_ctl_grants_for_a_while_and_revokes(run, service: DemoService) -> None:
    assert run("status", "--admin", "ann") == (4, ["ann is no admin"])
    code, lines = run("grant", "ann", "--seconds", "1800", key="jit-1-1")
    until = service.state()["admins"]["ann"]
    assert (code, lines) == (0, [f"ann is admin until {until}", f'::receipt {{"user": "ann", "until": "{until}"}}'])
    assert run("status", "--admin", "ann") == (0, [f"ann is admin until {until}"])
    for _ in range(2):
        assert run("revoke", "ann")[0] == 0
    assert service.state()["admins"] == {}
    assert run("grant", "ann")[1][0] == "ann is admin until revoked"


def test_ctl_tells_how_it_stands(run) -> None:
    assert run("status")[0] == 0
    assert run("fail")[0] == 0
    code, lines = run("status")
    assert code == 1
    assert lines[0].startswith("checkout is failing")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["restart"], "Restart checkout, which runs release 42."),
        (["rollback"], "Roll checkout back from release 42 to 41."),
        (["roll-forward", "40"], "Take checkout from release 42 to 40."),
        (["grant", "ann"], "Make ann admin of checkout."),
    ],
)
def test_ctl_plans_without_an_effect(run, service: DemoService, words, line) -> None:
    before = service.state()
    assert run("plan", *words) == (0, [line])
    assert service.state() == before


def test_ctl_refuses_what_cannot_be_done(run, service: DemoService) -> None:
    assert run("roll-forward", str(RELEASES[0]))[0] == 0
    before = service.state()
    assert run("rollback")[0] == run("plan", "rollback")[0] == 3
    assert run("roll-forward", "7")[0] == 3
    assert run("grant", "../ann")[0] == 3
    assert service.state() == before


def test_ctl_refuses_when_the_supervisor_is_not_there(run, monkeypatch) -> None:
    monkeypatch.setenv("DEMO_SERVICE_URL", "http://127.0.0.1:1")
    assert run("restart")[0] == run("rollback", key="jit-1-1")[0] == 3


def test_ctl_is_unsure_when_the_answer_is_cut_off(run, monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            for _ in range(2):
                line, _ = listener.accept()
                line.recv(1000)
                line.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        monkeypatch.setenv("DEMO_SERVICE_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert run("restart")[0] == 5
        assert run("roll-forward", key="jit-1-1")[0] == 5
        thread.join()


def test_ctl_is_a_program(service: DemoService) -> None:
    words = [sys.executable, "-m", "jitbot.cli.demo_service.ctl", "status"]
    env = {**os.environ, "DEMO_SERVICE_URL": service.control_url}
    told = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("checkout is healthy")
