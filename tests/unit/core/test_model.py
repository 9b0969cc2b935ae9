"""The nouns are plain values, and say what their fields say."""

from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Any

import pytest

from jitbot import model
from jitbot.model import WORKERS_OWN, Facts, Need, Parameter, ParameterType, Request, Standing
from tests.unit.core.builders import ANN, BO, NOW, a_person, a_request, an_action, facts, selector

VALUES = [each for each in vars(model).values() if isinstance(each, type) and is_dataclass(each)]


@pytest.mark.parametrize("noun", VALUES, ids=lambda noun: noun.__name__)
def test_every_noun_is_frozen_and_has_slots(noun: Any) -> None:
    assert noun.__dataclass_params__.frozen
    assert hasattr(noun, "__slots__")


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        a_request().reason = "another"  # type: ignore[misc]


def test_everything_is_exported_that_is_named() -> None:
    assert all(hasattr(model, name) for name in model.__all__)


def test_the_workers_own_fields_stand_last() -> None:
    names = [field.name for field in fields(Request)]
    assert set(names[-len(WORKERS_OWN) :]) == WORKERS_OWN


def test_a_request_has_a_name_and_a_key_for_each_revision() -> None:
    assert (a_request().name, a_request(revision=3).run_key) == ("JIT-1", "jit-1-3")


def test_a_selector_reads_as_it_is_written() -> None:
    assert str(selector("dba")) == "group:dba"


def test_a_need_knows_what_it_still_wants() -> None:
    assert Need("r", (), 3, approved_by=(BO,)).missing == 2


def test_an_action_knows_its_parameters() -> None:
    parameter = Parameter("env", ParameterType.TEXT, "Environment")
    assert an_action(parameters=(parameter,)).parameter("env") is parameter


@pytest.mark.parametrize("standing", Standing)
def test_only_a_known_member_may_review_and_only_the_deactivated_are_gone(standing: Standing) -> None:
    read = facts(standings={ANN: standing})
    assert read.may_review(ANN) == (standing is Standing.MEMBER)
    assert read.gone(ANN) == (standing is Standing.DEACTIVATED)


def test_who_is_not_known_may_not_review_and_is_not_gone() -> None:
    assert not Facts(NOW).may_review(ANN)
    assert not Facts(NOW).gone(ANN)
    assert a_person(ANN).name == "Ann"
