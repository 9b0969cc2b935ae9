"""What the runners' tests share: runs, and a site."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from jitbot.outbound.site import EnvironmentSite

SECRETS = {
    "JITBOT_SECRET_DB": "hunter2/ü&",
    "JITBOT_SECRET_SHORT": "abc",
    "JITBOT_SECRET_LINES": "first-line\r\nsecond-line",
}


@dataclass
class ARun:
    """A run that keeps what was logged."""

    key: str = "jit-1-1"
    seconds: float = 20
    lines: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    until: datetime | None = None

    def __post_init__(self) -> None:
        self.deadline = datetime.fromtimestamp(time.time() + self.seconds, UTC)

    stops: Callable[[], bool] = lambda: False

    def log(self, line: str) -> None:
        self.lines.append(line)

    def result(self, line: str) -> None:
        self.results.append(line)

    def stopping(self) -> bool:
        return self.stops()


@pytest.fixture
def site() -> EnvironmentSite:
    return EnvironmentSite(hosts=(), environment=SECRETS)


@pytest.fixture
def a_run() -> type[ARun]:
    return ARun
