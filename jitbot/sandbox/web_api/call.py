"""One Web API call: what a method's function is given, and what it says in the table of methods."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from jitbot.sandbox.delivery import Courier
from jitbot.sandbox.messages import Json
from jitbot.sandbox.rates import RateLimits
from jitbot.sandbox.refusals import SlackRefusal, missing_argument
from jitbot.sandbox.sockets import SocketHub
from jitbot.sandbox.state import State
from jitbot.sandbox.tickets import Tickets


class RateLimited(Exception):
    """Too many calls; Slack answers 429."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of a call and everything it may touch."""

    args: Json
    state: State
    tickets: Tickets
    hub: SocketHub
    courier: Courier
    rates: RateLimits
    base_url: str

    def need(self, name: str) -> str:
        """Return a required argument.

        Raises:
            SlackRefusal: `invalid_arguments`, naming it.
        """
        value = self.args.get(name)
        if value in (None, ""):
            raise missing_argument(name)
        return str(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean argument in any of the spellings Slack takes."""
        value = self.args.get(name)
        if value is None:
            return default
        return str(value).lower() in ("1", "true")

    def listed(self, name: str) -> list[str]:
        """Return a list argument, given as JSON or with commas."""
        value = self.args.get(name)
        if isinstance(value, list):
            return [str(one) for one in value]
        text = str(value or "")
        if text.startswith("["):
            try:
                return [str(one) for one in json.loads(text)]
            except ValueError as error:
                raise SlackRefusal("invalid_arguments") from error
        return [one.strip() for one in text.split(",") if one.strip()]

    def page(self, items: list[Any], default_limit: int = 100) -> tuple[list[Any], Json]:
        """Return one page of a list, and the `response_metadata` with the next cursor."""
        start = _offset(str(self.args.get("cursor") or ""))
        try:
            limit = int(self.args.get("limit") or default_limit)
        except ValueError as error:
            raise SlackRefusal("invalid_limit") from error
        if not 1 <= limit <= 1000:
            raise SlackRefusal("invalid_limit")
        following = base64.b64encode(f"next:{start + limit}".encode()).decode() if start + limit < len(items) else ""
        return items[start : start + limit], {"next_cursor": following}

    def has_scope(self, scope: str) -> bool:
        """Say whether the app was granted a scope."""
        return scope in self.state.app.scopes

    def need_scope(self, scope: str) -> None:
        """Refuse the call when the app lacks a scope."""
        if not self.has_scope(scope):
            raise SlackRefusal("missing_scope", needed=scope, provided=",".join(self.state.app.scopes))


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("next:"))
    except ValueError as error:
        raise SlackRefusal("invalid_cursor") from error


Token = Literal["bot", "app", "none"]


@dataclass(frozen=True, slots=True)
class Method:
    """A Web API method: its function, its rate tier, the scopes of which one is needed, the token it takes."""

    run: Callable[[Call], Json]
    tier: str
    scopes: tuple[str, ...] = ()
    takes: Token = "bot"
