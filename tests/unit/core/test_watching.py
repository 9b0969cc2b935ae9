"""What one look at a run says."""

from datetime import timedelta
from typing import Any

import pytest

from jitbot.model import FactKind, Facts, Health, HealthState, Verification
from jitbot.policy.watching import Reading, judge, kept
from tests.unit.core.builders import NOW

HEALTHY, UNHEALTHY, ABSENT, UNKNOWN = (
    HealthState.HEALTHY,
    HealthState.UNHEALTHY,
    HealthState.ABSENT,
    HealthState.UNKNOWN,
)
KINDS = {
    "facts.firing": FactKind.INTEGER,
    "before.facts.firing": FactKind.INTEGER,
    "facts.since": FactKind.INSTANT,
    "before.facts.since": FactKind.INSTANT,
    "before.facts.lag": FactKind.DURATION,
    "params.most": FactKind.DURATION,
    "params.env": FactKind.TEXT,
}


def look(
    text: str,
    values: dict[str, Any],
    before: dict[str, Any] | None = None,
    health: Health | None = None,
    params: dict[str, Any] | None = None,
    absent: HealthState = UNHEALTHY,
) -> Reading:
    minute = timedelta(minutes=1)
    verification = Verification(minute, minute, text, {name: kind for name, kind in KINDS.items() if name in text})
    facts = Facts(NOW, values=values, unread={"facts.firing": "no answer in time"})
    return judge(verification, params or {}, before or {}, facts, health, absent=absent)


def test_a_condition_says_what_it_saw_now_and_before() -> None:
    found = look("facts.firing > before.facts.firing", {"facts.firing": 3}, {"facts.firing": 1})
    assert found == Reading(UNHEALTHY, "facts.firing is 3 (1 before the start)")
    found = look("facts.firing > before.facts.firing", {"facts.firing": 1}, {"facts.firing": 1})
    assert found == Reading(HEALTHY, "facts.firing is 1 (1 before the start)")
    assert look("before.facts.firing > 0", {}, {"facts.firing": 1}).said == "before.facts.firing is 1"


def test_what_cannot_be_read_is_neither() -> None:
    assert look("facts.firing > 0", {}) == Reading(UNKNOWN, "facts.firing could not be read (no answer in time)")
    found = look("facts.firing > before.facts.firing", {"facts.firing": 3})
    assert found == Reading(UNKNOWN, "before.facts.firing could not be read before the start")


def test_values_keep_their_types_from_before_the_start() -> None:
    before = kept(Facts(NOW, values={"facts.since": NOW, "facts.lag": timedelta(minutes=2)}))
    assert before == {"facts.since": NOW.isoformat(), "facts.lag": 120.0}
    later = {"facts.since": NOW + timedelta(seconds=1)}
    assert look("facts.since > before.facts.since", later, before).state is UNHEALTHY
    text = "before.facts.lag > params.most && params.env == 'prod'"
    assert look(text, {}, before, params={"most": "90s", "env": "prod"}).state is UNHEALTHY
    assert look(text, {}, before, params={"most": "3m", "env": "prod"}).state is HEALTHY


@pytest.mark.parametrize(
    ("health", "absent", "state"),
    [
        (HEALTHY, UNHEALTHY, HEALTHY),
        (UNHEALTHY, UNHEALTHY, UNHEALTHY),
        (ABSENT, UNHEALTHY, UNHEALTHY),
        (ABSENT, HEALTHY, HEALTHY),
        (UNKNOWN, UNHEALTHY, UNKNOWN),
    ],
)
def test_the_runners_own_check_says_how_it_is(health: HealthState, absent: HealthState, state: HealthState) -> None:
    assert look("", {}, health=Health(health, "seen"), absent=absent) == Reading(state, "seen")


def test_unhealthy_wins_over_unread_and_unread_over_healthy() -> None:
    unhealthy, unread, healthy = {"facts.firing": 1}, dict[str, Any](), {"facts.firing": 0}
    assert look("facts.firing > 0", unhealthy, health=Health(UNKNOWN, "?")).state is UNHEALTHY
    assert look("facts.firing > 0", unread, health=Health(UNHEALTHY, "down")) == Reading(UNHEALTHY, "down")
    assert look("facts.firing > 0", unread, health=Health(HEALTHY)).state is UNKNOWN
    assert look("facts.firing > 0", healthy, health=Health(HEALTHY, "up")).said == "up; facts.firing is 0"


def test_a_condition_that_cannot_be_compiled_any_more_tells_nothing() -> None:
    found = look("facts.firing >", {"facts.firing": 1})
    assert found.state is UNKNOWN
    assert "cannot be read here" in found.said
