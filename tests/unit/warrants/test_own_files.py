"""What a machine keeps for itself: used warrants, and the keys that it believes."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jitbot.errors import SettingsError
from jitbot.warrants import spent as module
from jitbot.warrants.journal import Journal
from jitbot.warrants.keys import SERVICE, key_line, read_keys, trusted
from jitbot.warrants.spent import REMEMBERED, Spent

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate().public_key()


def test_a_journal_keeps_what_was_added_and_leaves_out_what_a_crash_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    assert list(journal.records()) == []
    journal.append({"a": 1})
    journal.append({"a": 2})
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(path.read_bytes() + b'{"a":')
    again = Journal(path)
    assert list(again.records()) == [{"a": 1}, {"a": 2}]
    again.append({"a": 3})
    assert list(Journal(path).records()) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_half_a_line_that_found_no_room_does_not_spoil_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append({"a": 1})
    write = os.write

    def full(file: int, data: bytes) -> int:
        write(file, data[:3])
        raise OSError("No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("os.write", full)
        journal.append({"a": 2})
    journal.append({"a": 3})
    assert list(Journal(tmp_path / "journal").records()) == [{"a": 1}, {"a": 3}]


def test_a_journal_that_is_damaged_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text('{"a":1}\nnonsense\n{"a":2}\n')
    with pytest.raises(SettingsError, match="journal:2 is damaged"):
        list(Journal(tmp_path / "journal").records())


def test_used_warrants_are_forgotten_a_day_after_their_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIDY_AFTER", 3)
    spent = Spent(Journal(tmp_path / "spent"))
    assert spent.spend("old", NOW, NOW)
    assert spent.spend("new", NOW + timedelta(hours=1), NOW)
    later = NOW + REMEMBERED
    assert spent.spend("third", later + timedelta(hours=1), later)
    assert {str(each["spent"]) for each in Journal(tmp_path / "spent").records()} == {"new", "third"}
    assert not spent.spend("new", NOW, later)
    assert Spent(Journal(tmp_path / "spent")).spend("fourth", later, later)


def test_what_is_only_in_memory_is_forgotten_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIDY_AFTER", 1)
    spent = Spent()
    assert spent.spend("old", NOW, NOW + 2 * REMEMBERED)
    assert spent.spend("old", NOW, NOW + 2 * REMEMBERED)


def test_keys_are_read_by_name_with_words_for_people(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# ours\n\n{key_line('service', KEY)} # since May\n{key_line('prod-eu', KEY)}\n")
    assert read_keys(path, "X") == {"service": [KEY], "prod-eu": [KEY]}
    assert trusted(path, "X") == [KEY]


def test_a_line_that_is_no_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{key_line('service', KEY)}\nservice abc\n")
    with pytest.raises(SettingsError, match=r"JITBOT_POOL_KEYS: .*keys:2: write a name and a key of 64 hex digits"):
        read_keys(path, "JITBOT_POOL_KEYS")


def test_a_worker_without_a_key_to_believe_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"JITBOT_TRUSTED_KEYS is not set: .*jitbot pool trust"):
        trusted(None, "JITBOT_TRUSTED_KEYS")
    path = tmp_path / "keys"
    path.write_text(key_line("prod-eu", KEY))
    with pytest.raises(SettingsError, match=f"has no line `{SERVICE} KEY`"):
        trusted(path, "JITBOT_TRUSTED_KEYS")
