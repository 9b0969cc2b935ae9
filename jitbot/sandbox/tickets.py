"""What Slack hands out to be used soon and seldom: `trigger_id`s and `response_url`s."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass

from jitbot.sandbox.clock import MovableClock
from jitbot.sandbox.limits import RESPONSE_URL_SECONDS, RESPONSE_URL_USES, TRIGGER_SECONDS
from jitbot.sandbox.refusals import SlackRefusal


@dataclass(slots=True)
class Trigger:
    """The right to open one form for one person, soon."""

    user: str
    expires_at: float
    in_modal: bool
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """The right to answer where something was done; `message` is the `ts` that was clicked on."""

    user: str
    channel: str
    expires_at: float
    message: str | None = None
    thread_ts: str | None = None
    uses: int = 0


class Tickets:
    """Hands out and takes back both."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._triggers: dict[str, Trigger] = {}
        self._urls: dict[str, ResponseUrl] = {}

    def trigger(self, user: str, *, in_modal: bool = False) -> str:
        """Return a new `trigger_id`."""
        now = self._clock.now()
        if len(self._triggers) > 10_000:
            self._triggers = dict(list(self._triggers.items())[-1000:])
        name = f"{next(self._numbers)}.{int(now * 1000)}.{secrets.token_hex(8)}"
        self._triggers[name] = Trigger(user=user, expires_at=now + TRIGGER_SECONDS, in_modal=in_modal)
        return name

    def exchange(self, name: str) -> Trigger:
        """Use a `trigger_id` up.

        Raises:
            SlackRefusal: When it is unknown, used or older than three seconds.
        """
        trigger = self._triggers.get(name)
        if trigger is None:
            raise SlackRefusal("invalid_trigger_id")
        if trigger.used:
            raise SlackRefusal("exchanged_trigger_id")
        if self._clock.now() > trigger.expires_at:
            raise SlackRefusal("expired_trigger_id")
        trigger.used = True
        return trigger

    def response_path(self, user: str, channel: str, message: str | None = None, thread: str | None = None) -> str:
        """Return the path of a new `response_url`."""
        name = f"{next(self._numbers)}/{secrets.token_hex(12)}"
        expires_at = self._clock.now() + RESPONSE_URL_SECONDS
        self._urls[name] = ResponseUrl(user, channel, expires_at, message, thread)
        return f"/response/{name}"

    def look_up(self, name: str) -> ResponseUrl:
        """Return a `response_url` that may still be used.

        Raises:
            SlackRefusal: `expired_url` or `used_url`.
        """
        url = self._urls.get(name)
        if url is None or self._clock.now() > url.expires_at:
            raise SlackRefusal("expired_url")
        if url.uses >= RESPONSE_URL_USES:
            raise SlackRefusal("used_url")
        return url

    def forget(self) -> None:
        """Forget all of them."""
        self._triggers.clear()
        self._urls.clear()
