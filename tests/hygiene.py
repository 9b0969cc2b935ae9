"""Hold the files to the house rules that no linter knows: size, names, line ends, no machine's paths.

Run by `make check` and before a commit; prints each finding as `file:line: what` and exits with 1 if there are any.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

LONGEST = 400
"""Lines of one source file of the product, its page included; a longer file holds two things."""

NO_NAMES = frozenset({"utils", "helpers", "common", "manager", "misc", "base"})
"""Names that say nothing: what has no better name has no home yet."""

SOURCES = frozenset({".py", ".js", ".css", ".html"})
TEXTS = SOURCES | {".md", ".yml", ".yaml", ".toml", ".txt", ".json", ""}

CONFLICT = re.compile(r"^(<{7} |={7}$|>{7} )")
UNEXCUSED = re.compile(r"# noqa(?!: [A-Z0-9]+(?:, [A-Z0-9]+)* - \S)")
"""An exception from a rule, those about security among them (ruff's `S`, which is bandit), without why it is one."""
MACHINE = re.compile(r"(?<![\w.])/(?:home|Users)/[a-z]\w*/")


def main() -> int:
    findings = [finding for path in _files() for finding in check(path.relative_to(ROOT), path)]
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return 1 if findings else 0


def check(name: Path, path: Path) -> Iterator[str]:
    """Yield what is wrong with one file, `name` being its path in the repository."""
    product = name.parts[0] == "jitbot"
    if product and name.suffix in SOURCES:
        yield from _named(name)
    if name.suffix not in TEXTS:
        return
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        yield f"{name}:1: not UTF-8"
        return
    if product and name.suffix in SOURCES and (lines := text.count("\n")) > LONGEST:
        yield f"{name}:{lines}: {lines} lines; split it ({LONGEST} at most)"
    if product and name.suffix == ".py":
        yield from _excused(name, text)
    yield from _lines(name, text)


def _named(name: Path) -> Iterator[str]:
    for part in (*name.parts[:-1], name.stem):
        if part in NO_NAMES:
            yield f"{name}:1: {part!r} says nothing; name it by what it does"


def _excused(name: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n"), start=1):
        if UNEXCUSED.search(line):
            yield f"{name}:{number}: an exception without its reason; write `# noqa: CODE - reason`"


def _lines(name: Path, text: str) -> Iterator[str]:
    if text and not text.endswith("\n"):
        yield f"{name}:{text.count(chr(10)) + 1}: the last line has no end"
    if "\r" in text:
        yield f"{name}:1: has carriage returns"
    for number, line in enumerate(text.split("\n"), start=1):
        if line != line.rstrip() and name.suffix != ".md":
            yield f"{name}:{number}: ends in spaces"
        if CONFLICT.match(line):
            yield f"{name}:{number}: a merge conflict's mark"
        if MACHINE.search(line):
            yield f"{name}:{number}: names somebody's own directory"


def _files() -> Iterator[Path]:
    """Yield what git tracks or would track, so that build products do not count."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in sorted(filter(None, listed.split("\0"))):
        path = ROOT / name
        if path.is_file():
            yield path


if __name__ == "__main__":
    sys.exit(main())
