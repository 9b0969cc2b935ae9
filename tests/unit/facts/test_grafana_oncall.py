"""Grafana OnCall: who has a shift at the instant, and how many alert groups are open."""

from collections.abc import Iterator
from typing import Any

import pytest

from jitbot.facts.vendors import grafana_oncall
from tests.unit.facts import asking
from tests.vendors.grafana_oncall import STACK, TOKEN, GrafanaOnCall
from tests.vendors.server import Reply, listening, written

SECRETS = {"grafana-oncall": TOKEN}


@pytest.fixture
def vendor() -> Iterator[GrafanaOnCall]:
    with listening(GrafanaOnCall()) as vendor:
        yield vendor


def on_call(vendor: GrafanaOnCall, **more: Any) -> frozenset[str]:
    arguments = {"url": f"{vendor.url}/oncall", "schedule": "SBM7"} | more
    found: frozenset[str] = asking.read(grafana_oncall.on_call, vendor, SECRETS, **arguments)
    return found


def groups(vendor: GrafanaOnCall, **more: Any) -> Any:
    arguments = {"url": f"{vendor.url}/oncall", "integration": "CINT1"} | more
    return asking.read(grafana_oncall.open_alert_groups, vendor, SECRETS, **arguments)


def test_whoever_has_a_shift_at_the_instant_is_on_call(vendor: GrafanaOnCall) -> None:
    vendor.shift("early@example.com", written(0), written(10))
    vendor.shift("ann@example.com", written(10), written(18))
    vendor.shift("bo@example.com", "2026-11-24T22:00:00Z", "2026-11-26T06:00:00Z")
    vendor.shift("cy@example.com", written(12, "+01:00"), written(18, "+01:00"))
    vendor.shift("di@example.com", written(11, "+01:00"), written(18, "+01:00"))
    assert on_call(vendor) == {"ann@example.com", "bo@example.com", "di@example.com"}
    assert vendor.asked[0].one("start_date") == "2026-11-24"
    assert vendor.asked[0].one("end_date") == "2026-11-26"


def test_pages_are_followed_at_the_address_of_the_policy_alone(vendor: GrafanaOnCall) -> None:
    for number in range(5):
        vendor.shift(f"p{number}@example.com", written(9), written(11))
    assert len(on_call(vendor)) == 5
    assert {asked.path for asked in vendor.asked} == {"/oncall/api/v1/schedules/SBM7/final_shifts/"}
    assert [asked.one("page") for asked in vendor.asked] == ["", "2", "3"]


def test_nobody_is_an_answer_and_a_schedule_that_is_not_known_is_none(vendor: GrafanaOnCall) -> None:
    assert on_call(vendor) == frozenset()
    words = asking.unread(grafana_oncall.on_call, vendor, SECRETS, url=f"{vendor.url}/oncall", schedule="SXXX")
    assert "(404)" in words


def test_a_person_without_an_address_leaves_all_unread(vendor: GrafanaOnCall) -> None:
    vendor.shift("ann@example.com", written(9), written(11))
    vendor.shifts[0]["user_email"] = ""
    words = asking.unread(grafana_oncall.on_call, vendor, SECRETS, url=f"{vendor.url}/oncall", schedule="SBM7")
    assert "no e-mail address for UANN" in words


def test_in_grafana_cloud_the_stack_is_named() -> None:
    with listening(GrafanaOnCall(cloud=True)) as vendor:
        assert on_call(vendor, grafana=STACK) == frozenset()
        words = asking.unread(grafana_oncall.on_call, vendor, SECRETS, url=f"{vendor.url}/oncall", schedule="SBM7")
    assert "(403)" in words


def test_open_alert_groups_are_counted_state_by_state(vendor: GrafanaOnCall) -> None:
    states = ["new", "new", "new", "acknowledged", "silenced", "resolved"]
    for number, state in enumerate(states):
        vendor.group(number, state)
    vendor.group(99, "new", "CINT2")
    assert groups(vendor) == 4
    assert groups(vendor, state=["new", "acknowledged", "silenced"]) == 5
    assert groups(vendor, integration=["CINT1", "CINT2"]) == 5


def test_no_alert_groups_is_believed_of_integrations_that_exist_only(vendor: GrafanaOnCall) -> None:
    assert groups(vendor) == 0
    arguments = {"url": f"{vendor.url}/oncall", "integration": ["CINT1", "CTYPO"]}
    assert "(404)" in asking.unread(grafana_oncall.open_alert_groups, vendor, SECRETS, **arguments)


def test_pages_without_end_are_unread(vendor: GrafanaOnCall) -> None:
    vendor.instead = Reply({"results": [], "next": "?page=2"})
    arguments = {"url": f"{vendor.url}/oncall", "schedule": "SBM7"}
    assert "more than 50 pages" in asking.unread(grafana_oncall.on_call, vendor, SECRETS, **arguments)
