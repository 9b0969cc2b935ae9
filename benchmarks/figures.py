"""A measured number with what it is held against, and how a list of them is shown and kept."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One number; `reference` is the same thing measured without jitbot, `ratio` how many times that it is.

    `met` is None where there is no aim, or nothing to hold against it.
    """

    name: str
    value: float | None
    unit: str
    reference: float | None = None
    ratio: float | None = None
    aim: str = ""
    met: bool | None = None


def compared(name: str, value: float | None, reference: float | None, unit: str, most: float | None = None) -> Figure:
    """Return a number beside its reference; the aim is that it is at most so many times the reference."""
    ratio = times(value, reference)
    aim = "" if most is None else f"at most {most:g} times"
    met = None if most is None or ratio is None else ratio <= most
    return Figure(name, _short(value), unit, _short(reference), ratio, aim, met)


def slower(name: str, ours: float, reference: float, most: float | None = None) -> Figure:
    """Return how long each takes beside its reference, given how many of both are done in a second."""
    return compared(name, 1e6 / ours, 1e6 / reference, "µs each", most)


def bounded(name: str, value: float | None, unit: str, most: float, reference: float | None = None) -> Figure:
    """Return a number whose aim is to be at most so large."""
    met = None if value is None else value <= most
    ratio = times(value, reference)
    return Figure(name, _short(value), unit, _short(reference), ratio, f"at most {most:g} {unit}", met)


def times(value: float | None, reference: float | None) -> float | None:
    """Return how many times the reference a number is, to three digits."""
    return float(f"{value / reference:.3g}") if value is not None and reference else None


def percentile(values: Sequence[float], part: float) -> float | None:
    """Return the nearest-rank percentile, `part` between 0 and 1; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def show(figures: Sequence[Figure], title: str, console: Console) -> None:
    """Print a table, unless there is nothing to say."""
    if not figures:
        return
    table = Table(title=title, title_justify="left")
    for heading in ("what", "jitbot", "reference", "ratio", "aim", ""):
        table.add_column(heading, justify="right" if heading in ("jitbot", "reference", "ratio") else "left")
    for figure in figures:
        sign = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}[figure.met]
        ratio = "" if figure.ratio is None else f"{figure.ratio:g}"
        table.add_row(
            figure.name, _said(figure.value, figure), _said(figure.reference, figure), ratio, figure.aim, sign
        )
    console.print(table)


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures as a JSON list."""
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 2 if abs(value) < 1000 else 0)


def _said(value: float | None, figure: Figure) -> str:
    return "" if value is None else f"{value:,.10g} {figure.unit}".rstrip()
