"""The way to AWS: as whom, where to, for how long; and what an answer that is none means."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from jitbot.errors import NotGranted, RunnerRefused, RunnerUnsure
from jitbot.outbound.site import EnvironmentSite
from jitbot.outbound.values import Secret
from jitbot.runners.aws.iam_group import GroupInputs, IamGroup
from jitbot.runners.aws.sso_assignment import SsoAssignment
from jitbot.runners.aws.sso_inputs import AssignmentInputs
from jitbot.testing.runners import ContractRun
from tests.aws.loopback import ACCOUNT, FAST, AnAccount, a_group, a_permission_set, aws, aws_url
from tests.contract.howto import ROOT

__all__ = ["aws", "aws_url"]

ROLE = f"arn:aws:iam::{ACCOUNT}:role/jitbot"
NO_KEYS = {"access_key_id": None, "secret_access_key": None}


def told(aws: AnAccount, **more: object) -> GroupInputs:
    return GroupInputs.model_validate({**aws.inputs(**a_group(aws)), **more})


def a_role(aws: AnAccount) -> None:
    """Make the role that jitbot's keys may assume."""
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/jitbot"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    aws.admin("iam").create_role(RoleName="jitbot", AssumeRolePolicyDocument=document)


def test_keys_of_another_account_are_refused(aws) -> None:
    inputs = told(aws, account="999999999999")
    with pytest.raises(RunnerRefused, match="These keys are of the account 123456789012, and not of 999999999999"):
        IamGroup(aws.site, FAST).plan(inputs)


def test_wrong_keys_are_refused_without_telling_them(aws) -> None:
    inputs = told(aws, secret_access_key={"secret": "aws-wrong"})
    aws.may("iam:*")
    with pytest.raises(RunnerRefused, match="says SignatureDoesNotMatch: the secret access key does not fit") as caught:
        IamGroup(aws.site, FAST).plan(inputs)
    assert "s3cret" not in str(caught.value)


def test_a_role_is_assumed_by_the_name_of_the_run_and_not_for_long(aws) -> None:
    a_role(aws)
    run = ContractRun("jit-7-1 / odd")
    IamGroup(aws.site, FAST).start(told(aws, role_arn=ROLE, external_id={"secret": "aws-key"}), run)
    sent = aws.sent("AssumeRole")
    assert "RoleSessionName=jitbot-jit-7-1-odd&DurationSeconds=900" in sent
    assert f"ExternalId={aws.keys['JITBOT_SECRET_AWS_KEY']}" in sent
    assert aws.calls("GetCallerIdentity") == []


def test_a_token_is_good_for_a_role(aws, tmp_path) -> None:
    token = tmp_path / "token"
    token.write_text("e30.e30.e30\n")
    inputs = told(aws, **NO_KEYS, web_identity_file=str(token), role_arn=ROLE)
    with pytest.raises(NotGranted, match="not below JITBOT_RUNNER_PATHS"):
        IamGroup(aws.site, FAST).plan(inputs)
    aws.grants(tmp_path)
    IamGroup(aws.site, FAST).start(inputs, ContractRun())
    assert aws.calls("AssumeRoleWithWebIdentity") == ["unsigned:AssumeRoleWithWebIdentity"]
    token.unlink()
    with pytest.raises(NotGranted, match="holds no token"):
        IamGroup(aws.site, FAST).plan(inputs)


def test_a_session_that_would_end_is_renewed(aws, monkeypatch) -> None:
    a_role(aws)
    monkeypatch.setattr("jitbot.runners.aws.login._RENEW_SECONDS", 10_000)
    IamGroup(aws.site, FAST).start(told(aws, role_arn=ROLE), ContractRun())
    assert len(aws.calls("AssumeRole")) > 2


def test_a_session_that_cannot_be_renewed_in_the_middle_is_no_refusal(aws, monkeypatch, tmp_path) -> None:
    token = tmp_path / "token"
    token.write_text("e30.e30.e30")
    aws.grants(tmp_path)
    more = {**a_permission_set(aws), **NO_KEYS, "web_identity_file": str(token), "role_arn": ROLE}
    inputs = AssignmentInputs.model_validate({**aws.inputs(), **more})
    monkeypatch.setattr("jitbot.runners.aws.login._RENEW_SECONDS", 10_000)

    class Losing(ContractRun):
        def log(self, line: str) -> None:
            token.unlink(missing_ok=True)

    with pytest.raises(RunnerUnsure, match="holds no token"):
        SsoAssignment(aws.site, FAST).start(inputs, Losing())


@pytest.mark.parametrize("service", ["sts", "iam"])
def test_every_host_has_to_be_allowed(aws, service) -> None:
    inputs = told(aws)
    elsewhere = {**inputs.endpoints, service: "https://iam.example.com"}
    with pytest.raises(NotGranted, match=r"may not talk to iam\.example\.com"):
        IamGroup(aws.site, FAST).plan(inputs.model_copy(update={"endpoints": elsewhere}))


def test_the_usual_addresses_have_to_be_allowed_too(aws) -> None:
    inputs = told(aws, endpoints={})
    with pytest.raises(NotGranted, match=r"may not talk to sts\.eu-west-1\.amazonaws\.com"):
        IamGroup(aws.site, FAST).plan(inputs)


def test_what_was_never_sent_is_a_refusal(aws) -> None:
    inputs = told(aws)
    site = EnvironmentSite(["127.0.0.1:1"], aws.keys)
    nowhere = inputs.model_copy(update={"endpoints": dict.fromkeys(inputs.endpoints, "http://127.0.0.1:1")})
    with pytest.raises(RunnerRefused, match="Could not connect"):
        IamGroup(site, FAST).start(nowhere, ContractRun())


