"""Secrets from AWS Secrets Manager, by boto3 (`pip install 'jitbot[aws]'`), which is imported only here.

jitbot proves who it is by what the AWS SDK finds: the role of its pod, task or instance, or environment variables.
"""

import json
from collections.abc import Callable
from threading import Lock
from typing import Annotated, Any

from pydantic import Field

from jitbot.errors import NotGranted, SecretUnavailable, SettingsError
from jitbot.outbound.secrets.private_file import Refused
from jitbot.outbound.secrets.section import Address, Name, Strict, read_section
from jitbot.ports import StoreSite

CONNECT_SECONDS, READ_SECONDS = 1.0, 2.0
"""Without a second try: a decision waits five seconds for all its facts, and secrets are asked for again anyway."""

_LOGIN = "Look at the role or the credentials that jitbot has here"
_WORDS = {
    "AccessDeniedException": f"AWS does not let jitbot read it. Allow secretsmanager:GetSecretValue. {_LOGIN}",
    "ResourceNotFoundException": "AWS has no secret of this id in this region. Look at its `id` in the secrets file",
    "InvalidRequestException": "it is marked for deletion in AWS. Restore it, or name another one",
    "DecryptionFailure": "AWS cannot decrypt it. Allow kms:Decrypt for its key",
    "ThrottlingException": "AWS is asked too often. Try again",
    "ExpiredTokenException": f"jitbot's credentials for AWS have run out. {_LOGIN}",
    "UnrecognizedClientException": f"AWS does not know jitbot's credentials. {_LOGIN}",
    "InvalidClientTokenId": f"AWS does not know jitbot's credentials. {_LOGIN}",
}

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9/_+=.@:-]{1,2048}\z")]


class Place(Strict):
    """Where one secret is: a name or an ARN, and the key of the JSON object in it; without a key, all of its text."""

    id: Id
    key: str | None = Field(None, min_length=1, max_length=200)


class Aws(Strict):
    """What the operator's file says under `aws:`."""

    region: str = Field(pattern=r"^[a-z0-9-]{1,40}\z")
    secrets: dict[Name, Place]
    endpoint: Address | None = None
    """Of an interface endpoint in a VPC; AWS's own for the region where it is left out."""


class AwsStore:
    """Implements `ports.SecretStore`. A name that the operator's file does not have is not asked for."""

    def __init__(self, site: StoreSite) -> None:
        self._told = read_section(site, "aws", Aws)
        self._hide: Callable[[str], None] = site.hide
        self._lock = Lock()
        self._client: Any = None
        try:
            import boto3
        except ImportError:
            raise SettingsError("The store 'aws' needs boto3: pip install 'jitbot[aws]'.") from None
        self._session = boto3.session.Session(region_name=self._told.region)

    def read(self, name: str) -> str:
        place = self._told.secrets.get(name)
        if place is None:
            raise NotGranted(f"add {name} to `aws: secrets:` in the secrets file")
        try:
            return _value(place, self._asked(place))
        except Refused as error:
            raise SecretUnavailable(f"The secret {name!r} cannot be read: {error}.") from None

    def _asked(self, place: Place) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = self._ready()
            return client.get_secret_value(SecretId=place.id).get("SecretString")
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))[:80]
            raise Refused(_WORDS.get(code, f"AWS says {code}. Look at jitbot's region and role")) from None
        except BotoCoreError as error:
            raise Refused(f"AWS does not answer ({type(error).__name__}). {_LOGIN}, and at the way to AWS") from None

    def _ready(self) -> Any:
        from botocore.config import Config

        with self._lock:  # neither sessions nor the making of clients are safe for threads; a client is
            if self._client is None:
                quick = Config(
                    connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1}
                )
                self._client = self._session.client("secretsmanager", endpoint_url=self._told.endpoint, config=quick)
            own = self._session.get_credentials()
            if own is not None:
                frozen = own.get_frozen_credentials()
                for value in filter(None, (frozen.secret_key, frozen.token)):
                    self._hide(value)
        return self._client


def _value(place: Place, text: Any) -> str:
    """Return what is wanted out of a secret. Raises: Refused."""
    if not isinstance(text, str):
        raise Refused("it is binary in AWS. Keep it as text")
    if place.key is None:
        return text
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("it is no JSON in AWS. Take out its `key` in the secrets file, or keep it as JSON") from None
    value = document.get(place.key) if isinstance(document, dict) else None
    if not isinstance(value, str):
        raise Refused("its JSON in AWS has no text under this key. Look at its `key` in the secrets file")
    return value
