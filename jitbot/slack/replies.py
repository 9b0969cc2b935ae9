"""Answers to one person: through the `response_url` of what they did, else by direct message; and modals."""

import logging
import re
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from jitbot.errors import NotifyError
from jitbot.model import UserId
from jitbot.slack.client import quiet_logger
from jitbot.slack.sending import Sender, error_code
from jitbot.slack.spans import Block, Drawing
from jitbot.slack.views import notices

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5
_HOST = re.compile(r"(https?)://([a-z0-9.-]+(?::[0-9]+)?)/")
"""How a plain address begins; what Slack sends has neither a name nor a password before the host."""


class Replies:
    """Says things to whoever did something. Nothing here raises: an answer that cannot be given is logged."""

    def __init__(self, client: WebClient, sender: Sender) -> None:
        self._client = client
        self._sender = sender

    def to_person(self, body: Mapping[str, Any], user: UserId, said: Drawing | str) -> None:
        """Answer so that only this person sees it."""
        drawing = notices.saying(said) if isinstance(said, str) else said
        url = body.get("response_url")
        if not url or not self._respond(str(url), drawing, replace=False):
            self.by_message(user, drawing)

    def by_message(self, user: UserId, said: Drawing | str) -> None:
        """Answer in the person's direct messages."""
        drawing = notices.saying(said) if isinstance(said, str) else said
        try:
            self._sender.post(user, drawing)
        except NotifyError as error:
            log.warning("an answer could not be given: %s", error)

    def redraw(self, url: str, drawing: Drawing) -> None:
        """Replace the message that was clicked. Raises: NotifyError."""
        if not self._respond(url, drawing, replace=True):
            raise NotifyError("the clicked message could not be replaced")

    def open(self, trigger: str, view: Block) -> Block | None:
        """Open a modal and return it as Slack keeps it; None when Slack would not."""
        return self._view("views.open", lambda: self._client.views_open(trigger_id=trigger, view=view))

    def update(self, view_id: str, view: Block, seen: str | None = None) -> Block | None:
        """Redraw a modal; with `seen`, its `hash`, only if nobody has redrawn it since."""
        return self._view(
            "views.update", lambda: self._client.views_update(view_id=view_id, view=view, hash=seen or None)
        )

    def _view(self, method: str, call: Any) -> Block | None:
        try:
            shown: Block = call()["view"]
        except SlackApiError as error:
            log.info("%s: %s", method, error_code(error))
        except (OSError, HTTPException, SlackClientError) as error:
            log.info("%s: %s", method, type(error).__name__)
        else:
            return shown
        return None

    def _respond(self, url: str, drawing: Drawing, *, replace: bool) -> bool:
        if not _belongs_to(self._client.base_url, url):
            log.warning("a delivery wants its answer sent elsewhere than to Slack; it is not")
            return False
        webhook = WebhookClient(url, timeout=TIMEOUT_SECONDS, retry_handlers=[], logger=quiet_logger())
        kind = None if replace else "ephemeral"
        try:
            answer = webhook.send(
                text=drawing.text, blocks=drawing.blocks, response_type=kind, replace_original=replace
            )
        except (OSError, HTTPException, SlackClientError) as error:
            log.info("response_url: %s", type(error).__name__)
            return False
        if answer.status_code != 200:
            log.info("response_url: %s", answer.status_code)
        return answer.status_code == 200


def _belongs_to(api: str, url: str) -> bool:
    """Tell whether an address is at the Slack whose Web API this is: the same host, or one below it.

    Whoever forges a delivery, with a signing secret that was stolen, must not choose where we send anything.
    """
    slack, given = urlsplit(api), _HOST.match(url)
    if given is None or given[1] != slack.scheme:
        return False
    return given[2] == slack.netloc or given[2].endswith(f".{slack.netloc}")
