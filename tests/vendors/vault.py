"""HashiCorp Vault's HTTP API, as far as it is asked: KV 1 and 2, AppRole, Kubernetes, policies, namespaces, the seal.

Answers are those of its API documentation (developer.hashicorp.com/vault/api-docs: `secret/kv`, `auth/approle`,
`auth/kubernetes`) and of version 1.17's own tests, errors included.
"""

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote

from tests.vendors.server import Asked, Reply, Vendor

DENIED = Reply({"errors": ["1 error occurred:\n\t* permission denied\n\n"]}, 403)
NOTHING = Reply({"errors": []}, 404)
SEALED = Reply({"errors": ["Vault is sealed"]}, 503)

ROLE_ID = "db02de05-fa39-4855-059b-67221c5c2f63"
SECRET_ID = "6a174c20-f6de-a53c-74d2-6018fcceff64"  # pragma: allowlist secret
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqaXRib3QifQ.c2lnbmVkLWJ5LWt1YmVybmV0ZXM"  # pragma: allowlist secret


@dataclass
class Version:
    """One version of a secret in KV 2; `data` is None once it is deleted."""

    data: dict[str, Any] | None
    destroyed: bool = False

    def answer(self, number: int) -> Reply:
        metadata = {
            "created_time": "2026-11-25T08:00:00.000000000Z",
            "custom_metadata": None,
            "deletion_time": "" if self.data is not None else "2026-11-25T09:00:00.000000000Z",
            "destroyed": self.destroyed,
            "version": number,
        }
        return Reply(_enveloped({"data": self.data, "metadata": metadata}), 200 if self.data is not None else 404)


@dataclass
class Vault(Vendor):
    """A Vault with the mounts `secret` (KV 2) and `old` (KV 1). Whoever logs in may read what is in `readable`."""

    sealed: bool = False
    lease: int = 3600
    versions: dict[str, list[Version]] = field(default_factory=dict)
    """By namespace, mount and path, with slashes between them; an empty namespace is the root."""
    plain: dict[str, dict[str, Any]] = field(default_factory=dict)
    readable: set[str] = field(default_factory=set)
    """Paths as policies write them: `secret/data/x`; namespaces first where they are not the root."""
    tokens: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self._numbers = count(1)

    __hash__ = object.__hash__

    def keep(self, path: str, namespace: str = "", **data: Any) -> None:
        """Write a new version of `secret/…`, and let it be read."""
        self.versions.setdefault(f"{namespace}/secret/{path}", []).append(Version(data))
        self.readable.add(f"{namespace}/secret/data/{path}")

    def token(self) -> str:
        """Make a token that may read."""
        made = f"hvs.CAESI{next(self._numbers):020}"
        self.tokens.add(made)
        return made

    def logins(self) -> list[str]:
        return [asked.path for asked in self.asked if asked.method == "POST"]

    def reply(self, asked: Asked) -> Reply:
        assert asked.headers["x-vault-request"] == "true"
        if self.sealed:
            return SEALED
        namespace = asked.headers.get("x-vault-namespace", "")
        path = unquote(asked.path.removeprefix("/v1/"))
        if path.startswith("auth/"):
            return self._login(path, asked)
        if asked.headers.get("x-vault-token") not in self.tokens or f"{namespace}/{path}" not in self.readable:
            return DENIED
        mount, _, rest = path.partition("/")
        if mount == "old":
            found = self.plain.get(f"{namespace}/{path}")
            return NOTHING if found is None else Reply(_enveloped(found, lease=2_764_800))
        if not rest.startswith("data/"):
            warning = "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API."
            return Reply({**_enveloped(None), "warnings": [warning]}, 404)
        versions = self.versions.get(f"{namespace}/{mount}/{rest.removeprefix('data/')}", [])
        return versions[-1].answer(len(versions)) if versions else NOTHING

    def _login(self, path: str, asked: Asked) -> Reply:
        told = json.loads(asked.body)
        if path == "auth/approle/login":
            if told != {"role_id": ROLE_ID, "secret_id": SECRET_ID}:
                return Reply({"errors": ["invalid role or secret ID"]}, 400)
        elif path == "auth/kubernetes/login":
            if told["role"] != "jitbot":
                return Reply({"errors": [f'invalid role name "{told["role"]}"']}, 400)
            if told["jwt"] != JWT:
                return DENIED
        else:
            return Reply({"errors": [f'no handler for route "{path}". route entry not found.']}, 404)
        given = {
            "client_token": self.token(),
            "accessor": "B6oixijqmeR4bsLOJH88Ska9",
            "policies": ["default", "jitbot"],
            "lease_duration": self.lease,
            "renewable": True,
            "token_type": "service",
        }
        return Reply({**_enveloped(None), "auth": given})


def _enveloped(data: Any, lease: int = 0) -> dict[str, Any]:
    return {
        "request_id": "9f9a5d0e-8a1b-4f7a-9d55-6b1e2a3c4d5e",
        "lease_id": "",
        "renewable": False,
        "lease_duration": lease,
        "data": data,
        "wrap_info": None,
        "warnings": None,
        "auth": None,
    }
