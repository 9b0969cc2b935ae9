"""One system's JSON API, asked within the time of one run: every question is one guarded exchange.

No client library of a vendor: they follow redirects and proxies, connect to whatever a name resolves to, and do not
tell whether anything was sent when it went wrong. A runner has to know just that.
"""

import json
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx2

from jitbot.errors import NotGranted, RunnerRefused
from jitbot.outbound import exchange as wire
from jitbot.outbound.addresses import header_value
from jitbot.outbound.exchange import Answer, Call, NotSent, exchange
from jitbot.outbound.hosts import allowed
from jitbot.outbound.links import next_link
from jitbot.outbound.site import HIDDEN
from jitbot.ports import Site
from jitbot.runners.answers import NoAnswer, NoWord, Refused, said
from jitbot.runners.patience import Patience

ANSWER_BYTES = 4 * 1024 * 1024
EXCHANGE_SECONDS = 30.0
"""How long one exchange may take, however long the run may."""
MOST_PAGES = 50
PAUSE_SECONDS = 60.0
"""How long is waited where a system says that it is asked too often, and not until when."""

Query = Mapping[str, str | int]
_Seen = TypeVar("_Seen")


@dataclass(frozen=True, slots=True)
class Api:
    """Where an API is, and how we are known there; `token` is asked for each question and shown to nobody else.

    Raises, from every question: NoWord, and its kinds Refused and NoAnswer; NotGranted for a host.
    """

    site: Site
    base: str
    token: Callable[[], str]
    patience: Patience
    headers: Mapping[str, str]

    def get(self, *path: str, query: Query | None = None) -> Any:
        """Return the JSON that stands at a path."""
        return _document(self.look(self._url(path, query)))

    def find(self, *path: str, query: Query | None = None) -> Any:
        """Return the JSON that stands at a path, None where there is nothing (404)."""
        answer = self.look(self._url(path, query), also={404})
        return None if answer.status == 404 else _document(answer)

    def pages(self, *path: str, query: Query | None = None) -> Iterator[Any]:
        """Yield the JSON of a page and of those that its `Link` header calls next.

        The way goes on only below the API's own address: nobody else is shown the token.
        """
        url = self._url(path, query)
        for _ in range(MOST_PAGES):
            answer = self.look(url)
            yield _document(answer)
            url = next_link(answer.headers.get("link", ""))
            if not url:
                return
            if not url.startswith(f"{self.base}/"):
                raise NoWord("Its next page would be elsewhere, where we do not go.")
        raise NoWord(f"Its answer has more than {MOST_PAGES} pages.")

    def change(
        self, method: str, *path: str, query: Query | None = None, body: Any = None, also: Collection[int] = ()
    ) -> Answer:
        """Ask for something that changes something, or is to."""
        return self._ask(method, self._url(path, query), b"" if body is None else json.dumps(body).encode(), also)

    def look(self, url: str, also: Collection[int] = ()) -> Answer:
        """Ask for what changes nothing, whatever becomes of it."""
        try:
            return self._ask("GET", url, b"", also)
        except NoAnswer as error:
            raise NoWord(str(error)) from error

    def _url(self, path: Sequence[str], query: Query | None) -> str:
        if {".", ".."}.intersection(path):
            raise NoWord("A step of the address would be `.` or `..`; nothing was sent.")
        url = "/".join([self.base, *(quote(step, safe="") for step in path)])
        return f"{url}?{urlencode(query)}" if query else url

    def _ask(self, method: str, url: str, body: bytes, also: Collection[int]) -> Answer:
        """Send, and send again where nothing was done because we ask too often and there is time to wait."""
        while True:
            answer = self._exchange(method, url, body)
            pause = _pause(answer)
            if pause is None:
                return self._judged(method, answer, also)
            if pause >= self.patience.left:
                raise Refused(f"{said(answer)} (it wants us to wait {pause:.0f} s, longer than is left)", answer.status)
            self.patience.sleep(pause)
            if self.patience.stopping():
                raise NoWord("Somebody wanted it to end while it was waited for the rate limit.")

    def _exchange(self, method: str, url: str, body: bytes) -> Answer:
        address, token = allowed(url, self.site), self._token()
        headers = {"accept": "application/json", "accept-encoding": "identity", "connection": "close"}
        headers |= {"user-agent": "jitbot"} | ({"content-type": "application/json"} if body else {})
        headers |= {**self.headers, "authorization": f"Bearer {token}"}
        seconds = min(EXCHANGE_SECONDS, self.patience.left)
        if seconds <= 0:
            raise NoWord(f"There is no time left to ask {address.host}.")
        try:
            answer = exchange(Call(method, address, headers, body), seconds, _trust(), ANSWER_BYTES)
        except NotSent as error:
            raise NoWord(f"{address.host} was not reached: {error}") from error
        except wire.NoAnswer as error:
            raise NoAnswer(f"{address.host} did not answer: {error}") from error
        return replace(answer, body=answer.body.replace(token.encode(), HIDDEN.encode()))

    def _token(self) -> str:
        """Return the token. Raises: NoWord, also where it is not to be had: by now something may have been done."""
        try:
            return header_value(self.token())
        except NotGranted as error:
            raise NoWord(str(error)) from error
        except ValueError as error:
            raise NoWord(f"The token cannot be sent: {error}.") from None

    def _judged(self, method: str, answer: Answer, also: Collection[int]) -> Answer:
        if answer.status // 100 == 2 or answer.status in also:
            return answer
        if answer.status // 100 == 5:
            raise NoAnswer(f"It answered {said(answer)}")
        if answer.status // 100 == 3:
            raise Refused(f"It sends us elsewhere ({answer.status}), where we do not go.", answer.status)
        raise Refused(f"It refused: {said(answer)}", answer.status)


def unharmed(look: Callable[[], _Seen]) -> _Seen:
    """Do what changes nothing, whatever becomes of it. Raises: RunnerRefused."""
    try:
        return look()
    except NoWord as error:
        raise RunnerRefused(f"{error} Nothing was changed.") from error


def _document(answer: Answer) -> Any:
    try:
        return answer.document()
    except ValueError as error:
        raise NoWord(f"It cannot be read: {error}.") from None


def _pause(answer: Answer) -> float | None:
    """Return for how many seconds we are told to wait, None where it is not about how often we ask.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    """
    if answer.status not in (403, 429):
        return None
    after, reset = answer.headers.get("retry-after", ""), answer.headers.get("x-ratelimit-reset", "")
    if after.isdecimal():
        return float(after)
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(1.0, float(reset) - time.time())
    return PAUSE_SECONDS if answer.status == 429 else None


@cache
def _trust() -> ssl.SSLContext:
    """Trust the authorities of this machine (`SSL_CERT_FILE` is heeded; proxies are not)."""
    return httpx2.create_ssl_context()
