"""Halting, through Slack: typed, shown to the operators and on cards, and lifted by two who press the button."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slack_town import HERE, Json, SlackTown, ephemeral, shown, slack_town

OPERATORS = "C0OPS"


@pytest.fixture
def town(sqlite_url: str, tmp_path: Path) -> Iterator[SlackTown]:
    slack, town = slack_town(sqlite_url, tmp_path)
    town.town.write(
        "guardrails.yml", "guardrails: []\nmay_halt: [group:oncall]\nmay_lift: [group:leads, 'user:U0ANN']\n"
    )
    yield town.connect()
    town.close()
    slack.stop()


def answers(town: SlackTown, user: str) -> str:
    return "\n".join(message["text"] for message in ephemeral(town.person(user)))


def told(town: SlackTown, words: str) -> Json:
    """Return the newest message in the operators' channel with these words, once it is there."""

    def find() -> Json | None:
        messages = town.person("U0DI").messages(OPERATORS)
        return next((each for each in reversed(messages) if words in each["text"]), None)

    found = town.until(find, words)
    assert found is not None
    return found


def press_lift(town: SlackTown, user: str, message: Json) -> str:
    """Press Lift, and return what the view says that is asked back."""
    town.person(user).click(message, "jit:lift")
    view = town.until(lambda: (town.person(user).modal() or {}).get("submit") and town.person(user).modal(), "a view")
    assert view is not None
    said = str(view["blocks"])
    town.person(user).submit()
    return said


def test_a_halt_is_typed_shown_everywhere_and_lifted_by_two(town: SlackTown) -> None:
    request = town.ask("U0ANN", "restart service=api env=prod reason=INC-1")
    card = town.until(lambda: town.card(request.id), "a card")
    assert "Halted" not in shown(card)
    town.person("U0BO").command(HERE, '/jit halt action restart reason="api burns"')
    town.until(lambda: "H-1: action restart is halted" in answers(town, "U0BO"), "an answer")
    halt = told(town, "H-1: action restart is halted")
    assert "by bo" in halt["text"]
    assert "“api burns”" in halt["text"]
    town.until(lambda: "HALTED" in (town.card(request.id) or {})["text"], "the card")
    assert "action restart is halted by bo, H-1: “api burns”" in shown(town.card(request.id) or {})
    town.person("U0BO").click(town.card(request.id) or {}, "jit:approve")
    town.until(lambda: "approved, and HALTED" in (town.card(request.id) or {})["text"], "the card")
    for word in ("mine", f"status JIT-{request.id}"):
        town.person("U0ANN").command(HERE, f"/jit {word}")
    town.until(lambda: answers(town, "U0ANN").count("approved, and HALTED") == 2, "mine and status")
    town.person("U0ANN").command(HERE, f"/jit why JIT-{request.id}")
    town.until(lambda: "is halted by bo" in str(town.person("U0ANN").modal()), "why")
    town.person("U0ANN").close(clear=True)
    assert "A second person has to do so too" in press_lift(town, "U0ANN", halt)
    told(town, "ann wants it lifted")
    assert "Then it is lifted." in press_lift(town, "U0DI", halt)
    told(town, "H-1 is lifted by ann and di. Action restart may start again.")
    town.town.forward(seconds=6)
    town.until(lambda: town.state(request.id) == "succeeded", "the run")
    town.until(lambda: "done" in (town.card(request.id) or {})["text"], "the card")
    town.person("U0DI").click(halt, "jit:lift")
    town.until(lambda: "does not stand any more" in str(town.person("U0DI").modal()), "word that it was lifted")


def test_what_is_halted_is_listed_with_how_it_is_done(town: SlackTown) -> None:
    town.person("U0CY").command(HERE, "/jit halt")
    town.until(lambda: "Nothing is halted." in answers(town, "U0CY"), "the list")
    town.person("U0BO").command(HERE, "/jit halt person @ann stolen laptop")
    town.until(lambda: "H-1" in answers(town, "U0BO"), "an answer")
    town.person("U0BO").command(HERE, "/jit halt all now")
    town.until(lambda: "H-2" in answers(town, "U0BO"), "answers")
    town.person("U0DI").command(HERE, "/jit halt")
    town.until(lambda: "H-1: everything of ann is halted · by bo" in answers(town, "U0DI"), "the list")
    town.person("U0DI").command(HERE, "/jit halt lift H-2")
    town.until(lambda: "Noted. A second person" in answers(town, "U0DI"), "an answer")


REFUSED = {
    "team x": "is nothing that can be halted",
    "action restart for=1h": "stands until it is lifted",
    "person ann why": "is nobody that I know",
    "action restrat x": "Did you mean restart?",
    "action restart": "Say why",
    "lift H-9": "'H-9' is no halt",
    "lift": "'' is no halt",
}


def test_what_cannot_be_done_is_said_to_whoever_typed_it(town: SlackTown) -> None:
    for typed, said in REFUSED.items():
        town.person("U0BO").command(HERE, f"/jit halt {typed}")
        town.until(lambda said=said: said in answers(town, "U0BO"), f"a refusal of {typed}")
    assert town.town.world.halts.known.standing == ()


def test_the_form_says_beforehand_that_it_would_not_start(town: SlackTown) -> None:
    town.person("U0BO").command(HERE, "/jit halt all now")
    told(town, "H-1")
    town.person("U0ANN").command(HERE, "/jit tune value=wrong")
    view = town.until(lambda: town.person("U0ANN").modal(), "the form")
    assert view is not None
    block = next(each["block_id"] for each in view["blocks"] if each.get("block_id") == "p:value")
    town.person("U0ANN").click(view, "jit:field", block_id=block, value="200")
    town.until(lambda: "Does not start for now: everything is halted" in str(town.person("U0ANN").modal()), "the form")
