"""A working day of a large company, simulated: how long cards wait to be drawn, and which limit binds first.

`python -m benchmarks.town_day` prints the tables of docs/why/scale.md. What a request costs was measured
(`ONLY=request make bench`); how often people ask is assumed, and can be given.
"""

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.figures import percentile
from benchmarks.simulation import Day, Simulation, Town
from jitbot.slack.limits import UPDATES_A_MINUTE


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured of one request, and of what two cores can do, on Postgres; see docs/why/scale.md."""

    transactions: float = 35.0
    kibibytes: float = 30.0
    computed_ms: float = 130.0
    transactions_a_second: float = 287.0
    acks_a_second: float = 100.0


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a limit is used in the busiest minute."""

    name: str
    a_day: float
    busiest: float
    limit: float

    @property
    def part(self) -> float:
        """Return the part that is used; above 1, something waits."""
        return self.busiest / self.limit


def uses(day: Day, town: Town, costs: Costs) -> list[Use]:
    """Return what a day asks for and what is allowed, by minute, the most used first."""
    asked, spaces = day.minutes["asked"], town.workspaces
    channels = [each for name, each in day.minutes.items() if name.startswith("post C")]
    rows = [
        _use("chat.update, in a workspace", day.minutes["chat.update"], UPDATES_A_MINUTE - 4),
        _use("chat.postMessage, in a workspace", day.minutes["chat.postMessage"], 300),
        _use("chat.postMessage, in the busiest channel", max(channels, key=_most, default=Counter()), 60),
        _use("views.open, in a workspace", day.minutes["views.open"], 100),
        _use("acknowledgements", day.minutes["acks"], 60 * costs.acks_a_second, spaces),
        _use("transactions", asked, 60 * costs.transactions_a_second, spaces * costs.transactions),
        _use("computing, seconds on two cores", asked, 120, spaces * costs.computed_ms / 1000),
    ]
    return sorted(rows, key=lambda use: -use.part)


def _use(name: str, minutes: Counter[int], limit: float, times: float = 1) -> Use:
    return Use(name, minutes.total() * times, _most(minutes) * times, limit)


def _most(minutes: Counter[int]) -> int:
    return max(minutes.values(), default=0)


def main() -> None:
    """Simulate, and print the tables as they stand in the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.town_day", description="A day of a large company.")
    for name in ("engineers", "workspaces", "incidents"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Town(), name))
    parser.add_argument("--a-day", type=float, default=Town().a_day, help="requests of one engineer in a day")
    options = parser.parse_args()
    town = Town(options.engineers, options.a_day, incidents=options.incidents, workspaces=options.workspaces)
    for line in (*_limits(town), "", *_delays(town)):
        print(line)


def _limits(town: Town) -> Iterator[str]:
    day, costs = Simulation(town).run(), Costs()
    yield from _row("What", "A day", "Busiest minute", "Allowed a minute", "Used")
    yield from _row(*5 * ["---"])
    for use in uses(day, town, costs):
        yield from _row(use.name, f"{use.a_day:,.0f}", f"{use.busiest:,.0f}", f"{use.limit:,.0f}", f"{use.part:.0%}")
    asked = day.minutes["asked"].total() * town.workspaces
    running, kept = day.most_running * town.workspaces, asked * costs.kibibytes / 2**20
    yield ""
    yield f"{asked:,} requests in all, at most {running} runs at once, and {kept:.1f} GiB to keep."


def _delays(town: Town) -> Iterator[str]:
    ends = ("End drawn, median", "p99", "Cards that waited")
    yield from _row("Requests of an engineer a day", "Workspaces", "Card posted, p99", *ends)
    yield from _row(*6 * ["---"])
    for times, spaces in itertools.product((0.2, 0.5, 1, 2), (1, 10)):
        tried = replace(town, a_day=town.a_day * times, workspaces=town.workspaces * spaces)
        day = Simulation(tried).run()
        shown = (percentile(day.posted, 0.99), percentile(day.drawn, 0.5), percentile(day.drawn, 0.99))
        seconds = [f"{each or 0:,.0f} s" for each in shown]
        yield from _row(f"{tried.a_day:g}", str(tried.workspaces), *seconds, f"{day.longest:,}")


def _row(*cells: str) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
