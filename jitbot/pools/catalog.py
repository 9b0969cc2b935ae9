"""The runners of one pool: known here by what they take, and asked over there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from jitbot.pools.asked import Asked
from jitbot.pools.pooled import Pooled
from jitbot.pools.trust import Trust
from jitbot.ports import Catalog, Runner


class PoolCatalog:
    """Implements `ports.Catalog` for one pool.

    `local` has the same runners with nothing granted to them: their inputs and targets are needed here, and their
    credentials are not. `guard` is put around each, so that what workers say is treated as what plugins say.
    """

    def __init__(self, local: Catalog, asked: Asked, trust: Trust, guard: Callable[[str, Runner], Runner]) -> None:
        self._local, self._asked, self._trust, self._guard = local, asked, trust, guard
        self._known: dict[str, Runner] = {}

    def names(self) -> Sequence[str]:
        return self._local.names()

    def runner(self, name: str) -> Runner:
        if name not in self._known:
            self._known[name] = self._guard(name, Pooled(name, self._local.runner(name), self._asked, self._trust))
        return self._known[name]

    def inputs(self, name: str, values: Mapping[str, Any]) -> BaseModel:
        return self._local.inputs(name, values)

    def pools(self) -> Sequence[str]:
        return ()

    def pool(self, name: str) -> Catalog:
        raise KeyError(name)
