"""What is particular about requests that run in a pool: they wait for its workers, and these may answer late."""

from datetime import timedelta
from typing import Protocol, cast

from pydantic import BaseModel

from jitbot.errors import InvalidInput, RunnerError, RunnerRefused
from jitbot.model import Receipt, Request
from jitbot.ports import Run
from jitbot.service.authority import WORKER
from jitbot.service.claims import mine
from jitbot.service.telling import tell
from jitbot.service.world import World

AGAIN = timedelta(seconds=5)
"""When a run is tried again whose pool has no worker."""


class AnswersLate(Protocol):
    """What a runner of a catalog has besides, for what runs elsewhere and may answer after it was given up."""

    def answered(self, key: str) -> Receipt | None:
        """Return what the start with this key came to; None where that is not known. Raises: RunnerError."""


class Releases(Protocol):
    """What a runner of a catalog has besides, for what runs elsewhere and is ended there by itself."""

    def release(self, inputs: BaseModel, run: Run) -> None:
        """Have whoever has started a run leave its end to another holder of its target. Raises: RunnerError."""


def wait_for_a_worker(world: World, request: Request, why: str) -> None:
    """Try again in a moment, until it is too late to start, and say on the card what is waited for."""
    with world.ledger.begin() as entry:
        now = mine(entry, request)
        soon = entry.now + AGAIN
        amended = entry.amend(now, "waits", WORKER, outcome=why, due_at=soon, owner="", lease_until=None)
        if now.outcome != why:
            tell(entry, amended)
    world.queue.messages()


def late_answer(world: World, request: Request) -> tuple[Receipt | None, str]:
    """Return what a start came to whose worker was given up: a receipt, or a refusal; neither where nobody knows."""
    try:
        runner, _ = world.runner(request)
    except (RunnerError, InvalidInput):  # what cannot be asked has refused nothing
        return None, ""
    try:
        return cast(AnswersLate, runner).answered(request.run_key), ""
    except RunnerRefused as error:
        return None, str(error) or "the runner refused"
    except RunnerError:
        return None, ""
