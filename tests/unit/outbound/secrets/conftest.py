"""What a store is given, and where stores are served from."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from jitbot.outbound.redaction.redactor import Redactor
from tests.vendors.aws import CREDENTIALS, Amazon, amazon


class StoreSite:
    """A `ports.StoreSite` that says the same of every store."""

    def __init__(self, section: Mapping[str, Any]) -> None:
        self._section = section
        self.redactor = Redactor()
        self.hide: Callable[[str], None] = self.redactor.hide

    def section(self, name: str) -> Mapping[str, Any]:
        return self._section


@pytest.fixture(scope="module")
def aws() -> Iterator[Amazon]:
    with amazon() as serving:
        yield serving


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
