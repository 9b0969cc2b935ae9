"""What the runner for HAProxy can be told."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from jitbot.outbound.values import STRICT

State = Literal["ready", "drain", "maint"]
Name = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9_.:][A-Za-z0-9_.:-]*$")]
"""The characters that HAProxy takes in names (`invalid_char` in its source), so that none ends a command."""
Count = Annotated[int, Field(strict=True, ge=0)]

HEAVIEST = 256
"""https://docs.haproxy.org/2.6/configuration.html#5.2-weight"""
LONGEST_WAIT = 3600


class ServerInputs(BaseModel):
    """One server of a backend, what is to become of it, and where HAProxy is told."""

    model_config = STRICT

    socket: Annotated[str, Field(pattern=r"^/[^\x00]+$", max_length=100)] | None = None
    """The path of a UNIX socket on this machine."""
    host: Annotated[str, Field(pattern=r"^([a-z0-9.-]+|\[[0-9a-f:.]+\]):[0-9]{1,5}$")] | None = None
    """Or `host:port` of the runtime API."""
    backend: Name
    server: Name
    to: State | None = None
    weight: Annotated[Count, Field(le=HEAVIEST)] | None = None
    min_healthy: Count = 1
    """How many healthy servers must remain in each backend from which this takes one away."""
    wait: Annotated[Count, Field(le=LONGEST_WAIT)] = 60
    """For how many seconds at most the sessions are waited for."""

    @model_validator(mode="after")
    def _says_where_and_what(self) -> Self:
        if (self.socket is None) == (self.host is None):
            raise ValueError("say where HAProxy listens: socket or host, one of them")
        if self.to is None and self.weight is None:
            raise ValueError("say what is to change: to, weight or both")
        return self

    @property
    def place(self) -> str:
        """Name where HAProxy is told."""
        return self.socket or self.host or ""

    @property
    def name(self) -> str:
        """Name the server as HAProxy does."""
        return f"{self.backend}/{self.server}"

    @property
    def takes_away(self) -> bool:
        """Tell whether the server gets no new traffic afterwards."""
        return self.to in ("drain", "maint") or self.weight == 0
