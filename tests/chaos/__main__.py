"""`make chaos`: kill the bot again and again on SQLite and on Postgres, and say what came of it.

KILLS=1000, for both databases together; SEED=… repeats the choices of a run, though not its instants; DATABASE=both,
sqlite or postgres; FOLDER=var/chaos, where log, journal and database are left when something is wrong.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.databases import databases
from tests.chaos.bot import Stuck
from tests.chaos.points import named_steps
from tests.chaos.run import Report, Run

DATABASES = ("sqlite", "postgres")


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by hand"))  # so that all that was started is ended too
    kills = int(os.environ.get("KILLS") or 1000)
    seed = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
    chosen = os.environ.get("DATABASE") or "both"
    folder = Path(os.environ.get("FOLDER") or "var/chaos").resolve()
    if chosen in DATABASES:
        return one(chosen, kills, seed, folder)
    if chosen != "both":
        sys.exit(f"DATABASE={chosen} is none of: both, {', '.join(DATABASES)}.")
    out(f"chaos: {kills} kills, SEED={seed}, in {folder}")
    share = {"sqlite": kills - kills // 2, "postgres": kills // 2}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.chaos"],
            env={**os.environ, "KILLS": str(part), "SEED": str(seed), "DATABASE": name, "FOLDER": str(folder)},
        )
        for name, part in share.items()
    ]
    try:
        return max(abs(each.wait()) for each in running)
    finally:
        for each in running:
            each.terminate()


def one(database: str, kills: int, seed: int, folder: Path) -> int:
    """Run on one database; the exit code."""
    own = folder / f"{database}-{seed}-{time.time():.0f}"
    own.mkdir(parents=True)
    report = Report()
    with databases(database, own) as fresh_url:
        try:
            Run(report, seed, lambda line: out(f"{database}: {line}")).go(kills, fresh_url(), own)
        except Stuck as stuck:
            report.findings.append(str(stuck))
    for line in told(report, seed, own):
        out(f"{database}: {line}")
    if report.findings:
        return 1
    shutil.rmtree(own)
    return 0


def told(report: Report, seed: int, folder: Path) -> Iterator[str]:
    """Say what came of it."""
    at_steps = report.struck.total()
    yield f"{report.kills} kills and as many restarts; {at_steps} of the kills at a step, the others at any instant"
    known = named_steps() | report.passed
    never = {each for each in known if not report.struck[each]}
    yield f"died at {len(known) - len(never)} of {len(known)} named steps"
    for said, steps in (("passed, but did not die at", never & report.passed), ("never passed", never - report.passed)):
        if steps:
            yield f"{said}: {', '.join(sorted(steps))}"
    yield f"{report.outcomes.total()} requests: {counted(report.outcomes)}"
    yield f"{report.acts.total()} acts: {counted(report.acts)}"
    yield f"slowest to come to rest: {report.slowest_rest:.1f} s"
    for each in report.findings:
        yield f"WRONG: {each}"
    if report.findings:
        yield f"{len(report.findings)} findings with SEED={seed}; log, steps, journal and database are in {folder}"
    else:
        yield "nothing is wrong"


def counted(what: Counter[str]) -> str:
    """Say how many there are of each."""
    return ", ".join(f"{number} {name}" for name, number in sorted(what.items()))


def out(line: str) -> None:
    """Write one line at once, whole: two processes write to the same place."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
