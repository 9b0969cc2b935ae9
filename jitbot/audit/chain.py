"""Signed and chained events: what is appended cannot be changed or removed unseen.

Each event's body is bound by a salted commitment, so that a body may be deleted later (with its salt) and the chain
still verifies. The hash of an event covers the hash before it, so one changed byte breaks every later one; the Ed25519
signature over the hash keeps out whoever can write the database but has no key.

```
commitment = SHA-256(salt + body)           body: canonical JSON
hash       = SHA-256(previous hash + header) header: canonical JSON of seq, at, kind, request, commitment, key
signature  = Ed25519(key, hash)
```
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from jitbot.audit import signatures
from jitbot.audit.canonical import canonical
from jitbot.audit.eras import Era, in_force, public_of
from jitbot.audit.forgetting import Forgotten
from jitbot.audit.heads import Head
from jitbot.errors import Tampered

NOT_BEHIND = "does not follow from the one before it: it, or one before it, was changed."
GENESIS = bytes(32)
"""The hash before the first event."""
INSTANT_CHARACTERS = 32
COMMITMENT_BYTES = 32
Row = tuple[int, str, str, int | None, bytes | None, bytes | None, bytes, str, bytes, bytes]
"""An event as a driver hands it out: the fields of `Sealed` in their order, the instant as text, the body in UTF-8."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One event as it is stored. `body` and `salt` are None once they were deleted."""

    seq: int
    at: datetime
    kind: str
    request: int | None
    body: str | None
    salt: bytes | None
    commitment: bytes
    key: str
    hash: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to which event a record was verified, every signature included, and the hash of that event."""

    count: int = 0
    hash: bytes = GENESIS


class Signer:
    """Holds the private key; `key` is its public half's fingerprint, by which verifiers find it."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()
        self.key = fingerprint(self.public)

    def seal(self, previous: bytes, seq: int, at: datetime, kind: str, request: int | None, body: Any) -> Sealed:
        """Commit to the body, chain and sign one event."""
        text, salt = canonical(body), secrets.token_bytes(16)
        commitment = _commitment(salt, text)
        digest = _hash(previous, seq, at, kind, request, commitment, self.key)
        return Sealed(seq, at, kind, request, text, salt, commitment, self.key, digest, self._sign(digest))

    def head(self, count: int, digest: bytes, at: datetime) -> Head:
        """Sign the head of a record whose last event has this number and hash."""
        bare = Head(count, digest, at, self.key)
        return replace(bare, signature=self._sign(bare.message()))

    def vouch(self, purpose: str, text: str) -> bytes:
        """Sign a text that is no event, for one purpose: for any other the signature does not hold."""
        return self._sign(_vouched(purpose, text))

    def _sign(self, message: bytes) -> bytes:
        signature = self._private.sign(message)
        signatures.keep(self.public, signature, message)
        return signature


