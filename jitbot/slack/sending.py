"""One call to Slack, and what became of it: said, refused for good, worth trying again, or unknown."""

import http.client
import logging
import re
import urllib.error
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from jitbot.errors import NotifyError, NotifyRefused, NotifyUnsure
from jitbot.slack.client import patient
from jitbot.slack.pace import POST, UPDATE, Pace
from jitbot.slack.spans import Drawing

log = logging.getLogger(__name__)

# https://docs.slack.dev/reference/methods/chat.postMessage#errors and chat.update#errors
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "block_mismatch"})
"""This message cannot be redrawn any more, but a new one can be posted."""
_UNSURE_CODES = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
_PASSING = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "accesslimited"})
_CODE = re.compile("[a-z0-9_]{1,80}")
_LATER = timedelta(seconds=30)
_NEVER_SENT = (ConnectionRefusedError, http.client.CannotSendRequest)


class Refused(NotifyRefused):
    """Slack will never take it; `code` is Slack's own word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack refused the message: {code}.")
        self.code = code


class Slow(NotifyError):
    """Not now: the rate limit, Slack's or our own account of it."""


class Sender:
    """Posts and redraws; every error comes out as one of ours."""

    def __init__(self, client: WebClient, pace: Pace) -> None:
        self._client = patient(client)
        self._pace = pace

    def post(
        self,
        channel: str,
        drawing: Drawing,
        *,
        thread_ts: str | None = None,
        before: Callable[[], None] = lambda: None,
    ) -> tuple[str, str]:
        """Post a message and return its channel's id and its `ts`. Raises: NotifyError and its kin.

        `before` is called when it is our turn, just before the call: there the intention is written down.
        """
        self._await_turn(POST, channel, progress=False)
        before()
        answer = self._call(
            POST,
            lambda: self._client.chat_postMessage(
                channel=channel,
                text=drawing.text,
                blocks=drawing.blocks,
                unfurl_links=False,
                unfurl_media=False,
                thread_ts=thread_ts,
            ),
        )
        return str(answer["channel"]), str(answer["ts"])

    def room_to_update(self, *, progress: bool = False) -> None:
        """See whether a redraw could be sent now, before anything is drawn. Raises: Slow."""
        wait = self._pace.wait(UPDATE, progress=progress)
        if wait:
            raise Slow(f"{UPDATE} has to wait", wait)

    def update(self, channel: str, ts: str, drawing: Drawing, *, progress: bool = False) -> None:
        """Redraw a message. Raises: NotifyError and its kin."""
        self._await_turn(UPDATE, channel, progress=progress)
        self._call(
            UPDATE,
            lambda: self._client.chat_update(channel=channel, ts=ts, text=drawing.text, blocks=drawing.blocks),
        )

    def _await_turn(self, method: str, channel: str, *, progress: bool) -> None:
        wait = self._pace.take(method, channel, progress=progress)
        if wait:
            raise Slow(f"{method} has to wait", wait)

    def _call(self, method: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except SlackApiError as error:
            raise self._translated(method, error) from error
        except urllib.error.HTTPError as error:
            raise NotifyUnsure(f"{method} answered {error.code}") from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, _NEVER_SENT):
                raise NotifyError(f"{method}: Slack cannot be reached") from error
            raise NotifyUnsure(f"{method}: the connection ended ({type(error.reason).__name__})") from error
        except (OSError, http.client.HTTPException, SlackClientError, ValueError) as error:
            raise NotifyUnsure(f"{method}: the connection ended ({type(error).__name__})") from error

    def _translated(self, method: str, error: SlackApiError) -> NotifyError:
        status = int(getattr(error.response, "status_code", 200) or 200)
        code = error_code(error)
        if status == 429 or code in _PASSING:
            retry_after = _retry_after(error)
            self._pace.refused(method, retry_after)
            return Slow(f"{method}: {code or status}", retry_after)
        if status >= 500 or code in _UNSURE_CODES or not code:
            return NotifyUnsure(f"{method} answered {code or status}")
        log.warning("Slack refused %s: %s", method, code)
        return Refused(code)


def error_code(error: SlackApiError) -> str:
    """Return Slack's word for what is wrong; empty when the answer held none."""
    data = getattr(error.response, "data", error.response)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    return code if _CODE.fullmatch(code) else ""


def _retry_after(error: SlackApiError) -> timedelta:
    headers = getattr(error.response, "headers", None) or {}
    given = {str(name).lower(): value for name, value in headers.items()}.get("retry-after", "")
    given = given[0] if isinstance(given, list) and given else given
    return timedelta(seconds=min(int(given), 3600)) if str(given).isdecimal() else _LATER
