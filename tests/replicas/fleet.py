"""Several real processes of jitbot on one database and one local Slack, each of which can be killed and frozen.

What they do to the world they write into one file, a line an act with the key of its run, so that nothing hides.
"""

import itertools
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from jitbot.compose import Store, open_store
from jitbot.lifecycle import TERMINAL
from jitbot.model import Request, State
from jitbot.sandbox.local import LocalSlack
from jitbot.settings import Settings
from tests.slack_town import HERE, WORKSPACE

READY_SECONDS = 60.0
PEOPLE = "groups: {engineering: [U0ANN], oncall: [U0BO, U0CY]}\n"
ACT = 'echo "{what} $JITBOT_RUN_KEY" >> "{acts}"'
POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  note:
    title: Note something
    runner: command
    with: {argv: [/bin/sh, -c, 'START'], target: "thing {number}"}
    parameters: {number: {type: integer}}
    requesters: [group:engineering]
    rules: [{name: free, allow: true}]
  slow:
    title: Note something slowly
    runner: command
    with: {argv: [/bin/sh, -c, 'START; sleep 2'], target: "thing {number}"}
    parameters: {number: {type: integer}}
    requesters: [group:engineering]
    rules: [{name: free, allow: true}]
  hold:
    title: Hold something
    runner: command
    with: {argv: [/bin/sh, -c, 'START'], undo_argv: [/bin/sh, -c, 'UNDO'], target: "thing {number}"}
    parameters: {number: {type: integer}}
    requesters: [group:engineering]
    timebox: {default: 5s, max: 1h}
    rules: [{name: free, allow: true}]
  reviewed:
    title: Note what somebody has looked at
    runner: command
    with: {argv: [/bin/sh, -c, 'START'], target: "thing {number}"}
    parameters: {number: {type: integer}}
    requesters: [group:engineering]
    rules: [{name: one on call, review: [{from: [group:oncall], count: 1}]}]
"""


@dataclass
class Replica:
    """One process, by its name."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return self.lacks() == "ready"

    def lacks(self) -> str:
        """Return what it says when it is asked whether it is ready; nothing where it does not answer."""
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=5.0, trust_env=False).text.strip()
        except httpx2.HTTPError:
            return ""


