"""The only place that builds things: settings in, a jitbot out. Everything is passed by keyword."""

import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from slack_sdk import WebClient

from jitbot.api.server import HttpServer, build_api
from jitbot.api.slack_http import slack_router
from jitbot.audit import Verifier
from jitbot.clock.queue import WorkQueue
from jitbot.clock.ticker import Ticker
from jitbot.errors import PolicyError, SettingsError, StoreUnavailable
from jitbot.facts.history import NoHistory, history_sources
from jitbot.facts.registry import FactRegistry
from jitbot.hurry import hurry
from jitbot.model import Policy
from jitbot.outbound.checkout import author
from jitbot.outbound.redaction.logs import redact_logs
from jitbot.outbound.secrets.listed import Secrets
from jitbot.outbound.secrets.registry import open_secrets
from jitbot.outbound.site import BareSite, GrantedSite
from jitbot.policy.files.load import load, read
from jitbot.ports import Catalog, Directory, History, Runner
from jitbot.runners.guard import Guarded
from jitbot.runners.registry import Registry
from jitbot.service import Book, Folder, Reconciling, Service, World
from jitbot.settings import Settings, variable
from jitbot.slack.app import SocketRunner, build_app
from jitbot.slack.cards import Cards
from jitbot.slack.channels import Channels
from jitbot.slack.client import web_client
from jitbot.slack.desk import Desk
from jitbot.slack.directory import Installed, SlackDirectory, installed
from jitbot.slack.door import Door
from jitbot.slack.hands import Hands
from jitbot.slack.listeners import register
from jitbot.slack.notifier import Boards, Notifier
from jitbot.slack.output import OutputPosts
from jitbot.slack.pace import Pace
from jitbot.slack.replies import Replies
from jitbot.slack.sending import Sender
from jitbot.store.boxes import StoreInbox, StoreOutbox
from jitbot.store.delegations import SignedDelegations
from jitbot.store.engine import Database
from jitbot.store.history import StoreHistory
from jitbot.store.keys import open_key
from jitbot.store.ledger import StoreLedger
from jitbot.store.outputs import StoreOutputs
from jitbot.store.policy_sets import PolicySets
from jitbot.store.trail import StoreTrail
from jitbot.store.upgrade import ready
from jitbot.workbench.lint.advice import Advice
from jitbot.workbench.lint.linting import lint
from jitbot.workbench.rehearsal import Bench

log = logging.getLogger(__name__)

RENEW = timedelta(seconds=5)
"""How often claims are renewed; a claim lasts four times as long."""
RELOAD = timedelta(seconds=3)
"""How often the policy files are looked at."""
READY_WITHIN = timedelta(seconds=2.5)
"""How long the database may take to answer whoever asks whether we are ready."""
STOP_WITHIN = timedelta(seconds=25)
"""How long stopping may take: a service manager would kill us a little later (in Kubernetes after thirty seconds)."""
REST = timedelta(seconds=0.5)
"""How long changed policy files have to be at rest before they are taken."""


@dataclass(frozen=True, slots=True)
class Store:
    """The database and everything that is kept in it."""

    database: Database
    ledger: StoreLedger
    inbox: StoreInbox
    outbox: StoreOutbox
    trail: StoreTrail
    outputs: StoreOutputs
    delegations: SignedDelegations
    sets: PolicySets


def open_store(settings: Settings) -> Store:
    """Open the database and the signing key. Raises: SettingsError, StoreUnavailable."""
    ready(settings.database_url)
    signer = open_key(settings.key_file)
    database = Database(settings.database_url)
    trail = StoreTrail(database, Verifier([signer.public]))
    ledger = StoreLedger(database, signer)
    ledger.resume()
    return Store(
        database=database,
        ledger=ledger,
        inbox=StoreInbox(database),
        outbox=StoreOutbox(database),
        trail=trail,
        outputs=StoreOutputs(database),
        delegations=SignedDelegations(database, trail),
        sets=PolicySets(database),
    )


def open_catalog(settings: Settings, secrets: Secrets | None = None) -> Registry:
    """Find the runners that may be loaded, here and in pools. Raises: SettingsError."""
    secrets = secrets or open_secrets(settings)
    site = GrantedSite(settings.http_hosts, settings.runner_paths, secrets)
    return Registry(settings.runners, site, open_pools(settings, secrets))


