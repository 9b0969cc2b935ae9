"""What conditions see: what is known, and nothing in the place of what is not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jitbot.model import Action, Facts, Group, Parameter, ParameterType, Plan
from jitbot.policy.values import condition_values
from tests.unit.core.builders import ANN, BO, a_policy, a_request, a_snapshot, an_action, facts

PLANNED = {"targets", "plan.undoable", "plan.changes"}
POLICY = replace(a_policy(), groups={"dba": Group("dba"), "leads": Group("leads")})


def values(action: Action | None = None, read: Facts | None = None, **changes: Any) -> dict[str, Any]:
    return condition_values(POLICY, action or an_action(), a_request(**changes), read or facts())


def typed(kind: ParameterType) -> Action:
    return an_action(parameters=(Parameter("p", kind, "P"),))


def test_a_parameter_is_bound_as_it_was_typed() -> None:
    assert values(typed(ParameterType.INTEGER), params={"p": 7})["params.p"] == 7


def test_a_duration_is_bound_as_a_length_of_time() -> None:
    assert values(typed(ParameterType.DURATION), params={"p": "1h30m"})["params.p"] == timedelta(minutes=90)


@pytest.mark.parametrize("params", [{"p": "soon"}, {"p": None}, {"p": 7}, {}], ids=str)
def test_what_is_no_duration_any_more_or_was_never_asked_stays_unbound(params: dict[str, Any]) -> None:
    assert "params.p" not in values(typed(ParameterType.DURATION), params=params)


def test_groups_are_those_whose_members_were_read() -> None:
    assert values(read=facts({"dba": (ANN,), "leads": (BO,)}))["requester.groups"] == ["dba"]


def test_one_unread_group_leaves_all_of_them_unbound() -> None:
    read = replace(facts({"dba": (ANN,)}), unread={"group:leads": "no answer"})
    assert "requester.groups" not in values(read=read)


def test_who_cannot_be_looked_up_is_of_no_kind() -> None:
    assert "requester.kind" not in values(read=replace(facts(), people={}))


def test_facts_are_bound_by_their_names() -> None:
    assert values(read=replace(facts(), values={"facts.incidents": 3}))["facts.incidents"] == 3


@pytest.mark.parametrize(("diff", "changes"), [("- 41\n+ 42", True), ("", False)])
def test_a_plan_tells_how_much_it_touches_and_whether_it_can_be_taken_back(diff: str, changes: bool) -> None:
    seen = values(snapshot=a_snapshot(plan=Plan("restarts", "f", diff, undoable=True, targets=3)))
    assert {name: seen[name] for name in PLANNED} == {"targets": 3, "plan.undoable": True, "plan.changes": changes}


def test_what_was_not_planned_is_unbound() -> None:
    assert not PLANNED & values(snapshot=a_snapshot(plan=None)).keys()
