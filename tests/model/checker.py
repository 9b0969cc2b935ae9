"""A small model checker: every state that can be reached, the shortest story to a wrong one, and dead ends.

Breadth first, so the story that is found is one of the shortest there are. States are values that can be hashed; steps
are named by sentences.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)
Steps = Callable[[S], Iterable[tuple[str, S]]]


class Wrong(AssertionError):
    """A state that must not be reached, with the story that reaches it."""


@dataclass
class Graph(Generic[S]):
    """What was reached: each state with the steps out of it, and how it was reached first."""

    out: dict[S, list[tuple[str, S]]] = field(default_factory=dict)
    came: dict[S, tuple[S, str] | None] = field(default_factory=dict)

    @property
    def edges(self) -> int:
        return sum(map(len, self.out.values()))

    def path(self, state: S) -> list[tuple[str, S]]:
        """Return the steps of the shortest story to a state, each with the state after it."""
        steps = []
        while (before := self.came[state]) is not None:
            steps.append((before[1], state))
            state = before[0]
        return steps[::-1]

    def story(self, state: S) -> str:
        """Return the shortest story to a state, a sentence a line."""
        return "\n".join(f"{number}. {said}" for number, (said, _) in enumerate(self.path(state), 1))


def explore(first: S, steps: Steps[S], wrong: Callable[[S], str]) -> Graph[S]:
    """Reach every state. Raises: Wrong, with the shortest story, where `wrong` says what must not be."""
    graph = Graph[S](came={first: None})
    waiting = deque([first])
    while waiting:
        state = waiting.popleft()
        fault = wrong(state)
        if fault:
            raise Wrong(f"{fault}\n{graph.story(state)}\n{state}")
        graph.out[state] = list(steps(state))
        for said, after in graph.out[state]:
            if after not in graph.came:
                graph.came[after] = (state, said)
                waiting.append(after)
    return graph


def dead_ends(graph: Graph[S], good: Callable[[S], bool], may: Callable[[str], bool]) -> list[S]:
    """Return the states from which no path of the steps that `may` be taken leads to a good one, nearest first."""
    before: dict[S, list[S]] = {}
    for state, steps in graph.out.items():
        for said, after in steps:
            if may(said):
                before.setdefault(after, []).append(state)
    reaching = {state for state in graph.out if good(state)}
    waiting = deque(reaching)
    while waiting:
        for state in before.get(waiting.popleft(), ()):
            if state not in reaching:
                reaching.add(state)
                waiting.append(state)
    return [state for state in graph.out if state not in reaching]
