"""`jitbot doctor` reads every fact and rota that can be read without a request, and says what to do where it cannot."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jitbot.cli.doctor_facts import facts
from jitbot.cli.finding import Finding
from jitbot.compose import load_policies
from jitbot.settings import OFFLINE_SOURCES, Settings
from tests.servers import AServer

POLICY = """
team: payments
channel: "#payments"
actions:
  restart:
    title: Restart
    runner: command
    with: {{argv: [/bin/true, "{{service}}"]}}
    parameters: {{service: {{type: text}}}}
    requesters: [group:engineering]
    facts:
      open: {{source: http.json, url: "{url}/open", value: $.n, as: integer}}
      down: {{source: http.json, url: "{url}/down", value: $.n, as: integer}}
      away: {{source: http.json, url: "https://elsewhere.example", value: $.n, as: integer}}
      closed: {{source: http.json, url: "{url}/closed", value: $.n, as: integer}}
      keyed: {{source: http.json, url: "{url}/open", headers: {{X-Key: {{secret: acme}}}}, value: $.n, as: integer}}
      many: {{source: http.json, url: "{url}/open", value: $.ids, as: texts}}
      theirs: {{source: http.json, url: "{url}/open", query: {{of: "{{service}}"}}, value: $.n, as: integer}}
      mine: {{source: history.count, of: requester, per: 1h}}
    rules:
      - {{when: facts.open > 0 && facts.mine < 3, allow: true}}
"""


@pytest.fixture
def findings(a_server: Callable[[], AServer], tmp_path: Path) -> dict[str, Finding]:
    server = a_server()
    server.answers["/open"] = (200, {}, b'{"n": 3, "ids": ["a", "b"]}')
    server.answers["/down"] = (503, {}, b"")
    server.answers["/closed"] = (401, {}, b"")
    (tmp_path / "payments.yml").write_text(POLICY.format(url=server.url))
    (tmp_path / "people.yml").write_text("groups: {engineering: [U0ANN]}")
    settings = Settings(facts=(*OFFLINE_SOURCES, "http.json"), http_hosts=(server.host,), policies=tmp_path)
    found = list(facts(settings, load_policies(tmp_path, settings).policy))
    assert len(server.seen) == 4, "what only a request completes is not asked"
    return {each.subject.split(" for ")[-1].split(" (")[0]: each for each in found}


@pytest.mark.parametrize(
    ("name", "good", "said", "advice"),
    [
        ("facts", True, "history.count, history.last, history.success_rate, http.json", ""),
        ("open", True, "answers: 3", ""),
        ("many", True, "answers: 2 of them", ""),
        ("theirs", True, "is read when somebody asks; it needs {service}", ""),
        ("mine", True, "it needs {request.action}, {request.id}, {request.target}, {requester.id}", ""),
        ("down", False, "it answers 503", "Try its address from this machine"),
        ("away", False, "may not talk to elsewhere.example", "JITBOT_HTTP_HOSTS"),
        ("closed", False, "does not accept our credentials (401)", "may be wrong or have run out"),
        ("keyed", False, "set JITBOT_SECRET_ACME", "an error never loosens"),
    ],
)
def test_each_fact_has_a_line(findings: dict[str, Finding], name: str, good: bool, said: str, advice: str) -> None:
    assert (findings[name].good, bool(findings[name].advice)) == (good, bool(advice))
    assert said in findings[name].said
    assert advice in findings[name].advice
    if name != "facts":
        assert "payments.yml:" in findings[name].subject


def test_a_source_that_is_not_installed_is_one_fault(tmp_path: Path) -> None:
    from jitbot.model import Policy

    [only] = facts(Settings(facts=("nowhere",), policies=tmp_path), Policy())
    assert not only.good
    assert "allowed but not installed" in only.said
    assert "JITBOT_FACTS" in only.advice
