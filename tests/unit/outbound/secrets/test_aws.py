"""Secrets from AWS Secrets Manager, against moto's server: what is read, and every way to say no."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from jitbot.errors import NotGranted, SecretUnavailable, SettingsError
from jitbot.outbound.redaction.patterns import HIDDEN
from jitbot.outbound.secrets.aws import AwsStore
from tests.servers import AServer
from tests.unit.outbound.secrets.conftest import StoreSite
from tests.vendors.aws import CREDENTIALS, REGION, Amazon

VALUE = "sesame-of-the-cloud"

pytestmark = pytest.mark.usefixtures("credentials")


def site(endpoint: str, place: Mapping[str, Any]) -> StoreSite:
    return StoreSite({"region": REGION, "endpoint": endpoint, "secrets": {"db": place}})


def store(aws: Amazon, **place: Any) -> AwsStore:
    return AwsStore(site(aws.url, place))


def refused(store: AwsStore) -> str:
    with pytest.raises(SecretUnavailable) as caught:
        store.read("db")
    assert VALUE not in str(caught.value)
    return str(caught.value)


def test_a_secret_is_its_text(aws: Amazon) -> None:
    aws.keep("jitbot/text", VALUE)
    assert store(aws, id="jitbot/text").read("db") == VALUE


def test_a_key_of_a_secret_that_is_json(aws: Amazon) -> None:
    aws.keep("jitbot/json", json.dumps({"user": "app", "password": VALUE}))
    assert store(aws, id="jitbot/json", key="password").read("db") == VALUE


def test_a_secret_by_its_arn_in_its_newest_version(aws: Amazon) -> None:
    aws.keep("jitbot/arn", "old-value")
    by_arn = store(aws, id=aws.client.describe_secret(SecretId="jitbot/arn")["ARN"])
    assert by_arn.read("db") == "old-value"
    aws.keep("jitbot/arn", VALUE)
    assert by_arn.read("db") == VALUE


def test_what_the_operator_did_not_mean_for_jitbot_is_not_asked_for(aws: Amazon) -> None:
    aws.keep("jitbot/other", VALUE)
    for name in ("other", "jitbot/other", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:jitbot/other"):
        with pytest.raises(NotGranted, match="to `aws: secrets:`") as caught:
            store(aws, id="jitbot/text").read(name)
        assert not isinstance(caught.value, SecretUnavailable)


def test_jitbots_own_credentials_are_hidden(aws: Amazon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session of the role")
    aws.keep("jitbot/text", VALUE)
    given = site(aws.url, {"id": "jitbot/text"})
    AwsStore(given).read("db")
    said = given.redactor.redact(f"{CREDENTIALS['AWS_SECRET_ACCESS_KEY']}, session of the role")
    assert said == f"{HIDDEN}, {HIDDEN}"


def test_what_is_not_there_and_what_is_going(aws: Amazon) -> None:
    assert "AWS has no secret of this id" in refused(store(aws, id="jitbot/nowhere"))
    aws.keep("jitbot/going", VALUE)
    aws.client.delete_secret(SecretId="jitbot/going", RecoveryWindowInDays=7)
    assert "marked for deletion" in refused(store(aws, id="jitbot/going"))


def test_what_is_there_and_not_what_was_meant(aws: Amazon) -> None:
    aws.keep("jitbot/text", VALUE)
    aws.keep("jitbot/json", json.dumps({"password": VALUE, "port": 5432}))
    aws.keep("jitbot/list", json.dumps([VALUE]))
    aws.client.create_secret(Name="jitbot/binary", SecretBinary=b"\x00\x01")
    assert "is no JSON" in refused(store(aws, id="jitbot/text", key="password"))
    assert "has no text under this key" in refused(store(aws, id="jitbot/json", key="user"))
    assert "has no text under this key" in refused(store(aws, id="jitbot/json", key="port"))
    assert "has no text under this key" in refused(store(aws, id="jitbot/list", key="password"))
    assert "is binary" in refused(store(aws, id="jitbot/binary"))


@pytest.mark.parametrize(
    ("code", "status", "why"),
    [
        ("AccessDeniedException", 400, "Allow secretsmanager:GetSecretValue"),
        ("DecryptionFailure", 400, "Allow kms:Decrypt"),
        ("ExpiredTokenException", 400, "credentials for AWS have run out"),
        ("UnrecognizedClientException", 400, "does not know jitbot's credentials"),
        ("ThrottlingException", 400, "asked too often"),
        ("InternalServiceError", 500, "AWS says InternalServiceError"),
        ("x" * 500, 400, "AWS says xxx"),
    ],
)
def test_each_error_of_aws_has_its_words(a_server: Callable[[], AServer], code: str, status: int, why: str) -> None:
    server = a_server()
    said = json.dumps({"__type": code, "Message": f"User: arn:aws:sts::1:{VALUE} is not authorized"}).encode()
    server.answers["/"] = (status, {"Content-Type": "application/x-amz-json-1.1"}, said)
    message = refused(AwsStore(site(server.url, {"id": "jitbot/db"})))
    assert why in message
    assert len(message) < 400
    assert len(server.seen) == 1, "it is asked once, since a decision does not wait"


def test_answers_that_are_none(a_server: Callable[[], AServer]) -> None:
    server = a_server()
    server.answers["/"] = (200, {}, b"<html>")
    assert "cannot be read" in refused(AwsStore(site(server.url, {"id": "jitbot/db"})))


def test_aws_cannot_be_reached(a_rude_server: Callable[..., str]) -> None:
    host = a_rude_server(lambda connection: None)
    assert "AWS does not answer" in refused(AwsStore(site(f"http://{host}", {"id": "jitbot/db"})))


def test_without_credentials_it_says_so(aws: Amazon, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    said = refused(store(aws, id="jitbot/text"))
    assert "NoCredentialsError" in said
    assert "Look at the role or the credentials" in said


def test_without_boto3_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(SettingsError, match=r"pip install 'jitbot\[aws\]'"):
        AwsStore(site("https://vpce.example", {"id": "jitbot/db"}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"region": "eu central"},
        {"endpoint": "http://vpce.example"},
        {"secrets": {"db": {"id": "a b"}}},
        {"secrets": {"db": {"id": "a\n"}}},
        {"secrets": {"../db": {"id": "a"}}},
        {"secrets": {"db": {"id": "a", "stage": "AWSPREVIOUS"}}},
        {"secrets": {"db": "a"}},
    ],
    ids=lambda each: next(iter(each)),
)
def test_a_wrong_section_stops_the_start(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(SettingsError, match="does not fit: aws"):
        AwsStore(StoreSite({"region": REGION, "secrets": {"db": {"id": "jitbot/db"}}} | wrong))
