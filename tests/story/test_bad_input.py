"""Whatever is typed, pressed or sent that cannot be: a clear answer, nothing run, and nothing lost."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from jitbot.cli.demo import Demo
from jitbot.sandbox.person import Person, PersonRefused
from tests.story.test_the_demo import CHANNEL, audit, card

pytestmark = pytest.mark.xdist_group("bad input")  # one demo serves all
Json = dict[str, Any]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Start one demo for all of these, over HTTP so that requests can be forged too."""
    with Demo(port=0, folder=tmp_path_factory.mktemp("demo"), policies=Path("policies"), http=True) as running:
        yield running
    assert "Traceback" not in running.log.read_text()


@pytest.fixture
def ann(demo: Demo) -> Person:
    return demo.slack.person("U0ANN")


@pytest.fixture
def bo(demo: Demo) -> Person:
    return demo.slack.person("U0BO")


def told(person: Person, text: str) -> str:
    """Type a command and return the answer that only this person sees."""
    before = {message["ts"] for message in person.messages(CHANNEL)}
    person.command(CHANNEL, text)

    def look() -> str | None:
        fresh = [each for each in person.messages(CHANNEL) if each["ephemeral"] and each["ts"] not in before]
        return str(fresh[-1]["text"]) if fresh else None

    answer: str = person.wait_for(look, f"an answer to {text}", timeout=15)
    return answer


@pytest.mark.parametrize(
    ("typed", "answered"),
    [
        pytest.param("/jit restrat", "Did you mean restart?", id="an unknown action"),
        pytest.param("/jit restart reason=\"it's slow", "never closed", id="an unbalanced quote"),
        pytest.param("/jit status JIT-999", "There is no request JIT-999", id="an unknown request"),
        pytest.param("/jit status soup", "is not a request", id="no request at all"),
        pytest.param("/jit withdraw", "JIT-", id="a command without its request"),
    ],
)
def test_a_command_that_cannot_be_is_answered_with_what_to_do(ann: Person, typed: str, answered: str) -> None:
    assert answered in told(ann, typed)


@pytest.mark.parametrize(
    ("typed", "block", "error"),
    [
        pytest.param("/jit admin reason=x", "p:login", "login", id="a missing parameter"),
        pytest.param("/jit admin login=Bo! reason=x", "p:login", "[a-z]", id="a value that does not match"),
        pytest.param("/jit rollback severity=awful reason=INC-1", "p:severity", "customers", id="a choice not offered"),
        pytest.param("/jit admin login=ann reason=x for=9h", "ttl", "4h", id="a timebox above its maximum"),
        pytest.param("/jit admin login=ann reason=x for=0m", "ttl", "0m", id="an empty timebox"),
        pytest.param("/jit admin login=ann reason=x for=3parsecs", "ttl", "3parsecs", id="an unknown unit"),
        pytest.param(f"/jit admin login={'a' * 40} reason=x", "p:login", "21", id="a text that is too long"),
        pytest.param("/jit rollback severity=x reason=slow", "reason", "INC-", id="a reason without its ticket"),
    ],
)
def test_a_one_liner_that_does_not_fit_opens_the_form_with_what_was_typed_and_what_is_wrong(
    ann: Person, typed: str, block: str, error: str
) -> None:
    ann.close(clear=True) if ann.modal() else None
    ann.command(CHANNEL, typed)

    def look() -> Json | None:
        form = ann.modal()
        return form if form and any(each["type"] == "input" for each in form["blocks"]) else None

    form = ann.wait_for(look, "the form", timeout=15)
    shown = json.dumps(form["blocks"], ensure_ascii=False)
    assert any(each["block_id"] == block for each in form["blocks"])
    assert error in shown
    ann.close(clear=True)


def test_somebody_elses_request_is_neither_shown_nor_withdrawn(ann: Person, bo: Person, demo: Demo) -> None:
    bo.command(CHANNEL, '/jit admin login=bo for=2h reason="a long look"')
    asked = card(bo, "Admin of checkout", "waits")
    name = next(word for word in asked["text"].split() if word.startswith("JIT-"))
    eve = demo.slack.person("U0EVE")
    assert "not yours" in told(eve, f"/jit status {name}")
    assert "Only who asked" in told(eve, f"/jit withdraw {name}")
    assert "holds nothing" in told(bo, f"/jit drop {name}")


def test_a_double_click_counts_once(ann: Person, bo: Person, demo: Demo) -> None:
    ann.command(CHANNEL, '/jit rollback severity="customers are affected" reason="INC-2 twice"')
    asked = card(bo, "INC-2 twice", "waits")
    bo.click(asked, "jit:approve")
    bo.click(asked, "jit:approve")
    delivered = demo.slack.deliveries("block_actions")[-1]
    demo.slack.control("redeliver", {"n": delivered["n"]})
    name = next(word for word in asked["text"].split() if word.startswith("JIT-"))
    card(bo, "INC-2 twice", "✓ ")
    shown = audit(demo, "show", name, "--json").stdout
    assert shown.count('"kind": "reviewed"') == 1


