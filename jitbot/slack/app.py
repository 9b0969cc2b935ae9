"""The Bolt app and its socket: how payloads reach the listeners, and how a silent connection is renewed."""

import logging
import threading
import time

from slack_bolt import App, BoltResponse
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from jitbot.slack.client import patient, quiet_logger
from jitbot.slack.directory import Installed

log = logging.getLogger(__name__)

ACKING = 32
"""Threads that take in what a socket brings and acknowledge it. If they were few, a few slow ones would keep all others
waiting beyond Slack's three seconds (docs.slack.dev/interactivity/handling-user-interaction)."""
SILENT_SECONDS = 120.0
LOOK_EVERY_SECONDS = 10.0
CLOSE_SECONDS = 5.0
"""How long closing the socket may take: the SDK's threads wait for each other, now and then for ever."""


def build_app(client: WebClient, signing_secret: str, home: Installed) -> App:
    """Return the Bolt app. Nothing in it waits for the network before an acknowledgement.

    Its listeners run in the thread that brought the payload (docs/adr/0013).
    """
    app = App(
        client=client,
        signing_secret=signing_secret,
        authorize=lambda: AuthorizeResult(
            enterprise_id=home.enterprise or None,
            team_id=home.team,
            bot_token=client.token,
            bot_id=home.bot or None,
            bot_user_id=home.bot_user,
        ),
        process_before_response=True,
        token_verification_enabled=False,
        logger=quiet_logger(),
    )
    app.error(_failed)
    return app


def _failed(error: Exception) -> BoltResponse:
    """Log what no listener caught: its kind only, since its words may hold what somebody typed."""
    log.error("Bolt could not handle a delivery: %s", type(error).__name__)
    return BoltResponse(status=500, body="")


class SocketRunner:
    """Keeps a socket to Slack. `connect` returns when it stands; a silent one is replaced."""

    def __init__(self, app: App, app_token: str, client: WebClient) -> None:
        self._handler = SocketModeHandler(
            app, app_token, logger=quiet_logger(), web_client=patient(client), trace_enabled=False, concurrency=ACKING
        )
        self._ending = threading.Event()
        self._watch = threading.Thread(target=self._watchdog, name="slack-watchdog", daemon=True)
        self._alive_at = 0.0
        self._pong = 0.0
        self._handler.client.on_message_listeners.append(self._heard)

    def connect(self) -> None:
        """Connect, and go on watching the connection. Raises: SlackClientError, OSError."""
        self._handler.connect()  # type: ignore[no-untyped-call]  # Bolt's adapters carry no types
        self._alive_at = time.monotonic()
        self._watch.start()

    def connected(self) -> bool:
        """Tell whether the socket stands."""
        return bool(self._handler.client.is_connected())

    def close(self) -> None:
        """Disconnect for good. What was received is acknowledged already, or comes again elsewhere."""
        self._ending.set()
        closing = threading.Thread(target=self._close, name="slack-close", daemon=True)
        closing.start()
        closing.join(timeout=CLOSE_SECONDS)
        if closing.is_alive():
            log.warning("the socket to Slack has not closed within %s s; it ends with the process", CLOSE_SECONDS)
        if self._watch.is_alive():
            self._watch.join(timeout=LOOK_EVERY_SECONDS)

    def _close(self) -> None:
        try:
            self._handler.close()  # type: ignore[no-untyped-call]  # Bolt's adapters carry no types
        except AttributeError:  # the SDK's own race: Slack closed the socket in the same instant; the rest is to do
            self._handler.close()  # type: ignore[no-untyped-call]  # as above

    def _heard(self, message: str) -> None:
        self._alive_at = time.monotonic()

    def _watchdog(self) -> None:
        while not self._ending.wait(LOOK_EVERY_SECONDS):
            self.look()

    def look(self) -> None:
        """Connect anew if the socket is down or has said nothing for long, pings included."""
        session = self._handler.client.current_session
        pong = getattr(session, "last_ping_pong_time", None) or 0.0
        if pong != self._pong:  # the SDK notes it by a clock that may be set, so only the change of it is looked at
            self._pong, self._alive_at = pong, time.monotonic()
        if self.connected() and time.monotonic() - self._alive_at < SILENT_SECONDS:
            return
        log.warning("the socket to Slack is silent and is renewed")
        try:
            self._handler.client.connect_to_new_endpoint(force=True)
        except Exception as error:  # noqa: BLE001 - the outer edge: without this thread nobody would connect again
            log.warning("no new socket yet: %s", type(error).__name__)
        else:
            self._alive_at = time.monotonic()
