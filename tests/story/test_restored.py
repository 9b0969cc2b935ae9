"""The database is backed up while people ask, is lost, and comes back: what is over ends, and nothing runs twice."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.cli.demo import Demo
from jitbot.errors import SettingsError
from tests.acceptance.backups import own_databases, with_postgres_programs
from tests.story.test_the_demo import CHANNEL, card

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def addresses(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Return where the database is, and where it is to come back."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/jitbot.db", f"sqlite:///{tmp_path}/jitbot.db"
        return
    with_postgres_programs(request.getfixturevalue("monkeypatch"))
    with own_databases(request.getfixturevalue("postgres_server"), 2) as (live, after):
        yield live, after


def jitbot(demo: Demo, *words: str) -> subprocess.CompletedProcess[str]:
    environment = demo.environment | {"PATH": os.environ["PATH"]}
    words = (sys.executable, "-m", "jitbot", *words)
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def people_asking(demo: Demo) -> Iterator[list[int]]:
    """Have somebody ask again and again."""
    over, asked = threading.Event(), list[int]()

    def ask() -> None:
        ann = demo.slack.person("U0ANN")
        while not over.wait(0.4):  # a channel takes a card a second
            ann.command(CHANNEL, '/jit restart reason="INC-1 under load"')
            asked.append(1)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        thread.join(30)


def test_backed_up_under_load_lost_and_restored_it_converges(addresses: tuple[str, str], tmp_path: Path) -> None:
    live, after = addresses
    file = tmp_path / "jitbot.backup"
    with Demo(port=0, folder=tmp_path / "demo", policies=Path("policies"), database_url=live) as demo:
        ann, bo = demo.slack.person("U0ANN"), demo.slack.person("U0BO")
        bo.command(CHANNEL, '/jit admin login=bo for=20s reason="look at a cart"')
        card(bo, "Admin of checkout", "granted, ends")
        ann.command(CHANNEL, '/jit restart reason="INC-7 the one"')
        asked = card(bo, "Restart checkout", "INC-7")
        with people_asking(demo) as load:
            bo.wait_for(lambda: len(load) > 1, "people asking", timeout=20)
            done = jitbot(demo, "db", "backup", str(file))
            assert done.returncode == 0, done.stderr
            so_far = len(load)
            bo.wait_for(lambda: len(load) > so_far + 1, "people asking on", timeout=20)
        bo.click(asked, "jit:approve")
        card(bo, "Restart checkout", "INC-7", "done in")
        started = demo.service.state()["pid"]
        ann.command(CHANNEL, '/jit restart reason="INC-8 lost with the database"')
        orphan = card(bo, "Restart checkout", "INC-8")
        demo.stop_bot(signal.SIGKILL)

        refused = jitbot(demo, "db", "restore", str(file))
        assert refused.returncode == 1
        assert "there is a database already" in refused.stderr or "not empty" in refused.stderr
        for left in tmp_path.glob("jitbot.db*"):
            left.rename(tmp_path / f"lost-{left.name}")
        demo.environment["JITBOT_DATABASE_URL"] = after
        done = jitbot(demo, "db", "restore", str(file))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "every signature is right" in done.stdout
        assert "Closed, since it may have run later" in done.stdout
        assert "jitbot grants reconcile" in done.stdout
        demo.start_bot()
        card(bo, "Restart checkout", "INC-7", "put back as it was at")
        card(bo, "Admin of checkout", "ended", timeout=30)
        assert "bo" not in demo.service.state()["admins"]
        bo.click(orphan, "jit:approve")
        bo.wait_for(lambda: "This card is not one of mine" in str(bo.last(CHANNEL)), "an answer", timeout=10)
        assert demo.service.state()["pid"] == started, "nothing has run again"
        verified = jitbot(demo, "audit", "verify")
        assert verified.returncode == 0, verified.stderr
        assert "Traceback" not in demo.log.read_text()
        ann.command(CHANNEL, '/jit restart reason="INC-9 afterwards"')
        bo.click(card(bo, "Restart checkout", "INC-9"), "jit:approve")
        card(bo, "Restart checkout", "INC-9", "done in")


def test_a_bot_does_not_start_on_a_backup_that_was_not_gone_through(tmp_path: Path) -> None:
    with Demo(port=0, folder=tmp_path / "demo", policies=Path("policies")) as demo:
        assert jitbot(demo, "db", "backup", str(tmp_path / "b")).returncode == 0
        demo.environment["JITBOT_DATABASE_URL"] = f"sqlite:///{tmp_path}/b"
        demo.stop_bot()
        with pytest.raises(SettingsError, match="Run: jitbot db restored"):
            demo.start_bot()
        assert jitbot(demo, "db", "restored").returncode == 0
        demo.start_bot()
        again = jitbot(demo, "db", "restored")
        assert "--by-other-means" in again.stderr
        used = jitbot(demo, "db", "restored", "--by-other-means")
        assert "is working on" in used.stderr
        demo.stop_bot()
        assert jitbot(demo, "db", "restored", "--by-other-means").returncode == 0
