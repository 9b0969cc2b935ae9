"""The only place that builds things: settings in, a jitbot out. Everything is passed by keyword."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from slack_sdk import WebClient

from jitbot.api.slack_http import slack_router
from jitbot.audit import Verifier
from jitbot.errors import PolicyError, SettingsError
from jitbot.facts.history import NoHistory, history_sources
from jitbot.facts.registry import FactRegistry
from jitbot.model import Allowance, Policy
from jitbot.outbound.checkout import author
from jitbot.outbound.secrets.listed import Secrets
from jitbot.outbound.secrets.registry import open_secrets
from jitbot.outbound.site import BareSite, GrantedSite
from jitbot.policy.files.load import load, read
from jitbot.ports import Catalog, Directory, History, Queue, Runner
from jitbot.runners.guard import Guarded
from jitbot.runners.registry import Registry
from jitbot.service import Book, Folder, Reconciling, Restoring, Service, World
from jitbot.service.halts import StandingHalts
from jitbot.service.restoring import GoneThrough
from jitbot.service.turns import Turn
from jitbot.settings import Settings, variable
from jitbot.slack.app import SocketRunner, build_app
from jitbot.slack.cards import SEAL, Cards
from jitbot.slack.channels import Channels
from jitbot.slack.client import web_client
from jitbot.slack.desk import Desk
from jitbot.slack.directory import Installed, SlackDirectory
from jitbot.slack.door import Door
from jitbot.slack.hands import Hands
from jitbot.slack.listeners import register
from jitbot.slack.notifier import Boards, Notifier
from jitbot.slack.output import OutputPosts
from jitbot.slack.pace import Pace
from jitbot.slack.replies import Replies
from jitbot.slack.sending import Sender
from jitbot.store.backup import mark, see_unused, unmark
from jitbot.store.boxes import StoreInbox, StoreOutbox
from jitbot.store.delegations import SignedDelegations
from jitbot.store.engine import Database
from jitbot.store.forgetting import StoreForgetting
from jitbot.store.heads import StoreHeads
from jitbot.store.history import StoreHistory
from jitbot.store.keys import KeyFile, open_key, read_public
from jitbot.store.ledger import StoreLedger
from jitbot.store.outputs import StoreOutputs
from jitbot.store.policy_sets import PolicySets
from jitbot.store.put_back import Found, let_go
from jitbot.store.trail import StoreTrail
from jitbot.store.upgrade import ready, upgrade
from jitbot.warrants.ceiling import Ceiling
from jitbot.warrants.ceiling_file import read_ceiling
from jitbot.warrants.gate import Gate
from jitbot.warrants.gated import GatedCatalog
from jitbot.warrants.keys import Keys, read_keys
from jitbot.warrants.signing import Issuer
from jitbot.warrants.spent import Spent

log = logging.getLogger(__name__)

REST = timedelta(seconds=0.5)
"""How long changed policy files have to be at rest before they are taken."""


@dataclass(frozen=True, slots=True)
class Store:
    """The database and everything that is kept in it."""

    database: Database
    keys: KeyFile
    ledger: StoreLedger
    inbox: StoreInbox
    outbox: StoreOutbox
    trail: StoreTrail
    outputs: StoreOutputs
    delegations: SignedDelegations
    sets: PolicySets
    heads: StoreHeads
    forgetting: StoreForgetting


def open_store(settings: Settings) -> Store:
    """Open the database and the signing key. Raises: SettingsError, StoreUnavailable."""
    ready(settings.database_url)
    return _opened(settings)


def go_through_backup(settings: Settings) -> tuple[Found, GoneThrough]:
    """Go through a database that was put back, while no jitbot runs, so that one may start on it.

    Raises: SettingsError, StoreUnavailable, Tampered where the record does not hold; then nothing may run on it.
    """
    if not settings.key_file.exists():
        raise SettingsError(
            f"There is no signing key {settings.key_file}, and none is in a backup. Put it there from where you keep "
            "it, with mode 600; by a new one no event of this record could be verified."
        )
    see_unused(settings.database_url)
    mark(settings.database_url)
    upgrade(settings.database_url, open_key(settings.key_file))
    store = _opened(settings)
    try:
        store.trail.verify()
        found = let_go(store.database)
        gone_through = Restoring(store.ledger).go_through(found.events, found.newest, found.deliveries)
    finally:
        store.database.close()
    unmark(settings.database_url)
    return found, gone_through


def _opened(settings: Settings) -> Store:
    keys = open_key(settings.key_file)
    database = Database(settings.database_url)
    trail = StoreTrail(database, Verifier(keys.public))
    ledger = StoreLedger(database, keys)
    ledger.resume()
    return Store(
        database=database,
        keys=keys,
        ledger=ledger,
        inbox=StoreInbox(database, keys, trail),
        outbox=StoreOutbox(database),
        trail=trail,
        outputs=StoreOutputs(database),
        delegations=SignedDelegations(database, trail),
        sets=PolicySets(database),
        heads=StoreHeads(database, keys, trail),
        forgetting=StoreForgetting(database, ledger, trail),
    )


def open_halts(settings: Settings) -> tuple[StoreLedger, StandingHalts]:
    """Open what says which halts stand, and the ledger in which they are changed. Raises as `open_store`."""
    store = open_store(settings)
    return store.ledger, StandingHalts(store.ledger, store.trail, str)


def open_catalog(settings: Settings, secrets: Secrets | None = None) -> Registry:
    """Find the runners that may be loaded, here and in pools. Raises: SettingsError."""
    secrets = secrets or open_secrets(settings)
    site = GrantedSite(settings.http_hosts, settings.runner_paths, secrets, open_ceiling(settings))
    return Registry(settings.runners, site, open_pools(settings, secrets))


def open_ceiling(settings: Settings) -> Ceiling | None:
    """Read what this machine may be used for at all. Raises: SettingsError."""
    return read_ceiling(settings.ceiling, settings.policies)


def gated(settings: Settings, store: Store, catalog: Registry) -> GatedCatalog:
    """Put the gate in front of what runs in this process: it acts on warrants alone, as a worker does."""
    gate = Gate(verifier=store.keys, now=store.database.reckoned, spent=Spent(), ceiling=open_ceiling(settings))
    return GatedCatalog(catalog, gate)


def open_pools(settings: Settings, secrets: Secrets) -> Mapping[str, Catalog]:
    """Return the runners of each pool; what makes pools is imported only where there are any. Raises: SettingsError."""
    if not settings.pools:
        return {}
    from jitbot.pools.building import catalogs

    site = BareSite(secrets.redact)
    local = Registry(settings.runners, site)

    def guard(name: str, runner: Runner) -> Runner:
        return Guarded(name, runner, site, elsewhere=True)

    return catalogs(settings.pools, settings.database_url, local, guard, open_pool_keys(settings))


def open_pool_keys(settings: Settings) -> Keys:
    """Read the keys of the workers of each pool. Raises: SettingsError."""
    return {} if settings.pool_keys is None else read_keys(settings.pool_keys, variable("pool_keys"))


def check_pools(settings: Settings) -> None:
    """See that the schema of every pool is there, and who its workers are. Raises: SettingsError, StoreUnavailable."""
    if settings.pools:
        from jitbot.pools.building import ready as pool_ready

        keys = open_pool_keys(settings)
        for name in settings.pools:
            pool_ready(name, settings.database_url)
            if not keys.get(name):
                raise SettingsError(
                    f"No worker of pool {name} is known: run `jitbot pool key {name}` where each of them runs, and put "
                    f"what it prints into the file that {variable('pool_keys')} names."
                )


def open_sources(settings: Settings, history: History | None = None, secrets: Secrets | None = None) -> FactRegistry:
    """Find the sources of facts that may be loaded; without a history nothing is known. Raises: SettingsError."""
    site = GrantedSite(settings.http_hosts, (), secrets or open_secrets(settings))
    return FactRegistry(settings.facts, site, history_sources(history or NoHistory()))


def open_book(
    settings: Settings, store: Store, catalog: Registry, sources: FactRegistry, directory: Directory, *, leads: bool
) -> Book:
    """Read the policies, or follow who `leads` with its own; a broken set leaves jitbot ends-only, and says so."""
    folder = Folder(
        read=lambda: read(settings.policies),
        load=lambda files: load(files, catalog, sources),
        rest=lambda: time.sleep(REST.total_seconds()),
        author=lambda files: author(settings.policies, files),
    )
    book = Book(folder, store.sets, store.ledger, store.trail, lambda user: directory.person(user).identity)
    (book.reload if leads else book.follow)()
    if book.ends_only and not book.none_yet:
        log.error("ends-only: new requests are refused until the policies are mended.\n%s", book.fault)
    return book


def build_service(
    settings: Settings, store: Store, directory: Directory, queue: Queue, secrets: Secrets, *, name: str, leads: bool
) -> Service:
    """Put the use cases on their ports, for a process of that name."""
    check_pools(settings)
    catalog = open_catalog(settings, secrets)
    sources = open_sources(settings, StoreHistory(store.database), secrets)
    world = World(
        ledger=store.ledger,
        inbox=store.inbox,
        trail=store.trail,
        outputs=store.outputs,
        delegations=store.delegations,
        directory=directory,
        catalog=gated(settings, store, catalog),
        sources=sources,
        queue=queue,
        book=open_book(settings, store, catalog, sources, directory, leads=leads),
        warrants=Issuer(lambda: store.keys.signer(store.trail.signing()), lambda: store.database.sealed),
        name=name,
        forgetting=store.forgetting,
        keep_output=timedelta(days=settings.keep_output_days),
        redact=secrets.redact,
        allowance=Allowance(settings.most_open, settings.most_a_minute),
        keep_messages=timedelta(days=settings.keep_messages_days),
        keep_record=timedelta(days=settings.keep_record_days),
    )
    return Service(world)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Policies as the bot would have them, the text that they were read from, and what they were checked against."""

    policy: Policy
    files: Mapping[str, str]
    catalog: Registry
    sources: FactRegistry


