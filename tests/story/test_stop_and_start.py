"""The bot is stopped, killed and started again in the middle of things: nothing is lost, and what is due is done."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.cli.demo import Demo
from tests.story.test_the_demo import CHANNEL, audit, card


@pytest.fixture
def one_demo(tmp_path: Path) -> Iterator[Demo]:
    with Demo(port=0, folder=tmp_path / "demo", policies=Path("policies")) as running:
        yield running


def admins(demo: Demo) -> dict[str, object]:
    found: dict[str, object] = demo.service.state()["admins"]
    return found


@pytest.mark.long  # the kill test does this again and again
def test_a_grant_ends_although_the_bot_was_killed_and_its_time_passed_meanwhile(one_demo: Demo) -> None:
    bo = one_demo.slack.person("U0BO")
    bo.command(CHANNEL, '/jit admin login=bo for=5s reason="look at a cart"')
    card(bo, "Admin of checkout", "granted, ends")
    one_demo.stop_bot(signal.SIGKILL)
    time.sleep(5.5)  # the real clock of a real process: its time passes while it is dead
    assert "bo" in admins(one_demo)
    one_demo.start_bot()
    card(bo, "Admin of checkout", "ended")
    assert "bo" not in admins(one_demo)
    assert audit(one_demo, "verify").returncode == 0


def test_a_card_from_before_a_clean_stop_can_be_approved_after_it(one_demo: Demo) -> None:
    ann, bo = one_demo.slack.person("U0ANN"), one_demo.slack.person("U0BO")
    ann.command(CHANNEL, '/jit restart reason="INC-1 slow"')
    asked = card(bo, "Restart checkout")
    one_demo.stop_bot(signal.SIGTERM)
    assert "jitbot is stopping" in one_demo.log.read_text()
    one_demo.start_bot()
    bo.click(asked, "jit:approve")
    card(bo, "Restart checkout", "done in")


def test_a_broken_policy_file_while_running_keeps_the_last_good_one_and_is_told_to_the_operators(
    tmp_path: Path,
) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    for file in Path("policies").glob("*.yml"):
        (policies / file.name).write_text(file.read_text())
    with Demo(port=0, folder=tmp_path / "demo", policies=policies) as demo:
        cy, ann = demo.slack.person("U0CY"), demo.slack.person("U0ANN")
        text = (policies / "checkout.yml").read_text()
        (policies / "checkout.yml").write_text(text.replace("risk: medium", "risk: mediun"))
        told = cy.wait_for(lambda: cy.last("C0OPS"), "the alarm", timeout=15)
        assert "checkout.yml:18:" in told["text"]
        ann.command(CHANNEL, '/jit restart reason="INC-1 slow"')
        card(ann, "Restart checkout", "waits for approval")


def test_a_broken_policy_file_at_the_start_leaves_ends_only(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    for file in Path("policies").glob("*.yml"):
        (policies / file.name).write_text(file.read_text())
    (policies / "checkout.yml").write_text("team: checkout\nchanel: x\n")
    with Demo(port=0, folder=tmp_path / "demo", policies=policies) as demo:
        ann = demo.slack.person("U0ANN")
        ann.command(CHANNEL, '/jit restart reason="INC-1 slow"')
        told = ann.wait_for(lambda: ann.last(CHANNEL), "an answer", timeout=15)
        assert told["ephemeral"]
        assert "checkout.yml:2:1" in told["text"]


def test_the_doctor_finds_everything_in_order_and_says_what_to_do_where_it_is_not(one_demo: Demo) -> None:
    def doctor(**changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "jitbot", "doctor"],
            env=one_demo.environment | {"PATH": os.environ["PATH"]} | changes,
            capture_output=True,
            text=True,
            check=False,
        )

    well = doctor()
    assert well.returncode == 0, well.stdout + well.stderr
    assert "✓ channel #checkout-oncall" in well.stdout
    wrong_token = doctor(SLACK_BOT_TOKEN="xoxb-wrong")
    assert wrong_token.returncode == 1
    assert "✗ Slack: Slack says invalid_auth" in wrong_token.stdout
    one_demo.slack.control("channels/C0ONCALL", {"is_archived": True})
    archived = doctor()
    assert "✗ channel #checkout-oncall: is archived" in archived.stdout
    assert "→ Unarchive it" in archived.stdout
    key = Path(one_demo.environment["JITBOT_KEY_FILE"])
    key.chmod(0o644)
    readable = doctor()
    assert "chmod 600" in readable.stdout
