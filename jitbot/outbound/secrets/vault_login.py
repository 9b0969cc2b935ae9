"""Who jitbot is to Vault: a token from a file, or one that a login gives for a while."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from jitbot.outbound.secrets.private_file import Refused, read_private
from jitbot.outbound.secrets.vault_section import Auth

USED_FOR = 0.8
"""This part of a token's life it is used for; then a new login comes, before the old one ends in the middle."""

Post = Callable[[str, Mapping[str, str]], Mapping[str, Any]]
"""Sends a login's JSON to a path and returns the `auth` of the answer. Raises: Refused."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, until when it is used (by the monotonic clock, in seconds), and whether a login may replace it."""

    value: str
    until: float
    ours: bool


class VaultLogin:
    """Gets a token when it is needed; one login serves all who read meanwhile."""

    def __init__(self, auth: Auth, hide: Callable[[str], None], post: Post) -> None:
        self._auth = auth
        self._hide = hide
        self._post = post
        self._lock = Lock()
        self._token: Token | None = None

    def token(self, not_this: Token | None = None) -> Token:
        """Return a token other than one that Vault has refused. Raises: Refused."""
        with self._lock:
            if self._token is None or self._token == not_this or time.monotonic() >= self._token.until:
                self._token = self._fresh()
            return self._token

    def _fresh(self) -> Token:
        auth = self._auth
        if auth.token_file is not None:  # read each time, since others renew it there
            return Token(self._read(auth.token_file), time.monotonic(), False)
        if auth.approle is not None:
            secret_id = self._read(auth.approle.secret_id_file)
            return self._logged_in(auth.approle.mount, {"role_id": auth.approle.role_id, "secret_id": secret_id})
        assert auth.kubernetes is not None  # noqa: S101 - the section has exactly one of the three
        jwt = self._read(auth.kubernetes.token_file, private=False)
        return self._logged_in(auth.kubernetes.mount, {"role": auth.kubernetes.role, "jwt": jwt})

    def _logged_in(self, mount: str, credentials: Mapping[str, str]) -> Token:
        given = self._post(f"auth/{quote(mount)}/login", credentials)
        value, seconds = given.get("client_token"), given.get("lease_duration")
        if not isinstance(value, str) or not value or not isinstance(seconds, int):
            raise Refused("Vault answered a login without a token")
        self._hide(value)
        # A lease of zero seconds is Vault's way to say that the token does not end.
        return Token(value, time.monotonic() + seconds * USED_FOR if seconds else float("inf"), True)

    def _read(self, file: Path, *, private: bool = True) -> str:
        try:
            # Followed to its end: Kubernetes and Vault Agent swap such files by links, and the operator named this one.
            text = read_private(file.resolve(), private=private).strip()
        except FileNotFoundError:
            raise Refused(f"{file} is not there, by which jitbot proves to Vault who it is") from None
        except Refused as error:
            raise Refused(f"{file} cannot be used to log in to Vault: {error}") from None
        self._hide(text)
        if not text.isascii() or not text.isprintable() or " " in text:  # an error about a header would repeat it
            raise Refused(f"{file} holds no token and no secret id: it has to be one word")
        return text
