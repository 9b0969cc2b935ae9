"""The story of the demo in a browser: what a person sees and presses, from the question to the end of the privilege.

With PICTURES=FOLDER in the environment, the pictures of the README are taken on the way.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jitbot.cli.demo import Demo

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("the demo in a browser")]  # one demo serves all

PICTURES = os.environ.get("PICTURES")
WINDOW = {"width": 1180, "height": 820}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with Demo(port=0, folder=tmp_path_factory.mktemp("demo"), policies=Path("policies")) as running:
        yield running
    log = running.log.read_text()
    assert "Traceback" not in log, log


@pytest.fixture
def name(demo: Demo) -> str:
    """Return how the next request will be called."""
    said = json.dumps(demo.slack.person("U0ANN").messages("C0ONCALL"))
    return f"JIT-{max((int(number) for number in re.findall('JIT-([0-9]+)', said)), default=0) + 1}"


class Window:
    """One person's window on the local Slack."""

    def __init__(self, browser: Any, demo: Demo, user: str, scheme: str = "light") -> None:
        self._context = browser.new_context(viewport=WINDOW, color_scheme=scheme)
        self.page = self._context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.goto(f"{demo.slack.url}/?as={user}&channel=C0ONCALL")

    def type(self, text: str) -> None:
        """Type into the channel's composer and send it."""
        self.page.get_by_role("combobox", name="Message #checkout-oncall").fill(text)
        self.page.keyboard.press("Enter")

    def form(self) -> Any:
        return self.page.get_by_role("dialog")

    def card(self, name: str) -> Any:
        """Return the card of one request: the message that carries its buttons."""
        return self.page.locator("[data-ts]").filter(has_text=name).filter(has=self.page.get_by_role("button")).first

    def press(self, name: str, button: str) -> None:
        self.card(name).get_by_role("button", name=button, exact=True).click()

    def confirm(self, button: str) -> None:
        """Answer the question that a button asks first."""
        self.page.get_by_role("alertdialog").get_by_role("button", name=button, exact=True).click()

    def sees(self, name: str, *words: str) -> None:
        for word in words:
            self.card(name).get_by_text(word).first.wait_for()

    def picture(self, name: str) -> None:
        if PICTURES:
            self.page.wait_for_timeout(400)
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png")

    def close(self) -> None:
        self._context.close()


def test_a_restart_is_asked_for_in_a_form_approved_by_another_and_really_happens(
    chromium: Any, demo: Demo, name: str
) -> None:
    ann, bo = Window(chromium, demo, "U0ANN"), Window(chromium, demo, "U0BO")
    before = demo.service.state()["pid"]

    ann.type("/jit restart")
    form = ann.form()
    form.get_by_label("Why").fill("INC-482: checkout answers slowly since 14:05")
    form.get_by_text("Asks one of checkout-oncall").wait_for()
    ann.picture("form")
    form.get_by_role("button", name="Ask").click()

    bo.sees(name, "Restart checkout", "INC-482: checkout answers slowly since 14:05", "waits for approval")
    bo.picture("card")
    bo.press(name, "Approve")
    bo.sees(name, "done in", "approved by bo")
    after = demo.service.state()["pid"]
    assert after != before
    ann.sees(name, f"process {before} ended, process {after} serves")
    bo.picture("done")

    service = chromium.new_page()
    service.goto(demo.service.url)
    service.get_by_text(str(after)).first.wait_for()
    service.close()
    ann.close()
    bo.close()


def test_a_privilege_is_held_for_a_minute_and_then_really_gone(chromium: Any, demo: Demo, name: str) -> None:
    bo = Window(chromium, demo, "U0BO", scheme="dark")
    bo.type('/jit admin login=bo for=8s reason="look at a stuck cart"')
    bo.sees(name, "Admin of checkout", "ends", "Drop now")
    assert "bo" in demo.service.state()["admins"]
    bo.picture("held")
    bo.page.locator("[data-ts]").filter(has_text="ended on time").first.wait_for()
    assert "bo" not in demo.service.state()["admins"]
    bo.close()


def test_a_request_is_denied_with_a_reason(chromium: Any, demo: Demo, name: str) -> None:
    ann, bo = Window(chromium, demo, "U0ANN"), Window(chromium, demo, "U0BO")
    ann.type('/jit restart reason="it feels slow"')
    bo.press(name, "Deny…")
    bo.form().get_by_role("textbox").fill("wait for the 15:00 backup")
    bo.form().get_by_role("button", name="Deny").click()
    ann.sees(name, "denied", "wait for the 15:00 backup")
    assert demo.service.state()["events"] is not None
    ann.close()
    bo.close()


def test_a_rollback_is_watched_and_taken_back_by_hand(chromium: Any, demo: Demo, name: str) -> None:
    ann, bo, cy = (Window(chromium, demo, user) for user in ("U0ANN", "U0BO", "U0CY"))
    before = demo.service.state()["release"]
    ann.type('/jit rollback severity="customers are affected" reason="INC-8 empty carts"')
    bo.sees(name, "Watched", "the runner finds it unhealthy")
    bo.press(name, "Approve")
    bo.confirm("Approve")
    cy.sees(name, "waits for approval, 1 of 2")
    cy.press(name, "Approve")
    cy.confirm("Approve")
    bo.sees(name, "started and watched, ends")
    assert demo.service.state()["release"] != before
    bo.picture("watched")
    ann.press(name, "Roll back now")
    ann.confirm("Undo it now")
    bo.sees(name, "rolled back by hand; afterwards healthy again")
    assert demo.service.state()["release"] == before
    bo.picture("rolled-back")
    for window in (ann, bo, cy):
        window.close()


def test_why_shows_the_tree_of_reasons(chromium: Any, demo: Demo, name: str) -> None:
    ann, bo = Window(chromium, demo, "U0ANN"), Window(chromium, demo, "U0BO")
    ann.type('/jit rollback severity="customers are affected" reason="INC-7 empty carts"')
    bo.press(name, "Details")
    bo.form().get_by_text("a rollback needs two people").first.wait_for()
    bo.picture("why")
    ann.close()
    bo.close()


def test_the_glass_is_broken_in_full_view_and_reviewed_afterwards(chromium: Any, demo: Demo, name: str) -> None:
    cy, di = Window(chromium, demo, "U0CY"), Window(chromium, demo, "U0DI")
    before = demo.service.state()["pid"]
    cy.type("/jit restart")
    form = cy.form()
    form.get_by_label("Why").fill("INC-9: checkout is down and nobody on call answers")
    form.get_by_label("Break the glass").check()
    form.get_by_text("Break-glass: runs at once").wait_for()
    cy.picture("glass-form")
    form.get_by_role("button", name="Ask").click()
    form.get_by_text("Who is told").wait_for()
    cy.picture("glass")
    assert demo.service.state()["pid"] == before, "nothing happens until they say that they mean it"
    form.get_by_role("button", name="Break the glass").click()
    di.sees(name, "Break-glass: Restart checkout", "review owed by")
    di.picture("glass-card")
    di.sees(name, "done in")
    assert demo.service.state()["pid"] != before
    di.press(name, "Review…")
    di.form().get_by_label("Accept: it was right").check()
    di.picture("glass-review")
    di.form().get_by_role("button", name="Send").click()
    cy.sees(name, "reviewed and accepted by di")
    cy.close()
    di.close()
