"""The Web API client: impatient, never repeating anything by itself, and silent about what it carries."""

import logging

from slack_sdk import WebClient

TIMEOUT_SECONDS = 2
"""Below Slack's three seconds for an acknowledgement or a trigger."""
PATIENT_SECONDS = 10
"""For what nobody waits for: giving up on a post too early makes a second card."""


def quiet_logger() -> logging.Logger:
    """Return a logger for Slack's libraries: they write bodies, signatures and tokens below the level of errors."""
    quiet = logging.getLogger("jitbot.slack.library")
    quiet.setLevel(logging.ERROR)
    return quiet


def web_client(token: str, api_url: str, timeout: int = TIMEOUT_SECONDS) -> WebClient:
    """Return a client that never tries again by itself: a post that is repeated blindly is a second card."""
    return WebClient(token=token, base_url=api_url, timeout=timeout, retry_handlers=[], logger=quiet_logger())


def patient(client: WebClient) -> WebClient:
    """Return the same client with more patience."""
    return web_client(client.token or "", client.base_url, PATIENT_SECONDS)
