"""Where the numbers were measured: they mean nothing without it."""

import os
import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("slack-bolt", "slack-sdk", "SQLAlchemy", "psycopg", "cedarpy", "pycasbin", "regopy", "dbos")


def described() -> Iterator[str]:
    """Yield the machine, the system, the versions, and how busy it is with other things."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GB, {_system()}, Linux {platform.release()}"
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}"
    yield f"load before the run: {os.getloadavg()[0]:.2f} (what else runs here makes every number worse)"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()
