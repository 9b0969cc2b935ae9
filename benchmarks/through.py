"""The same loop through the local Slack, with jitbot as a process: commands and clicks come in faster than it can work.

The two halves are measured one after the other, since a card has to stand before anybody can press its button, and
Slack takes only so many cards a minute: first as many clicks as there are cards, until every run is on record; then as
many commands, until every request is on record and decided.
"""

import time
from itertools import islice
from pathlib import Path

from benchmarks import processes
from benchmarks.databases import FreshUrl, Record
from benchmarks.figures import Figure
from benchmarks.load import fire
from benchmarks.requests import click, commands, prepare
from benchmarks.scale import Scale
from benchmarks.start import Arrivals, target
from benchmarks.town import APPROVERS, write_policies, write_workspace

RATE = 200.0
PATIENCE_SECONDS = 120.0


def measure(kind: str, scale: Scale, folder: Path, fresh_url: FreshUrl) -> list[Figure]:
    """Measure on one kind of database."""
    folder.mkdir(parents=True, exist_ok=True)
    number, url = scale.approvals, fresh_url()
    workspace = write_workspace(folder / "workspace.yml")
    with target(Arrivals()) as host, processes.slack(workspace, folder) as slack:
        policies = write_policies(folder / "policies", f"http://{host}/valve")
        with processes.jitbot(slack, folder, url, policies, host):
            stand = prepare(slack, "one", number)
            record = Record(url)
            begun = time.perf_counter()
            fire(slack.url, [click(APPROVERS[each % len(APPROVERS)], card) for each, card in enumerate(stand)], RATE)
            ran = _until(record, "succeed", number) - begun
            begun = time.perf_counter()
            fire(slack.url, list(islice(commands("one", number), number)), RATE)
            asked = _until(record, "ask", 2 * number) - begun
    lost = 3 * number - record.count("succeed") - record.count("ask")
    return [
        Figure(
            f"{kind}: requests through the whole loop, through the local Slack",
            round(number / (ran + asked), 1),
            "a second",
        ),
        Figure(f"{kind}: of them not on record", float(lost), "", None, None, "at most 0", lost == 0),
    ]


def _until(record: Record, kind: str, number: int) -> float:
    """Wait until so many events of a kind are committed, and return when."""
    end = time.perf_counter() + PATIENCE_SECONDS
    while record.count(kind) < number and time.perf_counter() < end:
        time.sleep(0.02)
    return time.perf_counter()
