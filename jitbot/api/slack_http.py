"""Slack's signed HTTP endpoint: nothing is read that is too long, and nothing is believed that is not signed.

The body is read here, as it comes; the work is done by a plain `def` in the server's threads, since Bolt's own adapters
would block the event loop for as long as a listener takes.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from slack_bolt import App, BoltRequest
from slack_sdk.signature import SignatureVerifier

log = logging.getLogger(__name__)

BODY_BYTES = 1_048_576
"""Slack's payloads are far smaller: a whole view is 250 KB at most (docs.slack.dev/surfaces/modals)."""
BODY_SECONDS = 10.0
"""How long a body may take to come: Slack itself gives up after three seconds, and strangers hold connections open."""
SIGNATURE_SECONDS = 300
"""https://docs.slack.dev/authentication/verifying-requests-from-slack"""
LONGEST_TIMESTAMP = 12


async def capped_body(request: Request) -> bytes:
    """Read the body: no more than is allowed, and for no longer; else it is refused without being kept."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(request)
    except TimeoutError:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None


async def _read(request: Request) -> bytes:
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > BODY_BYTES:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > BODY_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return bytes(received)


def slack_router(app: App, signing_secret: str, now: Callable[[], float] = time.time) -> APIRouter:
    """Return the routes Slack needs: `POST /slack/events` for everything it sends, and `GET /healthz`."""
    if not signing_secret:
        raise ValueError("Slack's HTTP endpoint needs the signing secret.")
    router = APIRouter()
    verifier = SignatureVerifier(signing_secret)

    @router.post("/slack/events")
    def events(request: Request, body: Annotated[bytes, Depends(capped_body)]) -> Response:
        text = _signed(request, body, verifier, now())
        headers: dict[str, str | Sequence[str]] = dict(request.headers.items())
        try:
            answer = app.dispatch(BoltRequest(body=text, query=request.url.query, headers=headers))
        except Exception as error:  # noqa: BLE001 - the outer edge: Bolt looks into a payload without asking what it is
            log.warning("a delivery that Slack signed cannot be read: %s", type(error).__name__)
            raise HTTPException(HTTPStatus.BAD_REQUEST) from None
        return Response(answer.body, answer.status, {name: values[0] for name, values in answer.headers.items()})

    @router.get("/healthz")
    def healthy() -> dict[str, str]:
        return {"status": "ok"}

    return router


def _signed(request: Request, body: bytes, verifier: SignatureVerifier, now: float) -> str:
    """Return the body's text if Slack signed it lately, else refuse with 401 and say nothing of why."""
    stamp = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    recent = stamp.isascii() and stamp.isdecimal() and len(stamp) <= LONGEST_TIMESTAMP
    recent = recent and abs(now - int(stamp)) <= SIGNATURE_SECONDS
    try:
        text = body.decode()
    except UnicodeDecodeError:
        recent = False
    if not recent or not _matches(verifier, text, stamp, signature):
        log.warning("refused a delivery that Slack did not sign")
        raise HTTPException(HTTPStatus.UNAUTHORIZED)
    return text


def _matches(verifier: SignatureVerifier, text: str, stamp: str, signature: str) -> bool:
    if not signature.isascii():
        return False
    calculated = verifier.generate_signature(timestamp=stamp, body=text)
    return calculated is not None and hmac.compare_digest(calculated, signature)
