"""Deployments of ECS: steady, given up, stopped, overtaken, lost; and the way back."""

from datetime import UTC, datetime, timedelta

import pytest

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import HealthState
from jitbot.runners.aws.ecs_deploy import EcsDeploy
from jitbot.runners.aws.ecs_service import DeployInputs
from jitbot.testing.runners import ContractRun
from tests.aws.loopback import FAST, SHORT, SLOW, AnAccount, a_service, aws, aws_url

__all__ = ["aws", "aws_url"]

LOOKS = ("ecs:DescribeServices", "ecs:DescribeTaskDefinition")


class Stopping(ContractRun):
    """A run that somebody wants to end."""

    def stopping(self) -> bool:
        return True


class Orders:
    """The service `orders`, which runs its second revision."""

    def __init__(self, aws: AnAccount, task_definition: str | None = "orders:1", **more: object) -> None:
        self.aws = aws
        self.ecs = aws.admin("ecs")
        told = aws.inputs(**a_service(aws), task_definition=task_definition, **more)
        self.inputs = DeployInputs.model_validate(told)
        self.runner = EcsDeploy(aws.site, FAST)
        self.run = ContractRun()

    def look(self):
        self.aws.free()
        words = {"cluster": "shop", "services": ["orders"], "include": ["TAGS"]}
        return self.ecs.describe_services(**words)["services"][0]

    @property
    def task(self) -> str:
        return self.look()["taskDefinition"].rpartition("/")[2]

    def start(self, run: ContractRun | None = None, seconds: float = 30):
        run = run or self.run
        run.deadline = datetime.now(UTC) + timedelta(seconds=seconds)
        return self.runner.start(self.inputs, run)

    def undo(self, receipt=None, seconds: float = 30) -> None:
        self.run.deadline = datetime.now(UTC) + timedelta(seconds=seconds)
        self.runner.undo(self.inputs, receipt, self.run)


def test_a_plan_tells_the_images_before_and_after(aws) -> None:
    orders = Orders(aws)
    plan = orders.runner.plan(orders.inputs)
    assert plan.diff.splitlines() == [
        "- orders:2: web registry.example.com/orders:1.1",
        "+ orders:1: web registry.example.com/orders:1.0",
    ]
    assert plan.undoable


def test_it_is_done_when_every_task_runs(aws) -> None:
    orders = Orders(aws)
    receipt = orders.start()
    assert receipt.summary.startswith("shop/orders is steady: 2 of 2 tasks of orders:1 run")
    [deployment] = orders.look()["deployments"]
    assert deployment["rolloutState"] == "COMPLETED"
    assert "shop/orders: 1 of 2 tasks of orders:1 run" in orders.run.lines


def test_a_deployment_that_ecs_shows_a_moment_later_is_waited_for(aws) -> None:
    orders = Orders(aws)

    class Later(ContractRun):
        def log(self, line: str) -> None:
            aws.script(late=True) if "brings" in line else None

    orders.start(Later())
    assert orders.task == "orders:1"


def test_the_undo_brings_back_revision_and_count(aws) -> None:
    orders = Orders(aws, count=3)
    receipt = orders.start()
    assert (orders.task, orders.look()["desiredCount"]) == ("orders:1", 3)
    orders.undo(receipt)
    service = orders.look()
    assert (orders.task, service["desiredCount"], service["tags"]) == ("orders:2", 2, [])


def test_a_new_deployment_of_the_same_tasks_cannot_be_undone(aws) -> None:
    orders = Orders(aws, task_definition=None)
    assert not orders.runner.plan(orders.inputs).undoable
    before = orders.look()["deployments"][0]["id"]
    orders.start()
    assert orders.look()["deployments"][0]["id"] != before


@pytest.mark.parametrize("rolls_back", [False, True])
def test_a_deployment_that_ecs_gives_up_is_taken_back_and_said(aws, rolls_back) -> None:
    orders = Orders(aws)
    aws.script(ecs="rolls back" if rolls_back else "fails", rollback=rolls_back)
    with pytest.raises(RunnerRefused, match=r"circuit breaker: tasks failed to start.*is as it was"):
        orders.start()
    assert orders.task == "orders:2"
    assert orders.look()["tags"] == []
    assert len(aws.calls("UpdateService")) == (1 if rolls_back else 2)


def test_a_failed_deployment_with_nothing_to_go_back_to_is_unsure(aws) -> None:
    orders = Orders(aws, task_definition=None)
    aws.script(ecs="fails")
    with pytest.raises(RunnerUnsure, match="nothing to go back to"):
        orders.start()


