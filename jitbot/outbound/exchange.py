"""One HTTP exchange: one connection to the host that was checked, no redirects, no proxies, one time limit.

What matters to a runner is whether anything was sent when it went wrong, so that is what the errors say.
"""

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

import httpx2

from jitbot.outbound.peers import hands_out_credentials

ANSWER_BYTES = 64 * 1024
EVERY_SECONDS = 0.1
"""How often somebody is asked whether to wait no longer."""

Stopping = Callable[[], bool]


class NotSent(Exception):
    """Nothing left this machine: no address, no connection, or no time."""


class NoAnswer(Exception):
    """The request was sent, at least in part, and no whole answer came back."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent, to the byte; `url` has been checked."""

    method: str
    url: httpx2.URL
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `whole` is False where the body was longer than is kept."""

    status: int
    body: bytes
    whole: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in small letters."""

    def document(self) -> Any:
        """Return the body as JSON. Raises: ValueError."""
        if not self.whole:
            raise ValueError(f"the answer is longer than {len(self.body)} bytes")
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ValueError("the answer is no JSON") from error


class _Wire:
    """Watches one exchange: where it goes, whether sending began; and cuts it when nobody waits any more."""

    def __init__(self, seconds: float, stopping: Stopping | None = None, host: str = "") -> None:
        self.sent = False
        self.cut = False
        self.why = f"no whole answer within {seconds:.3g} s"
        self._host = self._reached = host
        self._socket: socket.socket | None = None
        self._over = Event()
        self._watcher = Thread(target=self._watch, args=(seconds, stopping), daemon=True)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Listen to the HTTP library (its `trace` extension)."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            self._reached = info["return_value"].get_extra_info("server_addr")[0]
        elif event == "http11.send_request_headers.started":
            if self.cut:
                raise httpx2.ConnectTimeout("it was given up before there was a connection")
            if self._reached != self._host and hands_out_credentials(self._reached):
                raise httpx2.ConnectError(f"this name leads to {self._reached}, where clouds hand out credentials")
            self.sent = True

    @contextmanager
    def limited(self) -> Iterator[None]:
        self._watcher.start()
        try:
            yield
        finally:
            self._over.set()

    def _watch(self, seconds: float, stopping: Stopping | None) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._over.wait(left if stopping is None else min(left, EVERY_SECONDS)):
                return
            if stopping is not None and stopping():
                self.why = "somebody stopped it before there was an answer"
                break
        self._cut()

    def _cut(self) -> None:
        """Cut at the limit: a server that sends a byte now and then would outlive any time-out of a single read."""
        self.cut = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def exchange(
    call: Call, seconds: float, trust: ssl.SSLContext, most: int = ANSWER_BYTES, *, stopping: Stopping | None = None
) -> Answer:
    """Send and wait for the answer, `seconds` at most; `most` bytes of it are kept.

    `stopping` is asked again and again whether to wait no longer. Raises: NotSent, NoAnswer.
    """
    if stopping is not None and stopping():
        raise NotSent("somebody stopped it before")
    wire = _Wire(seconds, stopping, call.url.host)
    timeouts = httpx2.Timeout(seconds).as_dict()
    try:
        request = httpx2.Request(
            call.method,
            call.url,
            headers=dict(call.headers),
            content=call.body,
            extensions={"timeout": timeouts, "trace": wire.trace},
        )
        with wire.limited(), httpx2.HTTPTransport(verify=trust, trust_env=False) as transport:
            return _answer(transport.handle_request(request), most)
    except httpx2.HTTPError as error:
        if not wire.sent:
            raise NotSent(str(error) or type(error).__name__) from error
        if wire.cut or isinstance(error, httpx2.TimeoutException):
            raise NoAnswer(wire.why) from error
        raise NoAnswer(str(error) or type(error).__name__) from error


def _answer(response: httpx2.Response, most: int) -> Answer:
    body, headers = bytearray(), {name.lower(): value for name, value in response.headers.items()}
    try:
        for chunk in response.iter_raw(4096):
            body += chunk
            if len(body) > most:
                return Answer(response.status_code, bytes(body[:most]), False, headers)
        return Answer(response.status_code, bytes(body), True, headers)
    finally:
        response.close()
