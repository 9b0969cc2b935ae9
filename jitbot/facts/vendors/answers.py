"""Read answers of other systems: what is not of the shape that is documented is unread, never nothing."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jitbot.errors import FactUnavailable
from jitbot.facts.client import MOST_PAGES

Row = Mapping[str, Any]


def part(document: Any, *names: str) -> Any:
    """Return what stands under these names, one below the other. Raises: FactUnavailable when it is not there."""
    for name in names:
        if not isinstance(document, Mapping) or name not in document:
            raise FactUnavailable(f"its answer has another shape than is documented: no `{'.'.join(names)}`")
        document = document[name]
    return document


def rows(document: Any, *names: str) -> Sequence[Row]:
    """Return a list of objects. Raises: FactUnavailable."""
    found = part(document, *names)
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise _odd(names, "a list of objects")
    return found


def texts(document: Any, *names: str) -> Sequence[str]:
    """Return a list of texts. Raises: FactUnavailable."""
    found = part(document, *names)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _odd(names, "a list of texts")
    return found


def text(document: Any, *names: str) -> str:
    """Return a text that is not empty. Raises: FactUnavailable."""
    found = part(document, *names)
    if not isinstance(found, str) or not found:
        raise _odd(names, "a text")
    return found


def number(document: Any, *names: str) -> int:
    """Return a whole number from 0 on. Raises: FactUnavailable."""
    found = part(document, *names)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise _odd(names, "a count")
    return found


def flag(document: Any, *names: str) -> bool:
    """Return true or false. Raises: FactUnavailable."""
    found = part(document, *names)
    if not isinstance(found, bool):
        raise _odd(names, "true or false")
    return found


def instant(written: Any) -> datetime:
    """Return an instant in UTC, written in ISO 8601 with its offset. Raises: FactUnavailable."""
    try:
        found = datetime.fromisoformat(written)
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None:
        raise FactUnavailable("its answer has something that is no instant with an offset where one is documented")
    return found.astimezone(UTC)


def email(written: Any, who: str) -> str:
    """Return an e-mail address. Raises: FactUnavailable, naming who has none: a set without them is not whole."""
    if not isinstance(written, str) or written.count("@") != 1 or not written.isprintable() or " " in written:
        raise FactUnavailable(f"it shows no e-mail address for {who[:80]}, so not everybody on call is known")
    return written


def utc(at: datetime) -> str:
    """Write an instant as `2026-11-25T10:00:00Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def page_numbers() -> Iterator[int]:
    """Yield 0, 1, 2 and so on. Raises: FactUnavailable when there are too many pages to be believed."""
    yield from range(MOST_PAGES)
    raise FactUnavailable(f"the answer has more than {MOST_PAGES} pages")


def _odd(names: Sequence[str], wanted: str) -> FactUnavailable:
    return FactUnavailable(f"its answer has another shape than is documented: `{'.'.join(names)}` is not {wanted}")
