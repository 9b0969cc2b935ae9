"""What every store of secrets must do, as tests: subclass `SecretStoreContract`, give its fixtures, run pytest.

```python
class TestSafe(SecretStoreContract):
    @pytest.fixture
    def store(self, served): return SafeStore(site=ContractStoreSite({"url": served.url}))

    @pytest.fixture
    def put(self, served): return served.put      # put(name, value) keeps a secret that jitbot is meant to read

    @pytest.fixture
    def cut(self, served): return served.stop     # from then on nobody answers; None where nothing can fail
```
"""
# ruff: noqa: S101 - these are tests, written to be run by pytest

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from jitbot.errors import NotGranted, SecretUnavailable
from jitbot.ports import SecretStore

NAME = "contract-db"
"""The name of the secret that `put` is called with; operators' files in the fixtures must have it."""

HOSTILE = ("../" + NAME, NAME + "/", NAME + "\n", NAME + "\0", "", ".", "..", "%2e%2e", "contract\u2010db", "x" * 5000)


class ContractStoreSite:
    """A `ports.StoreSite` with one section, for whatever name it is asked by; `hidden` is what it was told to hide."""

    def __init__(self, section: Mapping[str, Any]) -> None:
        self._section = section
        self.hidden: list[str] = []

    def section(self, name: str) -> Mapping[str, Any]:
        return self._section

    def hide(self, value: str) -> None:
        self.hidden.append(value)


class SecretStoreContract:
    """Subclass this, and give the fixtures `store`, `put` and `cut`."""

    @pytest.fixture
    def store(self) -> SecretStore:
        """Return the store under test."""
        raise NotImplementedError

    @pytest.fixture
    def put(self) -> Callable[[str, str], None]:
        """Return what keeps a value under a name, or changes it."""
        raise NotImplementedError

    @pytest.fixture
    def cut(self) -> Callable[[], None] | None:
        """Return what makes the store's system unreachable; None where there is no such system."""
        raise NotImplementedError

    def test_it_returns_the_value_to_the_byte(self, store: SecretStore, put: Callable[[str, str], None]) -> None:
        for value in ("s3cret-of-the-contract", "pä\"ss' wörd \\ {x} $HOME", "line 1\nline 2"):
            put(NAME, value)
            assert store.read(NAME) == value

    def test_a_rotation_is_seen_at_once(self, store: SecretStore, put: Callable[[str, str], None]) -> None:
        put(NAME, "the-old-value")
        assert store.read(NAME) == "the-old-value"
        put(NAME, "the-new-value")
        assert store.read(NAME) == "the-new-value"

    def test_a_name_that_it_does_not_know_is_for_the_next_store(
        self, store: SecretStore, put: Callable[[str, str], None]
    ) -> None:
        put(NAME, "s3cret-of-the-contract")
        with pytest.raises(NotGranted) as caught:
            store.read("contract-unknown")
        assert not isinstance(caught.value, SecretUnavailable)
        assert len(str(caught.value)) > 10, "the message says what to do"

    @pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:30])
    def test_a_hostile_name_leads_nowhere(self, store: SecretStore, put: Callable[[str, str], None], name: str) -> None:
        put(NAME, "s3cret-of-the-contract")
        with pytest.raises((NotGranted, ValueError, OSError)) as caught:
            store.read(name)
        assert "s3cret" not in str(caught.value)

    def test_a_store_that_is_cut_off_says_so_and_not_that_there_is_none(
        self, store: SecretStore, put: Callable[[str, str], None], cut: Callable[[], None] | None
    ) -> None:
        if cut is None:
            return
        put(NAME, "s3cret-of-the-contract")
        cut()
        with pytest.raises(SecretUnavailable) as caught:
            store.read(NAME)
        assert "s3cret" not in str(caught.value)
        with pytest.raises(NotGranted):
            store.read("contract-unknown")
