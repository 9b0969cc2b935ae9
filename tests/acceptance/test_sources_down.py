"""Real sources whose far side is down, slow or talks nonsense: nothing is loosened, the card says which, in time."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from jitbot.explain import explain
from jitbot.facts import client
from jitbot.facts.alertmanager import AlertmanagerFiring
from jitbot.facts.http_json import HttpJson
from jitbot.facts.prometheus import PrometheusQuery
from jitbot.model import State
from jitbot.outbound.site import EnvironmentSite
from jitbot.service.facts import DEADLINE
from jitbot.testing import FarSide, Reply
from jitbot.testing.far_side import far_side
from tests.town import ANN, CY, PEOPLE, Town

IMPATIENT = 0.3
FACTS = ("facts.open", "facts.errors", "facts.firing")
POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    title: Restart a service
    runner: fake
    with: {what: "{service}", where: prod}
    parameters:
      service: {type: choice, options: [api, worker, web]}
    requesters: [group:engineering]
    facts:
      open: {source: http.json, url: "URL/open", query: {of: "{service}"}, value: $.n, as: integer}
      errors: {source: prometheus.query, url: "URL", query: "errors{{s=$s}}", with: {s: "{service}"}}
      firing: {source: alertmanager.firing, url: "URL", match: {service: "{service}"}}
    rules:
      - {name: nothing is open, when: facts.open == 0, allow: true}
      - {name: few errors, when: facts.errors < 1.0, allow: true}
      - {name: nothing fires, when: facts.firing == 0, allow: true}
      - {name: somebody decides, review: [{from: [group:oncall]}]}
"""
DENYING = """
guardrails:
  - name: not while it burns
    when: facts.burning > 0
    deny: Something is on fire.
facts:
  burning: {source: alertmanager.firing, url: "URL"}
"""


@pytest.fixture
def far() -> Iterator[FarSide]:
    with far_side() as server:
        server.say("/open", {"n": 0})
        server.say("/api/v1/query", {"status": "success", "data": {"resultType": "scalar", "result": [1, "0"]}})
        server.say("/api/v2/alerts", [])
        yield server


@pytest.fixture
def live(make_town: Callable[[], Town], far: FarSide) -> Iterator[Town]:
    """Give a town that asks three real sources."""
    town = make_town()
    site = EnvironmentSite([far.host], {})
    for name, source in [
        ("http.json", HttpJson(site)),
        ("prometheus.query", PrometheusQuery(site)),
        ("alertmanager.firing", AlertmanagerFiring(site)),
    ]:
        town.sources.add(name, source, site)
    town.write("payments.yml", POLICY.replace("URL", far.url))
    assert town.book.fault == ""
    yield town
    town.close()


def tree(town: Town, request: Any) -> str:
    decision = town.see(request).decision
    assert decision is not None
    return explain(decision, str)


def gone(far: FarSide) -> None:
    far.shutdown()
    far.server_close()


DOWN: dict[str, tuple[Callable[[FarSide], None], str]] = {
    "killed": (gone, "does not answer"),
    "hanging": (lambda far: far.spoil(Reply(manner="hang")), "no whole answer within"),
    "dripping": (lambda far: far.spoil(Reply(200, b" " * 400, manner="drip")), "no whole answer within"),
    "failing": (lambda far: far.spoil(Reply(500)), "it answers 500"),
    "busy": (lambda far: far.spoil(Reply(429, headers={"Retry-After": "30"})), "asked too often (429)"),
    "closed": (lambda far: far.spoil(Reply(401)), "does not accept our credentials (401)"),
    "a login page": (lambda far: far.spoil(Reply(200, b"<html>Log in</html>")), "the answer is no JSON"),
    "another answer": (lambda far: far.spoil(Reply(200, b'{"ok": true}')), "the answer "),
}