class Fleet:
    """Processes on one database, and what the world and the ledger say of them."""

    def __init__(self, slack: LocalSlack, database_url: str, folder: Path) -> None:
        self.slack, self.folder, self.database_url = slack, folder, database_url
        self.acts_file = folder / "acts"
        self.acts_file.touch()
        policies = folder / "policies"
        policies.mkdir()
        words = {what.upper(): ACT.format(what=what, acts=self.acts_file) for what in ("start", "undo")}
        policy = POLICY.replace("START", words["START"]).replace("UNDO", words["UNDO"])
        (policies / "payments.yml").write_text(policy)
        (policies / "people.yml").write_text(PEOPLE)
        self.replicas: dict[str, Replica] = {}
        self._store: Store | None = None
        self._things = itertools.count()

    @property
    def store(self) -> Store:
        """The database, read past the processes."""
        if self._store is None:
            key = self.folder / "signing.key"
            self._store = open_store(Settings(database_url=self.database_url, key_file=key))
        return self._store

    def start(self, *names: str, roles: str = "", **more: str) -> None:
        """Start processes at the same time, and wait until all of them are ready."""
        self.launch(*names, roles=roles, **more)
        for name in names:
            self.until(self.replicas[name].ready, f"{name} to be ready", READY_SECONDS)

    def launch(self, *names: str, roles: str = "", **more: str) -> None:
        """Start processes without waiting for them."""
        for name in names:
            port = _free_port()
            log = self.folder / f"{name}.log"
            words = [sys.executable, "-m", "jitbot", "serve", *(["--roles", roles] if roles else [])]
            env = self._environment() | {"JITBOT_PORT": str(port)} | more
            env = {key: value for key, value in env.items() if value}
            with log.open("ab") as file:
                process = subprocess.Popen(words, env=env, stdout=file, stderr=file)
            self.replicas[name] = Replica(process, f"http://127.0.0.1:{port}", log)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a process a signal: SIGKILL, SIGSTOP, SIGCONT, SIGTERM."""
        process = self.replicas[name].process
        process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            process.wait(60)

    def close(self) -> None:
        for replica in self.replicas.values():
            replica.process.kill()
            replica.process.wait()
        if self._store is not None:
            self._store.database.close()

    def until(self, look: Callable[[], Any], what: str, timeout: float = 60.0) -> Any:
        """Wait until something is true."""
        return self.slack.wait_for(look, what, timeout)

    def ask(self, action: str, reason: str) -> None:
        """Ask as Ann, and again as long as Slack says that it did not come through, as people do.

        Each time for another thing: what is unsure, because its process was killed, holds its own.
        """

        def asked() -> bool:
            return self._say(f'/jit {action} number={next(self._things)} reason="{reason}"')

        self.until(asked, f"{action} to be taken in")

    def _say(self, command: str) -> bool:
        return bool(self.slack.person("U0ANN").command(HERE, command)["acked"])

    def approve(self, reason: str) -> None:
        """Press Approve as Bo, once its card is there, until it is taken in."""
        card = self.until(lambda: self.card(reason), f"the card of {reason}")
        bo = self.slack.person("U0BO")
        self.until(lambda: bo.click(card, "jit:approve")["acked"], f"the click on {reason} to be taken in")

    def card(self, reason: str) -> dict[str, Any] | None:
        """Return the newest card with a reason that can be approved."""
        for message in reversed(self.slack.person("U0BO").messages(HERE)):
            if reason in str(message.get("blocks")) and "jit:approve" in str(message["blocks"]):
                return message
        return None

    def requests(self, reason: str = "") -> Sequence[Request]:
        found = self.store.ledger.find(limit=1000)
        return [each for each in found if not reason or each.reason == reason]

    def acts(self) -> Counter[str]:
        """Return what was done, as `start KEY` or `undo KEY`, and how often."""
        return Counter(self.acts_file.read_text().splitlines())

    def converge(self) -> None:
        """Wait until all is over and said; then see that nothing was lost, doubled or left."""
        self.until(self._at_rest, "every request to come to rest")
        self.until(lambda: not self._behind(), "every card to be equal to the ledger")
        acts = self.acts()
        assert all(times == 1 for act, times in acts.items() if act.startswith("start")), acts
        for each in self.requests():
            started = acts[f"start {each.run_key}"]
            assert started or each.state not in (State.SUCCEEDED, State.EXPIRED), each
            if each.ttl is not None and started:
                assert acts[f"undo {each.run_key}"] >= 1, each
        assert self.store.trail.verify() > 0
        assert self.store.outbox.parked() == []
        for replica in self.replicas.values():
            errors = [line for line in replica.log.read_text().splitlines() if " ERROR " in line]
            # A thawed socket may hold half a frame, of which the Slack library complains: nobody acknowledged that one.
            assert all("jitbot.slack.library" in line for line in errors), replica.log.read_text()

    def _at_rest(self) -> bool:
        """Look whether all is over.

        What was asked again, because a frozen process did not acknowledge it, may be there twice, and may wait for a
        review only when the process thaws: that is withdrawn.
        """
        for each in self.requests():
            others = {other.state for other in self.requests(each.reason)} - {State.PENDING}
            if each.state is State.PENDING and others:  # else the approval that was acknowledged is still to count
                self._say(f"/jit withdraw {each.name}")
        return all(each.state in _AT_REST for each in self.requests())

    def _behind(self) -> list[str]:
        """Return the requests one of whose cards shows an older version, or that have none."""
        behind = []
        for each in self.requests():
            copies = [copy for copy in self.store.outbox.copies(each.id) if not copy.place.endswith("?")]
            if not copies or any(copy.ts is None or copy.version < each.version for copy in copies):
                behind.append(each.name)
        return behind

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "JITBOT_"))}
        return inherited | {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_API_URL": self.slack.api_url,
            "JITBOT_LOCAL_SLACK": "true",
            "JITBOT_MOST_OPEN": "0",
            "JITBOT_MOST_A_MINUTE": "0",
            "JITBOT_DATABASE_URL": self.database_url,
            "JITBOT_KEY_FILE": str(self.folder / "signing.key"),
            "JITBOT_POLICIES": str(self.folder / "policies"),
            "JITBOT_OPERATORS_CHANNEL": "#operators",
        }


_AT_REST = TERMINAL | {State.UNSURE}
"""A program that was cut off with its process may have done a part: that is for people to settle."""


@contextmanager
def a_fleet(database_url: str, folder: Path) -> Iterator[Fleet]:
    """Give processes to start on a local Slack."""
    with LocalSlack(WORKSPACE) as slack:
        fleet = Fleet(slack, database_url, folder)
        try:
            yield fleet
        finally:
            fleet.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