def load_policies(folder: Path, settings: Settings) -> Loaded:
    """Load policies as the bot would. Raises: PolicyError, SettingsError."""
    files, catalog, sources = read(folder), open_catalog(settings), open_sources(settings)
    return Loaded(load(files, catalog, sources), files, catalog, sources)


def process_name() -> str:
    """Return a name that no other process has or had."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


def open_witness(settings: Settings, keys: Path | None) -> tuple[StoreTrail, StoreHeads]:
    """Open the record to verify it: by an auditor's own file of public keys, or else by the key file here.

    With the auditor's file it may be a backup too, and no signing key is wanted.
    Raises: SettingsError, StoreUnavailable.
    """
    if keys is None:
        store = open_store(settings)
        return store.trail, store.heads
    ready(settings.database_url, to_read=True)
    database = Database(settings.database_url)
    known = KeyFile(keys, read_public(keys))
    trail = StoreTrail(database, Verifier(known.public))
    return trail, StoreHeads(database, known, trail)


def open_record(settings: Settings) -> tuple[StoreTrail, datetime]:
    """Open the record to read it, not verified and without the signing key; and tell the database's present instant.

    Raises: SettingsError, StoreUnavailable.
    """
    ready(settings.database_url)
    database = Database(settings.database_url)
    return StoreTrail(database, Verifier([])), database.now()


def open_reconciling(settings: Settings) -> Reconciling:
    """Open what compares grants with their target systems; broken policies only mean that fewer are asked.

    Raises: SettingsError, StoreUnavailable.
    """
    store = open_store(settings)
    catalog = gated(settings, store, open_catalog(settings))
    try:
        actions = load(read(settings.policies), catalog, open_sources(settings)).actions
    except PolicyError as error:
        log.warning("the policies cannot be read, so only grants are looked at: %s", error)
        actions = {}
    return Reconciling(store.ledger, catalog, actions)


def slack_client(settings: Settings) -> WebClient:
    """Return a client for Slack's Web API. Raises: SettingsError."""
    return web_client(secret_of(settings, "slack_bot_token"), settings.slack_api_url)


