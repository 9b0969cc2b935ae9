"""An AWS account on loopback for tests: what is in it, who may do what there, and what goes wrong."""

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from botocore.config import Config
from botocore.session import Session

from jitbot.outbound.site import EnvironmentSite
from tests.contract.howto import ROOT

READY_SECONDS = 60
ACCOUNT, REGION = "123456789012", "eu-west-1"
SERVICES = ("autoscaling", "ec2", "ecs", "iam", "identitystore", "rds", "sso-admin", "ssm", "sts")
INSTANCE_ARN = "arn:aws:sso:::instance/ssoins-1234567890abcdef"
ADMIN = {"aws_access_key_id": "AKIAADMINADMINADMIN1", "aws_secret_access_key": "s3cret-of-the-admin"}
IMAGE = "ami-12c6146b"
SERVER = {"MOTO_ECS_SERVICE_RUNNING": "2", "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
"""How moto is told that tasks run at once, and not to read thousands of images for each test."""
FAST, SLOW = 0.01, 0.3
"""Seconds between two looks of a runner under test; slow where it waits in vain, since each look costs."""
SHORT = 4
"""Seconds for a run that is to come to its end before what it waits for; enough to begin on a busy machine."""


@dataclass
class AnAccount:
    """The account, empty at the beginning of each test; `admin` works past the runners."""

    url: str
    site: EnvironmentSite = field(init=False)

    def __post_init__(self) -> None:
        self.keys = {"JITBOT_SECRET_AWS_ID": "AKIATESTTESTTESTTEST", "JITBOT_SECRET_AWS_KEY": "s3cret-of-jitbot"}
        self._sites()

    def _sites(self, *paths: Path) -> None:
        more = {"JITBOT_SECRET_AWS_WRONG": "s3cret-that-is-wrong"}
        self.host = self.url.removeprefix("http://")
        self.site = EnvironmentSite([self.host], {**self.keys, **more}, paths)

    def inputs(self, **more: Any) -> dict[str, Any]:
        """Return how runners are told to come here."""
        keys = {"access_key_id": {"secret": "aws-id"}, "secret_access_key": {"secret": "aws-key"}}
        where = {"account": ACCOUNT, "region": REGION, "endpoints": dict.fromkeys(SERVICES, self.url)}
        return {**where, **keys, **more}

    def admin(self, service: str) -> Any:
        return _admin(self.url, service)

    def may(self, *actions: str) -> None:
        """Have jitbot's keys be those of a user who may do just this, and everybody held to their policies."""
        iam = self.admin("iam")
        iam.create_user(UserName="jitbot")
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="jitbot", PolicyName="jitbot", PolicyDocument=document)
        key = iam.create_access_key(UserName="jitbot")["AccessKey"]
        self.keys = {"JITBOT_SECRET_AWS_ID": key["AccessKeyId"], "JITBOT_SECRET_AWS_KEY": key["SecretAccessKey"]}
        self._sites()
        self._post("moto-api/reset-auth", b"0")

    def free(self) -> None:
        """Hold nobody to policies any more, so that `admin` can look."""
        self._post("moto-api/reset-auth", b"inf")

    def grants(self, path: Path) -> None:
        """Let jitbot read below a path."""
        self._sites(path)

    def fault(self, operation: str, **how: Any) -> None:
        """Have the next call of an operation fail; `skip` lets some pass before."""
        self._post("tests/faults", json.dumps({"operation": operation, **how}).encode())

    def script(self, **what: Any) -> None:
        self._post("tests/script", json.dumps(what).encode())

    def calls(self, operation: str) -> Sequence[str]:
        """Return the calls of one operation since the beginning of the test, each with its service."""
        return [call for call in self.all_calls() if call.endswith(f":{operation}")]

    def all_calls(self) -> Sequence[str]:
        return [call for call, _ in json.loads(self._post("tests/calls"))]

    def forget_calls(self) -> None:
        self._post("tests/forget-calls")

    def sent(self, operation: str) -> str:
        """Return what the one call of an operation said."""
        [body] = [body for call, body in json.loads(self._post("tests/calls")) if call.endswith(f":{operation}")]
        return str(body)

    def reset(self) -> None:
        self._post("moto-api/reset-auth", b"inf")
        self._post("moto-api/reset")
        self._post("tests/forget")

    def _post(self, path: str, body: bytes = b"") -> bytes:
        request = urllib.request.Request(f"{self.url}/{path}", body, {"content-type": "text/plain"}, method="POST")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            found: bytes = answer.read()
            return found


@cache
def _admin(url: str, service: str) -> Any:
    """Return a client, kept since one takes longer to make than to use."""
    return _session().create_client(service, endpoint_url=url, **ADMIN)


@cache
def _session() -> Any:
    session = Session()
    session.set_default_client_config(Config(region_name=REGION, proxies={}, retries={"total_max_attempts": 1}))
    return session


@pytest.fixture(scope="session")
def aws_url() -> str:
    return _server()


