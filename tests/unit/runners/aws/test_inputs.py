"""What the runners for AWS can be told, whatever anybody types."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jitbot.runners.aws.account import Account
from jitbot.runners.aws.auto_scaling import ScalingInputs
from jitbot.runners.aws.ecs_service import DeployInputs
from jitbot.runners.aws.iam_group import GroupInputs
from jitbot.runners.aws.instance import InstanceInputs
from jitbot.runners.aws.rds_parameter import RdsInputs
from jitbot.runners.aws.ssm_inputs import SsmInputs
from jitbot.runners.aws.sso_inputs import AssignmentInputs

KEYS = {"access_key_id": {"secret": "aws-id"}, "secret_access_key": {"secret": "aws-key"}}
ACCOUNT = {"account": "123456789012", "region": "eu-west-1", **KEYS}
ROLE = "arn:aws:iam::123456789012:role/jitbot"
GROUP = {**ACCOUNT, "group": "ops", "user": "ann"}
INSTANCE = "i-0123456789abcdef0"
SSM = {**ACCOUNT, "document": "restart", "documents": ["restart"], "instances": [INSTANCE]}
ASSIGNMENT = {
    **ACCOUNT,
    "instance_arn": "arn:aws:sso:::instance/ssoins-1234567890abcdef",
    "permission_set_arn": "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef",
    "to_account": "210987654321",
    "principal_id": "906705a7c3-a1b2c3d4-1111-2222-3333-444455556666",
}
DEPLOY = {**ACCOUNT, "cluster": "shop", "service": "orders", "task_definition": "orders:1"}
SCALING = {**ACCOUNT, "group": "web", "desired": 4}
MACHINE = {**ACCOUNT, "instance": INSTANCE, "verb": "stop"}
PARAMETER = {**ACCOUNT, "group": "orders", "parameter": "max_connections", "value": "200"}
ALL = [
    (GroupInputs, GROUP),
    (SsmInputs, {**SSM, "parameters": {"service": "orders"}}),
    (AssignmentInputs, ASSIGNMENT),
    (DeployInputs, DEPLOY),
    (ScalingInputs, SCALING),
    (InstanceInputs, MACHINE),
    (RdsInputs, PARAMETER),
]


def wrong(model, values) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"access_key_id": None}, "go together"),
        ({"secret_access_key": None}, "go together"),
        ({"access_key_id": None, "secret_access_key": None}, "say as whom"),
        ({"web_identity_file": "/run/token"}, "say as whom"),
        ({"access_key_id": "AKIATESTTESTTESTTEST"}, "access_key_id"),
        ({"role_arn": "jitbot"}, "must be the ARN of a role"),
        ({"role_arn": ROLE.replace("123456789012", "999999999999")}, "a role of the account 999999999999"),
        ({"external_id": {"secret": "x"}}, "goes with role_arn"),
        ({"region": "eu-west-1.evil.example"}, "region"),
        ({"region": "eu-west-1#"}, "region"),
        ({"region": "*"}, "region"),
        ({"account": "12345678901"}, "account"),
        ({"endpoints": {"ecs": "http://ecs.example.com"}}, "must be https"),
        ({"endpoints": {"ecs": "https://user@ecs.example.com"}}, "must be a URL without"),
        ({"endpoints": {"ecs": "https://ecs.example.com/path"}}, "must be a URL without"),
        ({"endpoints": {"ecs": "https://ecs.example.com:99999"}}, "is no URL"),
        ({"endpoints": {"ecs": "file:///etc/passwd"}}, "must be a URL without"),
        ({"endpoints": {"s3": "https://s3.example.com"}}, "endpoints"),
        ({"profile": "prod"}, "Extra inputs"),
        ({"credentials": "environment"}, "Extra inputs"),
    ],
)
def test_a_wrong_account_is_told(values, words) -> None:
    assert words in wrong(Account, {**ACCOUNT, **values})


@pytest.mark.parametrize(
    "values",
    [
        {**KEYS, "session_token": {"secret": "x"}},
        {**KEYS, "role_arn": ROLE, "external_id": {"secret": "x"}},
        {"web_identity_file": "/run/token", "role_arn": ROLE},
    ],
)
def test_ways_to_come_there(values) -> None:
    told = Account.model_validate({"account": "123456789012", "region": "us-gov-west-1", **values})
    assert told.model_dump(mode="json", exclude_defaults=True).keys() >= values.keys()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"session_token": {"secret": "x"}}, "goes with access_key_id"),
        ({"role_arn": None}, "needs the role"),
        ({"external_id": {"secret": "x"}}, "goes with role_arn"),
        ({"web_identity_file": "token"}, "must be a full path"),
    ],
)
def test_a_token_is_for_a_role(values, words) -> None:
    told = {"account": "123456789012", "region": "eu-west-1", "web_identity_file": "/run/token", "role_arn": ROLE}
    assert words in wrong(Account, {**told, **values})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"document": "other"}, "is not among documents: restart"),
        ({"documents": []}, "documents"),
        ({"instances": [INSTANCE, INSTANCE]}, "names one twice"),
        ({"instances": []}, "instances"),
        ({"instances": ["i-*"]}, "instances"),
        ({"parameters": {"service": "orders; reboot"}}, "mean something to a shell"),
        ({"parameters": {"service": "$(reboot)"}}, "mean something to a shell"),
        ({"parameters": {"service": ["orders", "`reboot`"]}}, "mean something to a shell"),
        ({"parameters": {"service": "{{ssm-secure:key}}"}}, "has {{"),
        ({"parameters": {"commands": "echo {{ssm:key}}"}, "verbatim": ["commands"]}, "has {{"),
        ({"parameters": {"service": "orders\u202e"}}, "cannot be seen"),
    ],
)
def test_a_wrong_command_is_told(values, words) -> None:
    assert words in wrong(SsmInputs, {**SSM, **values})


def test_what_a_policy_says_verbatim_is_taken_as_it_is() -> None:
    told = {"parameters": {"commands": ["cd /srv && ./restart 'x'\necho $?"]}, "verbatim": ["commands"]}
    assert SsmInputs.model_validate({**SSM, **told}).listed["commands"] == ["cd /srv && ./restart 'x'\necho $?"]


def test_an_allow_list_holds_for_what_is_filled_in() -> None:
    assert SsmInputs.model_validate({**SSM, "documents": ["a-document", "restart"]}).document == "restart"


@pytest.mark.parametrize(("model", "values"), ALL)
def test_inputs_survive_being_kept(model, values) -> None:
    told = model.model_validate(values)
    assert model.model_validate(json.loads(json.dumps(told.model_dump(mode="json")))) == told


hostile = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["ops\n", "ops/../admin", "ops*", "*", "ops,admin", "arn:aws:iam::aws:policy/AdministratorAccess", "", " ",
         "ops\x00", "ops\u202e", "{{ssm:x}}", "ops'; DROP", "${aws:username}", "ops\ud800", "i-0123456789abcdef0\n"]
    ),
    st.integers(),
    st.booleans(),
    st.none(),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)  # fmt: skip
SAFE = st.sampled_from([(model, values, name) for model, values in ALL for name in values if name not in ACCOUNT])


@given(SAFE, hostile)
def test_whatever_is_typed_is_refused_or_means_one_thing(case, value) -> None:
    """Names go to AWS as they are, so none may be a pattern, a list, an ARN of something else, or two lines."""
    model, values, name = case
    try:
        told = model.model_validate({**values, name: value})
    except ValidationError:
        return
    taken = getattr(told, name)
    if isinstance(taken, str) and name != "value":
        assert taken.isprintable()
        assert not set(taken) & set("*?;'\"\\$`{}<>|&\n")
        assert not taken.startswith("arn:") or name.endswith("_arn")


@given(st.sampled_from(list(ACCOUNT)), hostile)
def test_whatever_is_typed_for_the_account_is_refused_or_one(name, value) -> None:
    try:
        told = Account.model_validate({**ACCOUNT, name: value})
    except ValidationError:
        return
    assert told.place.isascii()
    assert told.place.count(":") == 2
    assert told.place.isprintable()
