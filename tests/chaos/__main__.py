"""`make chaos`: kill the bot again and again on SQLite and on Postgres, and say what came of it.

KILLS=1000, for both databases together; SEED=… repeats the choices of a run, though not its instants; DATABASE=both,
sqlite or postgres; FOLDER=var/chaos, where logs, journals and databases are left for who looks for a fault.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.databases import databases
from tests.chaos.run import Report, Run

DATABASES = ("sqlite", "postgres")


def main() -> int:
    kills = int(os.environ.get("KILLS") or 1000)
    seed = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
    chosen = os.environ.get("DATABASE") or "both"
    folder = Path(os.environ.get("FOLDER") or "var/chaos").resolve()
    if chosen != "both":
        return one(chosen, kills, seed, folder)
    print(f"chaos: {kills} kills, SEED={seed}, {folder}", flush=True)
    share = {"sqlite": kills - kills // 2, "postgres": kills // 2}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.chaos"],
            env={**os.environ, "KILLS": str(part), "SEED": str(seed), "DATABASE": name, "FOLDER": str(folder)},
        )
        for name, part in share.items()
    ]
    return max(abs(each.wait()) for each in running)


def one(database: str, kills: int, seed: int, folder: Path) -> int:
    """Run on one database; the exit code."""
    own = folder / f"{database}-{seed}-{time.time():.0f}"
    own.mkdir(parents=True)

    def say(line: str) -> None:
        print(f"{database}: {line}", flush=True)

    report = Report(database)
    with databases(database, own) as fresh_url:
        Run(report, seed, say).go(kills, fresh_url(), own)
    for line in told(report, seed, own):
        say(line)
    return 1 if report.findings else 0


def told(report: Report, seed: int, folder: Path) -> Iterator[str]:
    """Say what came of it."""
    at_steps = report.struck.total()
    yield f"{report.kills} kills, {at_steps} of them at a step, and as many restarts"
    never = sorted(each for each in report.known if not report.struck[each])
    yield f"died at {len(report.known) - len(never)} of {len(report.known)} steps that were seen" + (
        f"; never at: {', '.join(never)}" if never else ""
    )
    yield f"{report.outcomes.total()} requests: " + ", ".join(f"{n} {name}" for name, n in sorted(report.outcomes.items()))
    yield f"{report.acts.total()} acts: " + ", ".join(f"{n} {name}" for name, n in sorted(report.acts.items()))
    yield f"slowest rest: {report.slowest_rest:.1f} s"
    for each in report.findings:
        yield f"WRONG: {each}"
    if report.findings:
        yield f"{len(report.findings)} findings. Seed {seed}; log, steps, journal and database are in {folder}"


if __name__ == "__main__":
    sys.exit(main())
