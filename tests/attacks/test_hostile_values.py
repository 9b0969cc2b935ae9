"""A requester whose values are meant to ping, to hide, to turn text round, to run or to wear something out.

They are typed into the local Slack as people type. What counts is all that jitbot sends back to Slack, to the channel,
into threads and to people, and what its runner is given.
"""

import json
import re
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jitbot.errors import InvalidInput
from jitbot.model import Request
from jitbot.policy.asking import parse_reason
from jitbot.policy.files.load import load
from jitbot.runners.http_inputs import HttpInputs
from tests.fake_sources import FakeSource, FakeSources
from tests.hostile import TEXTS
from tests.slack_town import SlackTown, action_ids, shown, slack_town
from tests.town import ANN, PEOPLE
from tests.unit.policy.conftest import Runners, action_text

POLICY = """
team: payments
channel: "#payments-oncall"
actions:
  note:
    title: Write a note
    runner: fake
    with: {what: "{text}", where: prod}
    parameters: {text: {type: text, max_length: 3000}}
    requesters: [group:engineering]
    rules: [{review: [{from: [group:oncall]}]}]
"""
PINGS = [
    "<!channel>",
    "<!here>",
    "<!everyone>",
    "<@U0DI>",
    "<!subteam^S0SRE>",
    "@channel",
    "<#C0OPS>",
    "<http://x.io|ok>",
]
HIDDEN = ["\u202e", "\u200b", "\u2066", "\u00ad", "\u2060", "\ufeff", "\u115f", "\u3164"]
MARKUP = ["*bold* _it_ ~no~ `code` ```block```", "> quoted", "&lt;!channel&gt;", ":fire:", "{text}", "{{text}}", "%s"]


@pytest.fixture(scope="module")
def world(empty_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackTown]:
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copy(empty_file, folder / "jitbot.db")
    files = {"payments.yml": POLICY, "people.yml": PEOPLE}
    slack, world = slack_town(f"sqlite:///{folder}/jitbot.db", folder, files=files)
    yield world.connect()
    world.close()
    slack.stop()


def ask(world: SlackTown, reason: str, text: str = "plain") -> Request:
    """Ask as somebody does who has a program type for them: entities are not undone by Slack."""
    return world.ask("U0ANN", f'note text="{text}" reason="{reason}"')


def sent(world: SlackTown, since: int) -> list[Any]:
    """Return what Slack was told since then, but for what it was asked."""
    calls = world.slack.log(since)["calls"]
    return [call["args"] for call in calls if call["method"].startswith(("chat.", "views.", "response_url"))]


def now(world: SlackTown) -> int:
    return max((entry["n"] for entry in world.slack.log()["calls"]), default=0)


def elements(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in what was sent, in the blocks that are sent as text too."""
    if isinstance(part, str) and part[:1] in "[{":
        try:
            part = json.loads(part)
        except ValueError:
            return
    if isinstance(part, dict):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from elements(each)


def texts(part: Any) -> Iterator[str]:
    for each in elements(part):
        yield from (value for value in each.values() if isinstance(value, str))


def test_nobody_is_pinged_and_nothing_is_markup(world: SlackTown) -> None:
    since = now(world)
    request = ask(world, f"INC-1 {' '.join([*PINGS, *MARKUP])}")
    card = world.until(lambda: world.card(request.id))
    said = sent(world, since)
    kinds = {str(each.get("type")) for each in elements(said)}
    assert kinds.isdisjoint({"broadcast", "usergroup", "channel", "emoji"})
    assert {each["user_id"] for each in elements(said) if each.get("type") == "user"} <= {"U0BO", "U0CY"}
    for message in said:
        plain = str(message.get("text") or "")  # which Slack parses, as it does nothing in rich text
        assert set(re.findall("<[^>]{1,8}", plain)) <= {"<!date^17"}, plain
    assert "*bold* _it_ ~no~ `code` ```block``` > quoted" in shown(card)


def test_what_hides_or_turns_text_round_is_shown_as_what_it_is(world: SlackTown) -> None:
    since = now(world)
    request = ask(world, f"INC-1 {' '.join(HIDDEN)} end", "".join(f"a{each}b" for each in HIDDEN))
    card = world.until(lambda: world.card(request.id))
    for text in texts(sent(world, since)):
        odd = [each for each in text if unicodedata.category(each) in ("Cf", "Cc", "Co", "Cs") and each != "\n"]
        assert odd == [], ascii(text)
    for each in HIDDEN:
        assert shown(card).count(f"⟨U+{ord(each):04X}⟩") >= 2, "in the reason and in what was typed in"


@pytest.mark.parametrize("value", ["\r", "\x1b[2J", "\x7f", "\x85", "\0"], ids=ascii)
def test_a_parameter_that_would_drive_a_terminal_is_refused(world: SlackTown, value: str) -> None:
    before = len(world.town.ledger.find())
    with suppress(InvalidInput):
        assert world.town.try_to_ask(ANN, "note", text=f"a{value}b").refused
    assert len(world.town.ledger.find()) == before


def test_what_a_card_cannot_show_is_reviewed_and_not_approved_there(world: SlackTown) -> None:
    request = ask(world, "INC-1 long", "x" * 400)
    card = world.until(lambda: world.card(request.id))
    assert "jit:approve" not in action_ids(card)
    assert "jit:review" in action_ids(card)
    bo = world.person("U0BO")
    bo.click(card, "jit:review")
    form = world.until(lambda: (view := bo.modal()) and view.get("submit") and view)
    assert "x" * 400 in shown(form).replace("\n", "")
    assert bo.submit()["ok"]
    world.until(lambda: world.state(request.id) == "succeeded")
    assert f"prod/{'x' * 400}" in world.town.runner.world


def test_a_value_is_given_to_the_runner_as_it_is_and_is_no_template(world: SlackTown) -> None:
    request = ask(world, "INC-1", "{reason} {text} ${HOME} %s")
    card = world.until(lambda: world.card(request.id))
    world.person("U0BO").click(card, "jit:approve")
    world.until(lambda: world.state(request.id) == "succeeded")
    assert "prod/{reason} {text} ${HOME} %s" in world.town.runner.world


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)*x", "(?:a{1,50}){1,20}b"])
def test_a_pattern_that_others_would_work_on_for_ever_takes_no_time(pattern: str) -> None:
    body = f"reason: {{required: true, pattern: '{pattern}'}}\nrules: [{{allow: true}}]"
    policy = load({"a.yml": action_text(body), "people.yml": PEOPLE}, Runners(), FakeSources(FakeSource()))
    began = time.thread_time()
    try:
        parse_reason(policy.actions["restart"], "a" * 2000)
    except InvalidInput as refusal:
        assert str(refusal)
    assert time.thread_time() - began < 1


def test_no_value_leads_a_request_to_another_host() -> None:
    for value in TEXTS:
        try:
            inputs = HttpInputs.model_validate({"method": "POST", "url": f"https://allowed.example.com/x/{value}"})
        except ValueError:
            continue
        assert str(inputs.url).startswith("https://allowed.example.com/x/")
