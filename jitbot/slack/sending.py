"""One call to Slack, and what became of it: said, refused for good, worth trying again, or unknown."""

import http.client
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from jitbot.errors import NotifyError, NotifyRefused, NotifyUnsure
from jitbot.slack.client import PATIENT_SECONDS, patient
from jitbot.slack.pace import POST, UPDATE, Pace
from jitbot.slack.spans import Drawing
from jitbot.slack.text import escape

log = logging.getLogger(__name__)

# https://docs.slack.dev/reference/methods/chat.postMessage#errors and chat.update#errors
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "block_mismatch"})
"""This message cannot be redrawn any more, but a new one can be posted."""
_UNSURE_CODES = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
_PASSING = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "accesslimited"})
SHARE = "files.completeUploadExternal"
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

    def __init__(self, client: WebClient, pace: Pace, assure: Callable[[], None] = lambda: None) -> None:
        """`assure` raises Conflict just before a call that others should make by now."""
        self._client = patient(client)
        self._pace = pace
        self._assure = assure

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

    def upload(self, person: str, files: Mapping[str, str], said: str) -> None:
        """Share texts as files, by name, in one direct message to a person. Raises: NotifyError and its kin.

        Nobody sees anything before the last call. Slack takes no key by which it would know a repeated one, so that
        files whose last call was not answered may be shared twice.
        https://docs.slack.dev/messaging/working-with-files
        """
        self._await_turn(SHARE, person, progress=False)
        opened = self._call("conversations.open", lambda: self._client.conversations_open(users=person))
        uploaded: list[dict[str, str | None]] = [
            {"id": self._uploaded(name, text), "title": name} for name, text in files.items()
        ]
        channel = str(opened["channel"]["id"])
        self._call(
            SHARE,
            lambda: self._client.files_completeUploadExternal(
                files=uploaded, channel_id=channel, initial_comment=escape(said)
            ),
        )

    def _uploaded(self, name: str, text: str) -> str:
        """Put a text where Slack wants it and return the file's id; it is shared with nobody yet."""
        data, method = text.encode(), "files.getUploadURLExternal"
        given = self._call(method, lambda: self._client.files_getUploadURLExternal(filename=name, length=len(data)))
        url = str(given["upload_url"])
        if not url.startswith(("https://", self._client.base_url.removesuffix("api/"))):
            raise NotifyError(f"{method} answered an address that is not to be trusted")
        post = urllib.request.Request(url, data, {"Content-Type": "application/octet-stream"}, method="POST")  # noqa: S310 - the address was looked at just above
        self._call("the upload", lambda: _sent(post))
        return str(given["file_id"])

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
        self._assure()

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


def _sent(post: urllib.request.Request) -> None:
    with urllib.request.urlopen(post, timeout=PATIENT_SECONDS):  # noqa: S310 - only what `_uploaded` has looked at
        return


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
