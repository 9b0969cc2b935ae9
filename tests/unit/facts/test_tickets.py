"""Tickets: what a person typed picks a ticket and does nothing else; good beside bad is bad; hidden is not absent."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jitbot.errors import FactUnavailable
from jitbot.facts.vendors.jira import IssueSource
from jitbot.facts.vendors.servicenow import ChangeSource
from jitbot.facts.vendors.tickets import find, mentions
from tests.unit.facts import asking
from tests.vendors.jira import CLOUD, TOKEN, Jira
from tests.vendors.server import Reply, listening
from tests.vendors.servicenow import BASIC, ServiceNow
from tests.vendors.servicenow import TOKEN as OAUTH

HOSTILE = ("../", "^ORnumber=CHG0000001", "\n", "?fields=x", "%2e%2e", "javascript:", "' OR 1=1", "\u202e", "\x00", "/")
REASONS = st.lists(
    st.one_of(st.text(max_size=8), st.sampled_from([*HOSTILE, "CHG0000001", "OPS-7", " "])), max_size=6
).map("".join)


@pytest.fixture
def jira() -> Iterator[Jira]:
    with listening(Jira()) as vendor:
        yield vendor


@pytest.fixture
def now() -> Iterator[ServiceNow]:
    with listening(ServiceNow()) as vendor:
        yield vendor


def issue(vendor: Jira, reason: str, **arguments: Any) -> Any:
    asked = {"in": reason, "find": "OPS-[0-9]+"} | arguments
    return asking.read(IssueSource, vendor, {"jira": CLOUD}, **asked)


def change(vendor: ServiceNow, reason: str, **arguments: Any) -> Any:
    return asking.read(ChangeSource, vendor, {"servicenow": BASIC}, **({"in": reason} | arguments))


def no_issue(vendor: Jira, reason: str, **arguments: Any) -> str:
    with pytest.raises(FactUnavailable) as caught:
        issue(vendor, reason, **arguments)
    return str(caught.value)


def no_change(vendor: ServiceNow, reason: str, **arguments: Any) -> str:
    with pytest.raises(FactUnavailable) as caught:
        change(vendor, reason, **arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("OPS-12: stuck", ["OPS-12"]),
        ("(OPS-1,OPS-2)", ["OPS-1", "OPS-2"]),
        ("XOPS-1 _OPS-2 ÄOPS-3 OPS-4x OPS-5_", []),
        ("OPS-6-7", ["OPS-6"]),
        ("\U0001f600 OPS-8 \U0001f600OPS-9", ["OPS-8", "OPS-9"]),
        ("ops-1", []),
        ("", []),
    ],
)
def test_a_number_stands_free_in_the_text(text: str, found: list[str]) -> None:
    assert find("OPS-[0-9]+", text) == found
    assert find("[0-9]*", "a") == [], "nothing is no number"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("Restart API now", True),
        ("api", True),
        ("api-gateway, then (api)", True),
        ("api-gateway", False),
        ("my-api", False),
        ("rapid", False),
        ("api_v2", False),
        ("", False),
    ],
)
def test_a_name_is_a_word_of_its_own(line: str, named: bool) -> None:
    assert mentions(line, "api") is named


def test_a_reason_without_a_ticket_has_none_and_asks_nobody(jira: Jira, now: ServiceNow) -> None:
    assert issue(jira, "no idea") is False
    assert change(now, "") is False
    assert jira.asked == now.asked == []
    assert "names no ticket" in no_issue(jira, "no idea", **{"as": "text"})


def test_a_ticket_that_does_not_exist_meets_nothing(jira: Jira, now: ServiceNow) -> None:
    assert issue(jira, "OPS-9") is False
    assert change(now, "CHG0000009") is False
    now.old = True
    assert change(now, "CHG0000009") is False
    assert "there is no OPS-9" in no_issue(jira, "OPS-9", **{"as": "text"})
    assert "there is no CHG0000009" in no_change(now, "CHG0000009", **{"as": "text"})


def test_a_ticket_that_exists_is_enough_where_nothing_else_is_asked(jira: Jira, now: ServiceNow) -> None:
    jira.issue("OPS-7", "To Do")
    now.change("CHG0000001")
    assert issue(jira, "see OPS-7") is True
    assert change(now, "see CHG0000001") is True


def test_its_status_decides_and_can_be_read(jira: Jira, now: ServiceNow) -> None:
    jira.issue("OPS-7", "Approved")
    now.change("CHG0000001", state=("Umsetzen", "-1"), approval=("Approved", "approved"))
    assert issue(jira, "OPS-7", status=["Done", "approved"]) is True
    assert issue(jira, "OPS-7", status="Done") is False
    assert issue(jira, "OPS-7", **{"as": "text"}) == "Approved"
    assert change(now, "CHG0000001", status=["Umsetzen"]) is True
    assert change(now, "CHG0000001", status=-1) is True, "what is stored is the same in every language"
    assert change(now, "CHG0000001", status="Implement") is False
    assert change(now, "CHG0000001", fields={"approval": ["approved"]}) is True
    assert change(now, "CHG0000001", fields={"approval": "rejected"}) is False
    assert change(now, "CHG0000001", **{"as": "text"}) == "Umsetzen"


def test_a_good_ticket_beside_a_bad_one_helps_nobody(jira: Jira) -> None:
    jira.issue("OPS-7", "Approved")
    jira.issue("OPS-8", "To Do")
    assert issue(jira, "OPS-7 OPS-7 ops-7", find="(?i)OPS-[0-9]+", status="Approved") is True
    assert issue(jira, "OPS-7 and OPS-8", status="Approved") is False
    assert issue(jira, "OPS-7 and OPS-9", status="Approved") is False
    assert "more than one ticket" in no_issue(jira, "OPS-7 and OPS-8", **{"as": "text"})
    asked = len(jira.asked)
    assert "more than 5 tickets" in no_issue(jira, " ".join(f"OPS-{number}" for number in range(1, 7)))
    assert len(jira.asked) == asked


def test_it_has_to_name_what_is_touched(jira: Jira, now: ServiceNow) -> None:
    jira.issue("OPS-7", summary="Restart web", components=[{"id": "1", "name": "api"}], labels=["worker"])
    for name, named in (("web", True), ("api", True), ("worker", True), ("db", False), (["web", "db"], False)):
        assert issue(jira, "OPS-7", names=name) is named
    assert issue(jira, "OPS-7", names="api", named_in="summary") is False
    now.change("CHG0000001", cmdb_ci=("api", "46c6f"), short_description=("Restart the worker",) * 2)
    for name, named in (("api", True), ("worker", True), ("db", False)):
        assert change(now, "CHG0000001", names=name) is named
    assert change(now, "CHG0000001", fields={"cmdb_ci.name": "api"}) is True


def test_rich_text_and_nested_options_of_jira_are_read(jira: Jira) -> None:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": "Restart api."}, {"type": "hardBreak"}]}
    jira.issue(
        "OPS-7",
        description={"type": "doc", "version": 1, "content": [paragraph]},
        customfield_1={"value": "eu", "id": "1", "child": {"value": "prod"}},
        customfield_2=3,
        customfield_3=True,
        customfield_4=None,
        customfield_5={"id": "1"},
    )
    assert issue(jira, "OPS-7", names="api", named_in="description") is True
    wanted = {"customfield_1": "prod", "customfield_2": 3, "customfield_3": "true"}
    assert issue(jira, "OPS-7", fields=wanted) is True
    assert issue(jira, "OPS-7", fields={"customfield_4": "x"}) is False
    assert "cannot be compared" in no_issue(jira, "OPS-7", fields={"customfield_5": "1"})


def test_a_field_that_is_not_there_is_unread_never_empty(jira: Jira, now: ServiceNow) -> None:
    jira.issue("OPS-7")
    now.change("CHG0000001")
    assert "no field 'customfield_9'" in no_issue(jira, "OPS-7", fields={"customfield_9": "x"})
    assert "no field 'u_risk'" in no_change(now, "CHG0000001", fields={"u_risk": "low"})
    assert "no field 'u_from'" in no_change(now, "CHG0000001", window={"from": "u_from", "to": "end_date"})


@pytest.mark.parametrize(
    ("start", "end", "within"),
    [
        ("2026-11-25 10:00:00", "2026-11-25 11:00:00", True),
        ("2026-11-25 09:00:00", "2026-11-25 10:00:00", False),
        ("2026-11-25 10:00:01", "2026-11-25 11:00:00", False),
        ("", "2026-11-25 11:00:00", False),
        ("2026-11-25 09:00:00", "", False),
    ],
)
def test_the_planned_window_of_a_change_is_in_utc(now: ServiceNow, start: str, end: str, within: bool) -> None:
    shown = "25.11.2026 23:00"
    now.change("CHG0000001", start_date=(start and shown, start), end_date=(end and shown, end))
    assert change(now, "CHG0000001", window={"from": "start_date", "to": "end_date"}) is within


def test_the_planned_window_of_an_issue_has_its_offset(jira: Jira) -> None:
    window = {"from": "customfield_1", "to": "customfield_2"}
    jira.issue("OPS-7", customfield_1="2026-11-25T11:00:00.000+0100", customfield_2="2026-11-25T06:00:00.000-0500")
    assert issue(jira, "OPS-7", window=window) is True
    jira.issue("OPS-8", customfield_1="2026-11-25", customfield_2="2026-11-26")
    assert "no instant with an offset" in no_issue(jira, "OPS-8", window=window)


def test_a_window_that_cannot_be_read_is_unread(now: ServiceNow) -> None:
    now.change("CHG0000001", start_date=("x", "soon"), end_date=("x", "2026-11-25 11:00:00"))
    words = no_change(now, "CHG0000001", window={"from": "start_date", "to": "end_date"})
    assert "no date with a time" in words


def test_jira_is_not_believed_by_who_it_does_not_know(jira: Jira) -> None:
    jira.issue("OPS-7")
    jira.expired = True
    assert "does not say that we are signed in" in no_issue(jira, "OPS-7")
    words = asking.unread(
        IssueSource, jira, {"jira": TOKEN}, **{"in": "OPS-7", "find": "OPS-[0-9]+", "edition": "data-center"}
    )
    assert "does not say that we are signed in" in words


def test_a_404_that_is_not_of_jira_itself_is_unread(jira: Jira) -> None:
    for document in (b"<html>Not here</html>", {"message": "no such tenant"}):
        jira.instead = Reply(document, 404, {"X-AACCOUNTID": "5b10"})
        assert no_issue(jira, "OPS-7")
    words = no_issue(jira, "OPS-7", url=f"{jira.url}/wrong")
    assert words


def test_data_center_is_asked_with_its_own_token_and_version(jira: Jira) -> None:
    jira.issue("OPS-7")
    arguments = {"in": "OPS-7 OPS-8", "find": "OPS-[0-9]+", "edition": "data-center"}
    assert asking.read(IssueSource, jira, {"jira": TOKEN}, **arguments) is False
    assert [asked.path for asked in jira.asked] == ["/rest/api/2/issue/OPS-7", "/rest/api/2/issue/OPS-8"]


def test_an_issue_that_was_moved_is_to_be_named_by_its_key_there(jira: Jira) -> None:
    jira.issue("SEC-1", "Approved")
    jira.moved["OPS-7"] = "SEC-1"
    assert "moved to another project" in no_issue(jira, "OPS-7", status="Approved")


def test_servicenow_takes_an_oauth_token_too(now: ServiceNow) -> None:
    now.change("CHG0000001")
    assert asking.read(ChangeSource, now, {"servicenow": OAUTH}, **{"in": "CHG0000001", "auth": "bearer"}) is True
    assert "(401)" in asking.unread(ChangeSource, now, {"servicenow": "jitbot:wrong"}, **{"in": "CHG0000001"})


def test_a_change_that_we_may_not_read_is_unread(now: ServiceNow) -> None:
    now.change("CHG0000001")
    now.hidden.add("CHG0000001")
    assert "our account may not read it" in no_change(now, "CHG0000001")


@pytest.mark.parametrize(
    "document",
    [
        {"error": {"message": "Requested URI does not represent any resource"}, "status": "failure"},
        {"error": "No Record found"},
        [],
    ],
)
def test_a_404_about_anything_but_the_record_is_unread(now: ServiceNow, document: Any) -> None:
    now.instead = Reply(document, 404)
    assert "(404)" in no_change(now, "CHG0000001")


def test_another_record_than_the_one_that_was_asked_for_is_unread(now: ServiceNow) -> None:
    both = {"display_value": "CHG0000002", "value": "CHG0000002"}
    for rows in ([{"number": both, "state": both}], [{"number": both, "state": both}] * 2):
        now.instead = Reply({"result": rows})
        assert "other records than CHG0000001" in no_change(now, "CHG0000001")


def test_a_field_of_another_kind_is_unread(now: ServiceNow) -> None:
    text = {"display_value": "CHG0000001", "value": "CHG0000001"}
    now.instead = Reply({"result": [{"number": text, "state": text, "approval": {"display_value": [], "value": 3}}]})
    assert "cannot be compared" in no_change(now, "CHG0000001", fields={"approval": "approved"})


def test_a_pattern_that_finds_more_than_numbers_asks_nobody(jira: Jira, now: ServiceNow) -> None:
    for pattern, reason in ((".+", "../../user?x"), ("OPS-[^ ]+", "OPS-1/../2"), ("\u0131nc-[0-9]", "\u0131nc-1")):
        assert "no number of a ticket" in no_issue(jira, reason, find=pattern)
        assert "no number of a ticket" in no_change(now, reason, find=pattern)
    assert jira.asked == now.asked == []


@given(reason=REASONS, pattern=st.sampled_from([".+", "(?s).*", "CHG[^ ]+", "CHG[0-9]+", "[A-Z]+-?[0-9]+", r"\S+"]))
@example("CHG0000001^ORnumber=CHG0000002", ".+")
@example("OPS-7/../OPS-8", r"\S+")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_reason_and_no_pattern_can_change_a_question(jira: Jira, now: ServiceNow, reason: str, pattern: str) -> None:
    for read in (lambda: issue(jira, reason, find=pattern), lambda: change(now, reason, find=pattern)):
        try:
            assert read() is False
        except FactUnavailable as error:
            assert "ticket" in str(error)
    for asked in jira.asked:
        name = asked.path.removeprefix("/rest/api/3/issue/")
        assert name.replace("-", "").replace("_", "").isalnum() and name.isascii()
        assert asked.query == {"fields": ["status"]}
    for asked in now.asked:
        assert asked.path == "/api/now/table/change_request"
        assert asked.one("sysparm_query").removeprefix("number=").isalnum()
        assert set(asked.query) == {
            "sysparm_query",
            "sysparm_fields",
            "sysparm_display_value",
            "sysparm_exclude_reference_link",
            "sysparm_limit",
        }


def test_what_is_asked_of_a_text_cannot_be_compared() -> None:
    arguments = {"in": "OPS-7", "find": "OPS-[0-9]+", "as": "text", "url": "https://a.example"}
    for more in ({"status": "x"}, {"names": "x"}, {"fields": {"a": "x"}}, {"window": {"from": "a", "to": "b"}}):
        with pytest.raises(ValidationError, match="nothing is compared") as caught:
            IssueSource.Arguments.model_validate(arguments | more)
        assert caught.value.errors()[0]["loc"] == tuple(more)
