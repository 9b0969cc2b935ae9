"""Secrets from HashiCorp Vault's KV engine, version 1 and 2, over its HTTP API.

Only Vault's own address is ever talked to; it needs no place among the hosts that policies may reach, and should have
none. Sources: developer.hashicorp.com/vault/api-docs, pages `secret/kv`, `auth/approle`, `auth/kubernetes`.
"""

import json
import ssl
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

import httpx2

from jitbot.errors import NotGranted, SecretUnavailable, SettingsError
from jitbot.outbound.exchange import Answer, Call, NoAnswer, NotSent, exchange
from jitbot.outbound.secrets.private_file import Refused
from jitbot.outbound.secrets.section import read_section
from jitbot.outbound.secrets.vault_login import Token, VaultLogin
from jitbot.outbound.secrets.vault_section import Place, Vault
from jitbot.ports import StoreSite

SECONDS = 3.0
"""How long one secret may take, a login included: a decision waits five seconds for all its facts."""
ANSWER_BYTES = 512 * 1024

_WORDS = {
    400: "Vault does not take what jitbot sends (400). Look at the section `vault` of the secrets file",
    429: "Vault is asked too often (429). Raise its rate limit quota for jitbot",
    503: "Vault is sealed or being maintained (503). Unseal it",
}


class VaultStore:
    """Implements `ports.SecretStore`. A name that the operator's file does not have is not asked for."""

    def __init__(self, site: StoreSite) -> None:
        self._told = read_section(site, "vault", Vault)
        self._login = VaultLogin(self._told.auth, site.hide, self._posted)
        self._trust  # noqa: B018 - a file of authorities that cannot be read stops the start

    def read(self, name: str) -> str:
        place = self._told.secrets.get(name)
        if place is None:
            raise NotGranted(f"add {name} to `vault: secrets:` in the secrets file")
        try:
            return _value(place, self._answered(place, time.monotonic() + SECONDS))
        except Refused as error:
            raise SecretUnavailable(f"The secret {name!r} cannot be read: {error}.") from None

    def _answered(self, place: Place, until: float) -> Answer:
        """Ask, and once more with another token where Vault does not take this one: it may have been revoked."""
        token = self._login.token()
        answer = self._get(place, token, until)
        if answer.status == httpx2.codes.FORBIDDEN and (fresh := self._login.token(token)) != token:
            answer = self._get(place, fresh, until)
        return answer

    def _get(self, place: Place, token: Token, until: float) -> Answer:
        middle = "data/" if place.version == 2 else ""
        path = f"{quote(place.mount)}/{middle}{quote(place.path)}"
        return self._asked("GET", path, until, {"x-vault-token": token.value})

    def _posted(self, path: str, document: Mapping[str, str]) -> Mapping[str, Any]:
        """Log in; see `vault_login.Post`."""
        answer = self._asked("POST", path, time.monotonic() + SECONDS / 2, {}, json.dumps(document).encode())
        if answer.status in (400, 403, 404):
            raise Refused(
                f"Vault does not let jitbot log in ({answer.status}). Look at the section `vault: auth:` of the "
                "secrets file, and at the role in Vault"
            )
        given = _document(answer).get("auth")
        if not isinstance(given, dict):
            raise Refused("Vault answered a login without a token")
        return given

    def _asked(self, method: str, path: str, until: float, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        sent = {"accept": "application/json", "accept-encoding": "identity", "connection": "close",
                "user-agent": "jitbot", "x-vault-request": "true", **headers}  # fmt: skip
        if self._told.namespace is not None:
            sent["x-vault-namespace"] = self._told.namespace
        url = httpx2.URL(f"{self._told.address}/v1/{path}")
        left = until - time.monotonic()
        try:
            if left <= 0:
                raise NotSent(f"no answer within {SECONDS:g} s")  # noqa: TRY301 - one way out for all silence
            return exchange(Call(method, url, sent, body), left, self._trust, ANSWER_BYTES)
        except (NotSent, NoAnswer) as error:
            raise Refused(f"Vault does not answer ({error}). See that it can be reached from here") from None

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._told.ca_file)
        except OSError as error:
            raise SettingsError(f"JITBOT_SECRETS_FILE: vault.ca_file cannot be read: {error}.") from None


def _value(place: Place, answer: Answer) -> str:
    """Return the one key that is wanted out of an answer. Raises: Refused."""
    if answer.status == httpx2.codes.FORBIDDEN:
        raise Refused("Vault does not let jitbot read it (403). Look at the policy of jitbot's role in Vault")
    if answer.status == httpx2.codes.NOT_FOUND:
        raise Refused(_missing(place, answer))
    data = _document(answer).get("data")
    if place.version == 2:
        data = data.get("data") if isinstance(data, dict) else None
    if not isinstance(data, dict) or place.key not in data:
        raise Refused("what Vault has there has no such key. Look at its `key` and `version` in the secrets file")
    value = data[place.key]
    if not isinstance(value, str):
        raise Refused("what Vault has there is no text. Keep it as a string")
    return value


def _missing(place: Place, answer: Answer) -> str:
    """Tell what a 404 means: a deleted version still has its metadata (KV 2)."""
    try:
        metadata = answer.document()["data"]["metadata"]
        gone = isinstance(metadata, dict) and (metadata.get("deletion_time") or metadata.get("destroyed"))
    except (ValueError, LookupError, TypeError):
        gone = False
    if place.version == 2 and gone:
        return "its newest version is deleted in Vault. Write a new one, or undelete it"
    return "Vault has nothing there (404). Look at its `path`, `mount` and `version` in the secrets file"


def _document(answer: Answer) -> Mapping[str, Any]:
    """Return the JSON object of a good answer. Raises: Refused."""
    if 300 <= answer.status < 400:
        raise Refused("Vault sends us elsewhere, where we do not go. Write the address of its active node or balancer")
    if answer.status != httpx2.codes.OK:
        raise Refused(_WORDS.get(answer.status, f"Vault answers {answer.status}. Look into its log"))
    try:
        document = answer.document()
    except ValueError as error:
        raise Refused(f"what Vault says is not to be read: {error}") from None
    if not isinstance(document, dict):
        raise Refused("what Vault says is no answer of Vault's. Look at its address")
    return document
