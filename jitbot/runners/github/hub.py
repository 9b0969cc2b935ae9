"""A way to GitHub's API for one run: known by a token, or by one that an app fetches for it and gives back.

What an app fetches is good for one repository and a few permissions only. It is never in a log: answers are shown
without it (`Api`), and nothing else of ours sees it.
"""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from jitbot.outbound.values import Secret, plain
from jitbot.ports import Site
from jitbot.runners.answers import NoWord, read
from jitbot.runners.github.inputs import Forge, OfRepository
from jitbot.runners.patience import Patience
from jitbot.runners.web_api import Api

HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
"""https://docs.github.com/en/rest/about-the-rest-api/api-versions"""
SKEW_SECONDS, PASS_SECONDS = 60, 540
"""An app's own pass is dated back, since clocks differ, and is good for ten minutes at most.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
"""
RENEW_SECONDS = 45 * 60
"""An installation's token is good for an hour; a longer run fetches another one."""

GIVE_BACK_SECONDS = 3.0
"""How long a result may be kept back for that; no limit of GitHub's is waited for."""

Needs = Mapping[str, str]
"""The permissions that a run needs, as GitHub names them."""


@contextmanager
def github(told: Forge, site: Site, patience: Patience, needs: Needs) -> Iterator[Api]:
    """Give a way to GitHub's API, known by a token from the first question on."""
    token = told.token
    if token is not None:
        yield Api(site, told.base, lambda: plain(token, site), patience, HEADERS)
        return
    fetched = _Fetched(told, site, patience, needs)
    try:
        yield Api(site, told.base, fetched.token, patience, HEADERS)
    finally:
        fetched.give_back()


class _Fetched:
    """The token that an app fetches for one run."""

    def __init__(self, told: Forge, site: Site, patience: Patience, needs: Needs) -> None:
        key = cast(Secret, told.private_key)

        def as_app() -> str:
            return app_pass(str(told.app_id), plain(key, site), int(time.time()))

        self._told = told
        self._as_app = Api(site, told.base, as_app, patience, HEADERS)
        self._site = site
        self._wanted: dict[str, Any] = {"permissions": dict(needs)}
        if isinstance(told, OfRepository):
            self._wanted["repositories"] = [told.steps[2]]
        self._token = ""
        self._fetched_at = 0.0

    def token(self) -> str:
        if not self._token or time.monotonic() - self._fetched_at > RENEW_SECONDS:
            path = ("app", "installations", str(self._told.installation_id), "access_tokens")
            answer = self._as_app.change("POST", *path, body=self._wanted)
            try:
                self._token = read(answer.document(), "token", of=str)
            except ValueError as error:
                raise NoWord(f"It gave us no token: {error}.") from None
            self._fetched_at = time.monotonic()
        return self._token

    def give_back(self) -> None:
        """Have the token end now; where that fails, it ends by itself within the hour."""
        if not self._token:
            return
        hub = Api(self._site, self._told.base, lambda: self._token, Patience(GIVE_BACK_SECONDS), HEADERS)
        with suppress(NoWord):
            hub.change("DELETE", "installation", "token")


def app_pass(app_id: str, key: str, now: int) -> str:
    """Return an app's own pass: a JSON web token, signed with RS256 (RFC 7519). Raises: NoWord."""
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise NoWord(
            "The app's private key is none in PEM without a passphrase: set the whole file as secret."
        ) from error
    if not isinstance(private, RSAPrivateKey):
        raise NoWord("The app's private key is no RSA key: download one from the app's settings.")
    claims = {"iat": now - SKEW_SECONDS, "exp": now + PASS_SECONDS, "iss": app_id}
    signed = ".".join(_part(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    return f"{signed}.{_part(private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
