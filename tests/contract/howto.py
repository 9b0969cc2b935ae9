"""The packages that how-tos tell people to write: taken out of the page, tested by their own suite, and installed."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


class Package:
    """The files of one how-to, each named by its first line."""

    def __init__(self, howto: str, folder: Path) -> None:
        self.folder = folder
        for block in blocks(howto, "python") + blocks(howto, "toml"):
            name = block.splitlines()[0].removeprefix("# ")
            (folder / name).write_text(block, encoding="utf-8")

    def passes(self, *without: str) -> int:
        """Run its own tests, and return how many passed; none may fail, or be skipped but for these reasons."""
        env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{self.folder}"}
        words = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-W", "error", str(self.folder)]
        told = subprocess.run(words, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout + told.stderr
        skipped = [line for line in told.stdout.splitlines() if line.startswith("SKIPPED")]
        assert [line for line in skipped if not any(why in line for why in without)] == []
        found = re.search(r"([0-9]+) passed", told.stdout)
        assert found, told.stdout
        return int(found[1])

    def installed(self, group: str) -> list[str]:
        """Leave what an installer would leave beside it, and return the names of its entry points of one group."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        points: dict[str, str] = project["entry-points"][group]
        info = self.folder / f"{project['name'].replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(metadata)
        lines = "".join(f"{name} = {point}\n" for name, point in points.items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
        return list(points)
