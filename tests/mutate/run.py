"""Break the code on purpose, one fault at a time, and see that the tests notice; `make mutate` runs this.

Each fault is put into a copy of the tree, never into the tree itself. Arguments choose faults by a part of their name.
Exits with 1 if a fault survives, or if it cannot be tried.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.mutate.faults import FAULTS, Fault

ROOT = Path(__file__).parent.parent.parent
AT_ONCE = 2
TIME_LIMIT_SECONDS = 600
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "var", "build", "dist")

NOTICED, SURVIVED, UNTRIED = "noticed", "SURVIVED", "NOT TRIED"
TESTS_FAILED = 1
"""Pytest's exit code when tests ran and some failed; every other one is no proof of anything."""


def main(words: Sequence[str]) -> int:
    chosen = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    if not chosen:
        sys.stderr.write(f"No fault is named like {' or '.join(words)}.\n")
        return 1
    results = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        broken = {tests: why for tests, why in pool.map(_unchanged, _suites(chosen)) if why}
        for tests, why in broken.items():
            sys.stderr.write(f"{' '.join(tests)}: does not pass on the code as it is\n{why}\n")
        for fault, (result, detail) in zip(chosen, pool.map(partial(_try, broken), chosen), strict=True):
            results.append(result)
            sys.stdout.write(f"{result:<9}  {fault.file:<36}  {fault.name}{f': {detail}' if detail else ''}\n")
            sys.stdout.flush()
    noticed = results.count(NOTICED)
    sys.stdout.write(f"{noticed} of {len(results)} faults noticed\n")
    return 0 if noticed == len(results) else 1


def put(fault: Fault, tree: Path) -> None:
    """Put a fault into a tree. Raises: ValueError when its text is not there exactly once."""
    path = tree / fault.file
    text = path.read_text()
    times = text.count(fault.old)
    if times != 1:
        raise ValueError(f"its text is {times} times in {fault.file}")
    path.write_text(text.replace(fault.old, fault.new))


def _suites(faults: Sequence[Fault]) -> list[tuple[str, ...]]:
    return sorted({tuple(fault.tests) for fault in faults})


def _unchanged(tests: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    with _copy() as tree:
        code, output = _pytest(tree, tests)
    return tests, "" if code == 0 else output


def _try(broken: Collection[tuple[str, ...]], fault: Fault) -> tuple[str, str]:
    if tuple(fault.tests) in broken:
        return UNTRIED, "its tests do not pass on the code as it is"
    with _copy() as tree:
        try:
            put(fault, tree)
        except (OSError, ValueError) as error:
            return UNTRIED, str(error)
        code, output = _pytest(tree, fault.tests, on_postgres=fault.on_postgres)
    if code == TESTS_FAILED:
        return NOTICED, ""
    if code == 0:
        return SURVIVED, ""
    return UNTRIED, f"pytest ended with {code}: {' '.join(output.split()[-12:])}"


def _pytest(tree: Path, tests: Sequence[str], *, on_postgres: bool = False) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=line"]
    left_out = "browser" if on_postgres else "browser or postgres"  # SQLite shows most faults, in half the time
    command += ["-m", f"not ({left_out})", *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return TESTS_FAILED, f"no end within {TIME_LIMIT_SECONDS} seconds"
    return done.returncode, done.stdout + done.stderr


@contextmanager
def _copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="jitbot-mutate-") as directory:
        tree = Path(directory) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        yield tree


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