def open_pools(settings: Settings, secrets: Secrets) -> Mapping[str, Catalog]:
    """Return the runners of each pool; what makes pools is imported only where there are any. Raises: SettingsError."""
    if not settings.pools:
        return {}
    from jitbot.pools.building import catalogs

    site = BareSite(secrets.redact)
    local = Registry(settings.runners, site)
    guard: Callable[[str, Runner], Runner] = lambda name, runner: Guarded(name, runner, site)  # noqa: E731
    return catalogs(settings.pools, settings.database_url, local, guard)


def check_pools(settings: Settings) -> None:
    """See that the schema of every pool is there. Raises: SettingsError, StoreUnavailable."""
    if settings.pools:
        from jitbot.pools.building import ready as pool_ready

        for name in settings.pools:
            pool_ready(name, settings.database_url)


def open_sources(settings: Settings, history: History | None = None, secrets: Secrets | None = None) -> FactRegistry:
    """Find the sources of facts that may be loaded; without a history nothing is known. Raises: SettingsError."""
    site = GrantedSite(settings.http_hosts, (), secrets or open_secrets(settings))
    return FactRegistry(settings.facts, site, history_sources(history or NoHistory()))


def open_book(settings: Settings, store: Store, catalog: Registry, sources: FactRegistry) -> Book:
    """Read the policies; a broken set leaves jitbot ends-only, and says so."""
    folder = Folder(
        read=lambda: read(settings.policies),
        load=lambda files: load(files, catalog, sources),
        rest=lambda: time.sleep(REST.total_seconds()),
        author=lambda files: author(settings.policies, files),
    )
    book = Book(folder, store.sets, store.ledger, store.trail)
    book.reload()
    if book.ends_only:
        log.error("ends-only: new requests are refused until the policies are mended.\n%s", book.fault)
    return book


def build_service(
    settings: Settings, store: Store, directory: Directory, queue: WorkQueue, secrets: Secrets
) -> Service:
    """Put the use cases on their ports."""
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
        catalog=catalog,
        sources=sources,
        queue=queue,
        book=open_book(settings, store, catalog, sources),
        name=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}",
        keep_output=timedelta(days=settings.keep_output_days),
    )
    return Service(world)


def check_policies(folder: Path, settings: Settings) -> Policy:
    """Load policies as the bot would. Raises: PolicyError, SettingsError."""
    return load(read(folder), open_catalog(settings), open_sources(settings))


def lint_policies(folder: Path, settings: Settings, at: datetime) -> tuple[Policy, list[Advice]]:
    """Load policies as the bot would, and look for what may not be meant. Raises: PolicyError, SettingsError."""
    files = read(folder)
    policy = load(files, open_catalog(settings), open_sources(settings))
    return policy, lint(policy, files, at)


def open_bench(folder: Path, settings: Settings) -> Bench:
    """Load policies as the bot would, to try them out. Raises: PolicyError, SettingsError."""
    catalog, sources = open_catalog(settings), open_sources(settings)
    return Bench(load(read(folder), catalog, sources), catalog, sources)


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
    store, catalog = open_store(settings), open_catalog(settings)
    try:
        actions = load(read(settings.policies), catalog, open_sources(settings)).actions
    except PolicyError as error:
        log.warning("the policies cannot be read, so only grants are looked at: %s", error)
        actions = {}
    return Reconciling(store.ledger, catalog, actions)


def slack_client(settings: Settings) -> WebClient:
    """Return a client for Slack's Web API. Raises: SettingsError."""
    return web_client(_secret(settings, "slack_bot_token"), settings.slack_api_url)


