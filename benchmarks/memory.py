"""How much memory a process holds and how long it has computed, as the kernel counts it."""

import os
import re
from pathlib import Path

MEBI = 1024


def resident(pid: int) -> float:
    """Return what a process holds now, in mebibytes."""
    return _said(pid, "VmRSS")


def most_resident(pid: int) -> float:
    """Return the most that a process has held since it began, in mebibytes."""
    return _said(pid, "VmHWM")


def cpu_seconds(pid: int) -> float:
    """Return how long a process has computed, in its own code and in the kernel."""
    behind_the_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(behind_the_name[11]) + int(behind_the_name[12])) / os.sysconf("SC_CLK_TCK")


def _said(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{name}:\s+([0-9]+) kB$", status, re.MULTILINE)
    return int(found[1]) / MEBI if found else 0.0
