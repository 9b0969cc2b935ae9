"""Print the record for people, or as JSON lines for programs."""

import json
from collections.abc import Sequence

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jitbot.audit import FORGOTTEN, KEY
from jitbot.errors import NotFound
from jitbot.explain import explain
from jitbot.model import AuditEvent, Decision, RequestId
from jitbot.ports import Trail

WIDE = 110
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)


def show(trail: Trail, *, request: str, after: int, limit: int, as_json: bool) -> None:
    """Print events, oldest first. Raises: NotFound for a name that is none."""
    events = trail.events(request_id(request), after=after, limit=limit)
    if as_json:
        for event in events:
            typer.echo(json.dumps(_plain(event), ensure_ascii=False))
        return
    if request:
        _show_one(events)
        return
    table = Table(box=None, header_style="bold")
    for column in ("#", "when (UTC)", "request", "what", "by", "said"):
        table.add_column(column, overflow="fold")
    for event in events:
        name = f"JIT-{event.request}" if event.request else ""
        table.add_row(
            str(event.seq),
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            name,
            event.kind,
            _by(event),
            Text(_said(event)[:WIDE]),
        )
    Console().print(table)


def _show_one(events: Sequence[AuditEvent]) -> None:
    """Print one request's events, each with its decision, unless that is word for word the one before."""
    console, last = Console(soft_wrap=True, highlight=False), ""
    for event in events:
        heading = f"{event.seq:>5}  {event.at:%Y-%m-%d %H:%M:%S}  {event.kind}"
        by, said = _by(event), _said(event)
        console.print(Text(heading, style="bold") + Text(f"  by {by}" * bool(by) + f"  {said}" * bool(said)))
        tree = _tree(event)
        if tree and tree != last:
            console.print(Text("\n".join(f"       {line}" for line in tree.splitlines())))
            last = tree


def _tree(event: AuditEvent) -> str:
    decision = event.body.get("decision") or event.body.get("changes", {}).get("decision")
    return explain(_DECISION.validate_python(decision), str) if decision else ""


def request_id(name: str) -> RequestId | None:
    """Read the name of a request, None for an empty one. Raises: NotFound."""
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
        **({"deleted": True} if event.deleted else {}),
    }


def _by(event: AuditEvent) -> str:
    return str(event.body.get("by", ""))


def _said(event: AuditEvent) -> str:
    body = event.body
    if event.deleted:
        return "(deleted: the keeping time had passed)"
    if event.kind == KEY:
        return f"the key {body['key']} signs from the next event on"
    if event.kind == FORGOTTEN:
        return f"bodies up to event {body['upto']} are deleted, but for those of {len(body['but'])} requests"
    if event.kind == "policies":
        changes = (f"{word} {', '.join(body[word])}" for word in ("added", "removed", "changed") if body.get(word))
        return "; ".join([f"set {body['digest'][:12]} is in force", *changes])
    changes = body.get("changes", {})
    told = (
        body.get("why")
        or body.get("fault")
        or body.get("note")
        or changes.get("outcome")
        or changes.get("reason")
        or ""
    )
    review = body.get("review")
    return f"{review['verdict']} {review['comment']}".strip() if review else str(told)
