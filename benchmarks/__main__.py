"""`make bench`: measure, and print the numbers beside their references and aims.

Options may be given by environment too: QUICK=1, JSON=FILE, DATABASE=postgres, ONLY=clicks,store, LEDGERS=100000.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks import (
    acks,
    audit,
    ends,
    loaded,
    loop,
    machine,
    one_request,
    policies,
    ready,
    redaction,
    start,
    store,
    through,
    warrants,
)
from benchmarks.databases import FreshUrl, databases
from benchmarks.figures import Figure, show, write
from benchmarks.ledgers import Ledgers
from benchmarks.scale import QUICK, Scale

PARTS = (
    *("clicks", "commands", "start", "store", "loop", "through", "ends", "audit", "policy", "redaction"),
    *("warrants", "load", "ready", "request"),
)
APPS = ("bare", "jitbot")
WIDTH = 120


def run(
    scale: Scale,
    folder: Path,
    *,
    database: str = "sqlite",
    parts: Iterable[str] = PARTS,
    apps: Iterable[str] = APPS,
    measured: Callable[[str, list[Figure]], None] = lambda part, figures: None,
) -> dict[str, list[Figure]]:
    """Measure the parts and return their figures; files of the run are kept below `folder` until its owner goes.

    `measured` is called with each part as soon as it is done.
    """
    chosen, ledgers = tuple(apps), Ledgers(folder / "ledgers")
    with databases(database, folder) as fresh_url:
        measures: dict[str, Callable[[FreshUrl], list[Figure]]] = {
            "clicks": lambda url: acks.measure("clicks", scale, folder / "clicks", url, chosen),
            "commands": lambda url: acks.measure("commands", scale, folder / "commands", url, chosen),
            "start": lambda url: start.measure(scale, folder / "start", url) if "jitbot" in chosen else [],
            "store": lambda url: store.measure(database, scale, folder / "store", url),
            "loop": lambda url: loop.measure(database, scale, folder / "loop", url),
            "through": lambda url: through.measure(database, scale, folder / "through", url),
            "ends": lambda url: ends.measure(database, scale, folder / "ends", url),
            "audit": lambda url: audit.measure(database, scale, folder / "audit", url),
            "policy": lambda url: policies.measure(scale),
            "redaction": lambda url: redaction.measure(),
            "warrants": lambda url: warrants.measure(),
            "load": lambda url: loaded.measure(scale, ledgers, folder / "load"),
            "request": lambda url: one_request.measure(scale, folder / "request"),
            "ready": lambda url: ready.measure(scale, ledgers, folder / "ready"),
        }
        figures = {}
        for part in parts:
            figures[part] = measures[part](fresh_url)
            measured(part, figures[part])
        return figures


def main() -> None:
    """Read the options, measure, print, and write JSON where asked."""
    options = _options()
    console = Console(width=max(WIDTH, Console().width))
    for line in machine.described():
        console.print(line, highlight=False)
    scale = QUICK if options.quick else Scale()
    if options.ledgers:
        scale = replace(scale, ledgers=options.ledgers)
    with tempfile.TemporaryDirectory(prefix="jitbot-bench-") as folder:
        figures = run(
            scale,
            Path(folder),
            database=options.database,
            parts=options.only.split(","),
            apps=options.apps.split(","),
            measured=lambda part, found: show(found, f"{part} ({options.database})", console),
        )
    if options.json:
        write([figure for found in figures.values() for figure in found], Path(options.json))


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in text.split(",") if each)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no list of numbers, as 100000,1000000") from None


def _options() -> argparse.Namespace:
    environment = os.environ
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure jitbot beside a bare Bolt app.")
    quick = environment.get("QUICK", "") not in ("", "0")
    parser.add_argument("--quick", action="store_true", default=quick, help="a short run; rough numbers")
    parser.add_argument("--json", default=environment.get("JSON", ""), help="write the figures to this file")
    parser.add_argument(
        "--database", choices=("sqlite", "postgres"), default=environment.get("DATABASE", "sqlite"), help="of jitbot"
    )
    parser.add_argument("--only", default=environment.get("ONLY", ",".join(PARTS)), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--apps", default=environment.get("APPS", ",".join(APPS)), help=f"some of {','.join(APPS)}")
    parser.add_argument(
        "--ledgers", type=_numbers, default=environment.get("LEDGERS", ""), help="how many requests full ledgers have"
    )
    options = parser.parse_args()
    for name, known in (("only", PARTS), ("apps", APPS)):
        if unknown := set(getattr(options, name).split(",")) - set(known):
            parser.error(f"--{name}: there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return options


if __name__ == "__main__":
    main()
