"""Every decision is on record with the whole tree of its reasons, and can be read there."""

from typing import Any

import pytest

from jitbot.cli.record import show
from jitbot.model import DeliveryKind, Request, State
from tests.town import ANN, BO, EVE, POLICY, Town


def trees(town: Town, request: Request) -> list[tuple[str, str]]:
    """Return the kind and the heading of every decision of a request on record."""
    bodies = [(event.kind, event.body) for event in town.trail.events(request.id)]
    found = [(kind, body.get("decision") or body.get("changes", {}).get("decision")) for kind, body in bodies]
    return [(kind, decision["tree"]["label"]) for kind, decision in found if decision]


def test_what_is_allowed_is_on_record_when_it_was_asked_and_when_it_ran(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="staging")
    assert trees(town, request) == [("allow", "ALLOWED"), ("start", "ALLOWED")]


def test_what_waits_is_approved_and_runs_is_on_record_three_times(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    assert trees(town, request) == [("ask", "ASK 2 PEOPLE"), ("counted", "ASK ONE PERSON")]


def test_what_is_refused_is_on_record(town: Town) -> None:
    town.edit("allow: true}\n      - name: prod", "deny: Not today.}\n      - name: prod")
    request = town.ask(ANN, "restart", service="api", env="staging")
    assert trees(town, request) == [("deny", "REFUSED")]


def test_what_is_decided_anew_is_on_record(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.files = {**town.files, "payments.yml": POLICY.replace("count: 1}]", "count: 2}]")}
    town.reload()
    assert trees(town, request) == [("ask", "ASK ONE PERSON"), ("redecided", "ASK 2 PEOPLE")]


@pytest.mark.parametrize("who", [EVE, ANN], ids=["an outsider", "the requester"])
def test_what_is_refused_at_the_click_is_on_record(town: Town, who: Any) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve(who, request)
    assert trees(town, request)[1:] == [("refused", "ASK ONE PERSON")]
    assert town.state(request) is State.PENDING


def test_a_click_that_comes_too_late_needs_no_decision(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="staging")
    town.do(DeliveryKind.APPROVE, BO, request.id, revision=1)
    assert town.kinds(request)[-1] == "refused"
    assert trees(town, request)[-1][0] == "start"


def test_what_is_refused_just_before_the_run_is_on_record(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.service.intake.work(town.take_in(DeliveryKind.APPROVE, BO, request.id, revision=1))
    town.edit("        review: [{from: [group:oncall], count: 1}]", "        deny: Not in prod.")
    town.settle()
    assert trees(town, request)[-1] == ("deny", "REFUSED")
    assert town.see(request).policy_digest == town.book.policy.digest


def test_the_record_of_one_request_is_printed_with_its_reasons(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.approve(EVE, request)
    town.approve(BO, request)
    show(town.trail, request=request.name, after=0, limit=100, as_json=False)
    said = capsys.readouterr().out
    assert "  ask  by policy\n       ASK ONE PERSON · prod needs one on call · payments.yml:16\n" in said
    assert "staging is self-serve   payments.yml:15   params.env is 'prod'" in said
    assert f"refused  by {EVE}  You can't review {request.name}." in said
    assert said.count("ASK ONE PERSON") == 1
    assert said.count("ALLOWED") == 1


def test_the_whole_record_says_which_policies_came_into_force(
    town: Town, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    town.files = {**town.files, "payments.yml": POLICY.replace("count: 1}]", "count: 2}]")}
    town.reload()
    town.files = {**town.files, "payments.yml": "team: payments\n"}
    town.reload()
    show(town.trail, request="", after=0, limit=100, as_json=False)
    said = capsys.readouterr().out
    assert f"set {town.book.policy.digest[:12]} is in force; changed rule “prod needs one on call” of restart" in said
    assert "policies_broken" in said
