"""The processes that are measured: a local Slack, and an app connected to it, each on its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2

START_SECONDS = 90.0
STOP_SECONDS = 15.0
NO_LIMIT = {"JITBOT_MOST_OPEN": "1000000", "JITBOT_MOST_A_MINUTE": "0"}
"""A few people stand for many: they ask more often than anybody may."""


class NotStarted(RuntimeError):
    """A process did not come up; the end of its log says why."""


class Slack:
    """A local Slack in its own process."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._client = httpx2.Client(base_url=self.url, timeout=30, trust_env=False)

    def close(self) -> None:
        """Close our connections to it."""
        self._client.close()

    def alive(self) -> bool:
        """Tell whether it answers."""
        try:
            return self._client.get("/control/faults").is_success
        except httpx2.HTTPError:
            return False

    def act(self, user: str, act: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Do something as a person and return what the control API says."""
        answer: dict[str, Any] = self._client.post(f"/control/as/{user}/{act}", json=body).raise_for_status().json()
        return answer

    def see(self, user: str) -> dict[str, Any]:
        """Return what a person sees."""
        seen: dict[str, Any] = self._client.get(f"/control/as/{user}").raise_for_status().json()
        return seen

    def post(self, token: str, channel: str, message: Mapping[str, Any]) -> str:
        """Post a message as the app and return its `ts`."""
        headers = {"authorization": f"Bearer {token}"}
        answer = self._client.post(
            "/api/chat.postMessage", json={"channel": channel, **message}, headers=headers
        ).json()
        if not answer["ok"]:
            raise NotStarted(f"the local Slack refused the card: {answer['error']}")
        return str(answer["ts"])

    def calls(self) -> list[str]:
        """Return the methods that the app has called so far, uses of a response_url among them."""
        log = self._client.get("/control/log").raise_for_status().json()
        return [str(call["method"]) for call in log["calls"]]

    def environment(self) -> dict[str, str]:
        """Return the variables by which an app reaches it; the tokens are those of every local Slack."""
        return {
            "SLACK_BOT_TOKEN": "xoxb-local",
            "SLACK_APP_TOKEN": "xapp-local",
            "SLACK_SIGNING_SECRET": "local-signing-secret",
            "SLACK_API_URL": f"{self.url}/api/",
            "JITBOT_LOCAL_SLACK": "true",
        }


@contextmanager
def slack(workspace: Path, folder: Path) -> Iterator[Slack]:
    """Run a local Slack."""
    port = free_port()
    found = Slack(port)
    command = [sys.executable, "-m", "jitbot", "sandbox", str(workspace), "--port", str(port)]
    with closing(found), process(command, {}, folder / f"slack-{port}.log", found.alive):
        yield found


@contextmanager
def bare(slack: Slack, folder: Path) -> Iterator[None]:
    """Run the bare app on a local Slack."""
    log = folder / f"bare-{slack.url.rpartition(':')[2]}.log"
    command = [sys.executable, "-m", "benchmarks.bare"]
    with process(command, slack.environment(), log, lambda: "connected" in log.read_text(errors="replace")):
        yield


@contextmanager
def jitbot(slack: Slack, folder: Path, database_url: str, policies: Path, http_host: str) -> Iterator[int]:
    """Run jitbot as it is shipped on a local Slack; gives its process id."""
    port = free_port()
    environment = slack.environment() | {
        "JITBOT_DATABASE_URL": database_url,
        "JITBOT_KEY_FILE": str(folder / "signing.key"),
        "JITBOT_POLICIES": str(policies),
        "JITBOT_PORT": str(port),
        "JITBOT_HTTP_HOSTS": http_host,
        "JITBOT_OPERATORS_CHANNEL": "#c0ops",
        **NO_LIMIT,
    }

    def ready() -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=1.0, trust_env=False).status_code == 200
        except httpx2.HTTPError:
            return False

    with process([sys.executable, "-m", "jitbot", "serve"], environment, folder / f"jitbot-{port}.log", ready) as pid:
        yield pid


@contextmanager
def process(command: list[str], environment: Mapping[str, str], log: Path, ready: Callable[[], bool]) -> Iterator[int]:
    """Run a process once it is ready, and end it. Raises: NotStarted, with the end of its log."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "JITBOT_"))}
    with log.open("wb") as output:
        running = subprocess.Popen(command, env=inherited | dict(environment), stdout=output, stderr=output)
    try:
        until = time.monotonic() + START_SECONDS
        while not ready():
            if running.poll() is not None or time.monotonic() > until:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
                raise NotStarted(f"`{' '.join(command[1:4])}` did not start:\n{tail}")
            time.sleep(0.05)
        yield running.pid
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
        try:
            running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
