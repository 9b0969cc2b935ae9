"""The only place that builds things: settings in, a jitbot out. Everything is passed by keyword."""

import logging
import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

from jitbot.audit import Verifier
from jitbot.clock.queue import WorkQueue
from jitbot.model import Policy
from jitbot.policy.load import load, read
from jitbot.ports import Directory
from jitbot.runners.registry import Registry
from jitbot.runners.site import EnvironmentSite
from jitbot.service import Book, Service, World
from jitbot.settings import Settings
from jitbot.store.boxes import StoreInbox, StoreOutbox
from jitbot.store.engine import Database
from jitbot.store.keys import open_key
from jitbot.store.ledger import StoreLedger
from jitbot.store.policy_sets import PolicySets
from jitbot.store.trail import StoreTrail
from jitbot.store.upgrade import ready

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Store:
    """The database and everything that is kept in it."""

    database: Database
    ledger: StoreLedger
    inbox: StoreInbox
    outbox: StoreOutbox
    trail: StoreTrail
    sets: PolicySets


def open_store(settings: Settings) -> Store:
    """Open the database and the signing key. Raises: SettingsError, StoreUnavailable."""
    ready(settings.database_url)
    signer = open_key(settings.key_file)
    database = Database(settings.database_url)
    return Store(
        database=database,
        ledger=StoreLedger(database, signer),
        inbox=StoreInbox(database),
        outbox=StoreOutbox(database),
        trail=StoreTrail(database, Verifier([signer.public])),
        sets=PolicySets(database),
    )


def open_catalog(settings: Settings) -> Registry:
    """Find the runners that may be loaded. Raises: SettingsError."""
    return Registry(settings.runners, EnvironmentSite(settings.http_hosts))


def open_book(settings: Settings, store: Store, catalog: Registry) -> Book:
    """Read the policies; a broken set leaves jitbot ends-only, and says so."""
    book = Book(read=lambda: read(settings.policies), load=lambda files: load(files, catalog), keep=store.sets.keep)
    book.reload()
    if book.ends_only:
        log.error("ends-only: new requests are refused until the policies are mended.\n%s", book.fault)
    return book


def build_service(settings: Settings, store: Store, directory: Directory, queue: WorkQueue) -> Service:
    """Put the use cases on their ports."""
    catalog = open_catalog(settings)
    world = World(
        ledger=store.ledger,
        inbox=store.inbox,
        trail=store.trail,
        directory=directory,
        catalog=catalog,
        queue=queue,
        book=open_book(settings, store, catalog),
        name=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}",
    )
    return Service(world)


def check_policies(folder: Path, settings: Settings) -> Policy:
    """Load policies as the bot would. Raises: PolicyError, SettingsError."""
    return load(read(folder), open_catalog(settings))
