"""Runs that happen elsewhere: bot, local Slack and worker are three processes, and only the worker may act."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from jitbot.cli.demo import Demo
from tests.pooling import APool, pool, until
from tests.story.test_the_demo import CHANNEL, card

__all__ = ["pool"]

pytestmark = pytest.mark.postgres

WORKERS = ("one", "two")
KEY = "open-sesame-4711"
POLICY = """
team: checkout
channel: "#checkout-oncall"
actions:
  vault:
    title: Open the vault
    runner: command
    pool: {pool}
    with:
      argv: [sh, -c, 'test -n "$KEY" && touch {folder}/open && echo "opened with $KEY"']
      undo_argv: [rm, -f, "{folder}/open"]
      variables: {{KEY: {{secret: vault-key}}}}
    requesters: [group:engineering]
    timebox: {{default: 30m, max: 1h}}
    rules: [{{name: one on call, review: [{{from: [group:checkout-oncall], count: 1}}]}}]
  slow:
    title: Take a while
    runner: command
    pool: {pool}
    with:
      argv: [sh, -c, "echo $$ >> {folder}/begun; echo half way; until test -e {folder}/go; do sleep 0.1; done"]
      undo_argv: [touch, "{folder}/undone"]
    requesters: [group:engineering]
    rules: [{{name: free, allow: true}}]
