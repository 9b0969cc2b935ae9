"""The look for known holes tells what it found, and never takes what nobody could look up for good."""

import json
import sys
from typing import Any

import pytest

from tests import audit

GOOD = {"name": "good", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}, {"id": "CVE-2"}]}
UNSEEN = {"name": "unseen", "skip_reason": "not found"}


def run(*packages: Any, words: tuple[str, ...] = (), says: str | None = None) -> int:
    said = json.dumps({"dependencies": packages}) if says is None else says
    return audit.main(words, (sys.executable, "-c", f"print({said!r})"))


def test_packages_without_a_known_hole_are_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(GOOD, GOOD) == 0
    assert capsys.readouterr().out == "2 packages, none with a known hole\n"


def test_a_hole_is_told_with_what_mends_it_also_where_others_were_not_looked_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(GOOD, BAD, UNSEEN, words=("--unless-offline",)) == 1
    assert capsys.readouterr().out.splitlines()[:2] == ["bad 2: CVE-1, mended in 3", "bad 2: CVE-2"]


@pytest.mark.parametrize(
    ("packages", "says"), [((GOOD, UNSEEN), None), ((), None), ((), ""), ((), "[]"), ((), "no JSON")]
)
def test_what_nobody_looked_up_is_not_called_good(
    packages: tuple[Any, ...], says: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*packages, says=says) == 1
    assert run(*packages, says=says, words=("--unless-offline",)) == 0
    assert [line.startswith("NOT AUDITED: ") for line in capsys.readouterr().out.splitlines()] == [True, True]


def test_who_never_answers_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "HASTY_SECONDS", 0.1)
    assert audit.main(["--unless-offline"], (sys.executable, "-c", "import time; time.sleep(30)")) == 0
    assert "no answer within 0.1 s" in capsys.readouterr().out
