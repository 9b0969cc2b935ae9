"""Who is at the door: told from the payload and from memory, without asking anybody, before anything is taken in."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jitbot.errors import NotPermitted
from jitbot.model import Standing, UserId
from jitbot.slack.directory import NAME_LENGTH, Installed, SlackDirectory
from jitbot.slack.text import shorten

log = logging.getLogger(__name__)

_REFUSED = {
    Standing.STRANGER: "You are from another organisation, so you cannot use this. Ask somebody of this workspace.",
    Standing.GUEST: "Guests cannot use this. Ask a full member of this workspace.",
    Standing.BOT: "Bots cannot use this. A pipeline asks through the command line or the API.",
    Standing.DEACTIVATED: "Your account is deactivated here, so nothing was done.",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever did something, by Slack id, with their team (on Enterprise Grid an `E…` is possible)."""

    user: UserId
    team: str


class Door:
    """Lets members in. Strangers are told by their team; guests and bots as soon as they were looked up once.

    Whoever gets past here is looked up by the service all the same.
    """

    def __init__(self, home: Installed, directory: SlackDirectory) -> None:
        self._home = home
        self._directory = directory

    def enter(self, body: Mapping[str, Any]) -> Caller:
        """Return who sent this. Raises: NotPermitted, with what to do instead."""
        caller = caller_of(body)
        standing = self._standing(caller, body)
        if standing is not Standing.MEMBER:
            log.info("refused at the door: %s is a %s", shorten(caller.user, NAME_LENGTH), standing.value)
            raise NotPermitted(_REFUSED[standing])
        return caller

    def _standing(self, caller: Caller, body: Mapping[str, Any]) -> Standing:
        user = body.get("user")
        if isinstance(user, Mapping) and user.get("is_stranger"):
            return Standing.STRANGER
        if caller.team not in {self._home.team, self._home.enterprise} - {""}:
            return Standing.STRANGER
        known = self._directory.known(caller.user)
        return known.standing if known is not None else Standing.MEMBER


def caller_of(body: Mapping[str, Any]) -> Caller:
    """Return who sent a payload: an interaction's `user`, or a command's `user_id`; no team is no member."""
    user = body.get("user")
    if isinstance(user, Mapping):
        return Caller(UserId(str(user.get("id", ""))), str(user.get("team_id") or ""))
    return Caller(UserId(str(body.get("user_id", ""))), str(body.get("team_id") or ""))
