"""Trying what policies declare: rotas too, and never more shown than a line."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jitbot.facts.trial import try_all
from jitbot.model import Calendar, FactCall, FactKind, Freeze, Policy
from tests.fake_sources import FakeSource, FakeSources

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (frozenset({"U0BO", "cy@example.com"}), "answers: U0BO, cy@example.com"),
        (frozenset(), "answers: nobody"),
        (frozenset(f"U{number}" for number in range(9)), "answers: U0, U1, U2, U3, U4 …"),
    ],
)
def test_a_rota_says_who_is_on_call(value: Any, said: str) -> None:
    source = FakeSource()
    source.values["primary"] = value
    call = FactCall("primary", "fake", {"name": "primary", "as": "people"}, FactKind.PEOPLE)
    [tried] = try_all(Policy(on_call={"primary": call}), FakeSources(source), NOW)
    assert (tried.said, tried.read) == (said, True)


def test_arguments_that_fit_no_more_are_said_to() -> None:
    call = FactCall("x", "fake", {"as": "integer"}, FactKind.INTEGER)
    [tried] = try_all(Policy(facts=(call,)), FakeSources(FakeSource()), NOW)
    assert tried.read is False
    assert "required" in tried.said


def test_the_calendar_of_a_freeze_is_read_too() -> None:
    source = FakeSource()
    source.values["holidays"] = ()
    call = FactCall("holidays", "fake", {"name": "holidays", "as": "spans"}, FactKind.SPANS)
    dated = Freeze("dated", UTC)
    calendar = Calendar(freezes={"holidays": Freeze("holidays", UTC, calendar=call), "dated": dated})
    [tried] = try_all(Policy(calendar=calendar), FakeSources(source), NOW)
    assert (tried.call.name, tried.said, tried.read) == ("holidays", "answers: 0 of them", True)
