"""The bot as a process: started, killed, and how long it was not there."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.processes import free_port
from tests.chaos.plugin import NAME
from tests.chaos.points import Hurry

READY_SECONDS = 90.0
ROOT = Path(__file__).parent.parent.parent


class Stuck(RuntimeError):
    """The bot does not come up; the end of its log says why."""


class Bot:
    """A bot on one database. `live` begins a life; a life ends by its own step, or by `kill`."""

    def __init__(self, folder: Path, environment: Mapping[str, str], how: Hurry) -> None:
        self.log = folder / "bot.log"
        self.trace = folder / "steps"
        self._said: queue.Queue[str] = queue.Queue()
        hurried = {"CHAOS_TIMES": str(how.times), "CHAOS_SINCE": repr(how.since)}
        with self.log.open("ab") as log:
            self._mother = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.launcher"],
                cwd=ROOT,
                env={**environment, **hurried},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._ears = threading.Thread(target=self._listen, name="ears", daemon=True)
        self._ears.start()
        self._pid = 0

    def live(self, at: str = "", occurrence: int = 1) -> None:
        """Begin a life that ends at a step, if it comes to that."""
        self.trace.unlink(missing_ok=True)
        life = {"at": at, "occurrence": occurrence, "trace": str(self.trace)}
        assert self._mother.stdin is not None
        self._mother.stdin.write(json.dumps(life) + "\n")
        self._mother.stdin.flush()
        self._pid = int(self._next(READY_SECONDS).removeprefix("born "))

    def ready(self) -> bool:
        """Wait until it is reached by Slack; False where it has died before. Raises: Stuck."""
        said = self._next(READY_SECONDS)
        if said == "ready":
            return True
        self._gone(said)
        return False

    def died(self, seconds: float) -> bool:
        """Wait so long for its death."""
        try:
            said = self._said.get(timeout=seconds)
        except queue.Empty:
            return False
        if said == "ready":  # that was meant for somebody who waits for it
            return self.died(seconds)
        self._gone(said)
        return True

    def kill(self) -> None:
        """Kill it, wherever it is."""
        with suppress(ProcessLookupError):  # it may have died by itself in the same instant
            os.kill(self._pid, signal.SIGKILL)
        if not self.died(READY_SECONDS):
            raise Stuck(f"A killed process does not end. Its log: {self.log}")

    def steps(self) -> list[str]:
        """Return the names of the steps that the last life has passed, in their order."""
        return self.trace.read_text().splitlines() if self.trace.exists() else []

    def complaints(self) -> list[str]:
        """Return what went wrong inside of it, where it said so in its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [
            "the bot stumbled: " + "\n".join(lines[max(0, at - 1) : at + 40])
            for at, line in enumerate(lines)
            if line.startswith("Traceback")
        ][:1]

    def close(self) -> None:
        """End everything."""
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        assert self._mother.stdin is not None
        self._mother.stdin.close()
        self._mother.wait(READY_SECONDS)

    def _listen(self) -> None:
        assert self._mother.stdout is not None
        for line in self._mother.stdout:
            self._said.put(line.strip())
        self._said.put("gone for good")

    def _next(self, seconds: float) -> str:
        try:
            said = self._said.get(timeout=seconds)
        except queue.Empty:
            said = "nothing"
        if said in ("nothing", "gone for good"):
            raise Stuck(f"The bot said {said} in {seconds:.0f} s. The end of its log ({self.log}):\n{self._tail()}")
        return said

    def _gone(self, said: str) -> None:
        self._pid = 0
        status = said.removeprefix("gone ")
        if status != str(signal.SIGKILL.value):
            raise Stuck(f"The bot ended by itself ({said}). The end of its log ({self.log}):\n{self._tail()}")

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


@contextmanager
def a_bot(folder: Path, environment: Mapping[str, str], how: Hurry) -> Iterator[Bot]:
    """Have a bot for as long as the `with` block lasts."""
    bot = Bot(folder, environment, how)
    try:
        yield bot
    finally:
        bot.close()


def environment(
    slack: Mapping[str, str], folder: Path, *, database_url: str, policies: Path, plugins: Path, host: str
) -> dict[str, str]:
    """Return the variables of the bot, as an operator would set them."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "JITBOT_"))}
    return (
        inherited
        | slack
        | {
            "PYTHONPATH": str(plugins),
            "JITBOT_DATABASE_URL": database_url,
            "JITBOT_KEY_FILE": str(folder / "signing.key"),
            "JITBOT_POLICIES": str(policies),
            "JITBOT_PORT": str(free_port()),
            "JITBOT_RUNNERS": f"http,{NAME}",
            "JITBOT_HTTP_HOSTS": host,
            "JITBOT_SWEEP_SECONDS": "0.1",
            "JITBOT_OPERATORS_CHANNEL": "#operators",
        }
    )
