"""Documents: a text under a key like `password` is a credential, whatever it looks like."""

from collections.abc import Callable
from typing import Any

from jitbot.outbound.redaction.patterns import HIDDEN, named_like_a_secret


def without_secrets(value: Any, redact: Callable[[str], str]) -> Any:
    """Return a document of JSON with every text redacted, and with none under a key that names a credential."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [without_secrets(item, redact) for item in value]
    if isinstance(value, dict):
        return {redact(key): _under(key, item, redact) for key, item in value.items()}
    return value


def _under(key: str, value: Any, redact: Callable[[str], str]) -> Any:
    """Return what stands under a key; a text under `password` is one, whatever it looks like."""
    named = isinstance(value, str) and value and named_like_a_secret(key)
    return HIDDEN if named else without_secrets(value, redact)
