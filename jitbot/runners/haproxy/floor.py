"""How many healthy servers must remain: counted over every backend from which one is taken away."""

from collections.abc import Mapping, Sequence

from jitbot.errors import RunnerRefused
from jitbot.runners.haproxy.inputs import ServerInputs
from jitbot.runners.haproxy.runtime import Sight

_NAMED = 10
"""So many servers are named in a plan; the rest are counted."""


def demand_floor(told: ServerInputs, sight: Sight) -> None:
    """See that enough servers remain. Raises: RunnerRefused."""
    if not told.takes_away:
        return
    for backend, healthy in backends(told, sight).items():
        if len(healthy) < told.min_healthy:
            raise RunnerRefused(
                f"Without {told.name} the backend {backend} would have {len(healthy)} healthy servers, "
                f"fewer than the {told.min_healthy} that must remain. Have others healthy first."
            )


def remaining(told: ServerInputs, sight: Sight) -> str:
    said = []
    if not told.takes_away:
        healthy = sight.healthy(told.backend)
        return f"{told.backend} has {len(healthy)} healthy servers now"
    for backend, healthy in backends(told, sight).items():
        names = ", ".join(healthy[:_NAMED]) + (f" and {len(healthy) - _NAMED} more" if len(healthy) > _NAMED else "")
        said.append(f"{len(healthy)} healthy servers remain in {backend} ({names or 'none'})")
    return f"{'; '.join(said)}; at least {told.min_healthy} must"


def backends(told: ServerInputs, sight: Sight) -> Mapping[str, Sequence[str]]:
    """Return, by backend, the servers that stay healthy without this one and those that follow it."""
    affected = {told.name, *sight.followers(told.name)}
    backends = sorted({sight.servers[name].backend for name in affected}, key=lambda name: (name != told.backend, name))
    return {backend: sight.healthy(backend, affected) for backend in backends}