def test_an_answer_that_does_not_come_in_time_is_unsure(aws) -> None:
    inputs, run = told(aws), ContractRun()
    aws.fault("AddUserToGroup", what="hang")
    run.deadline = datetime.now(UTC) + timedelta(seconds=3)
    with pytest.raises(RunnerUnsure, match="ann may be in ops: AWS iam gave no answer: Read timeout"):
        IamGroup(aws.site, FAST).start(inputs, run)
    assert datetime.now(UTC) < run.deadline + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"code": "LimitExceeded", "status": 409}, RunnerRefused),
        ({"code": "Throttling", "status": 400}, RunnerRefused),
        ({"code": "RequestTimeout", "status": 400}, RunnerUnsure),
        ({"code": "ServiceFailure", "status": 500}, RunnerUnsure),
        ({"code": "Moved", "status": 301}, RunnerUnsure),
        ({"what": "cut before"}, RunnerUnsure),
    ],
    ids=lambda value: str(value.get("code", value)) if isinstance(value, dict) else value.__name__,
)
def test_what_an_answer_says(aws, fault, kind) -> None:
    inputs = told(aws)
    aws.fault("AddUserToGroup", **fault)
    with pytest.raises(kind):
        IamGroup(aws.site, FAST).start(inputs, ContractRun())
    assert len(aws.calls("AddUserToGroup")) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_followed_elsewhere(aws, status) -> None:
    inputs = told(aws)
    for operation in ("GetUser", "AddUserToGroup"):
        aws.fault(operation, code="Moved", status=status)
    with pytest.raises(RunnerUnsure, match="says Moved"):
        IamGroup(aws.site, FAST).start(inputs, ContractRun())
    assert aws.calls("followed") == []


def test_a_message_of_aws_is_shown_in_one_visible_line(aws) -> None:
    inputs = told(aws)
    aws.fault("AddUserToGroup", code="Odd", message="one\ntwo\u202e Encoded authorization failure message: abcdef")
    with pytest.raises(RunnerRefused, match=r"says Odd: one two\\u202e") as caught:
        IamGroup(aws.site, FAST).start(inputs, ContractRun())
    assert "abcdef" not in str(caught.value)


HOSTILE = {
    "AWS_PROFILE": "not-there",
    "AWS_ACCESS_KEY_ID": "AKIAAMBIENTAMBIENT00",
    "AWS_SECRET_ACCESS_KEY": "ambient",
    "AWS_SESSION_TOKEN": "ambient",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_CA_BUNDLE": "/not/there",
    "AWS_DATA_PATH": "/not/there",
    "AWS_MAX_ATTEMPTS": "7",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
}
PROBE = """
import json, sys
from jitbot.runners.aws.account import Account
from jitbot.runners.aws.session import client, _session
told = Account.model_validate(json.loads(sys.argv[1]))
keys = {"aws_access_key_id": "AKIATESTTESTTESTTEST", "aws_secret_access_key": "s3cret-of-jitbot"}
made = client(told, "sts", keys, 10, lambda **_: None)
said = made.get_caller_identity()["Account"]
unsigned = client(told, "ecs", None, 10, lambda **_: None)
from botocore.session import Session
print(json.dumps([said, unsigned.meta.endpoint_url, unsigned.meta.config.retries["total_max_attempts"],
    _session().get_credentials() is None]))
"""


def test_nothing_of_this_machine_is_used(aws, tmp_path) -> None:
    """Neither variables nor files of a home: keys, profiles, proxies, addresses, services as ~/.aws describes them."""
    home = tmp_path / ".aws"
    (home / "models/sts/2011-06-15").mkdir(parents=True)
    (home / "models/sts/2011-06-15/service-2.json").write_text("{}")
    (home / "config").write_text("[default]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:1\n")
    (home / "credentials").write_text("[default]\naws_access_key_id = x\naws_secret_access_key = y\n")
    values = aws.inputs()
    values["endpoints"] = {"sts": aws.url}
    env = {**HOSTILE, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}
    words = [sys.executable, "-W", "error", "-c", PROBE, json.dumps(values)]
    found = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == [ACCOUNT, "https://ecs.eu-west-1.amazonaws.com", 1, True]


def test_without_botocore_it_says_what_to_install(aws, monkeypatch) -> None:
    monkeypatch.setattr("jitbot.runners.aws.session.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jitbot\[aws\]'"):
        IamGroup(aws.site)


def test_jitbot_loads_its_other_runners_without_botocore() -> None:
    """No import of a runner's module loads botocore, and no other runner does."""
    code = "import sys, jitbot.runners.aws.iam_group, jitbot.runners.http; print('botocore' in sys.modules)"
    words = [sys.executable, "-c", code]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_looks_share_a_session_as_long_as_it_holds(aws) -> None:
    a_role(aws)
    inputs, runner = told(aws, role_arn=ROLE), IamGroup(aws.site, FAST)
    for _ in range(3):
        runner.plan(inputs)
    assert len(aws.calls("AssumeRole")) == 1
    runner.plan(inputs.model_copy(update={"external_id": Secret(secret="aws-key")}))
    assert len(aws.calls("AssumeRole")) == 2
    runner.start(inputs, ContractRun())
    assert len(aws.calls("AssumeRole")) == 3


def test_keys_that_were_changed_are_used_at_once(aws) -> None:
    inputs, runner = told(aws), IamGroup(aws.site, FAST)
    runner.plan(inputs)
    assert len(aws.calls("GetCallerIdentity")) == 1
    runner._ways._site = EnvironmentSite([aws.host], {**aws.keys, "JITBOT_SECRET_AWS_KEY": "s3cret-that-is-new"})
    runner.plan(inputs)
    assert len(aws.calls("GetCallerIdentity")) == 2
