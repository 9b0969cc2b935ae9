"""Live facts: read before deciding, typed at load, shown with their age, and never guessed when they cannot be read."""

import re
import threading

import pytest

from jitbot.explain import explain
from jitbot.model import State, UserId
from tests.town import ANN, BO, CY, DI, PEOPLE, Town

FACTS = """
team: payments
channel: "#payments-oncall"
actions:
  restart:
    title: Restart a service
    runner: fake
    with: {what: "{service}", where: prod}
    parameters:
      service: {type: choice, options: [api, worker]}
    requesters: [group:engineering]
    facts:
      incidents: {source: fake, name: incidents, about: "{service} for {requester.id}: {request.reason}"}
    rules:
      - {name: no incident, when: facts.incidents == 0, deny: There is no incident.}
      - {name: during an incident, when: "'primary' in requester.on_call && facts.incidents > 0", allow: true}
      - {name: one on call, review: [{from: [oncall:primary]}]}
"""
ON_CALL = """
on_call:
  primary: {source: fake, name: primary, as: people}
"""


@pytest.fixture
def live(town: Town) -> Town:
    """Give a town whose policy looks at an incident count and at who is on call."""
    town.facts.values = {"incidents": 2, "primary": frozenset({"U0BO", "cy@example.com"})}
    town.directory.emails = {"cy@example.com": CY}
    town.files = {"payments.yml": FACTS, "people.yml": PEOPLE + ON_CALL}
    town.service.book.reload()
    assert town.book.fault == ""
    return town


def tree(town: Town, request: object) -> str:
    decision = town.see(request).decision  # type: ignore[arg-type]
    assert decision is not None
    return explain(decision, str)


def test_a_fact_and_a_shift_decide(live: Town) -> None:
    assert live.state(live.ask(BO, "restart", service="api")) is State.SUCCEEDED
    assert live.state(live.ask(ANN, "restart", service="api")) is State.PENDING
    live.facts.values["incidents"] = 0
    live.forward(minutes=1)
    assert live.state(live.ask(BO, "restart", service="api")) is State.DENIED


def test_whoever_is_on_call_by_e_mail_may_approve(live: Town) -> None:
    request = live.ask(ANN, "restart", service="api")
    assert "cannot" in live.approve(DI, request).text or live.state(request) is State.PENDING
    live.approve(CY, request)
    assert live.state(request) is State.SUCCEEDED


def test_arguments_are_filled_with_what_was_asked(live: Town) -> None:
    live.ask(ANN, "restart", service="worker", reason="INC-7 {service}")
    asked = next(each for each in live.facts.seen if each.name == "incidents")
    assert asked.about == "worker for U0ANN: INC-7 {service}", "what people type is never taken for a template"


def test_the_decision_shows_what_was_seen_and_how_old_it_is(live: Town) -> None:
    live.ask(ANN, "restart", service="api")
    live.forward(seconds=12)
    shown = tree(live, live.ask(ANN, "restart", service="api"))
    assert re.search(r"facts\.incidents is 2 \(1[2-9] s old\)", shown), shown
    assert len([each for each in live.facts.seen if each.name == "incidents"]) == 1


def test_a_source_that_is_down_is_unknown_not_nobody_and_people_decide(live: Town) -> None:
    live.facts.down = True
    request = live.ask(BO, "restart", service="api")
    assert live.state(request) is State.DENIED, "the denial might hold, and an error never loosens"
    assert "facts.incidents could not be read (fake: it does not answer)" in tree(live, request)
    live.edit("      - {name: no incident, when: facts.incidents == 0, deny: There is no incident.}\n", "")
    request = live.ask(ANN, "restart", service="api")
    assert live.state(request) is State.PENDING
    assert "requester.on_call could not be read" in tree(live, request)
    decision = live.see(request).decision
    assert decision is not None and "oncall:primary" in decision.unread
    live.facts.down = False
    live.forward(minutes=1)
    live.approve(BO, request)
    assert live.state(request) is State.SUCCEEDED


def test_not_being_on_call_is_not_concluded_from_silence(live: Town) -> None:
    live.edit(
        "when: \"'primary' in requester.on_call && facts.incidents > 0\", allow: true",
        "when: \"!('primary' in requester.on_call)\", allow: true",
    )
    assert live.state(live.ask(ANN, "restart", service="api")) is State.SUCCEEDED
    live.facts.down = True
    live.forward(minutes=1)
    live.edit(
        "{name: no incident, when: facts.incidents == 0, deny: There is no incident.}",
        "{when: 'false', deny: true}",
    )
    assert live.state(live.ask(ANN, "restart", service="api")) is State.PENDING


def test_a_fact_that_nothing_looks_at_is_not_read(live: Town) -> None:
    live.edit("facts.incidents == 0", "params.service == 'worker'")
    live.edit("&& facts.incidents > 0", "")
    live.ask(ANN, "restart", service="api")
    assert [each.name for each in live.facts.seen] == ["primary"]


def test_an_argument_that_the_source_cannot_take_leaves_the_fact_unread(live: Town) -> None:
    live.edit('name: incidents, about: "{service} for {requester.id}: {request.reason}"', 'name: "{requester.email}"')
    assert "has no e-mail address" in tree(live, live.ask(BO, "restart", service="api"))
    live.edit('name: "{requester.email}"', 'name: "{request.reason}"')
    shown = tree(live, live.ask(BO, "restart", service="api", reason="no name at all"))
    assert "could not be read (String should match" in shown
    live.sources.gone = True
    assert "not installed here any more" in tree(live, live.ask(BO, "restart", service="api", reason="INC-1"))


def test_groups_nest_and_hold_shifts(live: Town) -> None:
    live.write("people.yml", PEOPLE.replace("oncall: [U0BO, U0CY]", "oncall: [group:leads, oncall:primary]") + ON_CALL)
    live.edit("from: [oncall:primary]", "from: [group:oncall]")
    assert live.book.fault == ""
    facts = live.service._facts.read(live.book.policy, "restart", [ANN])
    assert facts.members["group:oncall"] == {BO, CY, DI}
    live.facts.down = True
    live.forward(minutes=1)
    facts = live.service._facts.read(live.book.policy, "restart", [ANN])
    assert "group:oncall" not in facts.members
    assert "it does not answer" in facts.unread["group:oncall"]


def test_a_rota_that_is_gone_from_the_policies_names_nobody(live: Town) -> None:
    facts = live.service._facts.read(live.book.policy, "restart", [ANN])
    assert facts.members["oncall:primary"] == {BO, CY}
    live.files = {**live.files, "people.yml": PEOPLE}
    live.service.book.reload()
    assert "'primary' is not defined" in live.book.fault, "the last good set stays"


def test_one_question_is_asked_once_however_many_wait_for_it(live: Town) -> None:
    asked = threading.Event()
    go = threading.Event()

    def slow(arguments: object) -> None:
        asked.set()
        go.wait(5)

    live.facts.on_read = slow
    users = [UserId("U0ANN"), UserId("U0CY"), UserId("U0DI")]
    threads = [
        threading.Thread(target=lambda user=user: live.service._facts.read(live.book.policy, "restart", [user]))
        for user in users
    ]
    for thread in threads:
        thread.start()
    assert asked.wait(5)
    go.set()
    for thread in threads:
        thread.join()
    assert len([each for each in live.facts.seen if each.name == "primary"]) <= 2


def test_memory_does_not_grow_without_end(live: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitbot.service.memory.MOST_KEPT", 1)
    for service in ("api", "worker", "api"):
        live.ask(ANN, "restart", service=service)
    assert len(live.service._facts._memory._kept) == 1
