"""The page about cases has every key, and the hooks call commands that exist."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from jitbot.workbench.case_keys import cases_schema
from tests.docs.test_words import exists

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "cases.md").read_text()
SECTIONS = {"Person": "PersonKeys", "Case": "CaseKeys", "Given": "GivenKeys", "Expect": "ExpectKeys"}


def section(heading: str) -> str:
    body = re.split(rf"^##+ {heading}$", PAGE, flags=re.MULTILINE)[1]
    return re.split(r"^##", body, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("heading", ["A file of cases", *SECTIONS])
def test_the_page_has_every_key_and_says_which_are_needed(heading: str) -> None:
    whole = cases_schema()
    model = whole["$defs"][SECTIONS[heading]] if heading in SECTIONS else whole
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", section(heading), re.MULTILINE)
    assert [key for key, _ in rows] == list(model["properties"])
    needed = {key for key, text in rows if text.endswith("Needed.")}
    assert needed == set(model.get("required", ()))


def test_every_hook_calls_a_command_that_exists() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["jitbot-policy-check", "jitbot-policy-test", "jitbot-policy-fmt"]
    assert all(exists(shlex.split(hook["entry"])[1:]) for hook in hooks)
