"""An endpoint that takes one head in a POST, and answers 2xx once it keeps it: a witness in other hands."""

import ssl
from collections.abc import Callable
from functools import cached_property
from typing import Literal

import httpx2

from jitbot.audit import Head
from jitbot.errors import NotGranted, SinkUnavailable
from jitbot.outbound.exchange import Call, NoAnswer, NotSent, exchange
from jitbot.outbound.secrets.section import Address, FullPath, Name, Strict

SECONDS = 10.0


class HttpPlace(Strict):
    """What the operator's file says; `token` is the name of a secret, sent as a bearer token."""

    kind: Literal["http"]
    url: Address
    token: Name | None = None
    ca_file: FullPath | None = None


class HttpSink:
    """Implements `ports.Sink`."""

    def __init__(self, name: str, place: HttpPlace, secret: Callable[[str], str]) -> None:
        self.name = name
        self._place = place
        self._secret = secret

    def put(self, head: Head) -> None:
        line = head.line().encode() + b"\n"
        headers = {
            "accept-encoding": "identity",
            "connection": "close",
            "content-length": str(len(line)),
            "content-type": "application/json",
            "idempotency-key": f"{head.count}-{head.signature.hex()[:32]}",
            "user-agent": "jitbot",
        }
        try:
            if self._place.token is not None:
                headers["authorization"] = f"Bearer {self._secret(self._place.token)}"
            answer = exchange(Call("POST", httpx2.URL(self._place.url), headers, line), SECONDS, self._trust)
        except (NotSent, NoAnswer, NotGranted, OSError) as error:
            raise SinkUnavailable(f"the witness does not answer ({error})") from error
        if not 200 <= answer.status < 300:
            raise SinkUnavailable(f"the witness answers {answer.status}, and only 2xx says that it keeps it")

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._place.ca_file)
