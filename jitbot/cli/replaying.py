"""Print what a changed policy would have made of past requests."""

import json
from collections.abc import Sequence
from datetime import datetime

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jitbot.errors import InvalidInput
from jitbot.workbench.replay import Change, Replayed
from jitbot.workbench.values import parse_instant, parse_length

NOT_NAMED = 10
"""So many requests that could not be replayed are named; the rest are counted."""


def parse_since(text: str, now: datetime) -> datetime:
    """Read how far to look back: `30d`, or a point in time. Raises: InvalidInput."""
    try:
        return now - parse_length(text)
    except InvalidInput as error:
        if not text[:4].isdigit() or "-" not in text:
            raise InvalidInput(f"{error} Or say a point in time, such as 2026-11-01T00:00:00+00:00.") from None
    return parse_instant(text)


def show(replayed: Replayed, *, as_json: bool) -> None:
    """Print the requests that would be decided otherwise."""
    if as_json:
        typer.echo(json.dumps(_plain(replayed), indent=2, ensure_ascii=False))
        return
    if replayed.changes:
        _table("Would be decided otherwise", replayed.changes)
    if replayed.unsure:
        _table("Cannot be told: the record lacks something", replayed.unsure)
    colour = "yellow" if replayed.changes else "green"
    typer.secho(f"{len(replayed.changes)} of {replayed.number} requests would be decided otherwise.", fg=colour)
    if replayed.unsure:
        typer.secho(f"{len(replayed.unsure)} more cannot be told.", fg="yellow")
    if replayed.not_replayed:
        typer.secho(f"{len(replayed.not_replayed)} could not be replayed:", fg="yellow")
        for name, why in list(replayed.not_replayed.items())[:NOT_NAMED]:
            typer.echo(f"    {name}: {why}")
        if len(replayed.not_replayed) > NOT_NAMED:
            typer.echo(f"    and {len(replayed.not_replayed) - NOT_NAMED} more")


def _table(title: str, changes: Sequence[Change]) -> None:
    table = Table(box=None, header_style="bold", title=title, title_justify="left")
    for column in ("request", "asked (UTC)", "what", "by", "was", "would be"):
        table.add_column(column, overflow="fold")
    for change in changes:
        request = change.request
        lacking = f" (not on record: {', '.join(change.lacking)})" if change.lacking else ""
        table.add_row(
            request.name,
            f"{request.created_at:%Y-%m-%d %H:%M}",
            request.action,
            request.requester,
            Text(_by(change.old, change.old_rule)),
            Text(_by(change.new, change.new_rule) + (" after its reviews" if change.reviewed else "") + lacking),
        )
    Console().print(table)


def _by(said: str, rule: str) -> str:
    return f"{said} [{rule}]" if rule else said


def _plain(replayed: Replayed) -> dict[str, object]:
    return {
        "replayed": replayed.number,
        "changes": [_change(each) for each in replayed.changes],
        "unsure": [_change(each) for each in replayed.unsure],
        "not_replayed": dict(replayed.not_replayed),
    }


def _change(change: Change) -> dict[str, object]:
    request = change.request
    return {
        "request": request.name,
        "asked_at": request.created_at.isoformat(),
        "action": request.action,
        "requester": request.requester,
        "was": {"decision": change.old, "rule": change.old_rule},
        "would_be": {"decision": change.new, "rule": change.new_rule},
        "after_reviews": change.reviewed,
        "not_on_record": list(change.lacking),
    }
