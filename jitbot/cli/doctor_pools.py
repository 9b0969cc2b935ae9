"""Examine the worker pools: is each there, and does somebody work in it?"""

from collections.abc import Iterator

from jitbot.cli.finding import Finding
from jitbot.errors import JitbotError
from jitbot.model import Policy
from jitbot.settings import Settings

LIVE_SECONDS = 10.0
"""A worker that was heard of within so many seconds is alive."""


def pools(settings: Settings, policy: Policy) -> Iterator[Finding]:
    """Look at every pool that the service knows."""
    if not settings.pools:
        return
    try:
        from jitbot.pools.building import live
    except JitbotError as error:
        yield Finding("pools", str(error), False)
        return
    for name in settings.pools:
        wanted = {action.runner for action in policy.actions.values() if action.pool == name}
        try:
            workers = live(name, settings.database_url, LIVE_SECONDS)
        except JitbotError as error:
            yield Finding(f"pool {name}", str(error), False)
            continue
        if not workers:
            yield Finding(f"pool {name}", "has no live worker", False, f"Run: jitbot worker --pool {name}")
            continue
        lacking = sorted(wanted - {runner for each in workers for runner in each.runners})
        if lacking:
            advice = "JITBOT_RUNNERS of the workers lists those that may be loaded there."
            yield Finding(f"pool {name}", f"no worker has {', '.join(lacking)}", False, advice)
        else:
            yield Finding(f"pool {name}", f"{len(workers)} live: {', '.join(each.name for each in workers)}")
