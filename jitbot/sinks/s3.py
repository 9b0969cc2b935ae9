"""A bucket of an S3-compatible store, by boto3: an object for each head, never put over another one.

`if-none-match: *` has the store refuse to replace an object, and object lock keeps everybody from deleting it for its
days. Give jitbot `s3:PutObject` on this prefix and nothing else (`s3:PutObjectRetention` too where there is a lock).
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Lock
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from jitbot.audit import Head
from jitbot.errors import NotGranted, SettingsError, SinkUnavailable
from jitbot.outbound.secrets.section import Address, Name, Strict

CONNECT_SECONDS, READ_SECONDS = 3.0, 7.0
THERE_ALREADY = "PreconditionFailed"
Prefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9!_.*'()/-]{0,512}\z")]


class S3Place(Strict):
    """What the operator's file says. Without keys jitbot proves who it is as the AWS SDK does by itself."""

    kind: Literal["s3"]
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\z")
    prefix: Prefix = ""
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]{1,40}\z")
    endpoint: Address | None = None
    access_key: str | None = Field(None, pattern=r"^[A-Za-z0-9._-]{1,128}\z")
    secret_key: Name | None = None
    """The name of a secret."""
    lock_days: int | None = Field(None, ge=1, le=36_500)

    @model_validator(mode="after")
    def _both(self) -> "S3Place":
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("needs both `access_key` and `secret_key`, or neither")
        return self


class S3Sink:
    """Implements `ports.Sink`."""

    def __init__(self, name: str, place: S3Place, secret: Callable[[str], str]) -> None:
        self.name = name
        self._place = place
        self._secret = secret
        self._lock = Lock()
        try:
            import boto3
        except ImportError:
            raise SettingsError(f"The sink {name!r} needs boto3: pip install 'jitbot[aws]'.") from None
        self._session = boto3.session.Session(region_name=place.region)

    def put(self, head: Head) -> None:
        """Put the head under a name of its own; one that is there already is this one, which arrived before."""
        from botocore.exceptions import BotoCoreError, ClientError

        line = f"{head.line()}\n".encode()
        try:
            self._client().put_object(
                Bucket=self._place.bucket,
                Key=self._key(head),
                Body=line,
                ContentType="application/json",
                IfNoneMatch="*",
                **self._locked(head),
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))[:80]
            if code != THERE_ALREADY:
                raise SinkUnavailable(f"the bucket {self._place.bucket} refuses it ({code})") from None
        except (BotoCoreError, NotGranted) as error:
            why = error if isinstance(error, NotGranted) else type(error).__name__
            raise SinkUnavailable(f"the store of {self._place.bucket} does not answer ({why})") from None

    def _key(self, head: Head) -> str:
        """Name the object by time, number and signature, so that no other head has its name."""
        folder = f"{self._place.prefix.strip('/')}/".lstrip("/")
        return f"{folder}{head.at:%Y/%m/%d/%H%M%S}-{head.count}-{head.signature.hex()[:16]}.json"

    def _locked(self, head: Head) -> Mapping[str, Any]:
        if self._place.lock_days is None:
            return {}
        until = head.at + timedelta(days=self._place.lock_days)
        return {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}

    def _client(self) -> Any:
        from botocore.config import Config

        quick = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"} if self._place.endpoint else {},
        )
        own: dict[str, str] = {}
        if self._place.access_key is not None and self._place.secret_key is not None:
            own["aws_access_key_id"] = self._place.access_key
            own["aws_secret_access_key"] = self._secret(self._place.secret_key)
        with self._lock:  # the making of clients is not safe for threads
            return self._session.client("s3", endpoint_url=self._place.endpoint, config=quick, **own)
