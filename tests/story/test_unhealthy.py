"""A rollback that makes things worse: a real Alertmanager sees it, and jitbot takes it back by itself."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jitbot.cli.demo import Demo
from tests.monitoring import Monitor, alertmanager
from tests.story.test_the_demo import CHANNEL, audit, card

POLICY = """
team: checkout
channel: "#checkout-oncall"
actions:
  back:
    title: Roll checkout back
    runner: command
    with:
      argv: [python, -m, jitbot.cli.demo_service.ctl, rollback]
      undo_argv: [python, -m, jitbot.cli.demo_service.ctl, roll-forward]
      plan_argv: [python, -m, jitbot.cli.demo_service.ctl, plan, rollback]
      env: [DEMO_SERVICE_URL]
      refused: [3]
      target: checkout
    risk: high
    requesters: [group:engineering]
    facts:
      firing: {source: alertmanager.firing, url: "%s", match: {service: checkout}}
    verify: {for: 1m, every: 5s, unhealthy_when: facts.firing > before.facts.firing}
    rules:
      - {name: who is on call may, when: "'checkout-oncall' in requester.groups", allow: true}
"""


@pytest.fixture
def alerts(tmp_path: Path) -> Iterator[Monitor]:
    with alertmanager(tmp_path / "alertmanager") as running:
        running.alert(alertname="DiskFillsUp", service="checkout")
        yield running


@pytest.fixture
def watched(tmp_path: Path, alerts: Monitor) -> Iterator[Demo]:
    policies = tmp_path / "policies"
    shutil.copytree("policies", policies)
    (policies / "back.yml").write_text(POLICY % alerts.url)
    settings = {"JITBOT_HTTP_HOSTS": alerts.host, "JITBOT_FACTS": "alertmanager.firing"}
    with Demo(port=0, folder=tmp_path / "demo", policies=policies, settings=settings) as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log


@pytest.mark.timeout(180)
def test_a_rollback_that_sets_off_an_alert_is_taken_back_by_itself(watched: Demo, alerts: Monitor) -> None:
    bo = watched.slack.person("U0BO")
    before = watched.service.state()["release"]
    bo.command(CHANNEL, '/jit back reason="INC-482 carts are empty"')
    card(bo, "Roll checkout back", "started and watched, ends", "Watched  for 1 min; undone when")
    assert watched.service.state()["release"] != before

    alerts.alert(alertname="CheckoutErrors", service="checkout")
    card(bo, "Roll checkout back", "unhealthy, ", "facts.firing is 2 (1 before the start)", timeout=60)
    bo.wait_for(lambda: watched.service.state()["release"] == before, "the release from before", timeout=30)

    now = datetime.now(UTC)
    times = {"startsAt": (now - timedelta(minutes=1)).isoformat(), "endsAt": now.isoformat()}
    alerts.post("/api/v2/alerts", [{"labels": {"alertname": "CheckoutErrors", "service": "checkout"}, **times}])
    card(bo, "Roll checkout back", "↩️", "afterwards healthy again", timeout=60)
    verified = audit(watched, "verify")
    assert verified.returncode == 0, verified.stderr
