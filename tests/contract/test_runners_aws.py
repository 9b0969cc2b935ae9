"""The published contract suite, passed by the runners for AWS against moto's server.

Those that the integration tests cover most are in the long tier.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from jitbot.ports import Runner
from jitbot.runners.aws.auto_scaling import AutoScaling
from jitbot.runners.aws.ecs_deploy import EcsDeploy
from jitbot.runners.aws.iam_group import IamGroup
from jitbot.runners.aws.instance import Ec2Instance
from jitbot.runners.aws.rds_parameter import RdsParameter
from jitbot.runners.aws.ssm_command import SsmCommand
from jitbot.runners.aws.sso_assignment import SsoAssignment
from jitbot.testing import RunnerContract
from tests.aws import loopback
from tests.aws.loopback import FAST, AnAccount, aws, aws_url

__all__ = ["aws", "aws_url"]

OTHER_ROLE = "arn:aws:iam::999999999999:role/jitbot"


def broken_everywhere(inputs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what would be wrong in the inputs of any of them; one shows it, since they share the way."""
    return [
        {**inputs, "region": "eu-west-1.example.com"},
        {**inputs, "account": "999999999999"},
        {**inputs, "role_arn": OTHER_ROLE},
        {**inputs, "secret_access_key": {"secret": "not-set"}},
        {**inputs, "endpoints": {}},
        {**inputs, "endpoints": {"ecs": "http://ecs.example.com"}},
        {**inputs, "misspelt": "x"},
    ]


class TestGroup(RunnerContract):
    @pytest.fixture
    def runner(self, aws: AnAccount) -> Runner:
        return IamGroup(aws.site, FAST)

    @pytest.fixture
    def inputs(self, aws: AnAccount) -> Mapping[str, Any]:
        return aws.inputs(**loopback.a_group(aws))

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [*broken_everywhere(inputs), {**inputs, "group": "none"}, {**inputs, "user": "nobody"}]

    @pytest.fixture
    def effect(self, aws: AnAccount) -> Callable[[], Any]:
        iam = aws.admin("iam")
        return lambda: (
            [user["UserName"] for user in iam.get_group(GroupName="ops")["Users"]],
            iam.list_user_tags(UserName="ann")["Tags"],
        )


class TestAssignment(RunnerContract):
    @pytest.fixture
    def runner(self, aws: AnAccount) -> Runner:
        return SsoAssignment(aws.site, FAST)

    @pytest.fixture
    def inputs(self, aws: AnAccount) -> Mapping[str, Any]:
        return aws.inputs(**loopback.a_permission_set(aws))

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        none = inputs["permission_set_arn"][:-4] + "none"
        return [
            {**inputs, "permission_set_arn": none},
            {**inputs, "session_minutes": 30},
            {**inputs, "identity_store": "d-0000000000"},
        ]

    @pytest.fixture
    def effect(self, aws: AnAccount, inputs: Mapping[str, Any]) -> Callable[[], Any]:
        sso, where = aws.admin("sso-admin"), {"InstanceArn": inputs["instance_arn"]}
        arn = inputs["permission_set_arn"]
        return lambda: (
            sso.list_account_assignments(**where, AccountId=inputs["to_account"], PermissionSetArn=arn)[
                "AccountAssignments"
            ],
            sso.list_tags_for_resource(**where, ResourceArn=arn)["Tags"],
        )


class TestRollback(RunnerContract):
    @pytest.fixture
    def runner(self, aws: AnAccount) -> Runner:
        return EcsDeploy(aws.site, FAST)

    @pytest.fixture
    def inputs(self, aws: AnAccount) -> Mapping[str, Any]:
        return aws.inputs(**loopback.a_service(aws), task_definition="orders:1", count=3)

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [
            {**inputs, "task_definition": "orders:7"},
            {**inputs, "task_definition": "payments:1"},
            {**inputs, "cluster": "none"},
            {**inputs, "service": "none"},
        ]

    @pytest.fixture
    def effect(self, aws: AnAccount) -> Callable[[], Any]:
        def look() -> Any:
            words = {"cluster": "shop", "services": ["orders"], "include": ["TAGS"]}
            [service] = aws.admin("ecs").describe_services(**words)["services"]
            return service["taskDefinition"], service["desiredCount"], service["tags"]

        return look


