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
    for backend, healthy in _left(told, sight).items():
        if len(healthy) < told.min_healthy:
            raise RunnerRefused(
                f"Without {told.name} the backend {backend} would have {_servers(healthy)}, "
                f"fewer than the {told.min_healthy} that must remain. Have others healthy first."
            )


def remaining(told: ServerInputs, sight: Sight) -> str:
    """Tell which servers take the traffic afterwards."""
    if not told.takes_away:
        return f"{told.backend} has {_servers(sight.healthy(told.backend))} now"
    said = []
    for backend, healthy in _left(told, sight).items():
        names = ", ".join(healthy[:_NAMED]) + (f" and {len(healthy) - _NAMED} more" if len(healthy) > _NAMED else "")
        said.append(f"{backend} keeps {_servers(healthy)} ({names or 'none'})")
    return f"{'; '.join(said)}; at least {told.min_healthy} must remain"


def followers(told: ServerInputs, sight: Sight) -> Sequence[str]:
    """Return the servers that go with this one: they follow its state, and not its weight."""
    return sight.followers(told.name) if told.to else ()


def _left(told: ServerInputs, sight: Sight) -> Mapping[str, Sequence[str]]:
    """Return, by backend, the servers that stay healthy without this one and those that follow it."""
    gone = {told.name, *followers(told, sight)}
    names = sorted({sight.servers[name].backend for name in gone}, key=lambda name: (name != told.backend, name))
    return {backend: sight.healthy(backend, gone) for backend in names}


def _servers(healthy: Sequence[str]) -> str:
    return f"{len(healthy)} healthy server{'' if len(healthy) == 1 else 's'}"
