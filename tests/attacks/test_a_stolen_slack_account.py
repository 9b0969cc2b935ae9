"""Somebody is in Bo's Slack account: they type, press and fill in as Bo, and jitbot cannot tell.

What they get is what one person on call gets. What two have to approve needs another one, whatever they do with the
account; and a halt, or taking the account away in Slack, is the way out.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitbot.model import Request
from tests.halting import GUARDRAILS
from tests.slack_town import HERE, Json, SlackTown, ephemeral, shown, slack_town


@pytest.fixture(scope="module")
def started(empty_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackTown]:
    folder = tmp_path_factory.mktemp("account")
    shutil.copy(empty_file, folder / "jitbot.db")
    slack, town = slack_town(f"sqlite:///{folder}/jitbot.db", folder)
    people = town.town.files["people.yml"]
    people = people.replace("leads: [U0CY, U0DI]", "leads: [U0CY, U0DI, U0BO]")
    town.town.write("people.yml", f"{people}  sre: [U0DI]\n")
    town.town.write("guardrails.yml", GUARDRAILS)
    assert not town.town.book.fault, town.town.book.fault
    yield town.connect()
    town.close()
    slack.stop()


@pytest.fixture
def town(started: SlackTown) -> SlackTown:
    """Give the town a while later, so that nothing waits for Slack's limits."""
    started.forward(10)
    return started


@pytest.fixture
def asked(town: SlackTown) -> Request:
    """Have Ann ask for what one on call and one lead have to approve; Bo is both."""
    return town.ask("U0ANN", "admin for=30m reason=INC-1")


def card(town: SlackTown, request: Request) -> Json:
    found: Json = town.until(lambda: town.card(request.id), "the card")
    return found


def says(town: SlackTown, user: str, text: str) -> str:
    """Type something, and return what is answered to it."""
    person, before = town.person(user), {each["ts"] for each in ephemeral(town.person(user))}
    assert person.command(HERE, f"/jit {text}")["acked"]
    new = town.until(lambda: [each for each in ephemeral(person) if each["ts"] not in before], f"an answer to {text}")
    return "\n".join(each["text"] for each in new)


def press(town: SlackTown, user: str, request: Request, action_id: str = "jit:approve") -> None:
    assert town.person(user).click(card(town, request), action_id)["acked"]
    town.tick()


def reviewers(town: SlackTown, request: Request) -> set[str]:
    return {str(each.reviewer) for each in town.town.ledger.reviews(town.see(request.id))}


def test_what_two_have_to_approve_does_not_go_by_one_account_however_it_is_approved(
    town: SlackTown, asked: Request
) -> None:
    bo = town.person("U0BO")
    press(town, "U0BO", asked)
    town.until(lambda: reviewers(town, asked) == {"U0BO"}, "the first approval")
    town.forward(5)
    press(town, "U0BO", asked)
    says(town, "U0BO", "pending")
    press(town, "U0BO", asked, "jit:approve_changed")
    town.until(lambda: (bo.modal() or {}).get("submit"), "the form")
    bo.submit({"ttl": {"jit:field": "10m"}})
    town.until(lambda: town.see(asked.id).revision == 2, "the change")
    assert (town.state(asked.id), reviewers(town, asked)) == ("pending", {"U0BO"})
    press(town, "U0CY", asked)
    town.until(lambda: town.state(asked.id) == "active", "the approval of a second person")


def test_an_accomplice_whom_the_account_names_a_stand_in_is_no_second_person(town: SlackTown, asked: Request) -> None:
    town.town.edit("leads: [U0CY, U0DI, U0BO]", "leads: [U0CY, U0BO]", "people.yml")
    assert "reviews in your place" in says(town, "U0BO", "delegate @di for 3d")
    for user in ("U0BO", "U0DI"):
        press(town, user, asked)
    town.until(lambda: reviewers(town, asked) == {"U0BO", "U0DI"}, "both approvals")
    assert town.state(asked.id) == "pending"
    assert "Ended" in says(town, "U0BO", "delegate end")
    town.town.edit("leads: [U0CY, U0BO]", "leads: [U0CY, U0DI, U0BO]", "people.yml")


