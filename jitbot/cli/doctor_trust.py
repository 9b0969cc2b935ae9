"""Examine the files by which machines trust each other, and what this one may be used for."""

from collections.abc import Iterator

from jitbot.cli.finding import Finding
from jitbot.compose import open_ceiling, open_pool_keys
from jitbot.errors import JitbotError
from jitbot.settings import Settings, variable


def trust(settings: Settings) -> Iterator[Finding]:
    """Look at the ceiling, and at the keys of the workers of pools."""
    try:
        ceiling = open_ceiling(settings)
    except JitbotError as error:
        yield Finding("ceiling", str(error), False, "Without it, nothing starts here.")
    else:
        allowed = "none: what runs here is bounded by policies alone"
        yield Finding("ceiling", allowed if ceiling is None else f"{', '.join(sorted(ceiling.runners))} may be used")
    if settings.pools:
        yield from _workers(settings)


def _workers(settings: Settings) -> Iterator[Finding]:
    try:
        keys = open_pool_keys(settings)
    except JitbotError as error:
        yield Finding("keys of workers", str(error), False)
        return
    for name in settings.pools:
        advice = f"Run `jitbot pool key {name}` on each worker; {variable('pool_keys')} names the file for its lines."
        number = len(keys.get(name, ()))
        yield Finding(f"workers of {name}", f"{number} keys are known", number > 0, "" if number else advice)