"""


class Elsewhere:
    """The demo with a pool, and workers as processes."""

    def __init__(self, demo: Demo, pool: APool, folder: Path) -> None:
        self.demo, self.pool, self.folder = demo, pool, folder
        self.log = folder / "worker.log"
        self.closing = ExitStack()
        self._states = cycle(WORKERS)

    def start_worker(self) -> subprocess.Popen[bytes]:
        before = len(self.pool.workers())
        trusted = self.pool.trusting(self.folder / "demo" / "signing.key")
        process = self.pool.process(self.log, next(self._states), JITBOT_SECRET_VAULT_KEY=KEY, **trusted)
        self.closing.callback(_end, process)
        until(lambda: len(self.pool.workers()) > before, f"a worker; see {self.log}", timeout=90)
        return process

    def there(self, name: str) -> bool:
        return (self.folder / name).exists()

    def thread(self, user: str = "U0ANN") -> str:
        """Return all that is said in threads of the channel."""
        messages = self.demo.slack.person(user).messages(CHANNEL)
        return "\n".join(message["text"] for message in messages if message.get("thread_ts"))

    def ask_for_what_is_slow(self) -> None:
        self.demo.slack.person("U0ANN").command(CHANNEL, '/jit slow reason="INC-1"')
        until(lambda: self.there("begun"), "the beginning of the run")

    def told_ann(self, words: str) -> None:
        until(lambda: words in str(self.demo.slack.person("U0ANN").see()), f"Ann being told {words}", timeout=90)

    def card(self, *words: str, timeout: float = 30) -> Any:
        return card(self.demo.slack.person("U0BO"), *words, timeout=timeout)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


@pytest.fixture
def elsewhere(tmp_path: Path, pool: APool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    monkeypatch.setattr("jitbot.cli.demo.READY_SECONDS", 90.0)  # there are more processes here than elsewhere
    policies = tmp_path / "policies"
    shutil.copytree("policies", policies)
    (policies / "vault.yml").write_text(POLICY.format(pool=pool.name, folder=tmp_path))
    settings = pool.known(*WORKERS)
    demo = Demo(port=0, folder=tmp_path / "demo", policies=policies, database_url=pool.url, settings=settings)
    with demo:
        elsewhere = Elsewhere(demo, pool, tmp_path)
        with elsewhere.closing:
            yield elsewhere
    for log in (demo.log, elsewhere.log):
        assert "Traceback" not in log.read_text(), log.read_text()


def test_a_grant_is_given_and_taken_back_by_a_worker_that_alone_has_the_key(elsewhere: Elsewhere) -> None:
    worker = elsewhere.start_worker()
    ann, bo = (elsewhere.demo.slack.person(user) for user in ("U0ANN", "U0BO"))
    ann.command(CHANNEL, '/jit vault reason="INC-1 the vault"')
    asked = elsewhere.card("Open the vault", f"pool {elsewhere.pool.name}")
    bo.click(asked, "jit:approve")
    granted = elsewhere.card("Open the vault", "granted, ends")
    assert elsewhere.there("open")
    until(lambda: "opened with •••" in elsewhere.thread(), "the output, without the key")
    assert KEY not in elsewhere.demo.log.read_text() + elsewhere.log.read_text()
    ann.click(granted, "jit:drop")
    elsewhere.card("Open the vault", "⚪")
    assert not elsewhere.there("open")
    worker.terminate()
    assert worker.wait(20) == 0, "it ends in order when it is told to"
    ann.command(CHANNEL, '/jit vault reason="INC-2 again"')
    elsewhere.told_ann(f"No worker of pool {elsewhere.pool.name} answered within 5 s")


@pytest.mark.long
def test_what_runs_on_a_worker_is_stopped_by_a_press_and_undone_there(elsewhere: Elsewhere) -> None:
    elsewhere.start_worker()
    elsewhere.ask_for_what_is_slow()
    elsewhere.demo.slack.person("U0ANN").click(elsewhere.card("Take a while", "running"), "jit:drop")
    elsewhere.card("Take a while", "\u21a9\ufe0f", "stopped by hand")
    assert elsewhere.there("undone")


@pytest.mark.long
def test_an_approved_run_waits_for_a_worker_and_says_so(elsewhere: Elsewhere) -> None:
    worker = elsewhere.start_worker()
    elsewhere.demo.slack.person("U0ANN").command(CHANNEL, '/jit vault reason="INC-1 the vault"')
    asked = elsewhere.card("Open the vault", "waits for approval")
    worker.terminate()
    worker.wait(20)
    elsewhere.demo.slack.person("U0BO").click(asked, "jit:approve")
    elsewhere.card("Open the vault", f"approved, waits for a worker of pool {elsewhere.pool.name}")
    elsewhere.start_worker()
    elsewhere.card("Open the vault", "granted, ends")
    assert elsewhere.there("open")


@pytest.mark.long
def test_a_worker_that_is_killed_in_the_middle_leaves_its_run_unsure(elsewhere: Elsewhere) -> None:
    worker = elsewhere.start_worker()
    other = elsewhere.start_worker()
    elsewhere.ask_for_what_is_slow()
    [call] = elsewhere.pool.calls("start")
    killed = worker if f":{worker.pid}:" in call.worker else other
    killed.kill()
    elsewhere.card("Take a while", "we don't know whether it happened", timeout=60)
    assert len((elsewhere.folder / "begun").read_text().splitlines()) == 1, "nobody has begun it again"
    (elsewhere.folder / "go").touch()


@pytest.mark.long
def test_a_worker_that_was_frozen_and_wakes_up_settles_what_was_unsure(elsewhere: Elsewhere) -> None:
    worker = elsewhere.start_worker()
    elsewhere.ask_for_what_is_slow()
    worker.send_signal(signal.SIGSTOP)
    elsewhere.card("Take a while", "we don't know whether it happened", timeout=60)
    (elsewhere.folder / "go").touch()
    worker.send_signal(signal.SIGCONT)
    elsewhere.card("Take a while", "done", timeout=60)
    assert len((elsewhere.folder / "begun").read_text().splitlines()) == 1


@pytest.mark.long
def test_what_a_frozen_worker_had_not_begun_is_not_begun_when_it_wakes_up_too_late(elsewhere: Elsewhere) -> None:
    worker = elsewhere.start_worker()
    worker.send_signal(signal.SIGSTOP)
    elsewhere.demo.slack.person("U0ANN").command(CHANNEL, '/jit slow reason="INC-1"')
    elsewhere.told_ann("No worker of pool")
    worker.send_signal(signal.SIGCONT)
    until(lambda: len(elsewhere.pool.workers()) == 1, "the worker to be heard of")
    elsewhere.demo.slack.person("U0ANN").command(CHANNEL, '/jit vault reason="it works again"')
    elsewhere.card("Open the vault", "waits for approval")
    assert not elsewhere.there("begun")


@pytest.mark.long
def test_a_bot_that_was_killed_while_a_worker_runs_takes_the_result_when_it_is_back(elsewhere: Elsewhere) -> None:
    elsewhere.start_worker()
    elsewhere.ask_for_what_is_slow()
    elsewhere.demo.stop_bot(signal.SIGKILL)
    (elsewhere.folder / "go").touch()
    until(lambda: [each.state for each in elsewhere.pool.calls("start")] == ["answered"], "the answer of the worker")
    elsewhere.demo.start_bot()
    elsewhere.card("Take a while", "done", timeout=60)
    assert len((elsewhere.folder / "begun").read_text().splitlines()) == 1