class SlackSide:
    """What a process with the role `slack` has: the way in, the work on it, and what says things."""

    def __init__(
        self,
        settings: Settings,
        client: WebClient,
        home: Installed,
        store: Store,
        service: Service,
        *,
        directory: SlackDirectory,
        turn: Turn,
    ) -> None:
        pace = Pace(time.monotonic)
        said, answers = Sender(client, pace, turn.assure), Sender(client, pace)
        ending = threading.Event()
        channels = Channels(client)
        cards = Cards(
            requests=service.queries,
            outbox=store.outbox,
            sender=said,
            channels=channels,
            directory=directory,
            secret=lambda: store.keys.signer(store.trail.signing()).vouch(SEAL, ""),
            fallback=settings.fallback_channel,
            ending=ending,
        )
        self.notifier = Notifier(
            requests=service.queries,
            outbox=store.outbox,
            cards=cards,
            output=OutputPosts(service.handing_out, said),
            sender=said,
            channels=channels,
            directory=directory,
            boards=Boards(settings.operators_channel, settings.policy_channel or settings.operators_channel),
            turn=turn,
            ending=ending,
        )
        self.hands = Hands()
        desk = Desk(
            service=service,
            cards=cards,
            directory=directory,
            door=Door(home, directory),
            replies=Replies(client, answers),
            hands=self.hands,
        )
        socket = settings.mode == "socket"
        signing = "" if socket else secret_of(settings, "slack_signing_secret")
        app = build_app(client, signing, home)
        register(app, desk, channels)
        self.socket = SocketRunner(app, secret_of(settings, "slack_app_token"), client) if socket else None
        self.routers = [] if socket else [slack_router(app, signing)]


def secret_of(settings: Settings, name: str) -> str:
    """Return a token or secret of Slack's. Raises: SettingsError, naming the variable."""
    value: SecretStr | None = getattr(settings, name)
    if value is None or not value.get_secret_value():
        raise SettingsError(f"{variable(name)} is not set. `jitbot doctor` tells where to find it.")
    return value.get_secret_value()
