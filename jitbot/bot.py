"""One process of jitbot: the threads of the roles it has, started and stopped in order. Built here and in `compose`.

| role | what it runs |
|---|---|
| slack | the way in (socket or HTTP), the work on what came in, and, when it is its turn, the notifier |
| api | the HTTP API; the addresses that load balancers ask are answered by every process |
| work | the look for what is due, the work queue, and the renewal of claims |
| clock | when it is its turn: the look at the policy files and what hangs on them, overdue reviews, keeping, heads |
"""

import logging
import os
import signal
import threading
import time
from datetime import timedelta

from jitbot.api.server import HttpServer, build_api
from jitbot.clock.hints import MESSAGES, Hints, pass_on
from jitbot.clock.queue import WorkQueue
from jitbot.clock.ticker import Ticker
from jitbot.compose import SlackSide, build_service, open_ceiling, open_store, process_name, slack_client
from jitbot.errors import StoreUnavailable
from jitbot.hurry import hurry
from jitbot.outbound.redaction.logs import redact_logs
from jitbot.outbound.secrets.listed import Secrets
from jitbot.outbound.secrets.registry import open_secrets
from jitbot.outbound.site import GrantedSite
from jitbot.runners.registry import Registry
from jitbot.service.book import NONE_YET
from jitbot.service.heads import Sending
from jitbot.service.turns import KEEP, Turn
from jitbot.settings import Settings, variable
from jitbot.sinks.listed import open_sinks
from jitbot.slack.directory import SlackDirectory, installed
from jitbot.store.alone import OnlyOne
from jitbot.store.bell import Bell
from jitbot.store.turns import StoreTurns
from jitbot.warrants.keys import trusted

log = logging.getLogger(__name__)

RENEW = timedelta(seconds=5)
"""How often claims are renewed; a claim lasts four times as long."""
RELOAD = timedelta(seconds=3)
"""How often the policy files, or which of them are in force, are looked at."""
HEADS = timedelta(seconds=15)
"""How often a head that did not arrive is sent again, and how soon after its time one is signed."""
HEADS_SECONDS = 2.0
"""How long a process that stops waits for heads that are under way."""
FIRST_POLICIES = timedelta(seconds=15)
LOOK_SECONDS = 0.2
"""How long a new process waits for the very first policies, and how often it looks for them."""
STILL = timedelta(seconds=30)
"""So late a look may be before the process says that it is not ready."""
READY_WITHIN = timedelta(seconds=2.5)
"""How long the database may take to answer whoever asks whether we are ready."""
STOP_WITHIN = timedelta(seconds=25)
"""How long stopping may take: a service manager would kill us a little later (in Kubernetes after thirty seconds)."""


