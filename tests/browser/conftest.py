"""Chromium, a local Slack, a Bolt app whose answers the test decides, and pages of people."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from jitbot.sandbox.local import LocalSlack

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

Json = dict[str, Any]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WORKSPACE: Json = {
    "team": {"id": "T0ACME", "name": "Acme", "domain": "acme"},
    "rate_limits": False,
    "app": {
        "commands": [
            {"command": "/jit", "description": "Ask for, review and end risky operations", "usage_hint": "[action]"}
        ],
        "shortcuts": [
            {"callback_id": "ask", "name": "Ask for access"},
            {"callback_id": "about", "name": "Ask about this", "type": "message"},
        ],
    },
    "people": [
        {"id": "U0ANN", "name": "ann", "real_name": "Ann Archer", "tz": "Europe/Berlin", "title": "Developer"},
        {"id": "U0BO", "name": "bo", "real_name": "Bo Berg", "tz": "Europe/Berlin"},
        {"id": "U0CY", "name": "cy", "real_name": "Cy Chen", "tz": "America/New_York"},
        {"id": "U0GUS", "name": "gus", "real_name": "Gus Guest", "is_restricted": True},
        {"id": "U0GONE", "name": "gone", "real_name": "Gone Girl", "deleted": True},
        {"id": "U0EVE", "name": "eve", "real_name": "Eve Else", "team_id": "T0OTHER"},
    ],
    "channels": [
        {"id": "C0PAY", "name": "payments-ops", "topic": "Payments", "members": ["U0ANN", "U0BO", "U0CY", "U0JITBOT"]},
        {"id": "C0GEN", "name": "general", "members": ["U0ANN", "U0BO", "U0JITBOT"]},
        {"id": "C0SEC", "name": "security", "private": True, "members": ["U0ANN", "U0JITBOT"]},
        {"id": "C0OLD", "name": "old", "archived": True, "members": ["U0ANN", "U0JITBOT"]},
    ],
    "usergroups": [{"id": "S0LEADS", "handle": "payments-leads", "name": "Payments leads", "users": ["U0CY"]}],
}

Answer = Callable[[Any, Json, WebClient], None]


def just_ack(ack: Any, _body: Json, _client: WebClient) -> None:
    ack()


class Desk:
    """A Bolt app that keeps what it is sent and answers as the test says: `desk.on["view"] = ...`."""

    KINDS = ("command", "action", "view", "view_closed", "options", "shortcut", "home")

    def __init__(self, slack: LocalSlack) -> None:
        self.web = WebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])
        self.forget()
        app = App(client=self.web, signing_secret=slack.signing_secret)
        anything = re.compile(".*")
        for kind in self.KINDS[:-1]:
            getattr(app, kind)(anything)(self._listener(kind))
        app.event("app_home_opened")(self._listener("home"))
        self.socket = SocketModeHandler(app, slack.app_token)
        self.socket.connect()

    def forget(self) -> None:
        self.on: dict[str, Answer] = {}
        self.got: dict[str, list[Json]] = {kind: [] for kind in self.KINDS}

    def _listener(self, kind: str) -> Callable[..., None]:
        def listen(ack: Any, body: Json, client: WebClient) -> None:
            self.got[kind].append(body)
            self.on.get(kind, just_ack)(ack, body, client)

        return listen

    def opens(self, view: Json) -> None:
        """Answer a command by opening this form."""

        def answer(ack: Any, body: Json, client: WebClient) -> None:
            ack()
            client.views_open(trigger_id=body["trigger_id"], view=view)

        self.on["command"] = answer

    def await_press(self, page: Any, presses: int = 1) -> None:
        """Wait until so many presses have reached the app; what never comes is for the test to notice."""
        for _ in range(100):
            if len(self.got["action"]) >= presses:
                return
            page.wait_for_timeout(20)

    def values(self) -> Json:
        """Return what the last submitted form held."""
        found: Json = self.got["view"][-1]["view"]["state"]["values"]
        return found

    def post(self, text: str, **more: Any) -> str:
        """Post in payments-ops and return the `ts`."""
        return str(self.web.chat_postMessage(**{"channel": "C0PAY", "text": text} | more)["ts"])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Start one browser for the session."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def running() -> Iterator[tuple[LocalSlack, Desk]]:
    with LocalSlack(WORKSPACE) as slack:
        desk = Desk(slack)
        yield slack, desk
        desk.socket.close()


@pytest.fixture
def slack(running: tuple[LocalSlack, Desk]) -> LocalSlack:
    """Empty the workspace and what the last test made the app answer, also for a test that never asks for `desk`."""
    local, desk = running
    local.reset()
    local.faults()
    desk.forget()
    return local


@pytest.fixture
def desk(slack: LocalSlack, running: tuple[LocalSlack, Desk]) -> Desk:
    return running[1]


WINDOW = {"width": 1280, "height": 800}


class Tabs:
    """Browser tabs that are used again, as opening one takes longer than most tests.

    Each lives in a context of its own, that is a window of its own: Chromium slows down tabs behind others.
    """

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._idle: list[Any] = []
        self._busy: list[Any] = []
        self._contexts: list[Any] = []
        self.troubles: list[str] = []
        self.origin = ""

    def open(self, **options: Any) -> Any:
        """Return an empty tab; with options, one in a context of its own."""
        if options:
            self._contexts.append(self._browser.new_context(**options))
            return self._watched(self._contexts[-1].new_page())
        page = self._idle.pop() if self._idle else self._watched(self._browser.new_context(viewport=WINDOW).new_page())
        self._busy.append(page)
        return page

    def clear(self) -> None:
        for context in self._contexts:
            context.close()
        for page in self._busy:
            page.goto("about:blank")
        self._idle += self._busy
        self._busy, self._contexts = [], []

    def _watched(self, page: Any) -> Any:
        page.set_default_timeout(5000)
        page.on("pageerror", lambda error: self.troubles.append(f"raised {error}"))
        page.on("console", self._note_console)
        page.on("request", self._note_request)
        return page

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.troubles.append(f"asked {request.url}")

    def _note_console(self, message: Any) -> None:
        # The browser itself reports refusals, which some tests want to see.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.troubles.append(f"said {message.text}")


@pytest.fixture(scope="session")
def tabs(chromium: Any) -> Tabs:
    return Tabs(chromium)


@pytest.fixture
def page_as(tabs: Tabs, slack: LocalSlack) -> Iterator[Callable[..., Any]]:
    """Open the page as somebody; at the end no page may have complained or asked another server for anything."""
    tabs.origin, tabs.troubles[:] = slack.url, []

    def open_page(user: str = "U0ANN", channel: str | None = "C0PAY", **options: Any) -> Any:
        page = tabs.open(**options)
        page.goto(f"{slack.url}/?as={user}{f'&channel={channel}' if channel else ''}")
        page.locator(".acting-as").wait_for(state="attached")
        return page

    yield open_page
    found = list(tabs.troubles)
    tabs.clear()
    assert found == []


@pytest.fixture
def ann(page_as: Callable[..., Any]) -> Any:
    """Ann's page, in payments-ops."""
    return page_as("U0ANN", "C0PAY")
