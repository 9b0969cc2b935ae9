"""One person with two accounts: they count once, and never for what they have asked for with the other one."""

from collections.abc import Callable, Iterator

import pytest

from jitbot.errors import RunnerUnsure
from jitbot.model import DeliveryKind, Person, State, UserId
from jitbot.ports import Run
from tests.halting import a_while, halt, watched
from tests.town import ANN, BO, CY, DI, EVE, PEOPLE, POLICY, TEAM, FakeInputs, Town

ANN2, BO2 = UserId("U0ANN2"), UserId("U0BO2")
TWO_OF = POLICY.replace("review: [{from: [group:oncall], count: 1}]", "review: [{from: [group:oncall], count: 2}]")


@pytest.fixture
def town(make_town: Callable[[], Town]) -> Iterator[Town]:
    """Give a town in which Ann and Bo have a second account each, in the same groups as the first."""
    town = make_town()
    for user, second in ((ANN, ANN2), (BO, BO2)):
        name = user[2:].lower()
        town.directory.people[user] = Person(user, TEAM, name.title(), email=f"{name}@acme.example")
        town.directory.people[second] = Person(
            second, TEAM, f"{name.title()} (test)", email=f"{name.title()}+test@ACME.example"
        )
    for user in (CY, DI, EVE):
        town.directory.people[user] = Person(user, TEAM, user, email=f"{user}@acme.example".lower())
    people = PEOPLE.replace("oncall: [U0BO, U0CY]", "oncall: [U0BO, U0BO2, U0CY, U0ANN2]")
    town.write("people.yml", people.replace("leads: [U0CY, U0DI]", "leads: [U0CY, U0DI, U0BO2]"))
    yield town
    town.close()


def test_two_accounts_of_one_person_are_one_of_two_people(town: Town) -> None:
    town.write("payments.yml", TWO_OF)
    request = town.ask(DI, "restart", service="api", env="prod")
    town.approve(BO, request)
    town.approve(BO2, request)
    assert town.state(request) is State.PENDING
    [need] = town.see(request).decision.needs  # type: ignore[union-attr]
    assert (need.approved_by, BO in need.candidates, BO2 in need.candidates) == ((BO,), False, False)
    town.approve(CY, request)
    assert town.state(request) is State.SUCCEEDED


