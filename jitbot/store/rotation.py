"""Another key for the record: made, put into the key file, and begun by an event that the key before has signed.

The file first holds both private keys, so that whoever signs finds the one that the record wants; when the new one has
begun, the old one's private half leaves the file. Killed at any instant, doing it again finishes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from jitbot.audit import fingerprint
from jitbot.errors import Conflict, SettingsError
from jitbot.store.keys import KeyFile, read_keys, write_keys
from jitbot.store.ledger import StoreLedger
from jitbot.store.trail import StoreTrail

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Listed:
    """A key, and the events that it signs: from `first` to `last`; without a first it has not begun yet."""

    key: str
    public: Ed25519PublicKey
    first: int | None
    last: int | None
    private: bool
    """Whether the key file here has its private half."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What came of a rotation: the key that signs now, and the files with those that do not any more."""

    key: str
    retired: Sequence[Path]


class Rotation:
    """The keys of one record, and of the key file here."""

    def __init__(self, path: Path, ledger: StoreLedger, trail: StoreTrail) -> None:
        self._path = path
        self._ledger = ledger
        self._trail = trail

    def listed(self) -> Sequence[Listed]:
        """List the keys, oldest first. Raises: Tampered, SettingsError, StoreUnavailable."""
        eras, file = self._trail.eras(), read_keys(self._path)
        begins = [era.after + 1 for era in eras]
        ends: list[int | None] = [*(begin - 1 for begin in begins[1:]), None]
        begun = [
            Listed(era.key, era.public, first, last, era.key in file.signers)
            for era, first, last in zip(eras, begins, ends, strict=True)
        ]
        later = [key for key in file.public if fingerprint(key) not in {era.key for era in eras}]
        return [*begun, *(Listed(fingerprint(key), key, None, None, True) for key in later)]

    def prepare(self) -> Listed:
        """Put the next key into the key file, once. Raises: Tampered, SettingsError, StoreUnavailable."""
        listed = self.listed()
        if listed[-1].first is not None:
            file = read_keys(self._path)
            write_keys(self._path, [*file.halves, Ed25519PrivateKey.generate()])
        return self.listed()[-1]

    def rotate(self, *, lost: bool = False) -> Rotated:
        """Have the next key sign, and take the private halves of those before out of the key file.

        One that was begun and not finished is finished, and no other begun. With `lost` nobody has the private half of
        the present one, and the new one vouches for itself.
        Raises: Tampered, SettingsError, StoreUnavailable, Conflict.
        """
        if not self._unfinished():
            following = self.prepare()
            self._begin(following, lost=lost)
        return Rotated(self.listed()[-1].key, self._retire())

    def _unfinished(self) -> bool:
        """Tell whether a key that does not sign any more still has its private half in the file."""
        return any(each.private and each.last is not None for each in self.listed())

    def _begin(self, following: Listed, *, lost: bool) -> None:
        present = [each for each in self.listed() if each.first is not None][-1]
        where = f"The private half of the present key {present.key} is"
        if lost and present.private:
            raise SettingsError(f"{where} in {self._path}: rotate without --lost.")
        if not lost and not present.private:
            raise SettingsError(
                f"{where} not in {self._path}. Put it there; if nobody has it any more, say so with --lost."
            )
        with self._ledger.begin() as entry:
            entry.alone("the keys of the record")
            if self._trail.eras()[-1].key != present.key:
                raise Conflict("Another key has begun to sign meanwhile. Look with: jitbot audit keys")
            entry.sign_by(following.public, OPERATOR, lost=lost)

    def _retire(self) -> Sequence[Path]:
        """Take private halves that do not sign any more out of the key file, into files of their own beside it."""
        over = {each.key for each in self.listed() if each.last is not None and each.private}
        file, retired = read_keys(self._path), []
        for half, key in zip(file.halves, file.public, strict=True):
            if fingerprint(key) in over:
                beside = self._path.with_name(f"{self._path.name}.{fingerprint(key)}")
                write_keys(beside, [half], anew=True)
                retired.append(beside)
        if over:
            write_keys(self._path, _without(file, over))
        return retired


def _without(file: KeyFile, over: set[str]) -> list[Ed25519PrivateKey | Ed25519PublicKey]:
    pairs = zip(file.halves, file.public, strict=True)
    return [key if fingerprint(key) in over else half for half, key in pairs]
