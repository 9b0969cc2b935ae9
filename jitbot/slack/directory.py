"""Who people are, asked of Slack and remembered for a short while; a failure is never an empty answer."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Generic, TypeVar

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from jitbot.errors import DirectoryUnavailable, NotFound
from jitbot.model import Person, Standing, UserId
from jitbot.slack.sending import error_code
from jitbot.slack.text import shorten

PERSON_SECONDS = 300.0
NOBODY_SECONDS = 30.0
GROUPS_SECONDS = 60.0
MOST_KEPT = 20_000
PERSON, GROUPS = "person", "groups"
NAME_LENGTH = 80

_UNKNOWN_USER = frozenset({"user_not_found", "users_not_found", "user_not_visible"})

Key = TypeVar("Key")
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """Values with the time until which they are believed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._turn = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """Return what is remembered and still believed."""
        with self._turn:
            until, value = self._kept.get(key, (0.0, None))
        return value if until > self._clock() else None

    def put(self, key: Key, value: Value, seconds: float) -> None:
        """Remember a value for so long."""
        with self._turn:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (self._clock() + seconds, value)

    def forget(self, key: Key | None = None) -> None:
        """Forget one value, or all."""
        with self._turn:
            self._kept.clear() if key is None else self._kept.pop(key, None)


@dataclass(frozen=True, slots=True)
class Installed:
    """Where this app is installed, from `auth.test`."""

    team: str
    bot_user: str
    bot: str = ""
    enterprise: str = ""


def installed(client: WebClient) -> Installed:
    """Ask Slack who we are. Raises: DirectoryUnavailable."""
    answer = _ask("auth.test", client.auth_test)
    return Installed(
        str(answer["team_id"]),
        str(answer["user_id"]),
        str(answer.get("bot_id") or ""),
        str(answer.get("enterprise_id") or ""),
    )


