"""The way to one API server: each call is one exchange with the host that was checked, bounded in time and size.

lightkube is given this in place of its own connections, so that no redirect, proxy or file of this machine decides
where a token goes, and so that every error says whether something may have happened.
"""

import json
import ssl
from collections.abc import Callable
from typing import Any

import httpx2

from jitbot.errors import NotGranted, RunnerRefused
from jitbot.outbound import exchange
from jitbot.outbound.addresses import header_value
from jitbot.outbound.hosts import allowed
from jitbot.outbound.paths import granted
from jitbot.outbound.text import shown
from jitbot.outbound.values import plain
from jitbot.ports import Site
from jitbot.runners.kubernetes.inputs import PEM, ClusterInputs

ANSWER_BYTES = 32 * 1024 * 1024
"""Some thousand objects; lists come in pieces smaller than that."""
_SENT = ("authorization", "content-type", "accept")


class NoWord(Exception):
    """The API server said nothing that could be used; the text says why."""


class NotSent(NoWord):
    """It was not reached: it knows nothing of this."""


class NoAnswer(NoWord):
    """It may have heard of this, and it did not say what became of it."""


class Declined(NoWord):
    """It says that it did not do it."""

    def __init__(self, status: int, reason: str, words: str, name: str = "") -> None:
        super().__init__(words)
        self.status = status
        self.reason = reason
        """In Kubernetes' words: `NotFound`, `Conflict`, …; empty where it was somebody else who answered."""
        self.name = name
        """The object that this is about, where that is said."""


class Wire(httpx2.BaseTransport):
    """Carries what lightkube asks; `seconds` tells how long the next exchange may take."""

    def __init__(self, trust: ssl.SSLContext, seconds: Callable[[], float]) -> None:
        self._trust = trust
        self._seconds = seconds

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: request.headers[name] for name in _SENT if name in request.headers}
        headers |= {"accept-encoding": "identity", "connection": "close", "user-agent": "jitbot"}
        call = exchange.Call(request.method, request.url, headers, request.read())
        host = request.url.netloc.decode()
        try:
            answer = exchange.exchange(call, self._seconds(), self._trust, ANSWER_BYTES)
        except exchange.NotSent as error:
            raise NotSent(f"{host} was not reached: {error}.") from error
        except exchange.NoAnswer as error:
            raise NoAnswer(f"{host} did not answer: {error}.") from error
        if not answer.whole:
            raise NoAnswer(f"{host} answered more than {ANSWER_BYTES} bytes.")
        if not 200 <= answer.status < 300:
            raise _complaint(host, answer)
        return httpx2.Response(answer.status, content=answer.body, request=request)


def _complaint(host: str, answer: exchange.Answer) -> NoWord:
    """Return what an answer other than yes means: from 500 on, nobody knows what was done before it went wrong."""
    status: dict[str, Any] = {}
    try:
        told = json.loads(answer.body)
        status = told if isinstance(told, dict) and told.get("kind") == "Status" else {}
    except (ValueError, RecursionError):
        pass  # it was not the API server itself that answered
    words = f"{host} says {answer.status}: {shown(str(status.get('message') or answer.body[:200].decode('latin-1')))}"
    if answer.status >= 500:
        return NoAnswer(words)
    details = status.get("details")
    name = details.get("name") if isinstance(details, dict) else ""
    return Declined(answer.status, str(status.get("reason") or ""), words, str(name or ""))


def demand_allowed(told: ClusterInputs, site: Site) -> None:
    """See that the operator lets jitbot talk to this server. Raises: NotGranted."""
    allowed(told.server, site)


def token(told: ClusterInputs, site: Site) -> str:
    """Return the token. Raises: NotGranted where it is not set, or is none."""
    try:
        return header_value(plain(told.token, site).strip())
    except ValueError as error:
        raise NotGranted(f"The secret {told.token.secret!r} is no token: {error}.") from error


def trust(told: ClusterInputs, site: Site) -> ssl.SSLContext:
    """Return what the server's certificate is verified by. Raises: NotGranted, RunnerRefused."""
    try:
        if told.ca is None:
            return ssl.create_default_context()
        if PEM in told.ca:
            return ssl.create_default_context(cadata=told.ca)
        return ssl.create_default_context(cadata=granted(told.ca, site).read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise RunnerRefused(f"`ca` cannot be used: it has no certificate in PEM ({type(error).__name__}).") from error
