"""Tries every fact and rota that policies declare, before anybody needs them, for `jitbot doctor`."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jitbot.errors import FactUnavailable, InvalidInput
from jitbot.model import FactCall, Policy
from jitbot.outbound.text import shown
from jitbot.policy.templates import names_in
from jitbot.ports import Sources

SIDE_BY_SIDE = 8


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one: `read` is None where only a request makes it complete, so that it was not tried."""

    call: FactCall
    said: str
    read: bool | None


def try_all(policy: Policy, sources: Sources, at: datetime) -> Sequence[Tried]:
    """Read what can be read without a request, side by side."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        return list(threads.map(lambda call: _tried(call, sources, at), declared(policy)))


def declared(policy: Policy) -> Iterator[FactCall]:
    """Yield every fact, rota and calendar that policies declare."""
    yield from policy.on_call.values()
    yield from (freeze.calendar for freeze in policy.calendar.freezes.values() if freeze.calendar is not None)
    yield from policy.facts
    for action in policy.actions.values():
        yield from action.facts


def _tried(call: FactCall, sources: Sources, at: datetime) -> Tried:
    needed = names_in(call.arguments)
    if needed:
        return Tried(call, f"is read when somebody asks; it needs {_list(sorted(needed))}", None)
    try:
        value = sources.source(call.source).read(sources.arguments(call.source, call.arguments), at)
    except (FactUnavailable, InvalidInput) as error:
        return Tried(call, str(error), False)
    return Tried(call, f"answers: {_briefly(value)}", True)


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def _briefly(value: Any) -> str:
    """Show a value, or how many there are of what would be long."""
    if isinstance(value, frozenset):
        return "nobody" if not value else ", ".join(sorted(value)[:5]) + (" …" if len(value) > 5 else "")
    if isinstance(value, list | tuple | dict):
        return f"{len(value)} of them"
    return shown(str(value))[:80]
