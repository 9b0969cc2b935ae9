"""Delivery by signed HTTP, with the three body formats Slack uses."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

import httpx2

from jitbot.sandbox.limits import ACK_SECONDS
from jitbot.sandbox.parcels import Ack, Json, Parcel, Retry, lost
from jitbot.sandbox.signing import signature_headers

_FORM = "application/x-www-form-urlencoded"


class HttpDoor:
    """Posts parcels to the app. Signatures carry the real time, however far the clock was moved."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None

    async def deliver(self, parcel: Parcel, url: str, secret: str, retry: Retry | None, skew: float) -> Ack:
        """Post one parcel; a redirect, another status than 2xx or silence is no acknowledgement."""
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=ACK_SECONDS, trust_env=False)
        content_type, body = _encoded(parcel)
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+local)"}
        headers |= signature_headers(secret, body, time.time() - skew)
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry.attempt), "X-Slack-Retry-Reason": retry.reason}
        try:
            answer = await self._client.post(url, content=body, headers=headers)
        except httpx2.TimeoutException:
            return lost("operation_timeout", "http_timeout", to=url)
        except httpx2.TransportError:
            return lost("dispatch_failed", "connection_failed", to=url)
        if not answer.is_success:
            stop = answer.headers.get("x-slack-no-retry") == "1"
            return lost("dispatch_failed", "http_error", to=url, no_retry=stop)
        return Ack(acked=True, body=_decoded(answer), to=url)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _encoded(parcel: Parcel) -> tuple[str, bytes]:
    if parcel.envelope == "events_api":
        return "application/json", json.dumps(parcel.payload).encode()
    if parcel.envelope == "slash_commands":
        return _FORM, urlencode(parcel.payload).encode()
    return _FORM, urlencode({"payload": json.dumps(parcel.payload)}).encode()


def _decoded(answer: httpx2.Response) -> Json:
    if not answer.content:
        return {}
    try:
        body = answer.json()
    except ValueError:
        return {"text": answer.text}
    return body if isinstance(body, dict) else {"text": answer.text}
