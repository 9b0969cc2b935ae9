"""Opsgenie and Jira Service Management: who is on call by a schedule, and how many alerts of a search are open."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jitbot.errors import FactUnavailable
from jitbot.facts.vendors import jsm, opsgenie
from jitbot.facts.vendors.alert_search import AlertSearch
from tests.unit.facts import asking
from tests.vendors.alerts import Alert
from tests.vendors.jsm import CLOUD, SECRET, Jsm
from tests.vendors.opsgenie import KEY, Opsgenie
from tests.vendors.server import Reply, listening

GENIE = {"opsgenie": KEY}
JIRA = {"jira": SECRET}
ALERTS = [
    Alert(priority="P1", tags=("api", "eu")),
    Alert(priority="P2", tags=("api",), team="sre"),
    Alert(priority="P5", tags=("web",)),
    Alert(status="closed", priority="P1", tags=("api",)),
]


@pytest.fixture
def genie() -> Iterator[Opsgenie]:
    with listening(Opsgenie()) as vendor:
        yield vendor


@pytest.fixture
def ops() -> Iterator[Jsm]:
    with listening(Jsm()) as vendor:
        yield vendor


def on_call(ops: Jsm, **more: Any) -> frozenset[str]:
    asked = {"cloud": CLOUD, "schedule": "sched-1", "site": ops.url} | more
    found: frozenset[str] = asking.read(jsm.on_call, ops, JIRA, **asked)
    return found


def test_a_schedule_of_opsgenie_is_asked_for_the_instant_by_id_or_name(genie: Opsgenie) -> None:
    for arguments in ({"schedule": "d875-sched"}, {"schedule": "Payments / primary", "by": "name"}):
        assert asking.read(opsgenie.on_call, genie, GENIE, **arguments) == {"bo@example.com", "cy@example.com"}
    genie.change_at = "2026-11-25T10:00:01Z"
    assert asking.read(opsgenie.on_call, genie, GENIE, schedule="d875-sched") == {"ann@example.com"}


def test_a_schedule_that_opsgenie_does_not_know_is_unread(genie: Opsgenie) -> None:
    assert "(404)" in asking.unread(opsgenie.on_call, genie, GENIE, schedule="../alerts")
    assert genie.asked[0].path == "/v2/schedules/..%2Falerts/on-calls"


def test_nobody_on_call_is_an_answer_and_a_name_that_is_no_address_is_none(genie: Opsgenie) -> None:
    genie.after = []
    assert asking.read(opsgenie.on_call, genie, GENIE, schedule="d875-sched") == frozenset()
    genie.after = ["bo@example.com", "bot"]
    assert "no e-mail address for bot" in asking.unread(opsgenie.on_call, genie, GENIE, schedule="d875-sched")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({}, 3),
        ({"tag": "api"}, 2),
        ({"tag": ["api", "eu"]}, 1),
        ({"priority": ["P1", "P2"]}, 2),
        ({"team": ["sre", "payments"], "priority": "P5"}, 1),
        ({"tag": "none"}, 0),
    ],
)
def test_open_alerts_are_counted_by_one_search_in_both(
    genie: Opsgenie, ops: Jsm, search: dict[str, Any], found: int
) -> None:
    genie.alerts = ops.alerts = ALERTS
    assert asking.read(opsgenie.open_alerts, genie, GENIE, **search) == found
    assert asking.read(jsm.open_alerts, ops, JIRA, cloud=CLOUD, **search) == found


@given(st.text(max_size=30))
def test_no_value_can_change_a_search(value: str) -> None:
    try:
        query = AlertSearch(tag=(value,)).query()
    except ValidationError:
        return
    assert query == f'status: open AND tag: "{value}"'
    assert not set(value) & set('"\\*?()\n')


@pytest.mark.parametrize("names", [None, "ann@example.com", [3], {"ann@example.com": 1}])
def test_people_in_another_shape_are_unread(genie: Opsgenie, names: Any) -> None:
    genie.instead = Reply({"data": {"onCallRecipients": names}})
    words = asking.unread(opsgenie.on_call, genie, GENIE, schedule="d875-sched")
    assert "`data.onCallRecipients` is not a list of texts" in words


def test_accounts_of_jira_are_turned_into_addresses(ops: Jsm) -> None:
    assert on_call(ops) == {"ann@example.com"}
    ops.on_call = [f"acc:{number}" for number in range(230)]
    ops.emails = {each: f"p{each[4:]}@example.com" for each in ops.on_call}
    assert len(on_call(ops)) == 230
    ops.on_call = []
    assert on_call(ops) == frozenset()


@pytest.mark.parametrize("email", [None, "", "nobody", "a@b@c", "a b@c"])
def test_an_address_that_jira_hides_leaves_all_unread(ops: Jsm, email: str | None) -> None:
    ops.on_call, ops.emails["acc:2"] = ["acc:1", "acc:2"], email
    with pytest.raises(FactUnavailable, match="no e-mail address for acc:2"):
        on_call(ops)


def test_an_account_that_jira_does_not_know_leaves_all_unread(ops: Jsm) -> None:
    ops.on_call = ["acc:1", "acc:9"]
    with pytest.raises(FactUnavailable, match="no e-mail address for acc:9"):
        on_call(ops)


def test_alerts_are_counted_on_all_pages(ops: Jsm) -> None:
    ops.alerts = [Alert()] * 250
    assert asking.read(jsm.open_alerts, ops, JIRA, cloud=CLOUD) == 250
    ops.shows_links = False
    assert "counts more" in asking.unread(jsm.open_alerts, ops, JIRA, cloud=CLOUD)


def test_pages_without_end_are_unread(ops: Jsm) -> None:
    ops.instead = Reply({"values": [], "links": {"next": "/v1/alerts"}, "count": 0})
    assert "more than 50 pages" in asking.unread(jsm.open_alerts, ops, JIRA, cloud=CLOUD)


@pytest.mark.parametrize("links", [None, [], {"next": ""}])
def test_the_last_page_has_no_next_whatever_its_links_look_like(ops: Jsm, links: Any) -> None:
    ops.instead = Reply({"values": [{"id": "a"}], "links": links, "count": 1})
    assert asking.read(jsm.open_alerts, ops, JIRA, cloud=CLOUD) == 1


@pytest.mark.parametrize("secret", ["only-a-token", ":only-a-token", "bot@example.com:"])
def test_a_secret_that_is_not_a_name_and_a_token_is_told(ops: Jsm, secret: str) -> None:
    words = asking.unread(jsm.open_alerts, ops, {"jira": secret}, cloud=CLOUD)
    assert "has to be e-mail:token" in words
    assert secret not in words
    assert ops.asked == []
