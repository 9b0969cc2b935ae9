"""The policies change under the running bot: a real process, a real folder, a real git checkout."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.cli.demo import Demo
from jitbot.sandbox.person import Person
from tests.story.test_the_demo import CHANNEL, audit, card

OPERATORS = "C0OPS"
ASKS = "review: [{from: [group:checkout-oncall], count: 1}]"
WAITS = """
        remind_after: 10m
        escalate: [{after: 20m, to: [group:checkout-leads]}]"""
REFUSES = "deny: Not today."


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """Put the demo's policies into a repository, and return the folder in a checkout of it."""
    shutil.copytree("policies", tmp_path / "origin" / "policies")
    git(tmp_path / "origin", "init", "-q")
    commit(tmp_path / "origin", "Begin")
    git(tmp_path, "clone", "-q", "origin", "checkout")
    return tmp_path / "checkout" / "policies"


@pytest.fixture
def changing(tmp_path: Path, policies: Path) -> Iterator[Demo]:
    with Demo(port=0, folder=tmp_path / "demo", policies=policies) as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=Dana Doe", "-c", "user.email=dana@acme.example"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, message: str) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "-qm", message)


def edit(folder: Path, old: str, new: str) -> None:
    text = (folder / "checkout.yml").read_text()
    assert old in text
    (folder / "checkout.yml").write_text(text.replace(old, new, 1))


def told(person: Person, *words: str) -> str:
    """Wait for a message to the operators that says all of these words."""

    def look() -> str:
        texts = [message["text"] for message in person.messages(OPERATORS)]
        return next((text for text in texts if all(word in text for word in words)), "")

    return str(person.wait_for(look, f"a message with {words}", timeout=20))


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on this machine")
def test_an_edit_is_obeyed_announced_with_its_author_and_followed_up(changing: Demo, policies: Path) -> None:
    ann, bo, di = (changing.slack.person(user) for user in ("U0ANN", "U0BO", "U0DI"))
    ann.command(CHANNEL, '/jit restart reason="INC-482 latency"')
    card(bo, "Restart checkout", "JIT-1", "waits")

    edit(policies, ASKS, "review: [{from: [group:nobody-we-know], count: 1}]")
    told(di, "The policies are broken; the last good ones stay in force.", "checkout.yml:", "nobody-we-know")

    git(policies, "checkout", "-q", ".")
    told(di, "The policies are in order again.")

    origin = policies.parent.parent / "origin"
    edit(origin / "policies", ASKS + WAITS, REFUSES)
    commit(origin, "Close the shop")
    git(policies, "pull", "-q", "--ff-only")
    said = told(di, "The policies have changed: Dana Doe, commit ", "“Close the shop”", "JIT-1 is refused now")
    assert "rule “one on call decides” of restart" in said
    card(bo, "Restart checkout", "JIT-1", "refused: Not today.")

    edit(policies, REFUSES, "allow: true")
    told(di, "somebody edited the files without a commit; the last one is")
    ann.command(CHANNEL, '/jit restart reason="INC-482 latency"')
    card(bo, "Restart checkout", "JIT-2", "🟢")
    assert audit(changing, "verify").returncode == 0
    assert "policies_broken" in audit(changing, "show").stdout
