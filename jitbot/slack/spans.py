"""Lines of a drawing, written once and rendered twice: as rich text, where nothing is interpreted, and as plain text.

The plain text goes into a message's `text`, which is all that screen readers and notifications get.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jitbot.model import UserId
from jitbot.slack import limits
from jitbot.slack.text import date, escape, escaped_within, fallback, size, truncate, visible

Block = dict[str, Any]

_ADDRESS = re.compile(r"(https?://[A-Za-z0-9][!-~]{1,400}[A-Za-z0-9/=#_-])")
AGO = "{ago}"
DAY_AND_TIME = "{date_short_pretty} {time}"


@dataclass(frozen=True, slots=True)
class Bold:
    """Words that stand out."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A value exactly as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class When:
    """An instant, shown in the reader's own zone."""

    at: datetime
    form: str = AGO


@dataclass(frozen=True, slots=True)
class Ping:
    """A person who is to be notified; everybody else is plain text."""

    user: UserId
    name: str


Span = str | Bold | Code | When | Ping
Line = Sequence[Span]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a message shows: its blocks, and the same story as text."""

    text: str
    blocks: list[Block]


def paragraph(*lines: Line) -> Block:
    """Return lines as one rich text section; empty ones are left out."""
    elements: list[Block] = []
    for line in lines:
        rendered = [_rich(span) for span in line if span not in ("", Bold(""), Code(""))]
        if rendered and elements:
            elements.append({"type": "text", "text": "\n"})
        elements += rendered
    return {"type": "rich_text_section", "elements": elements}


def quote(text: str, most: int) -> Block:
    """Return somebody's words as a quotation; addresses in it can be followed and are shown as they are."""
    pieces = _ADDRESS.split(truncate(visible(text), most))
    elements = [_link(piece) if index % 2 else {"type": "text", "text": piece} for index, piece in enumerate(pieces)]
    return {"type": "rich_text_quote", "elements": [element for element in elements if element.get("text") != ""]}


def _link(address: str) -> Block:
    return {"type": "link", "url": address}


def verbatim(text: str, most: int) -> Block:
    """Return text whose spacing matters."""
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": truncate(visible(text), most)}]}


def rich(*parts: Block) -> Block:
    """Return a rich text block of those parts that say anything."""
    return {"type": "rich_text", "elements": [part for part in parts if part["elements"]]}


def _rich(span: Span) -> Block:
    match span:
        case str():
            return {"type": "text", "text": visible(span)}
        case Bold(text):
            return {"type": "text", "text": visible(text), "style": {"bold": True}}
        case Code(text):
            return {"type": "text", "text": visible(text), "style": {"code": True}}
        case When(at, form):
            return {"type": "date", "timestamp": int(at.timestamp()), "format": form, "fallback": fallback(at)}
        case Ping(user, _):
            return {"type": "user", "user_id": user}


def spoken(lines: Iterable[Line], most: int = limits.MESSAGE_TEXT) -> str:
    """Return the lines as a message's `text`: escaped, dates kept, cut only at the end."""
    said, room = [], most
    for line in lines:
        words = "".join(_spoken(span) for span in line)
        if not words:
            continue
        if size(words) + 1 > room:
            plain = "".join(_bare(span) for span in line)
            said.append(escaped_within(plain, room) if room > 40 else "…"[:room])
            break
        said.append(words)
        room -= size(words) + 1
    return "\n".join(said)


def _spoken(span: Span) -> str:
    return date(span.at, span.form) if isinstance(span, When) else escape(_bare(span))


def _bare(span: Span) -> str:
    match span:
        case str():
            return visible(span)
        case Bold(text) | Code(text):
            return visible(text)
        case When(at, _):
            return fallback(at)
        case Ping(_, name):
            return visible(name)
