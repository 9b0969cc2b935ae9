"""Channels by name: policies say `#payments-oncall`, Slack wants an id."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from jitbot.errors import NotifyError
from jitbot.slack.client import patient
from jitbot.slack.directory import Remembered
from jitbot.slack.sending import Refused, error_code

CHANNEL_SECONDS = 600.0
READ_AGAIN_SECONDS = 20.0
"""conversations.list has 20 calls a minute: a name that is not there is not asked for more often than this."""
_PAGE = 1000
_ID = re.compile("[CGD][A-Z0-9]{2,}")


class Channels:
    """Finds channels by `#name`, all of them read at once and remembered for ten minutes."""

    def __init__(self, client: WebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = patient(client)
        self._clock = clock
        self._known: Remembered[str, str] = Remembered(clock)
        self._turn = threading.Lock()
        self._read_at = -READ_AGAIN_SECONDS

    def id_of(self, place: str) -> str:
        """Return a channel's id. Raises: Refused when there is none that we can see, NotifyError."""
        if _ID.fullmatch(place):
            return place
        name = place.removeprefix("#").casefold()
        known = self._known.get(name)
        if known is not None:
            return known
        with self._turn:
            if self._clock() - self._read_at >= READ_AGAIN_SECONDS:
                self._read()
        known = self._known.get(name)
        if known is None:
            raise Refused("channel_not_found")
        return known

    def forget(self) -> None:
        """Read the channels anew: one was renamed, archived or shared."""
        self._known.forget()
        self._read_at = -READ_AGAIN_SECONDS

    def _read(self) -> None:
        for channel in self._pages():
            self._known.put(str(channel["name"]).casefold(), str(channel["id"]), CHANNEL_SECONDS)
        self._read_at = self._clock()

    def _pages(self) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            answer = self._list(cursor)
            yield from answer["channels"]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _list(self, cursor: str) -> Any:
        try:
            return self._client.conversations_list(
                types="public_channel,private_channel", limit=_PAGE, cursor=cursor or None
            )
        except SlackApiError as error:
            raise NotifyError(
                f"conversations.list: {error_code(error)}", timedelta(seconds=READ_AGAIN_SECONDS)
            ) from error
        except (OSError, HTTPException, SlackClientError) as error:
            raise NotifyError(f"conversations.list: {type(error).__name__}") from error
