"""The whole bot, as a process of its own, on a database that goes away: ready again when it is back, and it ends."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jitbot.sandbox.local import LocalSlack
from tests.outages.server import Breakable
from tests.outages.test_results import wait_for
from tests.postgres import _free_port
from tests.slack_town import HERE, WORKSPACE

pytestmark = [pytest.mark.postgres, pytest.mark.long]
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


@pytest.fixture
def bot(postgres: Breakable, tmp_path: Path) -> Iterator[Bot]:
    slack = LocalSlack(WORKSPACE).start()
    bot = Bot(slack, postgres.url(f"t{uuid.uuid4().hex[:12]}"), tmp_path)
    wait_for(bot.ready)
    yield bot
    bot.process.kill()
    bot.process.wait()
    slack.stop()


def states(postgres: Breakable, bot: Bot) -> Any:
    schema = next(iter(postgres.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 't%' ORDER BY oid DESC")))[0]
    return [state for (state,) in postgres.rows(f"SELECT state FROM {schema}.requests ORDER BY id")]


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


def test_it_ends_while_the_database_hangs(bot: Bot, postgres: Breakable) -> None:
    assert bot.slack.person("U0ANN").command(HERE, "/jit say seconds=1 because it hangs")["acked"]
    wait_for(lambda: states(postgres, bot) == ["running"])
    postgres.freeze()
    bot.ended()
    postgres.thaw()
    assert "jitbot is stopping" in bot.log.read_text()
