"""The whole bot, as a process of its own, on a database that goes away: ready again when it is back, and it ends."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from jitbot.sandbox.local import LocalSlack
from tests.outages.server import Breakable
from tests.outages.test_results import wait_for
from tests.postgres import _free_port
from tests.slack_town import HERE, WORKSPACE

pytestmark = pytest.mark.long
ROOT = Path(__file__).parent.parent.parent
ENDS_WITHIN_SECONDS = 30
POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  say:
    title: Say something
    runner: command
    with: {argv: [/bin/sleep, "{seconds}"]}
    parameters: {seconds: {type: integer, min: 0, max: 60}}
    requesters: [group:engineering]
    rules: [{name: free, allow: true}]
"""
PEOPLE = "groups: {engineering: [U0ANN, U0BO]}\n"


class Bot:
    """The bot's process."""

    def __init__(self, slack: LocalSlack, url: str, folder: Path) -> None:
        self.slack, self.port = slack, _free_port()
        policies = folder / "policies"
        policies.mkdir()
        (policies / "payments.yml").write_text(POLICY)
        (policies / "people.yml").write_text(PEOPLE)
        self.log = folder / "log"
        words = {
            "JITBOT_SLACK_BOT_TOKEN": slack.bot_token,
            "JITBOT_SLACK_APP_TOKEN": slack.app_token,
            "JITBOT_SLACK_API_URL": slack.api_url,
            "JITBOT_LOCAL_SLACK": "true",
            "JITBOT_DATABASE_URL": url,
            "JITBOT_POLICIES": str(policies),
            "JITBOT_KEY_FILE": str(folder / "signing.key"),
            "JITBOT_PORT": str(self.port),
            "JITBOT_RUNNERS": "command",
            "JITBOT_RUNNER_PATHS": "/bin/sleep,/usr/bin/sleep",
        }
        environment = {**os.environ, **words}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "app.py"], cwd=folder, env=environment, stdout=log, stderr=log
            )

    def ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(self.log.read_text())
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def ended(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(ENDS_WITHIN_SECONDS)


@contextmanager
def running(url: str, folder: Path) -> Iterator[Bot]:
    """Run the bot and a local Slack for it."""
    slack = LocalSlack(WORKSPACE).start()
    bot = Bot(slack, url, folder)
    try:
        wait_for(bot.ready)
        yield bot
    finally:
        bot.process.kill()
        bot.process.wait()
        slack.stop()


@pytest.fixture
def bot(postgres: Breakable, tmp_path: Path) -> Iterator[Bot]:
    with running(postgres.url(f"t{uuid.uuid4().hex[:12]}"), tmp_path) as bot:
        yield bot


class Disk:
    """A file system in a file. While it is frozen, whoever writes to it hangs, and cannot be interrupted."""

    def __init__(self, folder: Path) -> None:
        self.image, self.folder = folder / "image", folder / "disk"
        self.folder.mkdir()
        with self.image.open("wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True)

    def mount(self) -> bool:
        return subprocess.run(["mount", "-o", "loop", self.image, self.folder]).returncode == 0

    def freeze(self) -> None:
        subprocess.run(["fsfreeze", "--freeze", self.folder], check=True)

    def thaw(self) -> None:
        subprocess.run(["fsfreeze", "--unfreeze", self.folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0 or not all(map(shutil.which, ("mkfs.ext4", "fsfreeze"))):
        pytest.skip("a disk can be mounted and frozen by root only, with mkfs.ext4 and fsfreeze")
    disk = Disk(tmp_path)
    if not disk.mount():
        pytest.skip("a file cannot be mounted as a disk here")
    yield disk
    subprocess.run(["umount", "--lazy", disk.folder], check=True)


def states(postgres: Breakable, bot: Bot) -> Any:
    schema = next(iter(postgres.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 't%' ORDER BY oid DESC")))[0]
    return [state for (state,) in postgres.rows(f"SELECT state FROM {schema}.requests ORDER BY id")]


def test_a_disk_that_hangs_answers_who_waits_and_loses_nothing(disk: Disk, tmp_path: Path) -> None:
    with running(f"sqlite:///{disk.folder}/jitbot.db", tmp_path) as bot:
        ann = bot.slack.person("U0ANN")
        assert ann.command(HERE, "/jit say seconds=8 because it is slow")["acked"]
        wait_for(lambda: rows(disk) == [("because it is slow", "running")])
        disk.freeze()
        with ThreadPoolExecutor() as threads:
            try:
                answers = []
                for number in range(4):
                    answers.append(threads.submit(ann.command, HERE, f"/jit say seconds=0 because {number}"))
                    time.sleep(2)
                time.sleep(6)  # longer than what was taken in waits for whoever took it in
            finally:
                disk.thaw()
        late = [f"because {number}" for number, each in enumerate(answers) if not each.result()["acked"]]
        assert late in ([], ["because 0"]), "whoever hangs in the write itself is told by Slack, and all others by us"
        wait_for(lambda: rows(disk) == [(reason, "succeeded") for reason in ("because it is slow", *late)])
        log = bot.log.read_text()
        assert log.count("not taken in") == len(answers) - len(late)
        assert "Traceback" not in log
        assert bot.ended() == 0


def rows(disk: Disk) -> list[tuple[str, str]]:
    """Return the reason and the state of each request."""
    with closing(sqlite3.connect(f"file:{disk.folder}/jitbot.db?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT reason, state FROM requests ORDER BY id").fetchall()


@pytest.mark.postgres
def test_a_database_that_is_gone_for_half_a_minute_costs_a_run_nothing_but_time(bot: Bot, postgres: Breakable) -> None:
    ann = bot.slack.person("U0ANN")
    assert ann.command(HERE, "/jit say seconds=5 because it is slow")["acked"]
    wait_for(lambda: states(postgres, bot) == ["running"])
    postgres.gone_for(30)
    wait_for(lambda: not bot.ready())
    assert ann.command(HERE, "/jit say seconds=0 because it is gone")["acked"]
    postgres.settled()
    wait_for(bot.ready)
    wait_for(lambda: states(postgres, bot) == ["succeeded"])
    assert "unsure" not in bot.log.read_text()
    assert bot.ended() == 0


@pytest.mark.postgres
def test_it_ends_while_the_database_hangs(bot: Bot, postgres: Breakable) -> None:
    assert bot.slack.person("U0ANN").command(HERE, "/jit say seconds=1 because it hangs")["acked"]
    wait_for(lambda: states(postgres, bot) == ["running"])
    postgres.freeze()
    bot.ended()
    postgres.thaw()
    assert "jitbot is stopping" in bot.log.read_text()
