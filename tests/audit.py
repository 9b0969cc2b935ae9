"""Ask whether the pinned packages have known holes; `make audit`, and `make check`, which goes on where nobody answers.

Says honestly what was not looked at: without a network, or on a mirror that has no advisories, nothing is known to be
good. Exits with 1 if there is a hole; without `--unless-offline` also if anything could not be looked up.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

UNLESS_OFFLINE = "--unless-offline"
ROOT = Path(__file__).parent.parent
COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
    *("--disable-pip", "--no-deps", "--requirement", str(ROOT / "constraints.txt")),
)
SECONDS = 120
"""Longer than some two hundred look-ups take."""
HASTY_SECONDS = 20
"""How long `make check` waits, which has more to do."""


def main(words: Sequence[str], command: Sequence[str] = COMMAND) -> int:
    seconds = HASTY_SECONDS if UNLESS_OFFLINE in words else SECONDS
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return _unknown(f"no answer within {seconds} s", words)
    try:
        packages = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return _unknown((ended.stderr.strip().splitlines() or ["pip-audit says nothing"])[-1][:200], words)
    holes = [f"{each['name']} {each['version']}: {_named(hole)}" for each in packages for hole in each.get("vulns", ())]
    unseen = [each for each in packages if "skip_reason" in each]
    sys.stdout.writelines(f"{hole}\n" for hole in holes)
    if holes:
        sys.stdout.write(f"{len(holes)} known holes. Pin versions that mend them in constraints.txt.\n")
        return 1
    if unseen or not packages:
        return _unknown(f"no advisories for {len(unseen)} of {len(packages)} packages", words)
    sys.stdout.write(f"{len(packages)} packages, none with a known hole\n")
    return 0


def _named(hole: dict[str, object]) -> str:
    mended = hole.get("fix_versions")
    return f"{hole['id']}, mended in {', '.join(mended)}" if isinstance(mended, list) and mended else str(hole["id"])


def _unknown(why: str, words: Sequence[str]) -> int:
    sys.stdout.write(f"NOT AUDITED: {why}. Run `make audit` where the advisories can be reached.\n")
    return 0 if UNLESS_OFFLINE in words else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
