"""What a warrant costs: signed, and checked at the gate, against Ed25519 alone over the same text."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel

from benchmarks.figures import Figure, bounded
from jitbot.audit import Signer, Verifier
from jitbot.model import Receipt
from jitbot.warrants.ceiling import Ceiling
from jitbot.warrants.gate import Gate, Wanted
from jitbot.warrants.signing import Issuer
from jitbot.warrants.spent import Spent
from jitbot.warrants.warrant import Act, Deed

WARRANTS = 500
MOST_MILLISECONDS = 1.0
CEILING = Ceiling({"command": {"argv": [["/opt/acme/bin/restart", {"pattern": "api|worker"}]]}})


class Inputs(BaseModel):
    """What a runner takes."""

    argv: list[str]


INPUTS = Inputs(argv=["/opt/acme/bin/restart", "api"])


class Run:
    """A run that is signed for."""

    key = "jit-1042-1"

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self.deadline = datetime.now(UTC) + timedelta(hours=1)
        self.until: datetime | None = self.deadline + timedelta(hours=1)
        self.signed = ""

    def warrant(self, deed: str, receipt: Receipt | None, worker: str) -> str:
        """Sign, as the service does."""
        said: dict[str, Any] = {"deed": Deed(deed), "request": 1042, "digest": "d" * 64, "key": self.key}
        said |= {"runner": "command", "inputs": INPUTS.model_dump(), "receipt": "", "pool": "", "worker": worker}
        said |= {"start_before": self.deadline, "until": self.until, "lasts": 3600.0, "policy": "p" * 64}
        self.signed = self._issuer.issue(Act(**said))
        return self.signed

    def log(self, line: str) -> None:
        """Say nothing."""

    def result(self, line: str) -> None:
        """Say nothing."""

    def stopping(self) -> bool:
        """Go on."""
        return False


def measure() -> list[Figure]:
    """Sign and check some hundred warrants, three times; the fastest counts."""
    private = Ed25519PrivateKey.generate()
    signer = Signer(private)
    verifier, run = Verifier([signer.public]), Run(Issuer(lambda: signer, lambda: (1042, b"h" * 32)))
    gate = Gate(verifier=verifier, now=lambda: datetime.now(UTC), spent=Spent(), ceiling=CEILING)
    ours = _milliseconds(lambda: gate.begin(Wanted(Deed.START, "command", INPUTS), run))
    text = run.signed.encode()

    def alone() -> None:
        signer.public.verify(private.sign(text), text)

    what = "a warrant signed, checked and used up, against signing and verifying alone"
    return [bounded(what, ours, "ms", MOST_MILLISECONDS, _milliseconds(alone))]


def _milliseconds(do: Callable[[], object]) -> float:
    return min(_once(do) for _ in range(3))


def _once(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(WARRANTS):
        do()
    return (time.perf_counter() - began) * 1000 / WARRANTS
