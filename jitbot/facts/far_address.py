"""Where a source asks, as policies write it: a URL and headers, with secrets by their names."""

from pydantic import BaseModel, Field, JsonValue

from jitbot.facts.client import Client
from jitbot.outbound.addresses import HeaderName, HeaderValue, Url
from jitbot.outbound.values import STRICT, plain
from jitbot.ports import Site

LITERAL: dict[str, JsonValue] = {"literal": True}
"""Marks an argument that takes no `{…}`: what people type may not become a part of a query or a path."""


class FarAddress(BaseModel):
    """The arguments that all sources have which ask over HTTP."""

    model_config = STRICT

    url: Url = Field(description="Where it is asked: https://, a host that the operator allows, perhaps a path")
    headers: dict[HeaderName, HeaderValue] = Field(
        {}, max_length=20, description="Headers; a secret as `{secret: NAME, prefix: 'Bearer '}`"
    )

    def client(self, site: Site) -> Client:
        """Return a client for this address. Raises: NotGranted where a secret is not set."""
        return Client(site, {name: plain(value, site) for name, value in self.headers.items()})

    def at(self, path: str) -> str:
        """Return the address of a path below the URL."""
        return f"{self.url.rstrip('/')}{path}"
