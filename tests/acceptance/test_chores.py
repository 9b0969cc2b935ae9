"""What hangs on no single request that is due: one chore that fails keeps no other from being done."""

from collections.abc import Callable

import pytest

from jitbot.errors import StoreRefused, StoreUnavailable
from jitbot.model import RequestId
from jitbot.service import outliving
from jitbot.service.joining import Joining
from jitbot.service.outliving import Outliving
from tests.town import ANN, Town


@pytest.mark.parametrize(
    ("error", "others"), [(ValueError("bent"), 1), (StoreRefused("bent"), 1), (StoreUnavailable("gone"), 0)], ids=str
)
def test_one_that_fails_keeps_no_other_from_being_done_unless_the_database_is_away(
    make_town: Callable[[], Town], monkeypatch: pytest.MonkeyPatch, error: Exception, others: int
) -> None:
    done: list[str] = []

    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(Outliving, "tick", fail)
    monkeypatch.setattr(Joining, "tick", lambda _: done.append("looked who has joined"))
    town = make_town()
    try:
        town.service.sweep.chores()
    finally:
        town.close()
    assert len(done) == others


def test_a_grant_that_cannot_be_looked_at_keeps_no_other_from_being_looked_at(
    make_town: Callable[[], Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outliving, "LOOKS", 1)
    town, looked = make_town(), []
    salvaged = town.trail.salvaged

    def look(request: RequestId) -> object:
        looked.append(request)
        if request == 1:
            raise ValueError("bent")
        return salvaged(request)

    monkeypatch.setattr(town.trail, "salvaged", look)
    try:
        for value in (7, 7):
            town.ask(ANN, "tune", value=value)
        for seconds in (31, 1, 1):
            town.forward(seconds=seconds)
            town.service.sweep.chores()
    finally:
        town.close()
    assert {1, 2} <= {*looked}