def test_a_person_counts_for_what_any_of_their_accounts_may_approve_and_once(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    town.approve(BO2, request)
    assert town.state(request) is State.PENDING, "on call and a lead, but one person"
    town.approve(CY, request)
    assert town.state(request) is State.ACTIVE, "Bo as a lead, by the other account, and Cy on call"


def test_nobody_approves_with_the_other_account_what_they_ask_for(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    assert ANN2 not in town.see(request).decision.needs[0].candidates  # type: ignore[union-attr]
    assert town.approve(ANN2, request).refused
    assert town.state(request) is State.PENDING


def test_what_two_people_have_to_approve_is_refused_where_there_is_one_with_two_accounts(town: Town) -> None:
    town.write("payments.yml", TWO_OF)
    town.write(
        "people.yml", town.files["people.yml"].replace("oncall: [U0BO, U0BO2, U0CY, U0ANN2]", "oncall: [U0BO, U0BO2]")
    )
    refused = town.try_to_ask(DI, "restart", service="api", env="prod")
    assert "Nobody can approve this" in refused.text


def test_whoever_stands_in_for_themselves_counts_once(town: Town) -> None:
    town.write("payments.yml", TWO_OF)
    town.do(DeliveryKind.DELEGATE, BO, to=BO2, text="for 3d")
    request = town.ask(DI, "restart", service="api", env="prod")
    town.approve(BO2, request)
    assert town.state(request) is State.PENDING
    town.approve(BO, request)
    assert town.state(request) is State.PENDING
    town.approve(CY, request)
    assert town.state(request) is State.SUCCEEDED


def test_two_accounts_do_not_stand_in_for_one_person_twice(town: Town) -> None:
    town.write("payments.yml", TWO_OF)
    town.do(DeliveryKind.DELEGATE, CY, to=BO2, text="for 3d")
    request = town.ask(DI, "restart", service="api", env="prod")
    town.approve(BO2, request)
    town.approve(BO, request)
    assert town.state(request) is State.PENDING, "Bo counts as himself or for Cy"


def test_nobody_settles_with_the_other_account_what_they_ask_for(town: Town) -> None:
    def lose(inputs: FakeInputs, run: Run) -> None:
        raise RunnerUnsure("no answer")

    town.runner.on_start = lose
    request = town.ask(ANN, "restart", service="api", env="staging")
    assert town.state(request) is State.UNSURE
    assert town.settle_unsure(ANN2, request, happened=True).refused
    assert town.state(request) is State.UNSURE


def test_nobody_reviews_their_broken_glass_with_the_other_account(town: Town) -> None:
    who = "[group:oncall, group:leads, 'user:U0ANN']"
    glass = f"break_glass: [{{who: {who}, max: 1h, review_within: 24h, tell: ['#s']}}]"
    glass = f"guardrails: []\n{glass}\n"
    town.write("guardrails.yml", glass)
    body = {"action": "admin", "params": {}, "reason": "all is down", "ttl": "30m", "break_glass": True}
    answer = town.do(DeliveryKind.ASK, ANN, **body)
    assert answer.request is not None
    request = town.ledger.get(answer.request)
    said = {"accepted": True, "comment": "fine", "revision": request.revision}
    refused = town.do(DeliveryKind.REVIEW_AFTER, ANN2, request.id, **said)
    assert "Nobody reviews their own break-glass" in refused.text
    assert not town.do(DeliveryKind.REVIEW_AFTER, CY, request.id, **said).refused


def test_whoever_is_kept_apart_is_so_with_all_accounts(town: Town) -> None:
    apart = "guardrails:\n  - {name: not in turn, not_recently_approved_by: 7d}\n"
    town.write("guardrails.yml", apart)
    first = town.ask(BO, "restart", service="api", env="prod")
    town.write("people.yml", town.files["people.yml"].replace("U0CY, U0ANN2]", "U0CY, U0ANN2, U0DI]"))
    town.approve(DI, first)
    assert town.state(first) is State.SUCCEEDED
    second = town.ask(DI, "restart", service="api", env="prod")
    for account in (BO, BO2):
        assert town.approve(account, second).refused
    assert town.state(second) is State.PENDING


def test_whoever_is_halted_starts_nothing_with_another_account(town: Town) -> None:
    halt(watched(town), "person", ANN2)
    request = town.ask(ANN, "restart", service="api", env="staging")
    assert (town.state(request), town.runner.started) == (State.APPROVED, [])
    assert f"everything of <@{ANN2}> is halted" in town.see(request).halted


def test_nor_does_what_another_account_of_theirs_has_approved(town: Town) -> None:
    request = watched(town).ask(DI, "restart", service="api", env="prod")
    approving = town.take_in(DeliveryKind.APPROVE, BO2, request.id, revision=1)
    halt(town, "person", BO)
    town.work(approving)
    assert (town.state(request), town.runner.started) == (State.APPROVED, [])
    assert f"everything of <@{BO}> is halted" in town.see(request).halted


def test_while_nobody_can_tell_whose_account_is_whose_nothing_starts_that_could_be_of_somebody_halted(
    town: Town,
) -> None:
    halt(watched(town), "person", BO)
    town.directory.unknown = {BO}
    request = town.ask(DI, "restart", service="api", env="staging")
    assert town.state(request) is State.APPROVED
    assert town.see(request).halted == "somebody is halted, and whose account is whose cannot be looked up just now"
    town.directory.unknown = set()
    a_while(town)
    assert town.state(request) is State.SUCCEEDED


def test_a_halted_account_that_is_gone_is_only_itself(town: Town) -> None:
    halt(watched(town), "person", BO)
    del town.directory.people[BO]
    assert town.state(town.ask(DI, "restart", service="api", env="staging")) is State.SUCCEEDED


@pytest.mark.parametrize(
    ("email", "identity"),
    [
        ("Ann@Acme.example", "ann@acme.example"),
        ("ann+ops@acme.example", "ann@acme.example"),
        ("+ops@acme.example", "U0X"),
        ("ann", "U0X"),
        (None, "U0X"),
    ],
)
def test_an_identity_is_the_address_without_what_people_may_add_to_it(email: str | None, identity: str) -> None:
    assert Person(UserId("U0X"), TEAM, "X", email=email).identity == identity
