"""Slack's request signature, version 0: https://docs.slack.dev/authentication/verifying-requests-from-slack."""

from __future__ import annotations

import hashlib
import hmac


def signature_headers(secret: str, body: bytes, at: float) -> dict[str, str]:
    """Return the two headers by which an app knows that a request is Slack's."""
    timestamp = str(int(at))
    signed = b"v0:" + timestamp.encode() + b":" + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}
