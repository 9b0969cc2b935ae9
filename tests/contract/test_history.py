"""What was done lately, looked up in the ledger on both databases; and the sources that ask for it, by the suite."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from jitbot.errors import FactUnavailable, StoreUnavailable
from jitbot.facts.history import HistoryCount, HistoryLast, HistorySuccessRate, NoHistory, history_sources
from jitbot.model import Became, Decision, Mark, Outcome, Past, Reason, RequestId, State, UndoCause
from jitbot.store.history import StoreHistory
from jitbot.testing import FactSourceContract
from tests.contract.conftest import Store
from tests.unit.core.builders import ANN, BO, a_snapshot

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
DECIDED = Decision(Outcome.ALLOW, "staging is self-serve", "", Reason(Mark.YES, "ALLOWED"))


def past(**changes: Any) -> Past:
    return replace(Past(NOW - 24 * HOUR, RequestId(0)), **changes)


@pytest.fixture
def history(store: Store) -> StoreHistory:
    """Give a ledger with a past: by Ann and Bo, on two targets."""
    api, web = a_snapshot(target="api"), a_snapshot(target="web")
    for hours, changes in [
        (1, {"state": State.SUCCEEDED, "snapshot": api, "decision": DECIDED}),
        (2, {"state": State.FAILED, "snapshot": api}),
        (3, {"state": State.ROLLED_BACK, "snapshot": web, "requester": BO, "undo_cause": UndoCause.UNHEALTHY}),
        (4, {"state": State.EXPIRED, "snapshot": web, "action": "admin"}),
        (5, {"state": State.DENIED, "snapshot": web, "started_at": None}),
        (6, {"state": State.PENDING, "snapshot": web, "started_at": None, "ended_at": None}),
        (30, {"state": State.FAILED, "snapshot": api}),
    ]:
        at = NOW - hours * HOUR
        times = {"created_at": at, "started_at": at + HOUR / 4, "ended_at": at + HOUR / 2}
        store.add(**{"requester": ANN, "action": "restart", "due_at": None, **times, **changes})
    return StoreHistory(store.database)


@pytest.mark.parametrize(
    ("looked_for", "number"),
    [
        ({}, 6),
        ({"since": NOW - 48 * HOUR}, 7),
        ({"since": NOW}, 0),
        ({"requester": ANN}, 5),
        ({"requester": ANN, "action": "restart"}, 4),
        ({"target": "web"}, 4),
        ({"became": Became.STARTED}, 4),
        ({"became": Became.FAILED}, 2),
        ({"became": Became.FAILED, "requester": ANN}, 1),
        ({"became": Became.SUCCEEDED}, 2),
        ({"became": Became.DENIED}, 1),
        ({"became": Became.LAPSED}, 0),
        ({"rule": "staging is self-serve"}, 1),
        ({"rule": "no such rule"}, 0),
        ({"without": RequestId(2)}, 5),
        ({"without": RequestId(2), "became": Became.FAILED}, 1),
    ],
)
def test_what_was_done_is_counted(history: StoreHistory, looked_for: Mapping[str, Any], number: int) -> None:
    assert history.count(past(**looked_for)) == number


@pytest.mark.parametrize(
    ("looked_for", "hours"),
    [
        ({}, 1),
        ({"became": Became.STARTED, "target": "web"}, 2.75),
        ({"became": Became.FAILED}, 1.5),
        ({"became": Became.FAILED, "without": RequestId(2)}, 2.5),
        ({"became": Became.MISSED}, None),
    ],
)
def test_the_last_is_found(history: StoreHistory, looked_for: Mapping[str, Any], hours: float | None) -> None:
    assert history.last(past(**looked_for)) == (None if hours is None else NOW - hours * HOUR)


@pytest.mark.parametrize("became", [Became.ASKED, Became.STARTED, Became.FAILED])
def test_sqlite_looks_by_an_index(sqlite_url: str, tmp_path: Any, became: Became) -> None:
    from jitbot.store.engine import Database
    from jitbot.store.upgrade import ready

    ready(sqlite_url)
    database = Database(sqlite_url)
    column = {Became.ASKED: "created_at", Became.STARTED: "started_at"}.get(became, "ended_at")
    with database.read() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN SELECT count(*) FROM requests WHERE {column} >= '2026'"))
        assert f"ix_requests_{column}" in str(plan.all())
    database.close()


class _Remembered:
    """Implements `ports.History` with fixed answers; `down` makes it fail."""

    def __init__(self, counts: Mapping[Became, int], last: datetime | None = None) -> None:
        self.counts, self.at, self.down = counts, last, False
        self.asked: list[Past] = []

    def count(self, past: Past) -> int:
        return self._looked(past, self.counts.get(past.became, 0))

    def last(self, past: Past) -> datetime | None:
        return self._looked(past, self.at)

    def _looked(self, past: Past, value: Any) -> Any:
        self.asked.append(past)
        if self.down:
            raise StoreUnavailable("The database does not answer.")
        return value


ARGUMENTS = {
    "of": ["requester", "action"], "per": "24h", "requester": ANN, "action": "restart", "target": "api", "request": 7,
}  # fmt: skip


class _OfHistory(FactSourceContract):
    @pytest.fixture
    def broken_arguments(self) -> Sequence[Mapping[str, Any]]:
        wrong: list[Mapping[str, Any]] = [{"of": "team"}, {"of": []}, {"per": "1 day"}, {"per": "0h"}, {"rule": 3}]
        return [*({**ARGUMENTS, **each} for each in wrong), {"of": "all"}]


class TestCount(_OfHistory):
    @pytest.fixture
    def make(self) -> Any:
        return lambda site: HistoryCount(_Remembered({Became.ASKED: 3}))

    @pytest.fixture
    def arguments(self) -> Mapping[str, Any]:
        return ARGUMENTS

    @pytest.fixture
    def expected(self) -> int:
        return 3


class TestSuccessRate(_OfHistory):
    @pytest.fixture
    def make(self) -> Any:
        return lambda site: HistorySuccessRate(_Remembered({Became.SUCCEEDED: 3, Became.FAILED: 1}))

    @pytest.fixture
    def arguments(self) -> Mapping[str, Any]:
        return {**ARGUMENTS, "of": "action"}

    @pytest.fixture
    def expected(self) -> float:
        return 0.75


class TestLast(_OfHistory):
    @pytest.fixture
    def make(self) -> Any:
        return lambda site: HistoryLast(_Remembered({}, NOW - HOUR))

    @pytest.fixture
    def arguments(self) -> Mapping[str, Any]:
        return {**ARGUMENTS, "of": "target", "outcome": "failed"}

    @pytest.fixture
    def expected(self) -> datetime:
        return NOW - HOUR


def read(name: str, history: Any, **changes: Any) -> Any:
    source = history_sources(history)[name]
    return source.read(source.Arguments.model_validate({**ARGUMENTS, **changes}), NOW)


@pytest.mark.parametrize(
    ("of", "narrowed"),
    [
        ("all", (None, None, None)),
        ("requester", (ANN, None, None)),
        (["requester", "target"], (ANN, None, "api")),
        (["action"], (None, "restart", None)),
    ],
)
def test_whose_requests_count_is_what_of_says(of: Any, narrowed: tuple[Any, ...]) -> None:
    history = _Remembered({})
    read("history.count", history, of=of, rule="r", outcome="failed", per="2h")
    assert history.asked == [Past(NOW - 2 * HOUR, RequestId(7), Became.FAILED, *narrowed, "r")]


def test_no_past_is_unread_unless_the_policy_says_what_it_counts_as() -> None:
    nothing = _Remembered({})
    with pytest.raises(FactUnavailable, match="nothing succeeded or failed in the last 24h"):
        read("history.success_rate", nothing)
    with pytest.raises(FactUnavailable, match="there was none in the last 24h"):
        read("history.last", nothing)
    assert read("history.success_rate", nothing, missing=1) == 1.0
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    assert read("history.last", nothing, missing="2000-01-01T00:00:00Z") == long_ago
    assert read("history.last", _Remembered({}, NOW), missing="2000-01-01T00:00:00Z") == NOW
    with pytest.raises(ValidationError):
        read("history.last", nothing, missing="2000-01-01T00:00:00")
    with pytest.raises(ValidationError):
        read("history.success_rate", nothing, missing=1.5)


@pytest.mark.parametrize("name", list(history_sources(NoHistory())))
def test_a_ledger_that_does_not_answer_leaves_it_unread(name: str) -> None:
    history = _Remembered({})
    history.down = True
    with pytest.raises(FactUnavailable, match="does not answer"):
        read(name, history)
    with pytest.raises(FactUnavailable, match="only the running bot"):
        read(name, NoHistory())
