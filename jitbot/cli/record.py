"""Print the record for people, or as JSON lines for programs."""

import json

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jitbot.errors import NotFound
from jitbot.model import AuditEvent, RequestId
from jitbot.ports import Trail

WIDE = 110


def show(trail: Trail, *, request: str, after: int, limit: int, as_json: bool) -> None:
    """Print events, oldest first. Raises: NotFound for a name that is none."""
    events = trail.events(_id(request), after=after, limit=limit)
    if as_json:
        for event in events:
            typer.echo(json.dumps(_plain(event), ensure_ascii=False))
        return
    table = Table(box=None, header_style="bold")
    for column in ("#", "when (UTC)", "request", "what", "by", "said"):
        table.add_column(column, overflow="fold")
    for event in events:
        name = f"JIT-{event.request}" if event.request else ""
        table.add_row(
            str(event.seq), f"{event.at:%Y-%m-%d %H:%M:%S}", name, event.kind, _by(event), Text(_said(event)[:WIDE])
        )
    Console().print(table)


def _id(name: str) -> RequestId | None:
    if not name:
        return None
    number = name.lower().removeprefix("jit-")
    if not number.isascii() or not number.isdigit():
        raise NotFound(f"{name!r} is not a request. Requests are called like JIT-12.")
    return RequestId(int(number))


def _plain(event: AuditEvent) -> dict[str, object]:
    return {
        "seq": event.seq,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "request": event.request,
        "body": dict(event.body),
    }


def _by(event: AuditEvent) -> str:
    return str(event.body.get("by", ""))


def _said(event: AuditEvent) -> str:
    body = event.body
    changes = body.get("changes", {})
    told = body.get("why") or body.get("note") or changes.get("outcome") or changes.get("reason") or ""
    review = body.get("review")
    return f"{review['verdict']} {review['comment']}".strip() if review else str(told)
