"""The look ahead at the bottom of a form, in a browser: it changes as fields change.

With PICTURES=FOLDER in the environment, a picture of each is taken.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jitbot.cli.demo import Demo
from tests.browser.test_demo_story import Window

pytestmark = pytest.mark.browser

TUNE = """
team: checkout
channel: "#checkout-oncall"
actions:
  restart:
    title: Restart checkout
    runner: command
    with:
      argv: [python, -m, jitbot.cli.demo_service.ctl, restart]
      plan_argv: [python, -m, jitbot.cli.demo_service.ctl, plan, restart]
      env: [DEMO_SERVICE_URL]
      target: "checkout {env}"
    parameters:
      env: {type: choice, label: Environment, options: [staging, prod, vault]}
    requesters: [group:engineering]
    rules:
      - {name: staging is self-serve, when: params.env == 'staging', allow: true}
      - {name: the vault is closed, when: params.env == 'vault', deny: "The vault is closed. Ask #security."}
      - name: prod needs two people
        review:
          - {from: [group:checkout-oncall], count: 1}
          - {from: [group:checkout-leads], count: 1}
"""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    folder = tmp_path / "policies"
    folder.mkdir()
    shutil.copy("policies/people.yml", folder)
    (folder / "checkout.yml").write_text(TUNE)
    with Demo(port=0, folder=tmp_path / "demo", policies=folder) as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log


def choose(window: Window, option: str) -> None:
    window.form().get_by_role("combobox", name="Environment").click()
    window.page.get_by_role("option", name=option).click()


def test_the_form_says_what_will_come_of_it_as_its_fields_change(chromium: Any, demo: Demo) -> None:
    ann = Window(chromium, demo, "U0ANN")
    ann.type("/jit restart")
    form = ann.form()
    form.get_by_text("Once all is filled in rightly").wait_for()
    form.get_by_label("Why").fill("INC-482")
    for option, words in (
        ("staging", "✅ Runs at once: staging is self-serve."),
        ("prod", "⏳ Asks one of checkout-oncall (bo or flo) and one of checkout-leads (cy, di or eve)."),
        ("vault", "⛔ Refused now: The vault is closed. Ask #security."),
        ("staging", "✅ Runs at once: staging is self-serve."),
    ):
        choose(ann, option)
        form.get_by_text(words).wait_for()
        ann.picture(f"preview-{option}")
    assert form.get_by_text("Refused now").count() == 0
    assert form.get_by_label("Why").input_value() == "INC-482"
    ann.close()