@cache
def _server() -> str:
    """Run the server, one for all files of tests: it takes two seconds to begin."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    folder = tempfile.TemporaryDirectory(prefix="jitbot-aws-")
    log = Path(folder.name) / "log"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": folder.name, **SERVER}
    words = [sys.executable, "-m", "tests.aws.server", str(port)]
    with log.open("wb") as file:
        process = subprocess.Popen(words, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=file, stderr=file)
    atexit.register(folder.cleanup)
    atexit.register(process.wait, READY_SECONDS)
    atexit.register(process.terminate)
    _await_ready(port, process, log)
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def aws(aws_url: str) -> AnAccount:
    account = AnAccount(aws_url)
    account.reset()
    return account


def _await_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    pause = Event()
    for _ in range(int(READY_SECONDS / 0.05)):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            pause.wait(0.05)
        else:
            return
    raise RuntimeError(f"moto's server did not get ready: {log.read_text()[-2000:]}")


def a_group(aws: AnAccount, group: str = "ops", user: str = "ann", *, member: bool = False) -> Mapping[str, str]:
    """Make a group with a policy, and a user."""
    iam = aws.admin("iam")
    iam.create_group(GroupName=group)
    iam.create_user(UserName=user)
    statement = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_group_policy(GroupName=group, PolicyName="may-look", PolicyDocument=document)
    if member:
        iam.add_user_to_group(GroupName=group, UserName=user)
    return {"group": group, "user": user}


def a_permission_set(aws: AnAccount, length: str = "PT1H") -> Mapping[str, str]:
    """Make a permission set, and somebody to give it to."""
    made = aws.admin("sso-admin").create_permission_set(
        InstanceArn=INSTANCE_ARN, Name="prod-write", SessionDuration=length
    )
    arn = made["PermissionSet"]["PermissionSetArn"]
    return {
        "instance_arn": INSTANCE_ARN,
        "permission_set_arn": arn,
        "to_account": "210987654321",
        "principal_id": "a1b2c3d4-1111-2222-3333-444455556666",
    }


def a_service(aws: AnAccount) -> Mapping[str, Any]:
    """Make a service that runs the second of two revisions."""
    ecs = aws.admin("ecs")
    ecs.create_cluster(clusterName="shop")
    for version in ("1.0", "1.1"):
        container = {"name": "web", "image": f"registry.example.com/orders:{version}", "memory": 128}
        ecs.register_task_definition(family="orders", containerDefinitions=[container])
    ecs.create_service(cluster="shop", serviceName="orders", taskDefinition="orders:2", desiredCount=2)
    return {"cluster": "shop", "service": "orders"}


def a_scaling_group(aws: AnAccount, *, desired: int = 2) -> Mapping[str, Any]:
    """Make a group of instances of which there may be one to four."""
    scaling = aws.admin("autoscaling")
    scaling.create_launch_configuration(LaunchConfigurationName="web", ImageId=IMAGE, InstanceType="t3.micro")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchConfigurationName="web",
        MinSize=1,
        MaxSize=4,
        DesiredCapacity=desired,
        AvailabilityZones=[f"{REGION}a"],
    )
    return {"group": "web"}


def an_instance(aws: AnAccount, *, stopped: bool = False) -> Mapping[str, Any]:
    """Make an instance with a name."""
    ec2 = aws.admin("ec2")
    made = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]
    ec2.create_tags(Resources=[made["InstanceId"]], Tags=[{"Key": "Name", "Value": "bastion"}])
    if stopped:
        ec2.stop_instances(InstanceIds=[made["InstanceId"]])
    return {"instance": made["InstanceId"]}


def a_parameter_group(aws: AnAccount) -> Mapping[str, Any]:
    """Make a parameter group, and a database that uses it."""
    rds = aws.admin("rds")
    rds.create_db_parameter_group(DBParameterGroupName="orders", DBParameterGroupFamily="mysql8.0", Description="x")
    rds.create_db_instance(
        DBInstanceIdentifier="orders-1",
        DBInstanceClass="db.t3.micro",
        Engine="mysql",
        AllocatedStorage=20,
        MasterUsername="admin",
        MasterUserPassword="s3cret-of-a-database",
        DBParameterGroupName="orders",
    )
    return {"group": "orders"}


DOCUMENT = {
    "schemaVersion": "2.2",
    "description": "restart a service",
    "parameters": {
        "service": {"type": "String", "description": "its name"},
        "flags": {"type": "StringList", "description": "more words", "default": []},
    },
    "mainSteps": [{"action": "aws:runShellScript", "name": "restart", "inputs": {"runCommand": ["true"]}}],
}


def a_document(aws: AnAccount, **more: Any) -> Mapping[str, Any]:
    """Make a document, and two instances."""
    words = {"Content": json.dumps(DOCUMENT), "Name": "restart", "DocumentType": "Command", "DocumentFormat": "JSON"}
    aws.admin("ssm").create_document(**{**words, **more})
    instances = sorted(an_instance(aws)["instance"] for _ in range(2))
    return {
        "document": "restart",
        "documents": ["restart"],
        "instances": instances,
        "parameters": {"service": "orders"},
    }
