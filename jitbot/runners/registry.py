"""Which runners there are: plugins of the group `jitbot.runners`, each inside a guard."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from jitbot.outbound.plugins import Plugins, demand, lacks_model
from jitbot.outbound.site import RedactingSite
from jitbot.ports import Catalog, Runner
from jitbot.runners.guard import Guarded

GROUP = "jitbot.runners"

_METHODS = ("target", "plan", "start", "check", "undo")


class Registry:
    """The catalog of runners. Nothing is imported before it is asked for, and nothing that is not allowed."""

    def __init__(self, allowed: Sequence[str], site: RedactingSite, pools: Mapping[str, Catalog] | None = None) -> None:
        """Find the allowed ones; `pools` are the catalogs of those that run elsewhere, by the name of the pool."""
        self._site = site
        self._pools = pools or {}
        self._plugins: Plugins[Runner] = Plugins(GROUP, "runner", allowed, site, self._guarded)

    def names(self) -> Sequence[str]:
        return self._plugins.names()

    def runner(self, name: str) -> Runner:
        return self._plugins.load(name)

    def inputs(self, name: str, values: Mapping[str, Any]) -> BaseModel:
        return self._plugins.validate(name, self.runner(name).Inputs, values)

    def pools(self) -> Sequence[str]:
        return sorted(self._pools)

    def pool(self, name: str) -> Catalog:
        return self._pools[name]

    def _guarded(self, name: str, runner: Any) -> Runner:
        demand(f"The runner {name!r} ({type(runner).__qualname__})", "runner", _lacking(runner), "Runner")
        return Guarded(name, runner, self._site)


def _lacking(runner: object) -> list[str]:
    lacking = [name for name in _METHODS if not callable(getattr(runner, name, None))]
    lacking += [name for name in ("repeatable", "undoable") if not isinstance(getattr(runner, name, None), bool)]
    return lacking + lacks_model(runner, "Inputs")