@pytest.mark.parametrize("how", DOWN)
def test_a_source_that_is_down_allows_nothing_and_is_named_with_why(
    live: Town, far: FarSide, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    assert live.state(live.ask(ANN, "restart", service="api")) is State.SUCCEEDED
    spoil, words = DOWN[how]
    spoil(far)
    if how in ("hanging", "dripping"):  # the others answer, however busy this machine is
        monkeypatch.setattr(client, "SECONDS", IMPATIENT)
    live.forward(minutes=1)
    request = live.ask(ANN, "restart", service="api")
    assert live.state(request) is State.PENDING
    decision = live.see(request).decision
    assert decision is not None
    assert set(FACTS) <= set(decision.unread)
    for fact in FACTS:
        assert f"{fact} could not be read (" in tree(live, request)
    assert words in tree(live, request)
    live.approve(CY, request)
    assert live.state(request) is State.SUCCEEDED, "people still decide"


@pytest.mark.parametrize("how", DOWN)
def test_a_denial_whose_source_is_down_may_hold(
    live: Town, far: FarSide, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    live.write("guardrails.yml", DENYING.replace("URL", far.url))
    assert live.state(live.ask(ANN, "restart", service="api")) is State.SUCCEEDED
    DOWN[how][0](far)
    monkeypatch.setattr(client, "SECONDS", IMPATIENT)
    live.forward(minutes=1)
    request = live.ask(ANN, "restart", service="api")
    assert live.state(request) is State.DENIED
    assert "facts.burning could not be read (" in tree(live, request)


def test_a_decision_comes_in_time_though_every_source_hangs(
    live: Town, far: FarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SECONDS", 60.0)
    far.spoil(Reply(manner="hang"))
    deadline = timedelta(seconds=0.4)
    monkeypatch.setattr(live.service._facts, "_deadline", deadline)
    begin = time.monotonic()
    request = live.ask(ANN, "restart", service="api")
    assert live.state(request) is State.PENDING
    assert time.monotonic() - begin < deadline.total_seconds() + 3, "far less than the sources would take"
    assert tree(live, request).count("could not be read (no answer in time)") == len(FACTS)
    live.ask(CY, "restart", service="api")
    assert len(far.asked) == len(FACTS), "who hangs is not asked the same again meanwhile"


def test_a_source_gives_up_before_a_decision_does() -> None:
    assert timedelta(seconds=4) <= DEADLINE
    assert DEADLINE.total_seconds() > client.SECONDS


@pytest.fixture
def stuck(live: Town) -> Iterator[Town]:
    """Give a town whose twenty rotas all hang."""
    go = threading.Event()
    live.facts.on_read = lambda arguments: go.wait(30) and None
    rotas = "".join(f"\n  r{number}: {{source: fake, name: r{number}, as: people}}" for number in range(20))
    live.write("people.yml", f"{PEOPLE}on_call:{rotas}\n")
    live.service._facts._deadline = timedelta(seconds=1)
    yield live
    go.set()


def test_a_source_that_hangs_keeps_no_other_waiting(stuck: Town) -> None:
    stuck.edit("when: facts.open == 0", "when: size(requester.on_call) > 20 || facts.open == 0")
    assert stuck.book.fault == ""
    stuck.ask(ANN, "restart", service="api")
    request = stuck.ask(ANN, "restart", service="web")
    assert stuck.state(request) is State.SUCCEEDED, tree(stuck, request)


@pytest.mark.parametrize("rule", ["'r0' in requester.on_call", "!('r0' in requester.on_call)"])
def test_a_rota_that_hangs_makes_who_is_on_call_unknown_and_people_decide(stuck: Town, rule: str) -> None:
    start, end = "      - {name: nothing is open", "      - {name: somebody decides"
    text = stuck.files["payments.yml"]
    rules = f'      - {{name: on call, when: "{rule}", allow: true}}\n'
    stuck.write("payments.yml", text[: text.index(start)] + rules + text[text.index(end) :])
    assert stuck.book.fault == ""
    request = stuck.ask(ANN, "restart", service="web")
    assert stuck.state(request) is State.PENDING, tree(stuck, request)
    assert "requester.on_call could not be read" in tree(stuck, request)
    stuck.approve(CY, request)
    assert stuck.state(request) is State.SUCCEEDED
