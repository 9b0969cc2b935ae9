"""Builds the two sides of pools: what the service asks them by, and a worker."""

import logging
import os
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from jitbot.audit import Verifier
from jitbot.errors import StoreUnavailable
from jitbot.pools.asked import Asked, Live
from jitbot.pools.catalog import PoolCatalog
from jitbot.pools.grants import Grants
from jitbot.pools.held import Held
from jitbot.pools.place import Place
from jitbot.pools.state import State
from jitbot.pools.taken import Taken
from jitbot.pools.trust import Trust
from jitbot.pools.wakeups import Wakeups
from jitbot.pools.worker import Worker
from jitbot.ports import Catalog, Runner
from jitbot.warrants.ceiling import Ceiling
from jitbot.warrants.gate import Gate
from jitbot.warrants.gated import GatedCatalog
from jitbot.warrants.keys import Keys

log = logging.getLogger(__name__)


def here() -> datetime:
    """Return the present instant by this machine's clock: a worker believes no other."""
    return datetime.now(UTC)  # noqa: TID251 - the database's clock is in other hands


@dataclass(frozen=True, slots=True)
class Rules:
    """What a worker goes by, all of it its own: the keys that may sign, its ceiling, its folder and its clock."""

    trusted: Sequence[Ed25519PublicKey]
    state: Path
    ceiling: Ceiling | None = None
    now: Callable[[], datetime] = here


def catalogs(
    names: Sequence[str], url: str, local: Catalog, guard: Callable[[str, Runner], Runner], keys: Keys
) -> Mapping[str, Catalog]:
    """Return the runners of each pool, without connecting to it; `keys` are its workers'. Raises: SettingsError."""
    return {name: PoolCatalog(local, Asked(Place(url, name)), Trust(keys.get(name, ())), guard) for name in names}


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


def worker(name: str, url: str, catalog: Catalog, hands: int, rules: Rules) -> Worker:
    """Return a worker of a pool, and see that it can work. Raises: SettingsError, StoreUnavailable.

    One that holds something starts though the database is away: it has to end it.
    """
    place, state = Place(url, name), State(rules.state / name)
    try:
        ready(name, url)
    except StoreUnavailable as error:
        if not Grants(state.granted).held():
            raise
        log.warning("%s What was granted here ends on time all the same.", error)
    return built(place, catalog, hands, rules, state)


def built(place: Place, catalog: Catalog, hands: int, rules: Rules, state: State) -> Worker:
    """Put a worker together. Raises: SettingsError."""
    called = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
    grants = Grants(state.granted)
    gate = Gate(
        verifier=Verifier(rules.trusted),
        now=rules.now,
        spent=state.spent,
        ceiling=rules.ceiling,
        granted=grants,
        pool=place.pool,
        worker=state.signer.key,
    )
    return Worker(
        taken=Taken(place, called, state.signer),
        wakeups=Wakeups(place.conninfo, place.options, place.schema, hands),
        catalog=GatedCatalog(catalog, gate),
        held=Held(grants, catalog, rules.now),
    )
