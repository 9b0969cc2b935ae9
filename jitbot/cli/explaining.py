"""Print a decision about a made-up request: the tree of reasons, and what could not be read from the files."""

import time
from datetime import UTC, datetime

import typer
from pydantic import TypeAdapter

from jitbot.errors import InvalidInput
from jitbot.explain import explain
from jitbot.model import Decision, Outcome
from jitbot.workbench.values import parse_instant
from jitbot.workbench.whatif import Explained

COLOURS = {Outcome.ALLOW: "green", Outcome.REVIEW: "yellow", Outcome.DENY: "red"}


def as_instant(text: str) -> datetime:
    """Read a point in time; this machine's present one if nothing is given. Raises: InvalidInput."""
    return parse_instant(text) if text else datetime.fromtimestamp(time.time(), UTC)  # there is no ledger here to ask


def show(explained: Explained, *, as_json: bool) -> None:
    """Print the decision. Raises: InvalidInput where what is asked for would not be taken in."""
    decision, scene = explained.rehearsal.decision, explained.scene
    if decision is None:
        raise InvalidInput(explained.rehearsal.fault)
    if as_json:
        typer.echo(TypeAdapter(Decision).dump_json(decision, indent=2).decode())
        return
    typer.secho(decision.summary, fg=COLOURS[decision.outcome], bold=True)
    typer.echo(explain(decision, scene.name))
    for user in explained.rehearsal.refused:
        typer.secho(f"{scene.name(user)} may not review this.", fg="yellow")
    for name, how in explained.not_read.items():
        typer.secho(f"{name} is not looked up here. Say it with {how}.", fg="yellow")
