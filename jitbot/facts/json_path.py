"""JSONPath (RFC 9535), bounded: no path of a policy and no answer of another system can keep us busy for long.

Patterns are RE2; a filter looks only below its own item, without `..`; the nodes that are looked at are counted.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated, Any

import re2
from jsonpath import JSONPath, JSONPathEnvironment, JSONPathError, JSONPathMatch
from jsonpath.filter import BaseExpression, FilterQuery, RelativeFilterQuery
from jsonpath.function_extensions import ExpressionType, FilterFunction
from jsonpath.segments import JSONPathRecursiveDescentSegment, JSONPathSegment
from jsonpath.selectors import Filter, IndexSelector, NameSelector, WildcardSelector
from pydantic import AfterValidator, Field

from jitbot.errors import FactUnavailable

LONGEST = 500
MOST_NODES = 100_000
"""So many nodes of an answer are looked at, over all steps of a path; about half a second of work."""


class _Pattern(FilterFunction):
    """`match` or `search` with RE2, which never backtracks; what is no pattern matches nothing (RFC 9535, 2.4.6)."""

    arg_types = (ExpressionType.VALUE, ExpressionType.VALUE)  # type: ignore[assignment]  # it is only read
    return_type = ExpressionType.LOGICAL

    def __init__(self, find: Any) -> None:
        self._find = find

    def __call__(self, value: object, pattern: object) -> bool:
        if not isinstance(value, str) or not isinstance(pattern, str):
            return False
        try:
            return self._find(pattern, value) is not None
        except re2.error:
            return False


class _Environment(JSONPathEnvironment):
    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        self.function_extensions |= {"match": _Pattern(re2.fullmatch), "search": _Pattern(re2.search)}


_ENVIRONMENT = _Environment(strict=True, filter_caching=False)


@lru_cache(maxsize=500)
def parsed(text: str) -> JSONPath:
    """Read a path. Raises: ValueError, saying what is wrong with it and where."""
    try:
        path = _ENVIRONMENT.compile(text)
    except (JSONPathError, RecursionError) as error:
        told = str(error).split("\n", maxsplit=1)[0]
        raise ValueError(f"is no JSONPath (RFC 9535), which looks like $.items[0].state: {told}") from None
    assert isinstance(path, JSONPath)  # noqa: S101 - only the engine's own extensions, which are off, make others
    _check(path.segments)
    return path


def _check(segments: Iterable[JSONPathSegment]) -> None:
    segments = tuple(segments)
    if sum(isinstance(segment, JSONPathRecursiveDescentSegment) for segment in segments) > 1:
        raise ValueError("has more than one `..`, which could take very long; write the steps between")
    for selector in (each for segment in segments for each in segment.selectors):
        if isinstance(selector, Filter):
            _check_filter(selector.expression)


def _check_filter(expression: BaseExpression) -> None:
    if isinstance(expression, FilterQuery):
        plain = isinstance(expression, RelativeFilterQuery) and all(map(_is_plain, expression.path.segments))
        if not plain:
            raise ValueError("has a filter that looks elsewhere than step by step below `@`; it could take very long")
        return
    for child in expression.children():
        _check_filter(child)


def _is_plain(segment: JSONPathSegment) -> bool:
    one = len(segment.selectors) == 1 and isinstance(
        segment.selectors[0], NameSelector | IndexSelector | WildcardSelector
    )
    return one and not isinstance(segment, JSONPathRecursiveDescentSegment)


def found(text: str, document: Any) -> list[Any]:
    """Return what a path matches in a document, in its order. Raises: FactUnavailable where that is too much work."""
    if not isinstance(document, dict | list):
        raise FactUnavailable("the answer is neither an object nor a list")
    root = JSONPathMatch(filter_context={}, obj=document, parent=None, path="$", parts=(), root=document)
    nodes: Iterable[JSONPathMatch] = [root]
    budget = _Budget()
    for segment in parsed(text).segments:
        nodes = budget.spend(segment.resolve(nodes))
    try:
        return [node.obj for node in nodes]
    except JSONPathError:
        raise FactUnavailable("the answer is nested too deeply") from None


class _Budget:
    def __init__(self) -> None:
        self._left = MOST_NODES

    def spend(self, nodes: Iterable[JSONPathMatch]) -> Iterator[JSONPathMatch]:
        for node in nodes:
            self._left -= 1
            if self._left < 0:
                raise FactUnavailable(f"the path matches too much: {MOST_NODES} values are looked at, and no more")
            yield node


def _path(text: str) -> str:
    parsed(text)
    return text


PathText = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_path)]
