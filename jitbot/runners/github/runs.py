"""The runs of a workflow: begun with a key in their name, found by it, followed, cancelled."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from jitbot.outbound.text import shown
from jitbot.runners.answers import NoAnswer, NoWord, Refused, Row, read, rows
from jitbot.runners.github.workflow_inputs import Order, WorkflowInputs
from jitbot.runners.web_api import Api

PAGE = 50
MOST_PAGES = 4
"""Where a run is looked for: among so many times so many that were dispatched last."""
DISPATCHED = "workflow_dispatch"


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One run as GitHub tells it."""

    id: int
    title: str
    sha: str
    status: str
    conclusion: str
    began: str
    url: str

    @property
    def over(self) -> bool:
        return self.status == "completed"

    @property
    def well(self) -> bool:
        return self.over and self.conclusion == "success"

    def after(self, other: "WorkflowRun") -> bool:
        """Tell which of two began later: by the second, then by the number, which grows."""
        return (self.began, self.id) > (other.began, other.id)


class Runs:
    """What can be asked of one repository's runs; everything raises NoWord."""

    def __init__(self, hub: Api, told: WorkflowInputs) -> None:
        self._hub = hub
        self._told = told
        self._at = (*told.steps, "actions")

    def dispatch(self, order: Order, key: str) -> int | None:
        """Begin a run and return its number where GitHub tells it.

        GitHub does since 2026, and Enterprise Server where it knows `return_run_details`; it is asked once more
        without that where it does not know it, which it says before it does anything.
        """
        body = {"ref": self._told.ref, "inputs": {**order.inputs, self._told.key_input: key}}
        path = (*self._at, "workflows", order.file, "dispatches")
        try:
            answer = self._hub.change("POST", *path, body={**body, "return_run_details": True})
        except Refused as error:
            if error.status != 422 or "return_run_details" not in str(error):
                raise
            answer = self._hub.change("POST", *path, body=body)
        if answer.status == 204:
            return None
        try:
            return read(answer.document(), "workflow_run_id", of=int)
        except (ValueError, NoWord):
            return None  # it was taken: the run will be found by its key

    def get(self, number: int) -> WorkflowRun:
        return _run(self._hub.get(*self._at, "runs", str(number)))

    def find(self, order: Order, key: str, pages: int = MOST_PAGES) -> WorkflowRun | None:
        """Return the newest run whose name has the key in it, as a word of its own."""
        return next((run for run in self._named(order, key, pages)), None)

    def jobs(self, number: int) -> list[Row]:
        page = self._hub.get(*self._at, "runs", str(number), "jobs", query={"per_page": 100})
        return list(rows(page, "jobs"))

    def cancel(self, number: int) -> None:
        """Ask for the end of a run; one that has ended meanwhile (409) is left."""
        try:
            self._hub.change("POST", *self._at, "runs", str(number), "cancel", also={409})
        except NoAnswer as error:
            raise NoWord(f"It may have been cancelled: {error}") from error

    def _named(self, order: Order, key: str, pages: int) -> Iterator[WorkflowRun]:
        word = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
        path = (*self._at, "workflows", order.file, "runs")
        found = self._hub.pages(*path, query={"event": DISPATCHED, "per_page": PAGE})
        for page in islice(found, pages):
            for row in rows(page, "workflow_runs"):
                run = _run(row)
                if read(row, "event", of=str) == DISPATCHED and word.search(run.title):
                    yield run


class Progress:
    """Tells of a run's jobs and steps only what is new."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def news(self, jobs: list[Row]) -> Iterator[str]:
        for job in jobs:
            name = read(job, "name", of=str)
            yield from self._new(name, job)
            for step in rows(job, "steps") if job.get("steps") else ():
                yield from self._new(f"{name} / {read(step, 'name', of=str)}", step)

    def _new(self, name: str, of: Row) -> Iterator[str]:
        state = str(of.get("conclusion") or of.get("status") or "")
        if self._told.get(name, "queued") != state and state not in ("pending", "waiting"):
            self._told[name] = state
            yield shown(f"{name}: {state}")


def _run(row: Row) -> WorkflowRun:
    return WorkflowRun(
        read(row, "id", of=int),
        read(row, "display_title", of=str),
        read(row, "head_sha", of=str),
        read(row, "status", of=str),
        str(row.get("conclusion") or ""),
        read(row, "created_at", of=str),
        read(row, "html_url", of=str),
    )
