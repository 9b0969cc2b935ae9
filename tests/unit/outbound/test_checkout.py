"""Who changed the policies, as a real git checkout says."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jitbot.model import Author
from jitbot.outbound import checkout
from jitbot.outbound.checkout import author
from jitbot.policy.files.load import read

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on this machine")

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Make a checkout whose policies stand in a folder of their own, and return how to run git in it."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*words: str, who: str = "Dana Doe") -> str:
        identity = ["-c", f"user.name={who}", "-c", f"user.email={who.split()[0].lower()}@acme.example"]
        ended = subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True)
        return ended.stdout.strip()

    run("init", "-q")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "pay.yml").write_text("team: pay\n")
    (tmp_path / "policies" / "pay.cases.yml").write_text("cases: []\n")
    run("add", ".")
    run("commit", "-qm", "Let leads look\n\nAs agreed.")
    return run


def found(folder: Path) -> Author:
    return author(folder / "policies", read(folder / "policies"))


def test_the_newest_commit_of_the_folder_says_who(tmp_path: Path, git: Git) -> None:
    assert found(tmp_path) == Author("Dana Doe", git("rev-parse", "HEAD"), "Let leads look", committed=True)


def test_a_commit_elsewhere_in_the_repository_says_nothing_about_the_policies(tmp_path: Path, git: Git) -> None:
    (tmp_path / "README").write_text("hello")
    git("add", ".")
    git("commit", "-qm", "Say hello", who="Bo Berg")
    assert found(tmp_path).name == "Dana Doe"


def test_an_edit_that_nobody_committed_is_told_apart(tmp_path: Path, git: Git) -> None:
    (tmp_path / "policies" / "pay.yml").write_text("team: others\n")
    assert not found(tmp_path).committed


def test_a_file_that_nobody_committed_is_told_apart(tmp_path: Path, git: Git) -> None:
    (tmp_path / "policies" / "more.yml").write_text("team: more\n")
    assert not found(tmp_path).committed


def test_a_file_that_was_taken_away_is_told_apart(tmp_path: Path, git: Git) -> None:
    (tmp_path / "policies" / "guardrails.yml").write_text("guardrails: []\n")
    git("add", ".")
    git("commit", "-qm", "Guard")
    assert found(tmp_path).committed
    (tmp_path / "policies" / "guardrails.yml").unlink()
    assert not found(tmp_path).committed


def test_a_folder_that_is_no_checkout_says_nothing(tmp_path: Path) -> None:
    assert author(tmp_path, {"a.yml": ""}) == Author()


def test_a_machine_without_git_says_nothing(tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found(tmp_path) == Author()


def test_a_git_that_hangs_says_nothing(tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(checkout, "SECONDS", 0.2)
    assert found(tmp_path) == Author()


def test_the_checkouts_own_settings_start_nothing(tmp_path: Path, git: Git) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o700)
    for name in ("core.fsmonitor", "gpg.program", "core.pager"):
        git("config", name, str(trap))
    git("config", "log.showSignature", "true")
    assert found(tmp_path).name == "Dana Doe"
    assert not (tmp_path / "sprung").exists()
