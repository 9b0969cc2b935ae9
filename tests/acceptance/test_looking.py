"""Looking: who may see what, what waits for whom, and what is held."""

import pytest

from jitbot.errors import InvalidInput, NotFound, NotPermitted, Unavailable
from jitbot.model import Standing, State
from tests.town import ANN, BO, CY, DI, EVE, Town


def test_who_asked_and_who_may_approve_see_a_request_and_nobody_else(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    queries = town.service.queries
    for user in (ANN, BO):
        assert queries.status(user, request.id) == (town.see(request), [])
    for user in (DI, EVE):
        with pytest.raises(NotPermitted, match="is not yours to see"):
            queries.visible(user, request.id)


def test_who_has_reviewed_it_still_sees_it_when_they_could_not_approve_it_any_more(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    town.edit("oncall: [U0BO, U0CY]", "oncall: [U0CY]", "people.yml")
    assert town.service.queries.may_end(BO, request)
    town.directory.set(BO, Standing.GUEST)
    assert not town.service.queries.may_end(BO, request)


def test_who_cannot_be_looked_up_is_told_to_try_again(town: Town) -> None:
    request = town.ask(ANN, "restart", service="api", env="prod")
    town.directory.unknown = {BO}
    with pytest.raises(Unavailable, match="Who you are could not be looked up"):
        town.service.queries.visible(BO, request.id)


@pytest.mark.parametrize("text", ["JIT-12", "jit-12", " 12 "])
def test_a_request_is_found_as_people_type_it(town: Town, text: str) -> None:
    assert town.service.queries.find(text) == 12


@pytest.mark.parametrize("text", ["", "JIT-", "12x", "-1", "JIT-1234567890123456"])
def test_what_is_no_name_of_a_request_is_not_found(town: Town, text: str) -> None:
    with pytest.raises(NotFound, match="is not a request"):
        town.service.queries.find(text)


def test_what_waits_for_a_person_is_what_they_may_review_and_have_not(town: Town) -> None:
    request = town.ask(ANN, "admin")
    own = town.ask(BO, "restart", service="api", env="prod")
    queries = town.service.queries
    assert [each.id for each in queries.pending(BO)] == [request.id]
    assert [each.id for each in queries.pending(CY)] == [own.id, request.id]
    assert [each.id for each in queries.pending(CY, limit=1)] == [own.id]
    assert queries.pending(EVE) == []
    town.approve(BO, request)
    assert queries.pending(BO) == []


def test_people_see_their_own_requests_and_what_these_hold(town: Town) -> None:
    held = town.ask(ANN, "tune", value=200)
    done = town.ask(ANN, "restart", service="api", env="staging")
    town.ask(BO, "restart", service="api", env="staging")
    queries = town.service.queries
    assert [each.id for each in queries.mine(ANN)] == [done.id, held.id]
    assert [each.id for each in queries.mine(ANN, limit=1)] == [done.id]
    assert [each.id for each in queries.held(ANN)] == [held.id]


def test_a_card_is_drawn_from_the_ledger(town: Town) -> None:
    request = town.ask(ANN, "admin")
    town.approve(BO, request)
    seen, reviews = town.service.queries.card(request.id)
    assert (seen.state, [review.reviewer for review in reviews]) == (State.PENDING, [BO])


def test_what_was_typed_is_checked_field_by_field(town: Town) -> None:
    queries = town.service.queries
    tune = queries.action("tune")
    queries.check(tune, {"params": {"value": 5}, "reason": "INC-1", "ttl": "1h"}, ANN)
    with pytest.raises(InvalidInput) as caught:
        queries.check(tune, {"params": {"value": 5000}, "reason": "", "ttl": "9h"}, ANN)
    assert set(caught.value.fields) == {"value", "reason", "for"}


def test_an_action_that_does_not_exist_names_what_was_perhaps_meant(town: Town) -> None:
    assert town.try_to_ask(ANN, "restrat").text == "There is no action “restrat”. Did you mean restart?"
    assert "/jit help lists" in town.try_to_ask(ANN, "xyz").text


def test_guests_are_offered_nothing(town: Town) -> None:
    town.directory.set(ANN, Standing.GUEST)
    assert town.service.queries.offered(ANN) == []
