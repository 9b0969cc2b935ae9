"""The deployments of one environment: what runs there, what ran before, and which of them are ours."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jitbot.runners.answers import NoAnswer, NoWord, Row, read, rows
from jitbot.runners.web_api import Api

SUCCESS, BADLY = "success", ("failure", "error")
UNDER_WAY = ("pending", "queued", "in_progress", "waiting", "")
"""`""` is one that nobody has said anything of."""
PAGE = 30
MARK = "jitbot"
"""Under this name the payload of a deployment of ours holds the key of its run."""

Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment as GitHub tells it, with all that has been said of it, newest first."""

    id: int
    sha: str
    mark: Mapping[str, Any]
    states: Sequence[str]

    @property
    def state(self) -> str:
        return self.states[0] if self.states else ""

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def went_well(self) -> bool:
        """Tell whether it ever did; GitHub calls it inactive once another one did."""
        return SUCCESS in self.states


class Deployments:
    """What can be asked of one environment; everything raises NoWord. Only the newest `PAGE` deployments are seen."""

    def __init__(self, hub: Api, steps: Steps, environment: str) -> None:
        self._hub = hub
        self._at = (*steps, "deployments")
        self._environment = environment

    def __iter__(self) -> Iterator[Deployment]:
        """Yield the deployments, newest first; each is asked for only when it is come to."""
        found = self._hub.get(*self._at, query={"environment": self._environment, "per_page": PAGE})
        yield from (self._of(row) for row in _newest_first(rows(found)))

    def since(self, key: str) -> tuple[Deployment | None, Sequence[Deployment]]:
        """Return the deployment with this key, None where it is not to be seen, and those made after it."""
        newer: list[Deployment] = []
        for each in self:
            if each.mark.get("key") == key:
                return each, newer
            newer.append(each)
        return None, newer

    def again(self, known: Deployment) -> Deployment:
        """Return what is said of a deployment by now."""
        return Deployment(known.id, known.sha, known.mark, self._states(known.id))

    def create(self, sha: str, task: str, note: Mapping[str, str]) -> Deployment:
        """Ask for a deployment of just this commit; whoever listens to deployments carries it out."""
        body = {
            "ref": sha,
            "task": task,
            "environment": self._environment,
            "auto_merge": False,
            "required_contexts": [],
            "description": f"by jitbot, {note['key']}",
            "payload": {MARK: dict(note)},
        }
        answer = self._hub.change("POST", *self._at, body=body)
        if answer.status != 201:
            raise NoWord(f"It made no deployment, and answered {answer.status}.")
        try:
            return Deployment(read(answer.document(), "id", of=int), sha, note, ())
        except (ValueError, NoWord) as error:
            raise NoAnswer(f"It made a deployment, which cannot be read: {error}") from None

    def _of(self, row: Row) -> Deployment:
        number = read(row, "id", of=int)
        return Deployment(number, read(row, "sha", of=str), _mark(row.get("payload")), self._states(number))

    def _states(self, number: int) -> Sequence[str]:
        path = (*self._at, str(number), "statuses")
        found = [row for page in self._hub.pages(*path, query={"per_page": 100}) for row in rows(page)]
        return [read(row, "state", of=str) for row in _newest_first(found)]


def _newest_first(found: Sequence[Row]) -> Sequence[Row]:
    """Sort by number, which grows; in which order GitHub lists, it does not promise."""
    return sorted(found, key=lambda row: read(row, "id", of=int), reverse=True)


def _mark(payload: Any) -> Mapping[str, Any]:
    """Return what we left in a deployment; payloads come as objects or as text, by how they were written."""
    try:
        payload = json.loads(payload) if isinstance(payload, str) and payload else payload
    except (ValueError, RecursionError):
        return {}
    mark = payload.get(MARK) if isinstance(payload, Mapping) else None
    return mark if isinstance(mark, Mapping) else {}