def test_a_way_back_that_does_not_end_is_unsure(aws) -> None:
    orders = Orders(aws)
    aws.script(ecs="fails")
    aws.fault("UpdateService", skip=1, code="ServerException", status=500)
    with pytest.raises(RunnerUnsure):
        orders.start()


@pytest.mark.long
def test_a_deployment_that_is_not_steady_in_time_is_unsure(aws) -> None:
    orders = Orders(aws)
    aws.script(ecs="hangs")
    orders.runner = EcsDeploy(aws.site, SLOW)
    with pytest.raises(RunnerUnsure, match="not steady yet: 0 of 2 tasks"):
        orders.start(seconds=SHORT)
    assert orders.runner.check(orders.inputs, None).state is HealthState.UNKNOWN


def test_it_heeds_stop_and_then_goes_back(aws) -> None:
    orders = Orders(aws)
    aws.script(ecs="hangs")
    with pytest.raises(RunnerUnsure, match="Stopped while"):
        orders.start(Stopping())
    aws.script(ecs="completes")
    orders.undo(None)
    assert orders.task == "orders:2"


def test_what_a_lost_worker_has_begun_is_found_by_the_check(aws) -> None:
    orders = Orders(aws)
    aws.fault("UpdateService", what="cut after")
    with pytest.raises(RunnerUnsure, match="may be being deployed"):
        orders.start()
    states = [orders.runner.check(orders.inputs, None).state for _ in range(3)]
    assert (states[0], states[-1]) == (HealthState.UNKNOWN, HealthState.HEALTHY)


def test_what_a_lost_worker_has_not_begun_is_found_by_the_check(aws) -> None:
    orders = Orders(aws)
    aws.fault("UpdateService", what="cut before")
    with pytest.raises(RunnerUnsure, match="may be being deployed"):
        orders.start()
    assert orders.runner.check(orders.inputs, None).state is HealthState.ABSENT
    orders.undo(None)
    assert orders.look()["tags"] == []


def test_what_somebody_else_deployed_meanwhile_is_left_as_it_is(aws) -> None:
    orders = Orders(aws)
    receipt = orders.start()
    container = {"name": "web", "image": "registry.example.com/orders:1.2", "memory": 128}
    orders.ecs.register_task_definition(family="orders", containerDefinitions=[container])
    orders.ecs.update_service(cluster="shop", service="orders", taskDefinition="orders:3")
    assert orders.runner.check(orders.inputs, receipt).state is HealthState.UNHEALTHY
    with pytest.raises(RunnerRefused, match="deployed by somebody else: it has orders:3"):
        orders.undo(receipt)
    assert orders.task == "orders:3"


def test_an_undo_that_was_begun_goes_on(aws) -> None:
    orders = Orders(aws)
    receipt = orders.start()
    aws.fault("UpdateService", what="cut after")
    with pytest.raises(RunnerUnsure):
        orders.undo(receipt)
    orders.undo(receipt)
    assert (orders.task, orders.look()["tags"]) == ("orders:2", [])


@pytest.mark.long
def test_an_undo_that_is_not_steady_in_time_has_told_ecs(aws) -> None:
    orders = Orders(aws)
    receipt = orders.start()
    aws.script(ecs="hangs")
    orders.runner = EcsDeploy(aws.site, SLOW)
    orders.undo(receipt, seconds=SHORT)
    assert orders.task == "orders:2"


def test_a_service_that_was_deleted_is_undone(aws) -> None:
    orders = Orders(aws)
    receipt = orders.start()
    orders.ecs.delete_service(cluster="shop", service="orders", force=True)
    orders.undo(receipt)
    assert orders.look()["status"] == "INACTIVE"


def test_a_revision_that_was_deregistered_is_refused(aws) -> None:
    orders = Orders(aws)
    orders.ecs.deregister_task_definition(taskDefinition="orders:1")
    with pytest.raises(RunnerRefused, match="INACTIVE"):
        orders.runner.plan(orders.inputs)


def test_what_jitbot_may_not_do_is_refused_and_leaves_no_mark(aws) -> None:
    orders = Orders(aws)
    aws.may(*LOOKS, "ecs:TagResource", "ecs:UntagResource")
    orders.runner = EcsDeploy(aws.site, FAST)
    with pytest.raises(RunnerRefused, match="ecs:UpdateService"):
        orders.start()
    assert (orders.task, orders.look()["tags"]) == ("orders:2", [])