@pytest.mark.long
class TestNewDeployment(TestRollback):
    @pytest.fixture
    def inputs(self, aws: AnAccount) -> Mapping[str, Any]:
        return aws.inputs(**loopback.a_service(aws))

    @pytest.fixture
    def effect(self, aws: AnAccount) -> Callable[[], Any]:
        words = {"cluster": "shop", "services": ["orders"]}
        return lambda: aws.admin("ecs").describe_services(**words)["services"][0]["deployments"][0]["id"]


@pytest.mark.long
class TestScaling(RunnerContract):
    @pytest.fixture
    def runner(self, aws: AnAccount) -> Runner:
        return AutoScaling(aws.site, FAST)

    @pytest.fixture
    def inputs(self, aws: AnAccount) -> Mapping[str, Any]:
        return aws.inputs(**loopback.a_scaling_group(aws), desired=4)

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        wrong = [{"desired": 5}, {"desired": 0}, {"desired": -1}, {"desired": "4"}, {"group": "none"}, {"group": "*"}]
        return [{**inputs, **each} for each in wrong]

    @pytest.fixture
    def effect(self, aws: AnAccount) -> Callable[[], Any]:
        def look() -> Any:
            [group] = aws.admin("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
            return group["DesiredCapacity"], group["Tags"]

        return look


@pytest.mark.long
class TestStop(RunnerContract):
    verb = "stop"

    @pytest.fixture
    def runner(self, aws: AnAccount) -> Runner:
        return Ec2Instance(aws.site, FAST)

    @pytest.fixture
    def inputs(self, aws: AnAccount) -> Mapping[str, Any]:
        return aws.inputs(**loopback.an_instance(aws, stopped=self.verb == "start"), verb=self.verb)

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        wrong = [{"instance": "i-0123456789abcdef0"}, {"instance": "i-*"}, {"verb": "terminate"}]
        return [{**inputs, **each} for each in wrong]

    @pytest.fixture
    def effect(self, aws: AnAccount) -> Callable[[], Any]:
        def look() -> Any:
            [found] = aws.admin("ec2").describe_instances()["Reservations"]
            return found["Instances"][0]["State"]["Name"], found["Instances"][0]["Tags"]

        return look


class TestStart(TestStop):
    verb = "start"


class TestReboot(TestStop):
    verb = "reboot"

    @pytest.fixture
    def effect(self, aws: AnAccount) -> Callable[[], Any]:
        return lambda: aws.calls("RebootInstances")


class TestCommand(RunnerContract):
    @pytest.fixture
    def runner(self, aws: AnAccount) -> Runner:
        return SsmCommand(aws.site, FAST)

    @pytest.fixture
    def inputs(self, aws: AnAccount) -> Mapping[str, Any]:
        return aws.inputs(**loopback.a_document(aws))

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        wrong = [
            {"document": "other"},
            {"document": "other", "documents": ["other"]},
            {"parameters": {}},
            {"parameters": {"service": "orders", "more": "x"}},
            {"parameters": {"service": ["a", "b"]}},
            {"parameters": {"service": "orders; reboot"}},
            {"instances": []},
        ]
        return [{**inputs, **each} for each in wrong]

    @pytest.fixture
    def effect(self, aws: AnAccount) -> Callable[[], Any]:
        return lambda: [command["CommandId"] for command in aws.admin("ssm").list_commands()["Commands"]]


class TestParameter(RunnerContract):
    @pytest.fixture
    def runner(self, aws: AnAccount) -> Runner:
        return RdsParameter(aws.site, FAST)

    @pytest.fixture
    def inputs(self, aws: AnAccount) -> Mapping[str, Any]:
        return aws.inputs(**loopback.a_parameter_group(aws), parameter="long_query_time", value="0.5")

    @pytest.fixture
    def broken_inputs(self, inputs: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        wrong = [
            {"group": "none"},
            {"group": "default.mysql8.0"},
            {"parameter": "none"},
            {"parameter": "version_comment", "value": "x"},
            {"parameter": "performance_schema", "value": "1"},
            {"value": ""},
        ]
        return [{**inputs, **each} for each in wrong]

    @pytest.fixture
    def effect(self, aws: AnAccount) -> Callable[[], Any]:
        rds = aws.admin("rds")
        arn = f"arn:aws:rds:{loopback.REGION}:{loopback.ACCOUNT}:pg:orders"
        return lambda: (
            rds.describe_db_parameters(DBParameterGroupName="orders")["Parameters"],
            rds.list_tags_for_resource(ResourceName=arn)["TagList"],
        )
