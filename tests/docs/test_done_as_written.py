"""Pages about policies, done as they say: their files written, their commands run, their output as they print it."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import pages

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>\w+) -->\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


def steps(page: Path) -> Iterator[tuple[str, str, bool]]:
    """Yield each block's language and body, and whether it is said to fail."""
    for block in _BLOCK.finditer(page.read_text()):
        yield block["language"], block["body"], block["mark"] == "fails"


def run(line: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line)
    assert words[0] == "jitbot", line
    command = [sys.executable, "-m", "jitbot", *words[1:]]
    environment = {"PYTHONPATH": str(pages.ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "200", "NO_COLOR": "1", **more}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("name", "number"), [("tutorial-policies.md", 5), ("howto/take-advice.md", 3), ("howto/many-targets.md", 2)]
)
def test_the_page_can_be_done_as_written(tmp_path: Path, name: str, number: int) -> None:
    said, commands = "", 0
    (tmp_path / "policies").mkdir()
    for language, body, fails in steps(pages.DOCS / name):
        if language == "yaml":
            file = body.split("\n", 1)[0].removeprefix("# policies/").strip()
            (tmp_path / "policies" / file).write_text(body)
        elif language == "sh":
            for line in body.splitlines():
                done = run(line, tmp_path)
                said, commands = done.stdout + done.stderr, commands + 1
                assert (done.returncode != 0) is fails, f"{line}\n{said}"
        else:
            assert language == "text"
            assert [line for line in body.splitlines() if line.strip() not in said] == [], said
    assert commands == number
