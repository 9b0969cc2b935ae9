"""`jitbot doctor` tries every secret that policies name: whether it can be read, and from where, never what it is."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from jitbot.cli.doctor_secrets import secrets
from jitbot.cli.finding import Finding
from jitbot.compose import load_policies
from jitbot.model import Policy
from jitbot.settings import OFFLINE_SOURCES, Settings

POLICY = """
team: payments
channel: "#payments"
actions:
  restart:
    title: Restart
    runner: http
    with:
      method: POST
      url: https://db.example/restart
      headers: {Authorization: {secret: db-api, prefix: "Bearer "}, X-Env: {secret: "env-{env}"}}
      undo: {method: DELETE, url: "https://db.example/restart", headers: {X-Key: {secret: short}}}
    parameters: {env: {type: choice, options: [a, b]}}
    requesters: [group:engineering]
    facts:
      incidents: {source: pagerduty.open_incidents, service: PX12}
      tickets: {source: pagerduty.open_incidents, service: PX13, secret: pager-eu}
      budget: {source: http.json, url: "https://b.example", headers: {X-Key: {secret: locked}}, value: $.n, as: integer}
    rules:
      - {when: facts.incidents > 0 && facts.tickets > 0 && facts.budget > 0, allow: true}
"""
PEOPLE = """
groups: {engineering: [U0ANN]}
on_call:
  primary: {source: ical.on_call, url_from: calendar}
"""


@pytest.fixture
def findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Finding]:
    policies, folder = tmp_path / "policies", tmp_path / "secrets"
    policies.mkdir()
    folder.mkdir(mode=0o700)
    for name, mode in (("db-api", 0o400), ("locked", 0o444)):
        (folder / name).write_text(f"sesame-of-{name}")
        (folder / name).chmod(mode)
    monkeypatch.setenv("JITBOT_SECRET_PAGERDUTY", "sesame-of-pagerduty")
    monkeypatch.setenv("JITBOT_SECRET_LOCKED", "an-older-sesame")
    monkeypatch.setenv("JITBOT_SECRET_SHORT", "abc")
    (policies / "payments.yml").write_text(POLICY)
    (policies / "people.yml").write_text(PEOPLE)
    settings = Settings(
        runners=("http",),
        facts=(*OFFLINE_SOURCES, "http.json", "pagerduty.open_incidents", "ical.on_call"),
        http_hosts=("db.example",),
        policies=policies,
        secrets=("file", "environment"),
        secrets_folder=folder,
    )
    return {each.subject: each for each in secrets(settings, load_policies(policies, settings).policy)}


@pytest.mark.parametrize(
    ("subject", "good", "said", "advice"),
    [
        ("secrets", True, "asked for in this order: file, environment", ""),
        ("secret db-api (action restart)", True, "can be read, from file", ""),
        ("secret pagerduty (pagerduty.open_incidents for incidents)", True, "can be read, from environment", ""),
        (
            "secret pager-eu (pagerduty.open_incidents for tickets)",
            False,
            "put it into the file pager-eu",
            "Until then",
        ),
        ("secret calendar (ical.on_call for primary)", False, "or set JITBOT_SECRET_CALENDAR", "Until then"),
        ("secret locked (http.json for budget)", False, "has mode 444", "never used by mistake"),
        ("secret short (action restart)", False, "too short", "Until then"),
        ("secret env-{env} (action restart)", True, "is read when somebody asks; it needs {env}", ""),
    ],
)
def test_each_secret_has_a_line(
    findings: Mapping[str, Finding], subject: str, good: bool, said: str, advice: str
) -> None:
    found = findings[subject]
    assert (found.good, bool(found.advice)) == (good, bool(advice))
    assert said in found.said
    assert advice in found.advice


def test_there_are_no_others_and_no_value_is_told(findings: Mapping[str, Finding]) -> None:
    assert len(findings) == 8
    assert not [each for each in findings.values() if "sesame" in f"{each.said}{each.advice}" or "abc" in each.said]


def test_a_store_that_cannot_be_opened_is_one_fault(tmp_path: Path) -> None:
    [only] = secrets(Settings(secrets=("nowhere",), policies=tmp_path), Policy())
    assert not only.good
    assert "allowed but not installed" in only.said
    assert "JITBOT_SECRETS" in only.advice
