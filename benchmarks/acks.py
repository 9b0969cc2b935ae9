"""How soon clicks and commands are acknowledged, by jitbot and by the bare app, turn and turn about."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

from benchmarks import processes
from benchmarks.databases import FreshUrl, Record
from benchmarks.figures import Figure, bounded, compared, percentile
from benchmarks.load import Act, Tally, fire
from benchmarks.processes import Slack
from benchmarks.requests import Card, click, commands, prepare
from benchmarks.scale import Scale
from benchmarks.town import APPROVERS, CHANNELS, COUNTED, card, write_policies, write_workspace

MOST_TIMES = 1.3
MOST_MS = 150.0
WARM_UP_RATE = 20.0
SETTLE_SECONDS = 60.0
STILL_SECONDS = 0.5
"""So long nothing more may come on record until all of it is."""
NOBODY_LISTENS = "http://127.0.0.1:9/valve"
"""What is asked for here is never run."""


@dataclass(slots=True)
class Side:
    """One of the two apps with the acts that it gets. `settled` waits until the work behind the acks is done."""

    slack: Slack
    acts: Iterator[Act]
    settled: Callable[[], None] = lambda: None
    tallies: dict[float, Tally] = field(default_factory=dict)

    def take(self, number: int, rate: float) -> Tally:
        """Send the next acts, and wait until the app is at rest."""
        tally = fire(self.slack.url, list(islice(self.acts, number)), rate)
        self.settled()
        return tally


def measure(kind: str, scale: Scale, folder: Path, fresh_url: FreshUrl, apps: Sequence[str]) -> list[Figure]:
    """Measure `clicks` or `commands` on each of the apps."""
    folder.mkdir(parents=True, exist_ok=True)
    sides: dict[str, Side] = {}
    with ExitStack() as stack:
        workspace = write_workspace(folder / "workspace.yml")
        if "bare" in apps:
            sides["bare"] = _bare(kind, workspace, folder, stack)
        if "jitbot" in apps:
            url = fresh_url()
            sides["jitbot"] = _jitbot(kind, scale, workspace, url, folder, stack)
        for side in sides.values():
            side.take(scale.warm_up, WARM_UP_RATE)
        for rate in scale.rates:
            for _ in range(scale.rounds):
                for side in sides.values():
                    side.tallies.setdefault(rate, Tally()).add(side.take(scale.acts(rate), rate))
        uncounted = [_uncounted(kind, scale, url)] if "jitbot" in apps else []
    return [*_figures(kind, sides), *uncounted]


def _bare(kind: str, workspace: Path, folder: Path, stack: ExitStack) -> Side:
    slack = stack.enter_context(processes.slack(workspace, folder))
    stack.enter_context(processes.bare(slack, folder))
    if kind == "commands":
        return Side(slack, commands("one"))
    stands = Card(1, CHANNELS[0], slack.post("xoxb-local", CHANNELS[0], card()))
    return Side(slack, (click(APPROVERS[number % len(APPROVERS)], stands) for number in count()))


def _jitbot(kind: str, scale: Scale, workspace: Path, url: str, folder: Path, stack: ExitStack) -> Side:
    slack = stack.enter_context(processes.slack(workspace, folder))
    policies = write_policies(folder / "policies", NOBODY_LISTENS)
    stack.enter_context(processes.jitbot(slack, folder, url, policies, "127.0.0.1:9"))
    if kind == "commands":
        return Side(slack, commands("one"), at_rest(url, "requested"))
    stand = prepare(slack, "many", math.ceil(scale.total() / COUNTED))
    acts = (
        click(APPROVERS[(place + turn) % len(APPROVERS)], each)
        for turn in range(COUNTED)
        for place, each in enumerate(stand)
    )
    return Side(slack, acts, at_rest(url, "reviewed"))


def at_rest(url: str, kind: str) -> Callable[[], None]:
    """Return a function that waits until everything is carried out and no more events of this kind are committed."""
    record = Record(url)

    def wait() -> None:
        until, before = time.monotonic() + SETTLE_SECONDS, -1
        while ((now := record.count(kind)) != before or record.undone()) and time.monotonic() < until:
            before = now
            time.sleep(STILL_SECONDS)

    return wait


def _uncounted(kind: str, scale: Scale, url: str) -> Figure:
    """Hold the record against what was sent: an ack without the thing itself would be worth nothing."""
    done = Record(url).count("requested" if kind == "commands" else "reviewed")
    name = {"clicks": "approvals sent and not on record", "commands": "commands sent without a request on record"}
    return bounded(name[kind], scale.total() - done, "", 0)


def _figures(kind: str, sides: dict[str, Side]) -> Iterator[Figure]:
    one = kind.removesuffix("s")
    tallies = {name: side.tallies for name, side in sides.items()}
    for rate in next(iter(tallies.values()), {}):
        ours, theirs = (tallies[name][rate].took_ms if name in tallies else [] for name in ("jitbot", "bare"))
        for label, part in (("median", 0.5), ("p99", 0.99)):
            value, reference = percentile(ours, part), percentile(theirs, part)
            what = f"{one} acknowledged, {rate:g} a second, {label}"
            if label == "p99":
                yield bounded(what, value, "ms", MOST_MS, reference)
            else:
                yield compared(what, value, reference, "ms", MOST_TIMES)
    lost = {name: sum((each.faults for each in by_rate.values()), Counter[str]()) for name, by_rate in tallies.items()}
    for name, faults in lost.items():
        if faults:
            print(f"{kind} that {name} did not acknowledge: {dict(faults)}")
    ours_lost = float(lost["jitbot"].total()) if "jitbot" in lost else None
    theirs_lost = float(lost["bare"].total()) if "bare" in lost else None
    met = None if ours_lost is None else ours_lost == 0
    yield Figure(f"{kind} not acknowledged in 3 s", ours_lost, "", theirs_lost, None, "at most 0", met)
