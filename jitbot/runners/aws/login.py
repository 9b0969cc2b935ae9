"""From inputs to keys: those of the policy, those of a role that they assume, or of one that a token is good for.

Nothing of this machine is used in their place: docs/reference/runners-aws.md says why.
"""

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from jitbot.errors import NotGranted
from jitbot.outbound.paths import granted
from jitbot.outbound.values import plain
from jitbot.ports import Site
from jitbot.runners.aws.account import Account
from jitbot.runners.aws.answers import Declined

SHORTEST, LONGEST = 900, 3_600
"""Seconds of a session of a role: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html

The longest is what a role chained from another one may have, and more than a run should need.
"""
TOKEN_BYTES = 20_000
SESSION_NAME = 64

_RENEW_SECONDS = 60
_ODD = re.compile(r"[^A-Za-z0-9_+=,.@-]+")


class Sts(Protocol):
    """How this module calls STS."""

    def sts(self, operation: str, keys: dict[str, str] | None, **words: Any) -> Any:
        """Make one call with some keys, or unsigned. Raises: NoWord, NotGranted."""


@dataclass(frozen=True, slots=True)
class Login:
    """Keys, as botocore names them, and until when they hold, in seconds of `time.time()`."""

    keys: dict[str, str] = field(repr=False)
    until: float = float("inf")

    @property
    def stale(self) -> bool:
        return time.time() > self.until - _RENEW_SECONDS


def log_in(told: Account, site: Site, sts: Sts, *, name: str, seconds: float) -> Login:
    """Come to the account, for some seconds at least, as a session of that name. Raises: NoWord, NotGranted."""
    duration = int(max(SHORTEST, min(LONGEST, seconds + 2 * _RENEW_SECONDS)))
    words = {"RoleArn": told.role_arn, "RoleSessionName": session_name(name), "DurationSeconds": duration}
    if told.web_identity_file is not None:
        return _held(sts.sts("assume_role_with_web_identity", None, **words, WebIdentityToken=_token(told, site)))
    keys = _own_keys(told, site)
    if told.role_arn is not None:
        words |= {"ExternalId": plain(told.external_id, site)} if told.external_id else {}
        return _held(sts.sts("assume_role", keys, **words))
    account = sts.sts("get_caller_identity", keys)["Account"]
    if account != told.account:
        raise Declined("OtherAccount", f"These keys are of the account {account}, and not of {told.account}.")
    return Login(keys)


def mine(told: Account, site: Site) -> str:
    """Return what tells logins apart: as whom and where, and the keys as they are now. Raises: NotGranted."""
    inputs = told.model_dump_json(include=set(Account.model_fields))
    return hashlib.sha256(json.dumps([inputs, _own_keys(told, site)]).encode()).hexdigest()


def session_name(name: str) -> str:
    """Return by what name CloudTrail knows what a run does."""
    return f"jitbot-{_ODD.sub('-', name)}"[:SESSION_NAME]


def _own_keys(told: Account, site: Site) -> dict[str, str]:
    names = {"aws_access_key_id": told.access_key_id, "aws_secret_access_key": told.secret_access_key}
    names |= {"aws_session_token": told.session_token}
    return {name: plain(secret, site) for name, secret in names.items() if secret is not None}


def _token(told: Account, site: Site) -> str:
    path = granted(str(told.web_identity_file), site)
    try:
        with path.open("rb") as file:
            return file.read(TOKEN_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotGranted(f"{path} holds no token that can be read; nothing was done.") from error


def _held(answer: Any) -> Login:
    found = answer["Credentials"]
    keys = {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"]}
    return Login({**keys, "aws_session_token": found["SessionToken"]}, found["Expiration"].timestamp())
