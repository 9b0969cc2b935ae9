"""`make bench-check`: hold the ratios of a short run against those that are kept, and say which got worse.

Ratios, not times: both sides of a ratio are measured on the same machine in the same minutes. Even so they scatter, so
each has a tolerance; what is kept is written by `--keep`, on a machine that does nothing else.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.__main__ import PARTS, run
from benchmarks.figures import Figure
from benchmarks.scale import QUICK

KEPT = Path(__file__).parent / "kept.json"
WITHIN = 1.5
"""By so many times a ratio may be worse than the one that is kept, unless its line says otherwise."""
MORE_IS_BETTER = "a second"
"""The unit of what is better the more there is of it; of all else, less is."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One ratio as it was, and by how many times it may be worse."""

    name: str
    ratio: float
    unit: str
    within: float = WITHIN


def read(path: Path) -> list[Kept]:
    """Read what is kept."""
    return [Kept(**each) for each in json.loads(path.read_text())]


def keep(figures: Sequence[Figure], path: Path, before: Sequence[Kept]) -> None:
    """Write the ratios of these figures; a tolerance that was set by hand stays."""
    within = {each.name: each.within for each in before}
    rows = [
        {"name": each.name, "ratio": each.ratio, "unit": each.unit, "within": within.get(each.name, WITHIN)}
        for each in figures
        if each.ratio
    ]
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def worse(figures: Sequence[Figure], kept: Sequence[Kept]) -> Iterator[str]:
    """Yield a sentence for each kept ratio that got worse by more than its tolerance, or that is missing."""
    now: Mapping[str, Figure] = {figure.name: figure for figure in figures}
    for each in kept:
        figure = now.get(each.name)
        if figure is None or figure.ratio is None:
            yield f"{each.name}: not measured, but {each.ratio:g} is kept. Measure it, or keep the figures anew."
            continue
        up = each.unit.endswith(MORE_IS_BETTER)
        by = each.ratio / figure.ratio if up else figure.ratio / each.ratio
        if by > each.within:
            yield (
                f"{each.name}: {figure.ratio:g} times its reference, and {each.ratio:g} is kept: "
                f"{by:.2f} times worse, where {each.within:g} is tolerated."
            )


def main() -> None:
    """Measure, or read what was measured, and compare; exit with 1 where something got worse."""
    options = _options()
    figures = _measured() if options.figures is None else _from(options.figures)
    before = read(options.kept) if options.kept.exists() else []
    if options.keep:
        keep(figures, options.kept, before)
        print(f"{options.kept}: {sum(bool(each.ratio) for each in figures)} ratios are kept.")
        return
    found = list(worse(figures, before))
    for sentence in found:
        print(sentence)
    if found:
        sys.exit(1)
    print(f"None of {len(before)} ratios got worse than is tolerated.")


def _measured() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="jitbot-bench-") as folder:
        parts = run(QUICK, Path(folder), parts=PARTS, measured=lambda part, figures: print(f"measured: {part}"))
        return [figure for figures in parts.values() for figure in figures]


def _from(path: Path) -> list[Figure]:
    rows: list[dict[str, Any]] = json.loads(path.read_text())
    return [Figure(**row) for row in rows]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description="Which ratios got worse?")
    parser.add_argument("--figures", type=Path, help="what `make bench QUICK=1 JSON=FILE` wrote, instead of a run now")
    parser.add_argument("--kept", type=Path, default=KEPT, help="the ratios to hold against")
    parser.add_argument("--keep", action="store_true", help="keep these ratios from now on")
    return parser.parse_args()


if __name__ == "__main__":
    main()
