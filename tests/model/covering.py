"""Paths through a graph that take one step of every kind, each as long as it pays."""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import TypeVar

from tests.model.checker import Graph

S = TypeVar("S", bound=Hashable)
Path = list[tuple[str, S]]
LONGEST = 60
NEAR = 6
"""How many known steps are taken on the way to the next new one, before another path is begun for it."""


def covering(graph: Graph[S], kind: Callable[[S, str, S], Hashable]) -> Iterator[Path[S]]:
    """Yield paths from the first state on, until a step of every kind was taken."""
    known: set[Hashable] = set()
    first = next(iter(graph.out))
    for state, steps in graph.out.items():
        for said, after in steps:
            if kind(state, said, after) in known:
                continue
            path = [*graph.path(state), (said, after)]
            _learn(known, kind, first, path)
            while len(path) < LONGEST and (more := _nearest(graph, kind, known, path[-1][1])):
                _learn(known, kind, path[-1][1], more)
                path += more
            yield path


def _learn(known: set[Hashable], kind: Callable[[S, str, S], Hashable], state: S, path: Path[S]) -> None:
    for said, after in path:
        known.add(kind(state, said, after))
        state = after


def _nearest(graph: Graph[S], kind: Callable[[S, str, S], Hashable], known: set[Hashable], start: S) -> Path[S]:
    """Return the shortest way to a step of a kind that is not known, empty where none is near."""
    waiting: deque[tuple[S, Path[S]]] = deque([(start, [])])
    seen = {start}
    while waiting:
        state, path = waiting.popleft()
        for said, after in graph.out[state]:
            way = [*path, (said, after)]
            if kind(state, said, after) not in known:
                return way
            if after not in seen and len(way) < NEAR:
                seen.add(after)
                waiting.append((after, way))
    return []
