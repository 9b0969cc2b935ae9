"""Ask another system: an allowed host, one deadline, no redirects, and clear words for what went wrong."""

import json
import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from jitbot.errors import FactUnavailable
from jitbot.outbound.exchange import Answer, Call, NoAnswer, NotSent, exchange
from jitbot.outbound.hosts import allowed
from jitbot.outbound.links import next_link
from jitbot.ports import Site

SECONDS = 4.0
"""How long one fact may ask around in all; a decision waits five seconds for all its facts together."""
ANSWER_BYTES = 4 * 1024 * 1024
MOST_PAGES = 50

_WORDS = {
    401: "it does not accept our credentials (401)",
    403: "our credentials may not read this (403)",
    404: "it does not know what we asked for (404)",
    407: "a proxy wants credentials (407)",
}


@dataclass(slots=True)
class Client:
    """One system, asked for one fact. `seconds` are for all its questions together.

    Raises, from every question: FactUnavailable, NotGranted for a host that the operator does not allow.
    """

    site: Site
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = field(default_factory=lambda: SECONDS)
    _until: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._until = time.monotonic() + self.seconds

    def text(self, url: str, query: Mapping[str, Any] | None = None) -> str:
        """Return the body of a page as text; what is no UTF-8 in it is replaced."""
        answer = self._ask("GET", url, query, b"")
        if not answer.whole:
            raise FactUnavailable(f"the answer is longer than {ANSWER_BYTES} bytes")
        return answer.body.decode(errors="replace")

    def json(self, url: str, query: Mapping[str, Any] | None = None, *, body: Any = None) -> Any:
        """Return a JSON answer; with a `body`, the question is a POST."""
        sent = b"" if body is None else json.dumps(body).encode()
        return self.document(self._ask("GET" if body is None else "POST", url, query, sent))

    def answer(self, url: str, query: Mapping[str, Any] | None = None, *, also: Collection[int] = ()) -> Answer:
        """Return an answer as it came; a status among `also` is one too, and the asker's to judge."""
        return self._ask("GET", url, query, b"", also)

    def document(self, answer: Answer) -> Any:
        """Return the JSON of an answer."""
        try:
            return answer.document()
        except ValueError as error:
            raise FactUnavailable(str(error)) from None

    def linked_pages(self, url: str, query: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield the JSON of a page and of those that its `Link` header calls next (RFC 8288)."""
        for _ in range(MOST_PAGES):
            answer = self._ask("GET", url, query, b"")
            yield self.document(answer)
            following = next_link(answer.headers.get("link", ""))
            if not following:
                return
            url, query = following, None
        raise FactUnavailable(f"the answer has more than {MOST_PAGES} pages")

    def _ask(
        self, method: str, url: str, query: Mapping[str, Any] | None, body: bytes, also: Collection[int] = ()
    ) -> Answer:
        left = self._until - time.monotonic()
        if left <= 0:
            raise FactUnavailable(f"no answer within {self.seconds:g} s")
        address = allowed(with_query(url, query or {}), self.site)
        headers = {"accept": "application/json", "accept-encoding": "identity", "connection": "close"}
        headers |= {"user-agent": "jitbot"} | ({"content-type": "application/json"} if body else {})
        headers |= {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = exchange(Call(method, address, headers, body), left, _trust(), ANSWER_BYTES)
        except (NotSent, NoAnswer) as error:
            raise FactUnavailable(f"{address.host} does not answer: {error}") from error
        if answer.status // 100 != 2 and answer.status not in also:
            raise FactUnavailable(f"{address.host}: {refusal(answer)}")
        return answer


@cache
def _trust() -> ssl.SSLContext:
    """Trust the authorities of this machine; they are read once, which takes as long as a question over the network."""
    return ssl.create_default_context()


def with_query(url: str, query: Mapping[str, Any]) -> str:
    """Add to the query of a URL; a value that is a list is given several times."""
    if not query:
        return url
    parts = urlsplit(url)
    before = parse_qsl(parts.query, keep_blank_values=True)
    return parts._replace(query="&".join(filter(None, [urlencode(before), urlencode(query, doseq=True)]))).geturl()


def refusal(answer: Answer) -> str:
    """Tell in words what a status other than 200 to 299 means."""
    if answer.status == 429:
        wait = answer.headers.get("retry-after", "")
        return "it is asked too often (429)" + (f" and wants us to wait {wait[:20]} s" if wait else "")
    if 300 <= answer.status < 400:
        return f"it sends us elsewhere ({answer.status}), where we do not go; write the address that it points to"
    return _WORDS.get(answer.status, f"it answers {answer.status}")