HOSTILE = "<!channel> <!here> <@U0BO> *bold* `code` ```pre``` &<>&amp; " + "&<" * 200 + " 😀" * 400


def ask_in_the_form(person: Person, reason: str) -> None:
    """Open the form and submit it with this reason, exactly as given."""
    if person.modal():
        person.close(clear=True)
    person.command(CHANNEL, "/jit restart")

    def look() -> Json | None:
        form = person.modal()
        return form if form and any(block["block_id"] == "reason" for block in form["blocks"]) else None

    form = person.wait_for(look, "the form", timeout=15)
    field = next(block for block in form["blocks"] if block["block_id"] == "reason")
    answer = person.submit({"reason": {field["element"]["action_id"]: reason}})
    assert answer["acked"], answer


def test_a_reason_full_of_markup_neither_pings_nor_breaks_the_card_and_is_kept_as_typed(
    ann: Person, bo: Person, demo: Demo
) -> None:
    before = {message["ts"] for message in bo.messages(CHANNEL)}
    ask_in_the_form(ann, HOSTILE)

    def fresh() -> Json | None:
        cards = [each for each in bo.messages(CHANNEL) if each["ts"] not in before and "Restart" in each["text"]]
        return cards[0] if cards else None

    asked = bo.wait_for(fresh, "the card", timeout=15)
    drawn = json.dumps(asked["blocks"])
    assert "broadcast" not in drawn
    assert "<!channel>" not in asked["text"]
    assert "&lt;!channel&gt;" in asked["text"]
    name = next(word for word in asked["text"].split() if word.startswith("JIT-"))
    requested = json.loads(audit(demo, "show", name, "--json").stdout.splitlines()[0])
    assert requested["body"]["changes"]["reason"] == HOSTILE


def test_a_reason_too_long_to_show_whole_has_to_be_looked_at_whole_before_it_is_approved(
    ann: Person, bo: Person, demo: Demo
) -> None:
    before = {message["ts"] for message in bo.messages(CHANNEL)}
    ask_in_the_form(ann, "😀" * 1500)

    def fresh() -> Json | None:
        cards = [each for each in bo.messages(CHANNEL) if each["ts"] not in before and "Restart" in each["text"]]
        return cards[0] if cards else None

    asked = bo.wait_for(fresh, "the card", timeout=15)
    drawn = json.dumps(asked["blocks"])
    assert "jit:approve" not in drawn
    assert "jit:review" in drawn


def test_a_deactivated_person_can_do_nothing(demo: Demo, ann: Person) -> None:
    ann.command(CHANNEL, '/jit restart reason="INC-3 asks Otto"')
    asked = card(ann, "INC-3 asks Otto")
    with pytest.raises(PersonRefused):
        demo.slack.person("U0OTTO").click(asked, "jit:approve")


def test_a_stranger_from_another_organisation_is_refused(demo: Demo, bo: Person) -> None:
    sam = demo.slack.person("U0SAM")
    with pytest.raises(PersonRefused):
        sam.command("C0PARTNER", "/jit restart reason=x")


def post(demo: Demo, body: bytes, **headers: str) -> int:
    """Send something to the bot's HTTP endpoint as if it came from Slack, and return the status."""
    port = demo.environment["JITBOT_PORT"]
    url = f"http://127.0.0.1:{port}/slack/events"
    given = {"content-type": "application/x-www-form-urlencoded", **headers}
    return httpx2.post(url, content=body, headers=given, trust_env=False, timeout=20).status_code


def signed(demo: Demo, body: bytes, at: str) -> dict[str, str]:
    secret = demo.environment["SLACK_SIGNING_SECRET"].encode()
    signature = hmac.new(secret, b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": at, "x-slack-signature": f"v0={signature}"}


COMMAND = b"command=%2Fjit&text=restart+reason%3Dx&user_id=U0BO&team_id=T0ACME&channel_id=C0ONCALL&trigger_id=1.1"


def test_what_slack_did_not_sign_is_refused(demo: Demo) -> None:
    now = str(int(time.time()))
    assert post(demo, COMMAND, **(signed(demo, COMMAND, now) | {"x-slack-signature": "v0=" + "0" * 64})) == 401
    assert post(demo, COMMAND) == 401
    assert post(demo, COMMAND + b"&x=1", **signed(demo, COMMAND, now)) == 401


def test_an_old_signature_is_refused(demo: Demo) -> None:
    old = str(int(time.time()) - 301)
    assert post(demo, COMMAND, **signed(demo, COMMAND, old)) == 401


def test_a_timestamp_that_is_no_integer_is_refused(demo: Demo) -> None:
    for at in ("soon", "1e9", f"{time.time():.3f}", "-1", "9" * 40):
        assert post(demo, COMMAND, **signed(demo, COMMAND, at)) == 401


def test_a_body_of_ten_megabytes_is_refused(demo: Demo) -> None:
    body = b"x" * 10_000_000
    assert post(demo, body, **signed(demo, body, str(int(time.time())))) == 413
