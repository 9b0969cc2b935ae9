"""The demo: a local Slack, a little real service, and the bot as it is run for real, each ended with the demo.

The bot is a process of its own, started as `jitbot serve` with the usual variables, so that what is tried here is what
is run elsewhere.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import httpx2

from jitbot.cli.demo_service import DemoService
from jitbot.errors import SettingsError
from jitbot.sandbox.local import LocalSlack

WORKSPACE = Path(__file__).with_name("demo_workspace.yml")
READY_SECONDS = 30.0
STOP_SECONDS = 15.0


class Demo:
    """Everything of the demo, for as long as the `with` block lasts."""

    def __init__(
        self,
        *,
        port: int,
        folder: Path,
        policies: Path,
        database_url: str = "",
        http: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Get ready; `settings` are further environment variables of the bot."""
        self._port = port
        self._folder = folder
        self._policies = policies
        self._database_url = database_url
        self._http = http
        self._settings = dict(settings or {})
        self._stack = ExitStack()
        self._told_to_stop = threading.Event()
        self._bot: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if not self._policies.is_dir():
            raise SettingsError(f"There are no policies in {self._policies}. Start the demo in jitbot's own folder.")
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            self.service = stack.enter_context(DemoService(self._folder / "service"))
            self.slack = stack.enter_context(self._local_slack())
            self.environment = self._variables()
            stack.callback(self.stop_bot)
            self.start_bot()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def log(self) -> Path:
        """Where the bot's log is."""
        return self._folder / "bot.log"

    def welcome(self) -> str:
        """Say where to look and what to try."""
        slack = self.slack.url
        return "\n".join(
            [
                "",
                f"  The local Slack    {slack}/?as=U0ANN&channel=C0ONCALL   (as Ann, an engineer)",
                f"                     {slack}/?as=U0BO&channel=C0ONCALL    (as Bo, who is on call)",
                f"  The service        {self.service.url}",
                f"  The bot's log      {self.log}",
                "",
                "  As Ann type   /jit restart   and press Approve as Bo: the service's process id changes.",
                '  As Bo type    /jit admin login=bo for=1m reason="look at a cart"   and watch it end after a minute.',
                "  As Ann type   /jit rollback   : that one needs two people, and is watched for half a minute.",
                "",
                "  Ctrl-C ends everything.",
            ]
        )

    def wait(self) -> None:
        """Wait for Ctrl-C or SIGTERM, or for the bot to die."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        while not self._told_to_stop.wait(0.5):
            if self._bot is not None and self._bot.poll() is not None:
                raise SettingsError(f"The bot has stopped by itself. Its log: {self.log}")

    def start_bot(self) -> None:
        """Start the bot, and wait until it is there. Raises: SettingsError with the end of its log."""
        with self.log.open("ab") as log:
            self._bot = subprocess.Popen(
                [sys.executable, "-m", "jitbot", "serve"], env=self.environment, stdout=log, stderr=log
            )
        until = time.monotonic() + READY_SECONDS
        while not self._ready():
            if self._bot.poll() is not None or time.monotonic() > until:
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
                raise SettingsError(f"The bot did not start. The end of its log ({self.log}):\n{tail}")
            time.sleep(0.05)

    def stop_bot(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop the bot, gently or not, and wait for it."""
        if self._bot is None or self._bot.poll() is not None:
            return
        self._bot.send_signal(how)
        try:
            self._bot.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._bot.kill()
            self._bot.wait()

    def _local_slack(self) -> LocalSlack:
        try:
            return LocalSlack(WORKSPACE, self._port)
        except OSError:
            raise SettingsError(
                f"Port {self._port} is taken, perhaps by another demo. Choose one: make demo ARGS='--port 3901'"
            ) from None

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._told_to_stop.set()

    def _ready(self) -> bool:
        """The bot answers on its own port once it is connected to Slack."""
        try:
            return httpx2.get(f"{self._bot_url}/readyz", timeout=1.0, trust_env=False).status_code == 200
        except httpx2.HTTPError:
            return False

    def _variables(self) -> dict[str, str]:
        port = _free_port()
        self._bot_url = f"http://127.0.0.1:{port}"
        if self._http:
            self.slack.control("delivery", {"mode": "http", "url": f"{self._bot_url}/slack/events"})
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "JITBOT_"))}
        return inherited | {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_API_URL": self.slack.api_url,
            "JITBOT_LOCAL_SLACK": "true",
            "JITBOT_DATABASE_URL": self._database_url or f"sqlite:///{self._folder / 'jitbot.db'}",
            "JITBOT_KEY_FILE": str(self._folder / "signing.key"),
            "JITBOT_POLICIES": str(self._policies),
            "JITBOT_MODE": "http" if self._http else "socket",
            "JITBOT_PORT": str(port),
            "JITBOT_OPERATORS_CHANNEL": "#jitbot-alarms",
            "JITBOT_FALLBACK_CHANNEL": "#general",
            "DEMO_SERVICE_URL": self.service.control_url,
            **self._settings,
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
