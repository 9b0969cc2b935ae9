"""A SQLite file is served by one process; the next one is told by whom, and gets it when that one has ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jitbot.errors import SettingsError
from jitbot.store.alone import OnlyOne

HOLD = """
import sys, time
from jitbot.store.alone import OnlyOne
one = OnlyOne(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""
ROOT = Path(__file__).parent.parent.parent


def test_a_second_process_is_refused_as_long_as_the_first_one_lives_frozen_or_not(sqlite_url: str) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLD, sqlite_url], stdout=subprocess.PIPE, cwd=ROOT)
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    other.send_signal(signal.SIGSTOP)
    with pytest.raises(SettingsError, match=f"jitbot.db is served by process {other.pid} already.*set JITBOT_DATABASE"):
        OnlyOne(sqlite_url)
    other.kill()
    other.wait()
    other.stdout.close()
    OnlyOne(sqlite_url).close()


def test_it_is_let_go_of_when_it_is_closed(sqlite_url: str, tmp_path: Path) -> None:
    one = OnlyOne(sqlite_url)
    assert (tmp_path / "jitbot.db.lock").read_text() == str(os.getpid())
    with pytest.raises(SettingsError, match="is served by process"):
        OnlyOne(sqlite_url)
    one.close()
    OnlyOne(sqlite_url).close()


def test_who_is_refused_leaves_the_lock_of_the_other_as_it_is(sqlite_url: str) -> None:
    one = OnlyOne(sqlite_url)
    for _ in range(2):
        with pytest.raises(SettingsError, match=f"process {os.getpid()} already"):
            OnlyOne(sqlite_url)
    one.close()


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"jitbot.db.lock cannot be written: No such file"):
        OnlyOne(f"sqlite:///{tmp_path}/nowhere/jitbot.db")


def test_on_postgres_there_is_nothing_to_hold(tmp_path: Path) -> None:
    both = [OnlyOne(f"postgresql+psycopg://me@/jitbot?host={tmp_path}") for _ in range(2)]
    assert list(tmp_path.iterdir()) == []
    for one in both:
        one.close()