class Bot:
    """The whole of one process. `start` returns when it is reached by those it serves; `stop` loses nothing."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self._settings = settings
        self._only = OnlyOne(settings.database_url)
        self._store = store = open_store(settings)
        client = slack_client(settings)
        home = installed(client)
        self._bell = Bell(store.database)
        self._directory = SlackDirectory(client, home, tell=self._bell.ring)
        turns, name = None if store.database.sqlite else StoreTurns(store.database), process_name()
        self._clock, self._saying = Turn(turns, "clock", name), Turn(turns, "notifier", name)
        if "clock" in settings.roles:
            self._clock.keep()
        self._queue = WorkQueue(settings.workers)
        queue = self._queue if "work" in settings.roles else Hints(self._bell.ring, self._wake_notifier)
        leads = "clock" in settings.roles and self._clock.held()
        self._service = build_service(settings, store, self._directory, queue, secrets, name=name, leads=leads)
        file = settings.heads_file if "clock" in settings.roles else None
        sinks = open_sinks(file, settings.policies, lambda name: secrets.read(name).value)
        self._heads = Sending(store.ledger, store.heads, sinks)
        self._slack: SlackSide | None = None
        if "slack" in settings.roles:
            self._slack = SlackSide(
                settings, client, home, store, self._service, directory=self._directory, turn=self._saying
            )
        self._ticker = Ticker()
        routers = self._slack.routers if self._slack else []
        self._http = HttpServer(build_api(self._lacking, *routers), settings.host, settings.port)

    def start(self) -> None:
        """Begin: first what is due, then the doors. Raises: SettingsError."""
        self._bell.start(heard=self._hear, deaf=self._directory.forget_all)
        if "work" in self._settings.roles:
            self._start_work()
        if "clock" in self._settings.roles:
            self._start_clock()
        else:
            self._ticker.every(RELOAD, self._service.reloading.follow)
        if self._slack is not None:
            self._saying.keep()
            self._ticker.every(KEEP, self._saying.keep)
            self._slack.notifier.start()
        self._ticker.start()
        self._http.start()
        self._await_policies()
        if self._slack is not None and self._slack.socket is not None:
            self._slack.socket.connect()
        log.info("jitbot is ready, for %s", ", ".join(self._settings.roles))

    def stop(self) -> None:
        """Close the doors first, then finish what is in hand; what is left is on disk, and is found there."""
        log.info("jitbot is stopping")
        if self._slack is not None and self._slack.socket is not None:
            self._slack.socket.close()
        self._http.stop()
        self._ticker.stop()
        if self._slack is not None:
            self._slack.hands.close()
        self._queue.stop()
        self._heads.wait(HEADS_SECONDS)
        if self._slack is not None:
            self._slack.notifier.stop()
        self._bell.stop()
        self._saying.give_up()
        self._clock.give_up()
        self._service.close()
        self._store.database.close()
        self._only.close()

    def _start_work(self) -> None:
        sweep = self._service.sweep
        self._queue.start(request=sweep.attend, delivery=sweep.delivery, messages=self._wake_notifier)
        sweep.wake()
        self._ticker.every(timedelta(seconds=self._settings.sweep_seconds), sweep.wake)
        self._ticker.every(RENEW, sweep.renew)

    def _start_clock(self) -> None:
        self._chores()
        self._ticker.every(KEEP, self._clock.keep)
        self._ticker.every(timedelta(seconds=self._settings.sweep_seconds), self._chores)
        self._ticker.every(RELOAD, self._reload)
        if self._settings.heads_file is not None:
            self._send_heads()
            self._ticker.every(HEADS, self._send_heads)

    def _await_policies(self) -> None:
        """Let who looks at its files put the very first ones in force, before somebody who asks here is refused."""
        until = time.monotonic() + FIRST_POLICIES.total_seconds()
        while self._service.book.none_yet and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            self._service.reloading.follow()

    def _chores(self) -> None:
        if self._clock.held():
            self._service.sweep.chores()

    def _send_heads(self) -> None:
        if self._clock.held():
            self._heads.tick()

    def _reload(self) -> None:
        if self._clock.held():
            self._service.reloading.reload()
        else:
            self._service.reloading.follow()

    def _wake_notifier(self) -> None:
        """Wake what says things, here or in the process whose turn it is."""
        if self._slack is not None and self._slack.notifier.says():
            self._slack.notifier.wake()
        else:
            self._bell.ring(MESSAGES)

    def _hear(self, word: str) -> None:
        """Follow a hint from another process, as far as it is about what this one does."""
        self._directory.hear(word)
        if word == MESSAGES and self._slack is not None:
            self._slack.notifier.wake()
        if "work" in self._settings.roles:
            pass_on(word, self._queue)

    def _lacking(self) -> str:
        """Say why no work should be sent here now, or nothing."""
        if self._slack is not None and self._slack.socket is not None and not self._slack.socket.connected():
            return "the socket to Slack is down"
        if self._service.book.none_yet:
            return NONE_YET
        if self._ticker.late() > STILL:
            return "the clock stands still"
        try:
            with hurry(READY_WITHIN.total_seconds()):
                self._store.ledger.now()
        except StoreUnavailable as error:
            return str(error)
        return ""


def serve(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT. Raises: SettingsError, StoreUnavailable, DirectoryUnavailable."""
    told_to_stop = _told_to_stop()
    bot = Bot(settings, _secrets(settings))
    try:
        bot.start()
        told_to_stop.wait()
    finally:
        bot.stop()


def work(settings: Settings, pool: str) -> None:
    """Work in a pool until SIGTERM or SIGINT. Raises: SettingsError, StoreUnavailable."""
    from jitbot.pools.building import Rules, worker

    told_to_stop = _told_to_stop()
    secrets, ceiling = _secrets(settings), open_ceiling(settings)
    rules = Rules(trusted(settings.trusted_keys, variable("trusted_keys")), settings.worker_state, ceiling)
    site = GrantedSite(settings.http_hosts, settings.runner_paths, secrets, ceiling)
    working = worker(pool, settings.database_url, Registry(settings.runners, site), settings.workers, rules)
    working.run(told_to_stop)


def _told_to_stop() -> threading.Event:
    """Return what SIGTERM and SIGINT set; from then on this process ends within `STOP_WITHIN`."""
    told_to_stop = threading.Event()

    def told(*_: object) -> None:
        told_to_stop.set()
        last = threading.Timer(STOP_WITHIN.total_seconds(), _end_all_the_same)
        last.daemon = True
        last.start()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, told)
    return told_to_stop


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
