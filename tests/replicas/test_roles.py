"""The roles on processes of their own, over a socket and over HTTP: each does its part, and together they do all."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path

import httpx2
import pytest

from jitbot.service.book import NONE_YET
from tests.replicas.fleet import Fleet, a_fleet
from tests.replicas.test_three import ask_for_all, wait

pytestmark = [pytest.mark.postgres, pytest.mark.long]
WITHOUT_SOCKET = {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": ""}


@pytest.fixture
def fleet(postgres_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with a_fleet(postgres_url, tmp_path) as fleet:
        yield fleet


def start_split(fleet: Fleet) -> None:
    """Start a process for each role; only the one that Slack reaches has what opens that door."""
    fleet.start("clock", roles="clock", **WITHOUT_SOCKET)
    fleet.start("slack", roles="slack")
    fleet.start("work", roles="work", **WITHOUT_SOCKET)


@pytest.mark.timeout(300)
def test_each_role_in_a_process_of_its_own(fleet: Fleet) -> None:
    start_split(fleet)
    ask_for_all(fleet, "split")
    fleet.converge()
    assert "work" not in fleet.replicas["slack"].log.read_text().split("jitbot is ready, for")[1].splitlines()[0]


@pytest.mark.timeout(300)
def test_what_is_taken_in_while_nobody_works_is_done_when_somebody_does_again(fleet: Fleet) -> None:
    start_split(fleet)
    fleet.send("work", signal.SIGKILL)
    fleet.ask("note", "nobody works")
    wait(2)
    assert not fleet.acts()
    fleet.start("work", roles="work", **WITHOUT_SOCKET)
    fleet.until(fleet.acts, "the work to be done")
    fleet.converge()


@pytest.mark.timeout(300)
def test_policies_that_the_clock_puts_in_force_are_followed_by_the_others(fleet: Fleet) -> None:
    start_split(fleet)
    policy = fleet.folder / "policies" / "payments.yml"
    policy.write_text(policy.read_text().replace("Note something\n", "Note it now\n"))
    ann = fleet.slack.person("U0ANN")

    def asked_anew() -> bool:
        ann.command("C0PAY", '/jit note number=1 reason="by the new set"')
        wait(1)  # each has cards, and Slack takes fifty redraws a minute
        return any(each.snapshot.title == "Note it now" for each in fleet.requests("by the new set"))

    fleet.until(asked_anew, "the new set to be decided by")
    fleet.converge()


@pytest.mark.timeout(300)
def test_who_starts_before_there_are_any_policies_says_that_it_waits_for_the_clock(fleet: Fleet) -> None:
    fleet.launch("slack", roles="slack")
    replica = fleet.replicas["slack"]
    fleet.until(lambda: replica.lacks() == NONE_YET, "what it lacks")
    fleet.start("clock", roles="clock", **WITHOUT_SOCKET)
    fleet.until(replica.ready, "the policies to be followed")


@pytest.mark.timeout(300)
def test_who_is_told_to_stop_hands_its_turns_over_at_once(fleet: Fleet) -> None:
    fleet.start("a")
    fleet.start("b")
    fleet.send("a", signal.SIGTERM)
    for turn in ("clock", "notifier"):
        fleet.until(lambda turn=turn: f"is the {turn} now" in fleet.replicas["b"].log.read_text(), "the turn")
    ask_for_all(fleet, "b alone")
    fleet.converge()


@pytest.mark.timeout(300)
def test_over_http_behind_a_balancer_one_of_two_is_killed(fleet: Fleet) -> None:
    for name in ("a", "b"):
        fleet.start(name, JITBOT_MODE="http", SLACK_APP_TOKEN="")
    with balancer([fleet.replicas[name].url for name in ("a", "b")]) as url:
        fleet.slack.control("delivery", {"mode": "http", "url": f"{url}/slack/events"})
        ask_for_all(fleet, "both")
        fleet.send("a", signal.SIGKILL)
        ask_for_all(fleet, "one")
        fleet.start("a", JITBOT_MODE="http", SLACK_APP_TOKEN="")
        ask_for_all(fleet, "both again")
        fleet.converge()


@contextmanager
def balancer(urls: Sequence[str]) -> Iterator[str]:
    """Run a balancer: each delivery goes to the next process in turn, as it came, and its answer comes back."""
    turn, lock = cycle(urls), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with lock:
                url = next(turn)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")
            }
            try:
                answer = httpx2.post(f"{url}{self.path}", content=body, headers=headers, timeout=3.0, trust_env=False)
                status, said, kind = answer.status_code, answer.content, answer.headers.get("content-type", "")
            except httpx2.HTTPError:
                status, said, kind = 502, b"", "text/plain"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
