"""Asking other systems: what goes wrong is said in words, and nothing leads us elsewhere."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from jitbot.errors import FactUnavailable, NotGranted
from jitbot.facts import client
from jitbot.facts.client import Client, with_query
from jitbot.outbound.links import next_link
from jitbot.outbound.site import EnvironmentSite
from tests.servers import AServer

Start = Callable[[], AServer]


def asking(server: AServer, **more: Any) -> Client:
    return Client(EnvironmentSite([server.host], {}), **more)


def test_a_json_answer_is_read_with_query_and_headers(a_server: Start) -> None:
    server = a_server()
    server.answers["/v1/x?a=1&b=x+y&ids%5B%5D=1&ids%5B%5D=2"] = (200, {}, b'{"n": 3}')
    asked = asking(server, headers={"Authorization": "Bearer t"})
    assert asked.json(f"{server.url}/v1/x?a=1", {"b": "x y", "ids[]": [1, 2]}) == {"n": 3}
    assert server.seen[0].headers["authorization"] == "Bearer t"


def test_a_question_with_a_body_is_a_post(a_server: Start) -> None:
    server = a_server()
    server.answers["/q"] = (200, {}, b"[]")
    assert asking(server).json(f"{server.url}/q", body={"a": 1}) == []
    assert (server.seen[0].method, json.loads(server.seen[0].body)) == ("POST", {"a": 1})


def test_a_page_is_read_as_text(a_server: Start) -> None:
    server = a_server()
    server.answers["/cal"] = (200, {}, "BEGIN:VCALENDAR ü".encode())
    assert asking(server).text(f"{server.url}/cal") == "BEGIN:VCALENDAR ü"


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (401, {}, "does not accept our credentials"),
        (403, {}, "may not read this"),
        (404, {}, "does not know what we asked for"),
        (429, {}, r"asked too often \(429\)$"),
        (429, {"Retry-After": "30"}, "wants us to wait 30 s"),
        (302, {"Location": "http://127.0.0.1/"}, "sends us elsewhere"),
        (500, {}, "it answers 500"),
    ],
)
def test_a_refusal_is_said_in_words(a_server: Start, status: int, headers: dict[str, str], words: str) -> None:
    server = a_server()
    server.answers["/x"] = (status, headers, b"")
    with pytest.raises(FactUnavailable, match=words):
        asking(server).json(f"{server.url}/x")
    assert len(server.seen) == 1


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"", b"[" * 100_000])
def test_nonsense_is_no_answer(a_server: Start, body: bytes) -> None:
    server = a_server()
    server.answers["/x"] = (200, {}, body)
    with pytest.raises(FactUnavailable, match="no JSON"):
        asking(server).json(f"{server.url}/x")


def test_an_endless_answer_is_none(a_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_BYTES", 10)
    server = a_server()
    server.answers["/x"] = (200, {}, b"1" * 11)
    for ask in (asking(server).json, asking(server).text):
        with pytest.raises(FactUnavailable, match="longer than 10 bytes"):
            ask(f"{server.url}/x")


def test_a_silent_server_ends_at_the_deadline(a_rude_server: Any) -> None:
    host = a_rude_server(lambda connection: connection.recv(1))
    with pytest.raises(FactUnavailable, match="does not answer: no whole answer within"):
        Client(EnvironmentSite([host], {}), seconds=0.2).json(f"http://{host}/x")


def test_the_deadline_is_for_all_questions_together(a_server: Start) -> None:
    server = a_server()
    asked = asking(server, seconds=0)
    with pytest.raises(FactUnavailable, match="no answer within 0 s"):
        asked.json(f"{server.url}/x")
    assert server.seen == []


def test_only_allowed_hosts_are_asked(a_server: Start) -> None:
    server, other = a_server(), a_server()
    with pytest.raises(NotGranted, match="may not talk to"):
        asking(server).json(f"{other.url}/x")
    assert other.seen == []


def test_pages_are_followed_by_their_links_and_not_elsewhere(a_server: Start) -> None:
    server, other = a_server(), a_server()
    following = f'<{server.url}/p?page=0>; rel="prev", <{server.url}/p?page=2>; rel="next"'
    server.answers["/p?page=1"] = (200, {"Link": following}, b"[1]")
    server.answers["/p?page=2"] = (200, {}, b"[2]")
    assert list(asking(server).linked_pages(f"{server.url}/p", {"page": 1})) == [[1], [2]]
    server.answers["/p?page=2"] = (200, {"Link": f"<{other.url}/p>; rel=next"}, b"[2]")
    with pytest.raises(NotGranted):
        list(asking(server).linked_pages(f"{server.url}/p", {"page": 1}))


def test_pages_without_end_are_no_answer(a_server: Start) -> None:
    server = a_server()
    server.answers["/p"] = (200, {"Link": f"<{server.url}/p>; rel=next"}, b"[]")
    with pytest.raises(FactUnavailable, match="more than 50 pages"):
        list(asking(server).linked_pages(f"{server.url}/p"))


def test_links_and_queries_are_read_as_they_are_written() -> None:
    assert next_link("") == ""
    assert next_link("nonsense; rel=next") == ""
    assert with_query("http://a/b?c=d%26", {}) == "http://a/b?c=d%26"
    assert with_query("http://a/b?c=d%26&e=", {"f": "g h"}) == "http://a/b?c=d%26&e=&f=g+h"
