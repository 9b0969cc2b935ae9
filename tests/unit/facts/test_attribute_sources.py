"""Attributes read over HTTP: SCIM users page by page, and any JSON; half an answer is no answer."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import ValidationError

from jitbot.errors import FactUnavailable, NotGranted
from jitbot.facts import scim
from jitbot.facts.http_attributes import HttpAttributes, HttpAttributesArguments
from jitbot.facts.scim import ScimArguments, ScimUsers
from jitbot.model import FactKind
from jitbot.outbound.site import EnvironmentSite
from tests.servers import AServer

Start = Callable[[], AServer]
NOW = datetime(2026, 11, 25, tzinfo=UTC)
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
TOKEN = "scim-token-1"


def site(server: AServer) -> EnvironmentSite:
    return EnvironmentSite([server.host], {"JITBOT_SECRET_SCIM": TOKEN})


def user(name: str, **more: Any) -> dict[str, Any]:
    return {"userName": name, "emails": [{"value": f"{name}@acme.example", "primary": True}], "active": True, **more}


def page(server: AServer, users: list[Any], total: int, start: int = 1, **query: str) -> None:
    asked = urlencode({"count": scim.PAGE, **query, "startIndex": start})
    body = {"totalResults": total, "startIndex": start, "itemsPerPage": len(users), "Resources": users}
    server.answers[f"/scim/v2/Users?{asked}"] = (200, {}, json.dumps(body).encode())


def users(server: AServer, **arguments: Any) -> Any:
    told = {"url": f"{server.url}/scim/v2", "attributes": {"role": "/title"}, **arguments}
    source = ScimUsers(site(server))
    assert source.kind(ScimArguments.model_validate(told)) is FactKind.ATTRIBUTES
    return source.read(ScimArguments.model_validate(told), NOW)


def test_users_are_read_page_by_page_with_our_token(a_server: Start) -> None:
    server = a_server()
    page(server, [user("ann", title="dba"), user("bo")], 3)
    page(server, [user("Cy", title=None)], 3, start=3)
    assert users(server) == {"ann@acme.example": {"role": "dba"}, "bo@acme.example": {}, "cy@acme.example": {}}
    assert [each.headers["authorization"] for each in server.seen] == [f"Bearer {TOKEN}"] * 2


def test_attributes_stand_anywhere_in_a_user(a_server: Start) -> None:
    server = a_server()
    extended = {ENTERPRISE: {"costCenter": "4711"}, "roles": [{"value": "dba"}, {"value": "sre"}], "pci": True}
    page(server, [user("ann", **extended)], 1)
    pointers = {"cost_center": f"/{ENTERPRISE}/costCenter", "roles": "/roles", "pci": "/pci", "first": "/roles/0/value"}
    found = users(server, attributes=pointers)
    assert found == {"ann@acme.example": {"cost_center": "4711", "roles": ["dba", "sre"], "pci": True, "first": "dba"}}


@pytest.mark.parametrize(
    ("account", "who"),
    [
        (user("ann", active=False), None),
        (user("ann", active="yes"), None),
        ({"userName": "ann@acme.example"}, "ann@acme.example"),
        ({"userName": "robot"}, None),
        ({"emails": [{"value": "a@x.example"}, {"value": "b@x.example", "primary": True}]}, "b@x.example"),
        ({"emails": [None, "x", {"value": 3}], "userName": 7}, None),
    ],
)
def test_whoever_is_active_and_has_an_address_is_known_by_it(a_server: Start, account: Any, who: str | None) -> None:
    server = a_server()
    page(server, [account], 1)
    assert list(users(server)) == ([who] if who else [])


@pytest.mark.parametrize("by", ["emails.value", "userName"])
def test_one_person_is_asked_for_by_address_and_others_are_not_believed(a_server: Start, by: str) -> None:
    server = a_server()
    address = 'a"nn\\@acme.example'
    asked = f'{by} eq "a\\"nn\\\\@acme.example"'
    mine = {"emails": [{"value": address.upper()}], "title": "dba"}
    page(server, [mine, user("bo", title="dba")], 2, filter=asked)
    assert users(server, email=address, filter_by=by) == {address: {"role": "dba"}}


def test_an_end_before_the_announced_number_is_no_end(a_server: Start) -> None:
    server = a_server()
    page(server, [user("ann")], 2)
    page(server, [], 2, start=2)
    with pytest.raises(FactUnavailable, match="announced 2 users and sent 1"):
        users(server)


def test_a_list_without_end_is_given_up(a_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scim, "MOST_PAGES", 1)
    server = a_server()
    page(server, [user("ann")], 2)
    with pytest.raises(FactUnavailable, match="more than 1 pages"):
        users(server)


def test_two_accounts_of_one_person_are_not_chosen_between(a_server: Start) -> None:
    server = a_server()
    page(server, [user("ann", title="dba"), user("ANN", title="sre")], 2)
    with pytest.raises(FactUnavailable, match=r"two accounts of ANN@acme.example"):
        users(server)


@pytest.mark.parametrize(
    "body", ["[]", "{}", '{"totalResults": "1"}', '{"totalResults": 1, "Resources": [1]}', "null", "<html>"]
)
def test_what_is_no_list_of_users_is_no_answer(a_server: Start, body: str) -> None:
    server = a_server()
    server.answers[f"/scim/v2/Users?count={scim.PAGE}&startIndex=1"] = (200, {}, body.encode())
    with pytest.raises(FactUnavailable):
        users(server)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "does not accept our credentials"), (429, "too often"), (500, "500")]
)
def test_a_refusal_is_said(a_server: Start, status: int, words: str) -> None:
    server = a_server()
    server.answers[f"/scim/v2/Users?count={scim.PAGE}&startIndex=1"] = (status, {}, b"")
    with pytest.raises(FactUnavailable, match=words):
        users(server)


def test_a_token_that_is_not_set_and_a_host_that_is_not_allowed_are_said(a_server: Start) -> None:
    server = a_server()
    told = ScimArguments(url=server.url, attributes={"role": "/title"})
    with pytest.raises(NotGranted, match="JITBOT_SECRET_SCIM"):
        ScimUsers(EnvironmentSite([server.host], {})).read(told, NOW)
    with pytest.raises(NotGranted, match="may not talk to"):
        ScimUsers(EnvironmentSite([], {"JITBOT_SECRET_SCIM": TOKEN})).read(told, NOW)


def test_pointers_and_urls_that_are_none_are_refused_at_load() -> None:
    for wrong in ({"attributes": {"role": "title"}}, {"attributes": {"Role": "/title"}}, {"url": "ftp://x"}):
        with pytest.raises(ValidationError):
            ScimArguments.model_validate({"url": "https://x", "attributes": {"role": "/title"}, **wrong})


def attributes(server: AServer, document: Any, **arguments: Any) -> Any:
    server.answers["/people"] = (200, {}, json.dumps(document).encode())
    told = HttpAttributesArguments.model_validate(
        {"url": f"{server.url}/people", "attributes": {"role": "/role"}, **arguments}
    )
    source = HttpAttributes(site(server))
    assert source.kind(told) is FactKind.ATTRIBUTES
    return source.read(told, NOW)


def test_people_are_the_keys_of_an_object(a_server: Start) -> None:
    found = attributes(a_server(), {"U0BO": {"role": "dba"}, "Cy@acme.example": {"role": None}, "U0DI": 3})
    assert found == {"U0BO": {"role": "dba"}, "cy@acme.example": {}, "U0DI": {}}


def test_people_are_a_list_somewhere_in_the_answer(a_server: Start) -> None:
    document = {"data": [{"mail": "bo@acme.example", "role": "dba"}]}
    found = attributes(a_server(), document, people="/data", person="/mail")
    assert found == {"bo@acme.example": {"role": "dba"}}


def test_people_are_values_of_an_object_with_their_own_ids(a_server: Start) -> None:
    document = {"17": {"slack": "U0BO", "role": "dba"}}
    assert attributes(a_server(), document, person="/slack") == {"U0BO": {"role": "dba"}}


def test_a_secret_and_a_query_go_along(a_server: Start) -> None:
    server = a_server()
    server.answers["/people?email=bo%2Bx%40acme.example"] = (200, {}, b"{}")
    assert attributes(server, {}, secret="scim", query={"email": "bo+x@acme.example"}) == {}
    assert server.seen[-1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("document", "arguments", "words"),
    [
        ([], {}, "`person` has to say where"),
        ("x", {"person": "/id"}, "at the top is no people"),
        ({}, {"people": "/data"}, "nothing at /data"),
        ([{"role": "dba"}], {"person": "/id"}, "somebody has nothing at /id"),
        ([{"id": ""}], {"person": "/id"}, "somebody has nothing at /id"),
        ([{"id": "U0BO"}, {"id": "U0BO"}], {"person": "/id"}, "two accounts of U0BO"),
    ],
)
def test_what_names_nobody_for_certain_is_no_answer(
    a_server: Start, document: Any, arguments: dict[str, str], words: str
) -> None:
    with pytest.raises(FactUnavailable, match=words):
        attributes(a_server(), document, **arguments)