def test_what_the_account_asks_for_it_does_not_approve_by_any_door(town: SlackTown) -> None:
    request = town.ask("U0BO", "restart service=api env=prod reason=INC-1")
    bo = town.person("U0BO")
    press(town, "U0BO", request)
    press(town, "U0BO", request, "jit:details")
    town.until(lambda: f"{request.name}" in str(bo.modal()), "all of it")
    assert "submit" not in {key for key, value in (bo.modal() or {}).items() if value}, "with nothing to approve there"
    bo.close(clear=True)
    assert "Nobody stands" not in says(town, "U0BO", "delegate @ann for 3d")
    press(town, "U0ANN", request)
    town.until(lambda: town.town.kinds(request).count("refused") == 2, "two refusals, both on record")
    assert (town.state(request.id), reviewers(town, request)) == ("pending", set())
    says(town, "U0BO", "delegate end")


def test_it_ends_what_it_may_approve_and_nothing_of_others_beyond_that(town: SlackTown) -> None:
    """Ending loosens nothing; whose it was and who ended it stands in the record and on the card."""
    mine, others = town.ask("U0ANN", "tune value=200 for=30m reason=x"), town.ask("U0ANN", "admin for=30m reason=INC-1")
    assert "Only who asked" in says(town, "U0BO", f"drop {mine.name}")
    assert "Only who asked" in says(town, "U0BO", f"withdraw {others.name}")
    assert town.state(mine.id) == "active"
    says(town, "U0ANN", f"drop {mine.name}")


def test_it_sees_what_concerns_it_and_no_more(town: SlackTown) -> None:
    request = town.ask("U0ANN", "tune value=300 for=10m reason=canary")
    assert "is not yours to see" in says(town, "U0BO", f"status {request.name}")
    assert "canary" not in says(town, "U0BO", "mine") + says(town, "U0BO", "pending")
    says(town, "U0ANN", f"drop {request.name}")


def test_a_halt_of_the_account_stops_what_it_asks_for_and_approves_and_it_lifts_that_neither_alone_nor_with_one_other(
    town: SlackTown,
) -> None:
    approved = town.ask("U0ANN", "restart service=api env=prod reason=INC-4")
    assert "everything of bo is halted" in says(town, "U0DI", "halt person @bo his laptop is gone")
    started = len(town.town.runner.started)
    press(town, "U0BO", approved)
    town.until(lambda: "HALTED" in card(town, approved)["text"], "the card")
    own = town.ask("U0BO", "restart service=worker env=staging reason=INC-5")
    assert "HALTED" in town.until(lambda: town.card(own.id), "its card")["text"]
    for word in ("halt lift H-1", "halt all mine"):
        assert "You are halted" in says(town, "U0BO", word)
    assert "A second person" in says(town, "U0ANN", "halt lift H-1")
    assert "You are halted" in says(town, "U0BO", "halt lift H-1")
    town.forward(10)
    town.tick()
    assert len(town.town.runner.started) == started
    assert "is lifted" in says(town, "U0CY", "halt lift H-1")
    town.forward(10)
    town.until(lambda: town.state(own.id) == "succeeded", "the start once two others have looked")


def test_an_account_that_is_taken_away_in_slack_counts_no_more(town: SlackTown, asked: Request) -> None:
    press(town, "U0BO", asked)
    town.until(lambda: reviewers(town, asked) == {"U0BO"}, "the approval")
    town.slack.control("people/U0BO", {"deleted": True})
    town.directory.forget_all()
    press(town, "U0CY", asked)
    town.until(lambda: reviewers(town, asked) == {"U0BO", "U0CY"}, "another approval")
    town.tick()
    assert town.state(asked.id) == "pending", "Cy is one person, on call and a lead"
    assert "bo" in shown(card(town, asked))
