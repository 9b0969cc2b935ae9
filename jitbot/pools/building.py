"""Builds the two sides of pools: what the service asks them by, and a worker."""

import os
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence

from jitbot.pools.asked import Asked, Live
from jitbot.pools.catalog import PoolCatalog
from jitbot.pools.place import Place
from jitbot.pools.taken import Taken
from jitbot.pools.wakeups import Wakeups
from jitbot.pools.worker import Worker
from jitbot.ports import Catalog, Runner


def catalogs(
    names: Sequence[str], url: str, local: Catalog, guard: Callable[[str, Runner], Runner]
) -> Mapping[str, Catalog]:
    """Return the runners of each pool, without connecting to it. Raises: SettingsError."""
    return {name: PoolCatalog(local, Asked(Place(url, name)), guard) for name in names}


def live(name: str, url: str, within: float) -> Sequence[Live]:
    """Return who was heard of in a pool within so many seconds. Raises: SettingsError, StoreUnavailable."""
    ready(name, url)
    asked = Asked(Place(url, name))
    try:
        return asked.live(within)
    finally:
        asked.close()


def ready(name: str, url: str) -> None:
    """See that a pool is there, and may be used. Raises: SettingsError, StoreUnavailable."""
    place = Place(url, name)
    try:
        place.ready()
    finally:
        place.close()


def worker(name: str, url: str, catalog: Catalog, hands: int) -> Worker:
    """Return a worker of a pool, and see that it can work. Raises: SettingsError, StoreUnavailable."""
    ready(name, url)
    place = Place(url, name)
    called = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
    wakeups = Wakeups(place.conninfo, place.options, place.schema, hands)
    return Worker(taken=Taken(place, called), wakeups=wakeups, catalog=catalog)