class SlackDirectory:
    """Implements `ports.Directory` on a `WebClient` that gives up after two seconds."""

    def __init__(
        self,
        client: WebClient,
        home: Installed,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str], None] = lambda word: None,
    ) -> None:
        """`tell` passes on to other processes what has changed, since Slack says so to one of them only."""
        self._client = client
        self._home = home
        self._tell = tell
        self._people: Remembered[str, Person] = Remembered(clock)
        self._missing: Remembered[str, bool] = Remembered(clock)
        self._emails: Remembered[str, UserId] = Remembered(clock)
        self._groups: Remembered[str, Mapping[str, frozenset[UserId]]] = Remembered(clock)
        self._groups_turn = threading.Lock()

    def person(self, user: UserId) -> Person:
        """Return a person. Raises: NotFound, DirectoryUnavailable."""
        known = self._people.get(user)
        if known is not None:
            return known
        if self._missing.get(user):
            raise NotFound(f"There is nobody with the id {shorten(user, 40)} here.")
        answer = self._unless_unknown("users.info", lambda: self._client.users_info(user=user))
        if answer is None:
            self._missing.put(user, True, NOBODY_SECONDS)
            raise NotFound(f"There is nobody with the id {shorten(user, 40)} here.")
        return self._learn(answer["user"])

    def by_email(self, email: str) -> UserId | None:
        """Return who has that address, None if nobody. Raises: DirectoryUnavailable."""
        address = email.casefold()
        known = self._emails.get(address)
        if known is not None:
            return known
        if self._missing.get(address):
            return None
        answer = self._unless_unknown("users.lookupByEmail", lambda: self._client.users_lookupByEmail(email=email))
        if answer is None:
            self._missing.put(address, True, NOBODY_SECONDS)
            return None
        person = self._learn(answer["user"])
        self._emails.put(address, person.id, PERSON_SECONDS)
        return person.id

    def usergroup(self, handle: str) -> frozenset[UserId]:
        """Return the members of a user group. Raises: NotFound, DirectoryUnavailable."""
        with self._groups_turn:  # one reading for all who ask at once: twenty a minute are allowed
            groups = self._groups.get("") or self._read_groups()
        if handle.removeprefix("@") not in groups:
            raise NotFound(f"There is no user group @{shorten(handle.removeprefix('@'), 60)} in this workspace.")
        return groups[handle.removeprefix("@")]

    def display_name(self, user: UserId) -> str:
        """Return how somebody is called; their id when they cannot be looked up."""
        try:
            return self.person(user).name or user
        except (NotFound, DirectoryUnavailable):
            return user

    def names(self, users: Iterable[UserId]) -> Mapping[UserId, str]:
        """Return the display names of several people."""
        return {user: self.display_name(user) for user in users}

    def known(self, user: UserId) -> Person | None:
        """Return a person if they were looked up lately; asks nobody, so it can be used before an acknowledgement."""
        return self._people.get(user)

    def forget_person(self, user: str) -> None:
        """Have a person looked up anew, in every process: they have changed."""
        self.hear(f"{PERSON} {user}")
        self._tell(f"{PERSON} {user}")

    def forget_groups(self) -> None:
        """Have the user groups read anew, in every process: they have changed."""
        self.hear(GROUPS)
        self._tell(GROUPS)

    def hear(self, word: str) -> None:
        """Forget what has changed, as another process has been told; other words are left alone."""
        kind, _, user = word.partition(" ")
        if kind == PERSON:
            self._people.forget(user)
            self._missing.forget()
            self._emails.forget()
        elif kind == GROUPS:
            self._groups.forget()

    def forget_all(self) -> None:
        """Have everybody looked up anew: something may have changed that was not heard of."""
        for each in (self._people, self._missing, self._emails, self._groups):
            each.forget()

    def _read_groups(self) -> Mapping[str, frozenset[UserId]]:
        answer = _ask("usergroups.list", lambda: self._client.usergroups_list(include_users=True))
        groups = {
            str(group["handle"]): frozenset(UserId(user) for user in group.get("users") or ())
            for group in answer["usergroups"]
            if not group.get("date_delete")
        }
        self._groups.put("", groups, GROUPS_SECONDS)
        return groups

    def _unless_unknown(self, method: str, call: Callable[[], Any]) -> Any:
        try:
            return _ask(method, call)
        except DirectoryUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, SlackApiError) and error_code(cause) in _UNKNOWN_USER:
                return None
            raise

    def _learn(self, user: Mapping[str, Any]) -> Person:
        profile = user.get("profile") or {}
        name = profile.get("display_name") or user.get("real_name") or profile.get("real_name") or user.get("name")
        person = Person(
            id=UserId(str(user["id"])),
            team=str(user.get("team_id") or ""),
            name=shorten(str(name or user["id"]), NAME_LENGTH),
            standing=self._standing(user),
            email=profile.get("email"),
            zone=str(user.get("tz") or ""),
        )
        self._people.put(person.id, person, PERSON_SECONDS)
        return person

    def _standing(self, user: Mapping[str, Any]) -> Standing:
        if user.get("deleted"):
            return Standing.DEACTIVATED
        if user.get("is_bot") or user.get("id") == "USLACKBOT":
            return Standing.BOT
        if user.get("is_stranger") or not self._at_home(user):
            return Standing.STRANGER
        guest = user.get("is_restricted") or user.get("is_ultra_restricted")
        return Standing.GUEST if guest else Standing.MEMBER

    def _at_home(self, user: Mapping[str, Any]) -> bool:
        """Tell whether somebody belongs to the workspace the app is installed in (on Enterprise Grid, see `teams`)."""
        grid = user.get("enterprise_user") or {}
        return user.get("team_id") == self._home.team or self._home.team in (grid.get("teams") or ())


def _ask(method: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except SlackApiError as error:
        raise DirectoryUnavailable(f"Slack did not answer {method}: {error_code(error) or 'an error'}.") from error
    except (OSError, HTTPException, SlackClientError, ValueError) as error:  # URLError is an OSError
        raise DirectoryUnavailable(f"Slack did not answer {method} in time.") from error
