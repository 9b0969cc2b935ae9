"""Another key signs from an event on: the record holds on both sides, and the old key is worth nothing behind it."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select, update

from jitbot.audit import KEY, Signer, Verifier
from jitbot.errors import Conflict, SettingsError, StoreUnavailable, Tampered
from jitbot.store import tables
from jitbot.store.keys import KeyFile, open_key, read_keys, read_public, write_keys
from jitbot.store.ledger import StoreLedger
from jitbot.store.rotation import Rotation
from jitbot.store.trail import StoreTrail
from jitbot.store.upgrade import ready
from tests.contract.conftest import Store


@pytest.fixture
def rotation(store: Store) -> Rotation:
    return Rotation(path_of(store), store.ledger, store.trail)


def path_of(store: Store) -> Path:
    return store.folder / "signing.key"


def append(ledger: StoreLedger, times: int = 1) -> None:
    for _ in range(times):
        with ledger.begin() as entry:
            entry.record("refused", "U0BO", why="too late")


def begun_anew(store: Store) -> StoreTrail:
    """Return the trail of a process that starts now."""
    store.database.sealed = (0, b"")
    return StoreTrail(store.database, Verifier(open_key(path_of(store)).public))


def signed_by(store: Store) -> list[str]:
    with store.database.read() as connection:
        return list(connection.execute(select(tables.events.c.key).order_by(tables.events.c.seq)).scalars())


def test_a_process_that_runs_goes_over_to_the_new_key_by_itself(store: Store, rotation: Rotation) -> None:
    first = open_key(path_of(store)).key
    append(store.ledger, 2)
    second = rotation.rotate().key
    append(store.ledger, 2)
    assert signed_by(store) == [first] * 3 + [second] * 2
    assert store.trail.verify() == begun_anew(store).verify() == 5
    assert [(each.key, each.first, each.last, each.private) for each in rotation.listed()] == [
        (first, 1, 3, False),
        (second, 4, None, True),
    ]


def test_several_rotations_are_one_chain_of_trust_from_the_first_key(store: Store, rotation: Rotation) -> None:
    first = read_keys(path_of(store)).public[0]
    request = store.add()
    for _ in range(3):
        rotation.rotate()
        append(store.ledger)
    auditor = StoreTrail(store.database, Verifier([first]))
    assert auditor.verify() == 7
    assert len(auditor.eras()) == 4
    assert auditor.rebuild(request.id) == begun_anew(store).rebuild(request.id)


def test_several_processes_verify_across_a_rotation_as_one(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(sqlite_url)
    store = Store(sqlite_url, tmp_path)
    append(store.ledger, 3)
    Rotation(path_of(store), store.ledger, store.trail).rotate()
    append(store.ledger, 3)
    monkeypatch.setattr("jitbot.store.trail.STRETCH", 3)
    monkeypatch.setattr("jitbot.store.proof.WORTH_A_PROCESS", 1)
    monkeypatch.setattr("jitbot.store.proof.hands", lambda: 2)
    assert store.trail.verify() == 7
    store.database.close()


def test_the_private_half_of_the_old_key_leaves_the_key_file_and_is_kept_beside_it(
    store: Store, rotation: Rotation
) -> None:
    first = open_key(path_of(store))
    append(store.ledger)
    (retired,) = rotation.rotate().retired
    assert retired.stat().st_mode & 0o077 == 0
    assert read_keys(retired).signer(first.key).key == first.key
    assert first.key not in read_keys(path_of(store)).signers
    assert read_keys(path_of(store)).key == first.key


def test_a_key_is_prepared_once_and_signs_nothing_before_it_begins(store: Store, rotation: Rotation) -> None:
    prepared = rotation.prepare()
    assert rotation.prepare() == prepared
    append(store.ledger)
    assert prepared.key not in signed_by(store)
    assert rotation.rotate().key == prepared.key
    append(store.ledger)
    assert signed_by(store)[-1] == prepared.key


def test_a_rotation_that_was_killed_before_the_old_key_left_the_file_is_finished_and_not_done_twice(
    store: Store, rotation: Rotation
) -> None:
    both = rotation.prepare()
    kept = path_of(store).read_bytes()
    rotation.rotate()
    path_of(store).write_bytes(kept)
    rotated = rotation.rotate()
    assert (rotated.key, len(rotated.retired)) == (both.key, 1)
    assert len(store.trail.eras()) == 2
    assert len(read_keys(path_of(store)).signers) == 1


def test_a_machine_whose_key_file_was_not_copied_says_so_and_goes_on_once_it_is(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "signing.key"
    elsewhere.parent.mkdir()
    shutil.copy(path_of(store), elsewhere)
    ledger = StoreLedger(store.database, open_key(elsewhere))
    append(ledger)
    Rotation(path_of(store), store.ledger, store.trail).rotate()
    with pytest.raises(StoreUnavailable, match=r"elsewhere/signing.key does not hold. Copy the key file here"):
        append(ledger)
    shutil.copy(path_of(store), elsewhere)
    append(ledger)
    assert store.trail.verify() == 3


def test_two_rotations_at_once_do_not_both_begin_a_key(store: Store, rotation: Rotation) -> None:
    append(store.ledger)
    following = rotation.prepare()
    slow = Rotation(path_of(store), store.ledger, store.trail)
    listed = slow.listed()
    slow.listed = lambda: listed  # type: ignore[method-assign]  # what it saw before the other one began
    rotation._begin(following, lost=False)
    with pytest.raises(Conflict, match="Another key has begun to sign meanwhile"):
        slow._begin(following, lost=False)
    assert store.trail.verify() == 2


def forge(store: Store, signer: Signer, kind: str = "refused", **body: object) -> None:
    """Append an event past the ledger, and move the head on to it."""
    with store.database.write() as connection:
        head = connection.execute(select(tables.chain)).one()
        count = head._mapping["count"]
        sealed = signer.seal(head.hash, count + 1, store.database.now(connection), kind, None, {"by": "U0EVE", **body})
        connection.execute(tables.events.insert().values({name: getattr(sealed, name) for name in sealed.__slots__}))
        connection.execute(update(tables.chain).values(count=sealed.seq, hash=sealed.hash))


def test_what_the_old_key_signs_after_its_end_is_refused(store: Store, rotation: Rotation) -> None:
    thief = open_key(path_of(store)).signer()
    append(store.ledger)
    rotation.rotate()
    forge(store, thief)
    for trail in (store.trail, begun_anew(store)):
        with pytest.raises(Tampered, match=f"Event 3 is signed with a key that did not sign then \\({thief.key}\\)"):
            trail.verify()


def test_the_old_key_cannot_name_another_one_after_its_end(store: Store, rotation: Rotation) -> None:
    thief, evil = open_key(path_of(store)).signer(), Ed25519PrivateKey.generate().public_key()
    append(store.ledger)
    rotation.rotate()
    forge(store, thief, KEY, public=evil.public_bytes_raw().hex())
    with pytest.raises(Tampered, match="Event 3 is signed with a key that did not sign then"):
        store.trail.eras()


def test_a_record_rewritten_with_the_stolen_old_key_is_not_that_of_the_key_file(
    store: Store, rotation: Rotation
) -> None:
    thief, evil = open_key(path_of(store)).signer(), Ed25519PrivateKey.generate()
    append(store.ledger)
    rotation.rotate()
    with store.database.write() as connection:
        connection.execute(tables.events.delete().where(tables.events.c.seq == 2))
        one = connection.execute(select(tables.events.c.hash)).scalar_one()
        connection.execute(update(tables.chain).values(count=1, hash=one))
    forge(store, thief, KEY, public=evil.public_key().public_bytes_raw().hex())
    forge(store, Signer(evil))
    with pytest.raises(Tampered, match="Event 2 names another key than the key file"):
        begun_anew(store).verify()


@pytest.mark.parametrize("public", [None, 7, "", "zz", "00" * 31])
def test_an_event_that_names_no_key_is_not_believed(store: Store, public: object) -> None:
    append(store.ledger)
    forge(store, open_key(path_of(store)).signer(), KEY, public=public)
    with pytest.raises(Tampered, match="Event 2 says that another key begins to sign, and not which"):
        store.trail.verify()


def test_the_head_row_cannot_have_a_key_sign_that_has_not_begun(store: Store, rotation: Rotation) -> None:
    prepared = rotation.prepare()
    append(store.ledger)
    with store.database.write() as connection:
        connection.execute(update(tables.chain).values(key=prepared.key))
    append(store.ledger)
    with pytest.raises(Tampered, match="Event 2 is signed with a key that is not known here"):
        store.trail.verify()


def without_private_half(store: Store) -> KeyFile:
    """Lose the present key: only what an auditor has of it is left, and that is put into the key file."""
    public = read_keys(path_of(store)).public
    write_keys(path_of(store), public)
    return read_keys(path_of(store))


def test_after_the_loss_of_the_key_a_new_one_vouches_for_itself_for_whom_it_was_given(store: Store) -> None:
    append(store.ledger)
    lost = without_private_half(store)
    ledger = StoreLedger(store.database, lost)
    with pytest.raises(StoreUnavailable, match="whose private half"):
        append(ledger)
    rotation = Rotation(path_of(store), ledger, begun_anew(store))
    with pytest.raises(SettingsError, match="say so with --lost"):
        rotation.rotate()
    trail = begun_anew(store)
    rotated = Rotation(path_of(store), ledger, trail).rotate(lost=True)
    append(ledger)
    assert (rotated.retired, begun_anew(store).verify()) == ([], 3)
    with pytest.raises(Tampered, match="Event 2 is signed with a key that did not sign then"):
        StoreTrail(store.database, Verifier(lost.public)).verify()


def test_a_key_that_is_there_is_not_lost(rotation: Rotation) -> None:
    with pytest.raises(SettingsError, match="rotate without --lost"):
        rotation.rotate(lost=True)


def test_public_keys_are_read_from_a_file_that_others_may_read(store: Store, tmp_path: Path) -> None:
    write_keys(tmp_path / "auditor.pem", read_keys(path_of(store)).public)
    (tmp_path / "auditor.pem").chmod(0o644)
    assert [key.public_bytes_raw() for key in read_public(tmp_path / "auditor.pem")] == [
        key.public_bytes_raw() for key in open_key(path_of(store)).public
    ]
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_public(tmp_path / "nowhere.pem")


def test_a_key_that_begins_while_the_record_is_read_is_known_by_the_time_its_events_are(
    store: Store, rotation: Rotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = store.add()
    real = store.trail._head

    def then_rotated(connection: Connection) -> object:
        head = real(connection)
        if len(store.trail.eras()) == 1:
            rotation.rotate()
            append(store.ledger)
        return head

    monkeypatch.setattr(store.trail, "_head", then_rotated)
    assert store.trail.rebuild(request.id)[0].id == request.id
    assert [event.kind for event in store.trail.follow(0, bytes(32), [KEY])] == [KEY, "refused"]


def test_a_key_that_is_taken_out_of_the_record_again_is_missed_by_a_process_that_knew_it(
    store: Store, rotation: Rotation
) -> None:
    request = store.add()
    rotation.rotate()
    append(store.ledger)
    assert store.trail.rebuild(request.id)
    with store.database.write() as connection:
        connection.execute(update(tables.events).where(tables.events.c.kind == KEY).values(kind="odd"))
    with pytest.raises(Tampered):
        store.trail.rebuild(request.id)