class Verifier:
    """Knows whose keys sign which events. Verifying raises `Tampered` naming the first event that does not hold."""

    def __init__(self, keys: Iterable[Ed25519PublicKey], eras: Sequence[Era] = ()) -> None:
        """`keys` are those that were given by other means than the record, oldest first; the first signs from event 1.

        Without `eras` it signs all of the record; `through` returns a verifier for one that says more.
        """
        self._given = list(keys)
        self.eras = list(eras) or [Era(0, key, fingerprint(key)) for key in self._given[:1]]

    def through(self, begun: Iterable[tuple[Sealed, bytes]]) -> "Verifier":
        """Return one that knows the later keys, by the events that name them, each with the hash before it.

        Raises: Tampered, also where the record names another key than we were given.
        """
        eras = self.eras[:1]
        for number, (sealed, previous) in enumerate(begun, start=1):
            public = public_of(sealed.seq, sealed.body)
            named = fingerprint(public)
            given = [fingerprint(key) for key in self._given[number : number + 1]]
            if given and given != [named]:
                raise Tampered(f"Event {sealed.seq} names another key than the key file as the next to sign.")
            vouched = bool(given) and sealed.key == named  # the one before was lost, and the new one was given to us
            eras.append(Era(sealed.seq - 1 if vouched else sealed.seq, public, named, sealed.at))
            Verifier(self._given, eras).event(sealed, previous)
        return Verifier(self._given, eras)

    def head(self, head: Head) -> None:
        """Verify a head's signature, by the key in force then. Raises: Tampered."""
        era = in_force(self.eras, head.count + 1)
        if era is None or era.key != head.key:
            raise Tampered(f"The {head.name} is signed with a key that did not sign then ({head.key}).")
        head.verify(era.public)

    def later_head(self, head: Head) -> None:
        """Verify the signature of a head that the record does not reach, by any key that is known. Raises: Tampered."""
        known = [*self._given, *(era.public for era in self.eras)]
        named = [key for key in known if fingerprint(key) == head.key]
        if not named:
            raise Tampered(f"The {head.name} is signed with a key that is not known here ({head.key}).")
        head.verify(named[0])

    def follows(self, sealed: Sealed, previous: bytes) -> None:
        """See that an event follows from the hash before it, which the signature of any later one covers too.

        Raises: Tampered.
        """
        parts = (sealed.seq, sealed.at, sealed.kind, sealed.request, sealed.commitment, sealed.key)
        if _hash(previous, *parts) != sealed.hash:
            raise Tampered(f"Event {sealed.seq} {NOT_BEHIND}")

    def event(self, sealed: Sealed, previous: bytes) -> None:
        """Verify one event against the hash before it. Raises: Tampered."""
        self.follows(sealed, previous)
        self._signature(sealed.seq, sealed.key, sealed.hash, sealed.signature)
        if sealed.body is not None and _commitment(sealed.salt or b"", sealed.body) != sealed.commitment:
            raise Tampered(f"Event {sealed.seq}: the body is not the one that was signed.")

    def chain(self, events: Iterable[Sealed], previous: bytes = GENESIS, seq: int = 0) -> Iterator[Sealed]:
        """Yield the events as each is verified; gaps and reorderings are found too. Raises: Tampered."""
        for sealed in events:
            seq += 1
            if sealed.seq != seq:
                raise Tampered(f"Event {seq} is missing: the next one is {sealed.seq}.")
            self.event(sealed, previous)
            previous = sealed.hash
            yield sealed

    def rows(
        self,
        rows: Iterable[Row],
        previous: bytes,
        seq: int,
        signed_after: int = 0,
        forgotten: Forgotten | None = None,
    ) -> tuple[int, bytes]:
        """Verify rows that follow an event, as `chain` does but faster; return the number and the hash of the last.

        Signatures are verified of those numbered higher than `signed_after`. With `forgotten`, bodies may be missing
        where it says so, and else not; without it, any may be left out. Raises: Tampered.
        """
        sha256, head = hashlib.sha256, header
        for number, at, kind, request, body, salt, commitment, key, digest, signature in rows:
            seq += 1
            if number != seq:
                raise Tampered(f"Event {seq} is missing: the next one is {number}.")
            try:
                follows = sha256(previous + head(seq, at, kind, request, commitment, key)).digest() == digest
                whole = body is None or sha256((salt or b"") + body).digest() == commitment
            except (TypeError, ValueError, AttributeError):
                follows = whole = False
            if not follows:
                raise Tampered(f"Event {seq} {NOT_BEHIND}")
            if not whole:
                raise Tampered(f"Event {seq}: the body is not the one that was signed.")
            if body is None and forgotten is not None and not forgotten.covers(seq, at, kind, request):
                raise Tampered(f"Event {seq}: its body is gone, and the record does not say that it was deleted.")
            if seq > signed_after:
                self._signature(seq, key, digest, signature)
            previous = digest
        return seq, previous

    def signed(self, sealed: Sealed) -> None:
        """Verify the signature alone, of an event whose hash was verified. Raises: Tampered."""
        self._signature(sealed.seq, sealed.key, sealed.hash, sealed.signature)

    def vouched(self, key: str, purpose: str, text: str, signature: bytes) -> None:
        """Verify what somebody with one of the keys that were given has signed for a purpose. Raises: Tampered."""
        public = next((each for each in self._given if fingerprint(each) == key), None)
        if public is None:
            raise Tampered(f"The {purpose} is signed with a key that is not known here ({key}).")
        if not signatures.holds(public, signature, _vouched(purpose, text)):
            raise Tampered(f"The {purpose}: the signature does not hold.")

    def _signature(self, seq: int, named: str, digest: bytes, signature: bytes) -> None:
        era = in_force(self.eras, seq)
        if era is None or era.key != named:
            why = "is not known here" if named not in [each.key for each in self.eras] else "did not sign then"
            raise Tampered(f"Event {seq} is signed with a key that {why} ({named}).")
        if not signatures.holds(era.public, signature, digest):
            raise Tampered(f"Event {seq}: the signature does not hold.")


def digest(body: Any) -> str:
    """Return the SHA-256 of a body's canonical JSON, in hex."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def fingerprint(public: Ed25519PublicKey) -> str:
    """Name a public key: the first 16 hex digits of the SHA-256 over its 32 bytes."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def _vouched(purpose: str, text: str) -> bytes:
    """Return what is signed for a purpose; an event's hash has 32 bytes, so that none can pass for the other."""
    return f"jitbot {purpose} for one purpose alone\0{text}".encode()


def _commitment(salt: bytes, body: str) -> bytes:
    return hashlib.sha256(salt + body.encode()).digest()


def _hash(
    previous: bytes, seq: int, at: datetime, kind: str, request: int | None, commitment: bytes, key: str
) -> bytes:
    instant = at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(previous + header(seq, instant, kind, request, commitment, key)).digest()


def header(seq: int, at: str, kind: str, request: int | None, commitment: bytes, key: str) -> bytes:
    """Write the canonical JSON of an event's header; `at` is in UTC, to the microsecond, with its offset.

    What comes first has a fixed length and what comes later is quoted, so that no field can pass for a part of another.
    Raises: ValueError and TypeError, for what no event of ours can hold.
    """
    if len(at) != INSTANT_CHARACTERS or len(commitment) != COMMITMENT_BYTES:
        raise ValueError("an instant or a commitment has another length")
    about = "null" if request is None else f"{request:d}"
    said = f'"key":{_quoted(key)},"kind":{_quoted(kind)},"request":{about},"seq":{seq:d}'
    return f'{{"at":"{at}","commitment":"{commitment.hex()}",{said}}}'.encode()


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    """Quote one of a few words: there are some dozens of kinds, and a key or two."""
    return canonical(text)
