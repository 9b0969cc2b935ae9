from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
import yaml
from slack_sdk import WebClient
from websockets.sync.client import connect

from jitbot.sandbox.local import LocalSlack
from jitbot.sandbox.person import wait_for

PEOPLE = {"people": [{"id": "U0ANN", "name": "ann"}], "channels": [{"id": "C0A", "name": "a", "members": ["U0ANN"]}]}


def test_it_starts_fast_and_leaves_nothing_behind() -> None:
    threads = threading.active_count()
    started = time.monotonic()
    with LocalSlack(PEOPLE) as slack:
        assert time.monotonic() - started < 1
        assert slack.api_url == f"{slack.url}/api/"
        slack.person("U0ANN").see()
        started = time.monotonic()
    assert time.monotonic() - started < 1
    assert threading.active_count() == threads
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(slack.url, trust_env=False)
    gc.collect()


def test_it_stops_quietly_with_sockets_streams_calls_and_timers_under_way(caplog: pytest.LogCaptureFixture) -> None:
    with LocalSlack(PEOPLE) as slack, ExitStack() as opened:
        slack.person("U0ANN").open_home()  # nobody takes it: its retries wait for the clock
        slack.faults({"on": "auth.test", "kind": "hang"}, {"on": "team.info", "kind": "slow", "delay": 60})
        hanging, slow, streaming = (
            opened.enter_context(raw_call(slack, path))
            for path in ("/api/auth.test", "/api/team.info", "/control/as/U0ANN/stream")
        )
        assert streaming.recv(20).startswith(b"HTTP/1.1 200")
        url = WebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.app_token)["url"]
        app = opened.enter_context(connect(url, proxy=None))
        assert app.recv(timeout=5)
        slack.wait_for(lambda: all(fault["struck"] for fault in slack.control("faults")), "the calls")
        slack.stop()
        assert hanging.recv(20) == slow.recv(20) == b""
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_an_app_that_dies_in_the_middle_of_a_call_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with LocalSlack(PEOPLE) as slack:
        with socket.create_connection(("127.0.0.1", slack.port)) as calling:
            head = b"POST /api/chat.postMessage HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n"
            calling.sendall(head + b'{"channel":')
        slack.person("U0ANN").see()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_no_form_has_the_id_of_one_before_a_restart() -> None:
    """An app that remembers what it has taken in by the form's id would think that it knows the next one."""
    ids = set()
    for _ in range(2):
        with LocalSlack(PEOPLE | {"app": {"bot_user": "U0BOT"}}) as slack:
            home = {"type": "home", "blocks": []}
            web = WebClient(token=slack.bot_token, base_url=slack.api_url)
            ids.add(web.views_publish(user_id="U0ANN", view=home)["view"]["id"])
            slack.reset()
            ids.add(web.views_publish(user_id="U0ANN", view=home)["view"]["id"])
    assert len(ids) == 4


def raw_call(slack: LocalSlack, path: str) -> socket.socket:
    call = socket.create_connection(("127.0.0.1", slack.port))
    call.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return call


def test_two_run_side_by_side() -> None:
    with LocalSlack(PEOPLE) as one, LocalSlack(PEOPLE) as other:
        assert one.port != other.port
        one.person("U0ANN").say("C0A", "here")
        assert other.person("U0ANN").messages("C0A") == []


def test_it_may_be_stopped_twice_and_never_started() -> None:
    slack = LocalSlack(PEOPLE)
    slack.stop()
    slack.stop()


def test_a_port_that_is_taken_is_an_error() -> None:
    with LocalSlack(PEOPLE) as slack, pytest.raises(OSError, match="in use"):
        LocalSlack(PEOPLE, port=slack.port)


def test_waiting_in_vain_says_what_is_seen() -> None:
    with LocalSlack(PEOPLE) as slack:
        ann = slack.person("U0ANN")
        ann.say("C0A", "something else")
        with pytest.raises(AssertionError) as caught:
            ann.wait_for(ann.modal, "the form", timeout=0.02)
    assert "waited 0.02 s for the form" in str(caught.value)
    assert "a: U0ANN: 'something else'" in str(caught.value)


def test_in_the_foreground_it_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "workspace.yml"
    path.write_text(yaml.safe_dump(PEOPLE), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = f"from jitbot.sandbox.local import serve; serve({str(path)!r}, '127.0.0.1', {port})"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        wait_for(lambda: answers(port), "the server", 30, lambda: {"channels": [], "messages": {}})
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=10)
    assert said == b""
    assert process.returncode == 0


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/control/state", trust_env=False).is_success
    except httpx2.TransportError:
        return False
