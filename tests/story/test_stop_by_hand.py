"""A program that takes too long: somebody presses Stop, and what it has done is undone."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.cli.demo import Demo
from tests.story.test_the_demo import CHANNEL, card

POLICY = """
team: checkout
channel: "#checkout-oncall"
actions:
  slow:
    title: Take a long time
    runner: command
    with:
      argv: [sh, -c, "touch %(file)s; sleep 120"]
      undo_argv: [rm, -f, "%(file)s"]
    risk: low
    requesters: [group:engineering]
    rules: [{allow: true}]
"""


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Demo]:
    policies = tmp_path / "policies"
    shutil.copytree("policies", policies)
    (policies / "slow.yml").write_text(POLICY % {"file": tmp_path / "begun"})
    with Demo(port=0, folder=tmp_path / "demo", policies=policies) as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log


def test_what_runs_is_stopped_by_a_press_and_undone(slow: Demo, tmp_path: Path) -> None:
    ann = slow.slack.person("U0ANN")
    ann.command(CHANNEL, '/jit slow reason="to see it stopped"')
    running = card(ann, "Take a long time", "running")
    ann.wait_for((tmp_path / "begun").exists, "what the program does first", timeout=20)
    ann.click(running, "jit:drop")
    card(ann, "Take a long time", "\u21a9\ufe0f", "stopped by hand")
    assert not (tmp_path / "begun").exists()
