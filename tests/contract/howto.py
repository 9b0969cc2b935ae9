"""The packages that how-tos tell people to write: taken out of the page, tested by their own suite, and installed."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


class Package:
    """The files of one how-to, each named by its first line."""

    def __init__(self, howto: str, folder: Path) -> None:
        self.folder, self.site = folder, folder / "installed"
        for block in blocks(howto, "python") + blocks(howto, "toml"):
            name = block.splitlines()[0].removeprefix("# ")
            (folder / name).write_text(block, encoding="utf-8")

    def passes(self) -> int:
        """Run its own tests, and return how many passed; only what its plugin does not offer may be skipped."""
        env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{self.folder}"}
        words = [sys.executable, "-m", "pytest", "-qrs", "-p", "no:cacheprovider", "-W", "error", str(self.folder)]
        told = subprocess.run(words, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout + told.stderr
        skipped = re.findall(r"^SKIPPED .*?: (.*)$", told.stdout, re.MULTILINE)
        assert [reason for reason in skipped if not reason.startswith("this runner")] == []
        found = re.search(r"([0-9]+) passed", told.stdout)
        assert found, told.stdout
        return int(found[1])

    def installed(self, group: str) -> Sequence[str]:
        """Install it into a folder of its own, and return the names of its entry points of one group."""
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-index", "--no-deps", "--no-build-isolation"]
        words = [*pip, "--disable-pip-version-check", "--target", str(self.site), str(self.folder)]
        told = subprocess.run(words, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout + told.stderr
        project = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        points: dict[str, str] = project["entry-points"][group]
        return list(points)
