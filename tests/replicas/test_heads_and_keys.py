"""Real processes whose signing key is rotated while people work, and whose heads go out whoever has the turn."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.audit import Head, read_heads
from tests.replicas.fleet import Fleet, a_fleet

pytestmark = [pytest.mark.postgres, pytest.mark.long]


@pytest.fixture
def fleet(postgres_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with a_fleet(postgres_url, tmp_path) as fleet:
        yield fleet


def heads(fleet: Fleet) -> list[Head]:
    kept = fleet.folder / "kept.jsonl"
    return list(read_heads(kept.read_text().splitlines(), "kept")) if kept.exists() else []


def audit(fleet: Fleet, *words: str) -> str:
    """Run a command on the record beside the processes."""
    env = os.environ | {"JITBOT_DATABASE_URL": fleet.database_url, "JITBOT_KEY_FILE": str(fleet.folder / "signing.key")}
    done = subprocess.run(
        [sys.executable, "-m", "jitbot", "audit", *words], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(240)
def test_processes_go_over_to_a_new_key_and_another_sends_heads_when_the_one_whose_turn_it_was_is_killed(
    fleet: Fleet,
) -> None:
    (fleet.folder / "heads.yml").write_text(f"kept: {{kind: file, path: {fleet.folder}/kept.jsonl}}\n")
    fleet.start("a", JITBOT_HEADS_FILE=str(fleet.folder / "heads.yml"))
    fleet.until(lambda: len(heads(fleet)) == 1, "the head of the start")
    fleet.start("b", JITBOT_HEADS_FILE=str(fleet.folder / "heads.yml"))
    fleet.ask("note", "by the first key")
    audit(fleet, "rotate-key")
    for number in range(6):  # Slack hands them to both
        fleet.ask("note", f"by the second key {number}")
    fleet.send("a", signal.SIGKILL)
    fleet.until(lambda: len(heads(fleet)) == 2, "a head from the other one")
    fleet.ask("hold", "by the one that is left")
    fleet.converge()
    first, second = heads(fleet)
    assert first.key != second.key
    assert first.count < second.count
    assert "Heads that fit: 2" in audit(fleet, "verify", "--head", str(fleet.folder / "kept.jsonl"))
    assert len(fleet.store.trail.eras()) == 2
