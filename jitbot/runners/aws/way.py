"""The way to one account for one run or one look: it ends in time, and leads only where the operator allows."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from jitbot.errors import NotGranted
from jitbot.outbound.hosts import allowed
from jitbot.outbound.site import HIDDEN
from jitbot.outbound.text import shown
from jitbot.ports import Run, Site
from jitbot.runners.aws.account import Account, Service
from jitbot.runners.aws.answers import Declined, NoAnswer, NotSent, NoWord, complaint
from jitbot.runners.aws.login import Login, log_in, mine
from jitbot.runners.aws.session import PATIENCE_SECONDS, client, demand_botocore
from jitbot.runners.deadline import seconds_left

LOOK_SECONDS = 30.0
"""How long a plan or a check may take."""
POLL_SECONDS = 1.0
KEPT_SECONDS = 5.0
"""Kept for the last word when something is waited for up to the deadline; a quarter where there is less."""

TRIES = 3
"""How often what only looks is tried. What changes something is tried once: its author decides what may be repeated."""

Answer = Mapping[str, Any]
Looked = TypeVar("Looked")

_BUSY = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"})


class Way:
    """Calls to AWS in one account. `ask` only looks, and is tried again; `tell` changes something, and is sent once."""

    def __init__(
        self, told: Account, site: Site, *, seconds: float, name: str, poll_seconds: float, login: Login | None
    ) -> None:
        """Log in, if there is no login that holds. Raises: NoWord, NotGranted."""
        self._poll_seconds = poll_seconds
        self._told = told
        self._site = site
        self._name = name
        self._until = time.time() + seconds
        self._kept = min(KEPT_SECONDS, seconds / 4)
        self._clients: dict[tuple[str, ...], tuple[Any, float]] = {}
        self.login = login or Login({}, until=0)
        if self.login.stale:
            self.login = self._log_in()

    @property
    def left(self) -> float:
        """Return how many seconds are left."""
        return self._until - time.time()

    def ask(self, service: Service, operation: str, /, **words: Any) -> Answer:
        """Look at something. Raises: NoWord, NotGranted."""
        return self._tried(lambda: self._call(service, operation, words, self._keys()))

    def every(self, service: Service, operation: str, key: str, /, **words: Any) -> Sequence[Any]:
        """Look at all that there is of something, page by page. Raises: NoWord, NotGranted."""

        def look() -> Sequence[Any]:
            found: list[Any] = []
            with self._client(service, self._keys()) as made:
                for page in made.get_paginator(operation).paginate(**words):
                    found += page[key]
                    self._demand_time()
            return found

        return self._tried(look)

    def tell(self, service: Service, operation: str, /, **words: Any) -> Answer:
        """Change something, once. Raises: NoWord (of which kind says what may have happened), NotGranted."""
        return self._call(service, operation, words, self._keys())

    def sts(self, operation: str, keys: dict[str, str] | None, **words: Any) -> Answer:
        """Ask STS with other keys than those of this way, or unsigned. Raises: NoWord, NotGranted."""
        return self._tried(lambda: self._call("sts", operation, words, keys))

    def looks(self, seconds: float = float("inf")) -> Iterator[None]:
        """Yield again and again, with a pause between: once at least, and as long as may still be waited."""
        until = min(time.time() + seconds, self._until - self._kept)
        yield
        while (left := until - time.time()) > 0:
            time.sleep(min(self._poll_seconds, left))
            yield

    def _keys(self) -> dict[str, str]:
        """Return keys that hold: new ones of the same role in time. Raises: NoWord."""
        if self.login.stale:
            try:
                self.login = self._log_in()
            except NotGranted as error:  # something may have been begun, so that this is no refusal any more
                raise NotSent(str(error)) from error
        return self.login.keys

    def _log_in(self) -> Login:
        return log_in(self._told, self._site, self, name=self._name, seconds=self.left)

    def _tried(self, look: Callable[[], Looked]) -> Looked:
        """Do what changes nothing again where AWS gave no answer, or had no time. Raises: NoWord, NotGranted."""
        for _ in range(TRIES - 1):
            try:
                return look()
            except NoWord as error:
                if isinstance(error, Declined) and error.code not in _BUSY:
                    raise
                time.sleep(max(0, min(self._poll_seconds, self.left)))
        return look()

    def _call(self, service: Service, operation: str, words: Answer, keys: dict[str, str] | None) -> Answer:
        with self._client(service, keys) as made:
            answer: Answer = getattr(made, operation)(**words)
            return answer

    @contextmanager
    def _client(self, service: Service, keys: dict[str, str] | None) -> Iterator[Any]:
        """Make a client for one call, whose errors become ours."""
        from botocore import exceptions
        from botocore.parsers import ResponseParserError

        self._demand_time()
        made = self._made(service, keys)
        try:
            yield made
        except exceptions.ClientError as error:
            raise complaint(service, self._hidden(error.response)) from error
        except (
            exceptions.EndpointConnectionError,
            exceptions.ConnectTimeoutError,
            exceptions.ParamValidationError,
        ) as error:
            raise NotSent(_words(service, error)) from error
        except (exceptions.BotoCoreError, ResponseParserError) as error:
            raise NoAnswer(_words(service, error)) from error
        finally:
            made.close()  # its connections only: it can be used again

    def _made(self, service: Service, keys: dict[str, str] | None) -> Any:
        """Return a client whose calls end in time: the last one, as long as there is time enough for its patience."""
        name = (service, *(keys or {}).values())
        if name not in self._clients or self._clients[name][1] > self.left:
            patience = min(self.left, PATIENCE_SECONDS)
            made = client(self._told, service, keys, patience, self._see)
            self._clients[name] = (made, patience)
        return self._clients[name][0]

    def _see(self, request: Any, **_more: Any) -> None:
        """See that the operator lets jitbot talk to where a request goes. Raises: NotGranted."""
        allowed(request.url, self._site)

    def _demand_time(self) -> None:
        if self.left <= 0:
            raise NotSent("The time for this was over before AWS was asked.")

    def _hidden(self, response: Answer) -> Answer:
        """Return an error's answer without the keys of a role, which no site knows as secrets."""
        words = str(response.get("Error", {}).get("Message", ""))
        for secret in self.login.keys.values():
            words = words.replace(secret, HIDDEN)
        return {**response, "Error": {**response.get("Error", {}), "Message": words}}


class Ways:
    """How one runner comes to AWS: to look, or to act."""

    def __init__(self, site: Site, poll_seconds: float = POLL_SECONDS) -> None:
        """Raises: ModuleNotFoundError where botocore is not installed."""
        demand_botocore()
        self._site = site
        self._poll_seconds = poll_seconds
        self._logins: dict[str, Login] = {}

    def look(self, told: Account) -> Way:
        """Come to look, by the last login as long as it holds. Raises: NoWord, NotGranted."""
        whose = mine(told, self._site)
        way = self._way(told, LOOK_SECONDS, "looks", self._logins.get(whose))
        self._logins[whose] = way.login
        return way

    def act(self, told: Account, run: Run) -> Way:
        """Come to do what a run does, under its key. Raises: NoWord, NotGranted, RunnerRefused when it is too late."""
        return self._way(told, seconds_left(run), run.key, None)

    def _way(self, told: Account, seconds: float, name: str, login: Login | None) -> Way:
        poll = self._poll_seconds
        return Way(told, self._site, seconds=seconds, name=name, poll_seconds=poll, login=login)


def _words(service: str, error: Exception) -> str:
    return shown(f"AWS {service} gave no answer: {' '.join(str(error).split())}")