class Bot:
    """The whole of jitbot in one process. `start` returns when it is reached by Slack; `stop` loses nothing."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self._settings = settings
        self._store = store = open_store(settings)
        client = slack_client(settings)
        home = installed(client)
        directory = SlackDirectory(client, home)
        self._queue = WorkQueue(settings.workers)
        self._service = service = build_service(settings, store, directory, self._queue, secrets)
        self._channels = Channels(client)
        sender, ending = Sender(client, Pace(time.monotonic)), threading.Event()
        cards = Cards(
            requests=service.queries,
            outbox=store.outbox,
            sender=sender,
            channels=self._channels,
            directory=directory,
            fallback=settings.fallback_channel,
            ending=ending,
        )
        self._notifier = Notifier(
            requests=service.queries,
            outbox=store.outbox,
            cards=cards,
            output=OutputPosts(service.handing_out, sender),
            sender=sender,
            channels=self._channels,
            directory=directory,
            boards=Boards(settings.operators_channel, settings.policy_channel or settings.operators_channel),
            ending=ending,
        )
        self._hands = Hands()
        self._desk = Desk(
            service=service,
            cards=cards,
            directory=directory,
            door=Door(home, directory),
            replies=Replies(client, sender),
            hands=self._hands,
        )
        self._client = client
        self._ticker = Ticker()
        self._socket: SocketRunner | None = None
        self._http = self._doors(home)

    def start(self) -> None:
        """Begin: first what is due, then the doors. Raises: SettingsError."""
        sweep = self._service.sweep
        self._queue.start(request=sweep.attend, delivery=sweep.delivery, messages=self._notifier.wake)
        self._notifier.start()
        sweep.tick()
        self._ticker.every(timedelta(seconds=self._settings.sweep_seconds), sweep.tick)
        self._ticker.every(RENEW, sweep.renew)
        self._ticker.every(RELOAD, self._service.reloading.reload)
        self._ticker.start()
        self._http.start()
        if self._socket is not None:
            self._socket.connect()
        log.info("jitbot is ready")

    def stop(self) -> None:
        """Close the doors first, then finish what is in hand; what is left is on disk, and the next start finds it."""
        log.info("jitbot is stopping")
        if self._socket is not None:
            self._socket.close()
        self._http.stop()
        self._ticker.stop()
        self._hands.close()
        self._queue.stop()
        self._notifier.stop()
        self._service.close()
        self._store.database.close()

    def _doors(self, home: Installed) -> HttpServer:
        """Build the way in that the settings choose, and the HTTP server that tells whether we are ready."""
        settings = self._settings
        secret = settings.slack_signing_secret
        app = build_app(self._client, secret.get_secret_value() if secret else "", home)
        register(app, self._desk, self._channels)
        if settings.mode == "socket":
            self._socket = SocketRunner(app, _secret(settings, "slack_app_token"), self._client)
            return HttpServer(build_api(self._lacking), settings.host, settings.port)
        router = slack_router(app, _secret(settings, "slack_signing_secret"))
        return HttpServer(build_api(self._lacking, router), settings.host, settings.port)

    def _lacking(self) -> str:
        """Say why no work should be sent here now, or nothing."""
        if self._socket is not None and not self._socket.connected():
            return "the socket to Slack is down"
        try:
            with hurry(READY_WITHIN.total_seconds()):
                self._store.ledger.now()
        except StoreUnavailable as error:
            return str(error)
        return ""


def work(settings: Settings, pool: str) -> None:
    """Work in a pool until SIGTERM or SIGINT. Raises: SettingsError, StoreUnavailable."""
    from jitbot.pools.building import worker

    told_to_stop = threading.Event()
    secrets = _secrets(settings)
    site = GrantedSite(settings.http_hosts, settings.runner_paths, secrets)
    working = worker(pool, settings.database_url, Registry(settings.runners, site), settings.workers)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: told_to_stop.set())
    working.run(told_to_stop)


def serve(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT. Raises: SettingsError, StoreUnavailable, DirectoryUnavailable."""
    told_to_stop = threading.Event()

    def told(*_: object) -> None:
        told_to_stop.set()
        last = threading.Timer(STOP_WITHIN.total_seconds(), _end_all_the_same)
        last.daemon = True
        last.start()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, told)
    secrets = _secrets(settings)
    bot = Bot(settings, secrets)
    try:
        bot.start()
        told_to_stop.wait()
    finally:
        bot.stop()


def _end_all_the_same() -> None:
    """End this process whatever hangs in it: what is not on disk by now would not be a second later either."""
    log.error("not everything has ended within %s s; this process ends now", STOP_WITHIN.total_seconds())
    logging.shutdown()
    os._exit(1)


def _secrets(settings: Settings) -> Secrets:
    """Open the stores of secrets, and keep what they hold out of the log."""
    secrets = open_secrets(settings)
    redact_logs(logging.getLogger().handlers, secrets.redact)
    return secrets


def _secret(settings: Settings, name: str) -> str:
    value: SecretStr | None = getattr(settings, name)
    if value is None or not value.get_secret_value():
        raise SettingsError(f"{variable(name)} is not set. `jitbot doctor` tells where to find it.")
    return value.get_secret_value()
