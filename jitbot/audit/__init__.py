"""The signed record, without its database: chain of events, whose keys sign it, heads, what it has forgotten."""

from jitbot.audit.canonical import canonical
from jitbot.audit.chain import (
    GENESIS,
    NOT_BEHIND,
    Mark,
    Row,
    Sealed,
    Signer,
    Verifier,
    digest,
    fingerprint,
    header,
)
from jitbot.audit.eras import KEY, Era, public_of
from jitbot.audit.forgetting import FORGOTTEN, NEVER_FORGOTTEN, Forgotten, forgotten_by
from jitbot.audit.heads import Head, read_heads

__all__ = [
    "FORGOTTEN",
    "GENESIS",
    "KEY",
    "NEVER_FORGOTTEN",
    "NOT_BEHIND",
    "Era",
    "Forgotten",
    "Head",
    "Mark",
    "Row",
    "Sealed",
    "Signer",
    "Verifier",
    "canonical",
    "digest",
    "fingerprint",
    "forgotten_by",
    "header",
    "public_of",
    "read_heads",
]
