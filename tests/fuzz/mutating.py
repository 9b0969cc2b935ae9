"""Text that is nearly right: a good example, cut, doubled and spliced with what has a meaning somewhere."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.hostile import TEXTS

LONGEST_CUT = 40
JUNK: Sequence[Any] = (None, True, 0, -1, 1e308, "", "x" * 5000, [], {}, [[]], {"": {}}, "\ud800", "\0", 10**30)
"""What may stand in the place of any value of a JSON document."""


@st.composite
def nearly(draw: st.DrawFn, examples: Sequence[str]) -> str:
    """Return an example with some of it changed."""
    text = draw(st.sampled_from(examples))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + LONGEST_CUT)))
        pieces = st.sampled_from([*TEXTS, text[start:end] * 2, text[start:end] * 50, ""])
        text = text[:start] + draw(st.one_of(pieces, st.text(max_size=5))) + text[end:]
    return text


@st.composite
def bent(draw: st.DrawFn, documents: Sequence[Any]) -> Any:
    """Return a JSON document of which some values are others, or gone."""
    document = draw(st.sampled_from(documents))
    for _ in range(draw(st.integers(1, 3))):
        paths = [path for path in _paths(document) if path]
        if not paths:
            break
        document = _put(document, draw(st.sampled_from(paths)), draw(st.sampled_from([_GONE, *JUNK])))
    return document


_GONE = object()


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Sequence[tuple[Any, ...]]:
    """Return where every value of a document stands."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, below in inside for each in _paths(below, (*path, key)))]


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy of a document with another value at a path, or without one."""
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    below = _put(value[path[0]], path[1:], new)
    if below is _GONE:
        del changed[path[0]]
    else:
        changed[path[0]] = below
    return changed
