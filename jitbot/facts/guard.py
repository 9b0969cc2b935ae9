"""Around every source: whatever it throws means unread, and what it returns is what its kind says, or unread too."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from jitbot.errors import FactUnavailable, NotGranted
from jitbot.model import FactKind, Span
from jitbot.outbound.redaction.documents import without_secrets
from jitbot.outbound.redaction.private_keys import line_by_line
from jitbot.outbound.site import RedactingSite
from jitbot.outbound.text import shown
from jitbot.ports import FactSource

MOST_ITEMS = 5000
"""So many people, texts or spans at most: a source that answers more has been asked the wrong thing."""

MOST_PEOPLE = 20_000
"""So many people with attributes at most; a larger directory is asked about one person at a time."""


class GuardedSource:
    """A source that keeps the contract of `ports.FactSource` whatever the one inside does."""

    def __init__(self, name: str, source: FactSource, site: RedactingSite) -> None:
        self.Arguments = source.Arguments
        self.keep = source.keep
        self._name = name
        self._source = source
        self._site = site

    def kind(self, arguments: BaseModel) -> FactKind:
        return self._source.kind(arguments)

    def read(self, arguments: BaseModel, at: datetime) -> Any:
        try:
            value = self._source.read(arguments, at)
        except (FactUnavailable, NotGranted) as error:
            raise FactUnavailable(self._words(str(error))) from None
        except (Exception, SystemExit) as error:  # a plugin may throw anything; this is the guard
            raise FactUnavailable(f"{self._name} failed ({type(error).__name__})") from error
        kind = self._source.kind(arguments)
        if not _FITS[kind](value):
            raise FactUnavailable(f"{self._name} answered something that is no {kind.value}")
        return self._shown(value)

    def _shown(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._site.redact(value)
        if isinstance(value, list):
            redact = line_by_line(self._site.redact)
            return [redact(each) for each in value]
        if isinstance(value, tuple):
            return tuple(replace(each, summary=self._site.redact(each.summary)) for each in value)
        if isinstance(value, Mapping):
            return {who: without_secrets(dict(each), self._site.redact) for who, each in value.items()}
        return value

    def _words(self, text: str) -> str:
        return shown(f"{self._name}: {self._site.redact(text)}")


def _texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MOST_ITEMS and all(isinstance(each, str) for each in value)


def _people(value: Any) -> bool:
    return isinstance(value, frozenset) and len(value) <= MOST_ITEMS and all(isinstance(each, str) for each in value)


def _spans(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) <= MOST_ITEMS and all(_span(each) for each in value)


def _span(value: Any) -> bool:
    """Tell whether a span has two instants, in their order: deciding compares them and must not fail."""
    return isinstance(value, Span) and _instant(value.start) and _instant(value.end) and value.start <= value.end


def _attributes(value: Any) -> bool:
    if not isinstance(value, Mapping) or len(value) > MOST_PEOPLE:
        return False
    return all(isinstance(who, str) and isinstance(each, Mapping) for who, each in value.items())


def _instant(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_FITS: Mapping[FactKind, Callable[[Any], bool]] = {
    FactKind.INTEGER: lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63,
    FactKind.NUMBER: _number,
    FactKind.BOOLEAN: lambda value: isinstance(value, bool),
    FactKind.TEXT: lambda value: isinstance(value, str),
    FactKind.TEXTS: _texts,
    FactKind.DURATION: lambda value: isinstance(value, timedelta),
    FactKind.INSTANT: _instant,
    FactKind.PEOPLE: _people,
    FactKind.SPANS: _spans,
    FactKind.ATTRIBUTES: _attributes,
}
