"""The published contract suite for sources of facts: what it lets through, and what it catches."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jitbot.testing import FactSourceContract

ROOT = Path(__file__).parents[2]

SLOPPY = '''
from datetime import timedelta
import json, urllib.request
import pytest
from pydantic import BaseModel
from jitbot.errors import FactUnavailable
from jitbot.facts.client import Client
from jitbot.testing import HttpSourceContract

class Arguments(BaseModel):
    url: str
    token: str

class Sloppy:
    """Believes in zero, follows redirects, talks too much, and takes any argument."""
    Arguments = Arguments
    keep = timedelta(days=1)
    def __init__(self, site): self.site = site
    def kind(self, arguments):
        try:
            urllib.request.urlopen(arguments.url + "/n").read()
        except OSError:
            pass
        return "integer"
    def read(self, arguments, at):
        token = self.site.secret(arguments.token)
        question = urllib.request.Request(arguments.url + "/n", headers={"Authorization": token})
        try:
            with urllib.request.urlopen(question, timeout=1) as answer:
                body = answer.read().decode()
        except Exception as error:
            raise FactUnavailable(f"{error} with {token} at <{arguments.url}>\\n" * 20)
        try:
            return json.loads(body).get("n", 0)
        except Exception:
            return 0

class TestSloppy(HttpSourceContract):
    secrets = {"key": "hunter2-hunter2"}
    @pytest.fixture
    def make(self): return lambda site: Sloppy(site)
    @pytest.fixture
    def arguments(self, far):
        far.say("/n", {"n": 3})
        return {"url": far.url, "token": "key"}
    @pytest.fixture
    def broken_arguments(self): return [{}]
    @pytest.fixture
    def expected(self): return 3
'''
CAUGHT = (
    "test_it_says_how_long_an_answer_is_believed",
    "test_broken_arguments_are_refused",
    "test_telling_its_kind_asks_nobody",
    "test_a_refusal_is_unread_and_said_in_words[401]",
    "test_nonsense_is_unread[a login page]",
    "test_nonsense_is_unread[an empty object]",
    "test_nonsense_is_unread[an empty list]",
    "test_a_huge_answer_is_unread",
    "test_it_goes_nowhere_else",
    "test_only_allowed_hosts_are_asked",
    "test_secrets_stay_inside_though_the_far_side_echoes_them[200]",
    "test_secrets_stay_inside_though_the_far_side_echoes_them[401]",
)


def test_the_suite_catches_what_a_sloppy_source_does(tmp_path: Path) -> None:
    (tmp_path / "test_sloppy.py").write_text(SLOPPY, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-q", "-rf", "--tb=no", "-p", "no:cacheprovider", "-k", "not silence"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run([*words, str(tmp_path)], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    failed = re.findall(r"^FAILED \S+::TestSloppy::(.+?)(?: - .*)?$", told.stdout, re.MULTILINE)
    assert set(CAUGHT) - set(failed) == set(), told.stdout
    assert "test_it_reads_what_is_there" not in failed


@pytest.mark.parametrize("name", ["make", "arguments", "broken_arguments", "expected"])
def test_an_author_who_forgets_a_fixture_is_told_which(name: str) -> None:
    with pytest.raises(NotImplementedError, match=f"`{name}`"):
        getattr(FactSourceContract, name).__wrapped__(FactSourceContract())
