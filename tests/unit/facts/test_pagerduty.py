"""PagerDuty: who is on call at the instant, and all that is open, or nothing at all."""

from collections.abc import Iterator
from typing import Any

import pytest

from jitbot.facts.vendors import pagerduty
from jitbot.facts.vendors.answers import MOST_PAGES
from tests.unit.facts import asking
from tests.vendors.pagerduty import TOKEN, PagerDuty, Shift
from tests.vendors.server import Reply, listening, written

SECRETS = {"pagerduty": TOKEN}


@pytest.fixture
def vendor() -> Iterator[PagerDuty]:
    with listening(PagerDuty()) as vendor:
        yield vendor


def on_call(vendor: PagerDuty, **arguments: Any) -> frozenset[str]:
    found: frozenset[str] = asking.read(pagerduty.on_call, vendor, SECRETS, **arguments)
    return found


def test_whoever_a_schedule_has_on_duty_now_is_on_call(vendor: PagerDuty) -> None:
    vendor.shifts = [
        Shift("ann@example.com", start=written(9), end=written(11)),
        Shift("bo@example.com", schedule="PSCHED2", start=written(9), end=written(11)),
    ]
    assert on_call(vendor, schedule="PSCHED1") == {"ann@example.com"}
    assert on_call(vendor, schedule=["PSCHED1", "PSCHED2"]) == {"ann@example.com", "bo@example.com"}


def test_a_shift_begins_on_the_instant_and_ends_before_it_in_any_offset(vendor: PagerDuty) -> None:
    vendor.shifts = [
        Shift("early@example.com", start=written(0, "-05:00"), end=written(5, "-05:00")),
        Shift("late@example.com", start=written(11, "+01:00"), end=written(15, "+01:00")),
    ]
    assert on_call(vendor, schedule="PSCHED1") == {"late@example.com"}


def test_who_is_always_on_call_has_neither_start_nor_end(vendor: PagerDuty) -> None:
    vendor.shifts = [Shift("ann@example.com", level=1), Shift("bo@example.com", level=2)]
    assert on_call(vendor, escalation_policy="PPOLICY") == {"ann@example.com", "bo@example.com"}
    assert on_call(vendor, escalation_policy="PPOLICY", level=2) == {"bo@example.com"}
    assert on_call(vendor, escalation_policy="PPOLICY", level=[1, 2]) == {"ann@example.com", "bo@example.com"}


def test_everybody_is_read_however_many_pages_there_are(vendor: PagerDuty) -> None:
    vendor.shifts = [Shift(f"p{number}@example.com") for number in range(250)]
    assert len(on_call(vendor, schedule="PSCHED1")) == 250
    assert [asked.one("offset") for asked in vendor.asked] == ["0", "100", "200"]


def test_a_person_without_an_address_leaves_all_unread(vendor: PagerDuty) -> None:
    vendor.shifts = [Shift("ann@example.com"), Shift(None)]
    assert "no e-mail address for PNOBODY" in asking.unread(pagerduty.on_call, vendor, SECRETS, schedule="PSCHED1")
    vendor.instead = Reply({"oncalls": [{"user": None, "start": None, "end": None}], "more": False})
    assert "`id`" in asking.unread(pagerduty.on_call, vendor, SECRETS, schedule="PSCHED1")


def test_nobody_is_believed_of_what_exists_only(vendor: PagerDuty) -> None:
    assert on_call(vendor, schedule="PSCHED1", escalation_policy="PPOLICY") == frozenset()
    for wrong in ({"schedule": "PSCHEDX"}, {"escalation_policy": "PPOLICYX"}, {"schedule": ["PSCHED1", "PSCHEDX"]}):
        assert "(404)" in asking.unread(pagerduty.on_call, vendor, SECRETS, **wrong)


def test_a_wrong_token_is_told(vendor: PagerDuty) -> None:
    words = asking.unread(pagerduty.on_call, vendor, {"pagerduty": "another-token"}, schedule="PSCHED1")
    assert "does not accept our credentials" in words


def test_being_asked_to_wait_is_told(vendor: PagerDuty) -> None:
    vendor.instead = Reply({"error": {"message": "Rate Limit Exceeded"}}, 429, {"Retry-After": "17"})
    assert "wait 17 s" in asking.unread(pagerduty.on_call, vendor, SECRETS, schedule="PSCHED1")


def test_open_incidents_are_counted_though_they_are_old(vendor: PagerDuty) -> None:
    vendor.incident(1, days=200)
    vendor.incident(2, "acknowledged")
    vendor.incident(3, "resolved")
    vendor.incident(4, urgency="low")
    assert asking.read(pagerduty.open_incidents, vendor, SECRETS, service="PSERVICE") == 3
    assert asking.read(pagerduty.open_incidents, vendor, SECRETS, service="PSERVICE", urgency="high") == 2
    assert asking.read(pagerduty.open_incidents, vendor, SECRETS, service="PSERVICE", status="triggered") == 2
    assert asking.read(pagerduty.incidents, vendor, SECRETS, service="PSERVICE") == ["1", "2", "4"]


def test_incidents_that_move_between_pages_count_once(vendor: PagerDuty) -> None:
    for number in range(130):
        vendor.incident(number)
    vendor.incidents.insert(100, vendor.incidents[99])
    assert asking.read(pagerduty.open_incidents, vendor, SECRETS, service="PSERVICE") == 130


def test_no_incidents_is_believed_of_services_that_exist_only(vendor: PagerDuty) -> None:
    assert asking.read(pagerduty.open_incidents, vendor, SECRETS, service="PSERVICE") == 0
    assert "(404)" in asking.unread(pagerduty.open_incidents, vendor, SECRETS, service=["PSERVICE", "PTYPO"])


def test_pages_without_end_are_unread(vendor: PagerDuty) -> None:
    vendor.instead = Reply({"incidents": [], "more": True})
    words = asking.unread(pagerduty.open_incidents, vendor, SECRETS, service="PSERVICE")
    assert "more than 50 pages" in words
    assert len(vendor.asked) == MOST_PAGES


def test_more_entries_than_fit_are_unread(vendor: PagerDuty) -> None:
    vendor.instead = Reply({"incidents": [{"id": "Q", "incident_number": 1}] * 200_000, "more": False})
    assert "longer than" in asking.unread(pagerduty.open_incidents, vendor, SECRETS, service="PSERVICE")


@pytest.mark.parametrize(
    "document",
    [
        {"incidents": [], "more": None},
        {"incidents": []},
        {"incidents": [3], "more": False},
        {"incidents": {}, "more": False},
        {"incidents": [{"id": "Q", "incident_number": True}], "more": False},
        {"incidents": [{"id": "", "incident_number": 1}], "more": False},
    ],
)
def test_an_answer_of_another_shape_is_unread(vendor: PagerDuty, document: Any) -> None:
    vendor.instead = Reply(document)
    words = asking.unread(pagerduty.open_incidents, vendor, SECRETS, service="PSERVICE")
    assert "another shape than is documented" in words


@pytest.mark.parametrize("start", ["2026-11-25T09:00:00", "yesterday", 3])
def test_a_shift_without_a_readable_beginning_is_unread(vendor: PagerDuty, start: Any) -> None:
    shift = {**Shift("ann@example.com").document(with_user=True), "start": start}
    vendor.instead = Reply({"oncalls": [shift], "more": False})
    assert "no instant with an offset" in asking.unread(pagerduty.on_call, vendor, SECRETS, schedule="PSCHED1")
