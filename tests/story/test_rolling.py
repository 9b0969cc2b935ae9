"""This release and the next one side by side on one Postgres and one Slack: no request is harmed by the change."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from jitbot.cli.demo import Demo
from tests.acceptance.backups import own_databases
from tests.story import next_release
from tests.story.test_the_demo import CHANNEL, card

pytestmark = [pytest.mark.long, pytest.mark.postgres, pytest.mark.timeout(300)]
READY_SECONDS = 40


class Bot:
    """A further bot on the demo's database and Slack, of the next release where its folder is given."""

    def __init__(self, demo: Demo, folder: Path, code: Path | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = demo.environment | {"JITBOT_PORT": str(self.port)}
        self.environment["JITBOT_POLICIES"] = str(Path("policies").resolve())
        self.log, self.code = folder / f"bot-{self.port}.log", code
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "jitbot", *words],
            env=self.environment,
            cwd=self.code,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self) -> None:
        with self.log.open("ab") as log:
            words = [sys.executable, "-m", "jitbot", "serve"]
            self.process = subprocess.Popen(words, env=self.environment, cwd=self.code, stdout=log, stderr=log)
        until = time.monotonic() + READY_SECONDS
        while not self._ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(20) == 0
            self.process = None

    def _ready(self) -> bool:
        with suppress(httpx2.HTTPError):
            address = f"http://127.0.0.1:{self.port}/readyz"
            return httpx2.get(address, timeout=1.0, trust_env=False).status_code == 200
        return False


@pytest.fixture
def demo(postgres_server: str, tmp_path: Path) -> Iterator[Demo]:
    with (
        own_databases(postgres_server, 1) as [url],
        Demo(port=0, folder=tmp_path / "demo", policies=Path("policies"), database_url=url) as demo,
    ):
        yield demo


@pytest.fixture
def newer(demo: Demo, tmp_path: Path) -> Iterator[Bot]:
    bot = Bot(demo, tmp_path, next_release.make(tmp_path / "next"))
    yield bot
    bot.stop()


def rows(demo: Demo, query: str) -> list[Any]:
    address = demo.environment["JITBOT_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        return connection.execute(query).fetchall()


def requests(demo: Demo) -> Mapping[str, tuple[str, str | None]]:
    """Return each request's state and what it needs, by its reason."""
    found = rows(demo, "SELECT reason, state, needs FROM requests")
    return {reason: (state, needs) for reason, state, needs in found}


class Change:
    """The change from one release to the next, as people in the channel live through it."""

    def __init__(self, demo: Demo, newer: Bot) -> None:
        self.demo, self.newer = demo, newer
        self.ann, self.bo = demo.slack.person("U0ANN"), demo.slack.person("U0BO")

    def ask(self, reason: str) -> None:
        self.ann.command(CHANNEL, f'/jit restart reason="{reason}"')

    def approve(self, reason: str) -> None:
        self.bo.click(card(self.bo, "Restart checkout", reason), "jit:approve")

    def settled(self, reason: str, state: str = "succeeded") -> None:
        look = lambda: requests(self.demo).get(reason, ("",))[0] == state  # noqa: E731 - one line says it
        self.bo.wait_for(look, f"{reason} {state}", timeout=40)

    def done(self, *reasons: str) -> None:
        """Have something asked, approved and run, each of it."""
        for reason in reasons:
            self.ask(reason)
        for reason in reasons:
            self.approve(reason)
        for reason in reasons:
            self.settled(reason)

    def moody(self, wanted: int) -> list[str]:
        """Ask until so many requests have a mood: either version takes them in, and only the next one gives moods."""
        found = list[str]()
        for number in range(10, 30):
            reason = f"INC-{number} in a mood"
            self.ask(reason)
            self.bo.wait_for(lambda reason=reason: reason in requests(self.demo), reason, timeout=20)
            if requests(self.demo)[reason][1] == "0003":
                found.append(reason)
            if len(found) == wanted:
                break
        return found

    def assert_nothing_harmed(self, moody: int) -> None:
        verified = self.newer.run("audit", "verify")
        assert verified.returncode == 0, verified.stderr
        starts = dict(rows(self.demo, "SELECT request, count(*) FROM events WHERE kind = 'start' GROUP BY request"))
        assert set(starts.values()) == {1}
        done = [reason for reason, (state, _) in requests(self.demo).items() if state == "succeeded"]
        assert len(starts) == len(done) + 1, "each that was approved has run, and the grant"
        assert len(rows(self.demo, "SELECT 1 FROM events WHERE kind = 'mood_noted'")) == moody
        assert rows(self.demo, "SELECT DISTINCT mood FROM requests WHERE needs IS NOT NULL") == [("sombre",)]
        poems = "SELECT 1 FROM outbox WHERE topic = 'poem'"
        self.ann.wait_for(lambda: not rows(self.demo, poems), "the poems", timeout=20)
        for log in (self.demo.log, self.newer.log):
            text = log.read_text()
            assert "Traceback" not in text, text
            assert "REFUSED" not in text, text


def test_the_next_release_takes_over_step_by_step(demo: Demo, newer: Bot) -> None:
    change = Change(demo, newer)
    change.ask("INC-1 before")
    card(change.bo, "Restart checkout", "INC-1")
    change.bo.command(CHANNEL, '/jit admin login=bo for=45s reason="INC-2 over the change"')
    card(change.bo, "Admin of checkout", "granted, ends")

    upgraded = newer.run("db", "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    change.approve("INC-1 before")
    change.settled("INC-1 before")

    newer.start()
    change.done(*(f"INC-{number} beside" for number in range(3, 7)))
    first, second, third = change.moody(3)
    change.approve(first)
    change.settled(first)

    newer.stop()  # and back, since something is wrong with it
    change.done("INC-30 back")
    change.approve(second)
    demo.stop_bot()
    demo.start_bot()
    change.done("INC-31 on the newer schema")
    assert requests(demo)[second][0] == requests(demo)[third][0] == "pending"

    newer.start()
    demo.stop_bot()
    change.settled(second)
    change.approve(third)
    change.settled(third)
    card(change.bo, "Admin of checkout", "ended", timeout=60)
    assert "bo" not in demo.service.state()["admins"]
    change.assert_nothing_harmed(moody=3)


def test_this_release_does_not_start_where_the_next_one_says_that_it_must_not(demo: Demo, newer: Bot) -> None:
    demo.stop_bot(signal.SIGTERM)
    assert newer.code is not None
    migration = newer.code / "jitbot/store/migrations/versions/0003_moods.py"
    migration.write_text(migration.read_text().replace('compatible = "0002"', 'compatible = "0003"'))
    demo.start_bot()
    refused = newer.run("db", "upgrade")
    assert "A jitbot with schema 0002 is working on this database" in refused.stderr
    demo.stop_bot()
    assert newer.run("db", "upgrade").returncode == 0
    own = subprocess.run(
        [sys.executable, "-m", "jitbot", "serve"],
        env=demo.environment | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert own.returncode == 1
    assert "Install the newer jitbot" in own.stderr
