"""What the runner of SSH certificates can be told."""

import ipaddress
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from jitbot.errors import InvalidInput
from jitbot.outbound.values import STRICT
from jitbot.policy.durations import format_duration, parse_duration
from jitbot.runners.ssh.inputs import FullPath, PrivateKey, PublicKey

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=24)
"""Of a certificate that nothing can end early."""


class Extension(StrEnum):
    """What a session may do besides running commands; ssh-keygen(1) has them all."""

    PTY = "permit-pty"
    PORT_FORWARDING = "permit-port-forwarding"
    AGENT_FORWARDING = "permit-agent-forwarding"
    X11_FORWARDING = "permit-X11-forwarding"
    USER_RC = "permit-user-rc"


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"write an address or a network, as 10.1.0.0/16: {error}") from None


def _length(text: str) -> str:
    try:
        length = parse_duration(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None
    if not SHORTEST <= length <= LONGEST:
        raise ValueError(f"must be between {format_duration(SHORTEST)} and {format_duration(LONGEST)}")
    return text


Principal = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@/:+-]{0,127}$")]
"""A name that the far side lets in: an account, unless its `AuthorizedPrincipalsFile` says otherwise. No lists."""


class CertificateInputs(BaseModel):
    """A certificate for somebody's own key: as whom they may log in, for how long, and what they may do there."""

    model_config = STRICT

    public_key: PublicKey
    ca: PrivateKey
    """The key that signs: hosts name its public half in `TrustedUserCAKeys`."""
    principals: tuple[Principal, ...] = Field(min_length=1, max_length=20)
    extensions: frozenset[Extension] = frozenset({Extension.PTY})
    source_addresses: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(default=(), max_length=20)
    """From where one may log in with it; from everywhere without."""
    force_command: str | None = Field(default=None, min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")
    """The only command that it runs, whatever is asked for; the login shell of the far side reads it."""
    krl: FullPath | None = None
    """The file on jitbot's machine in which certificates are revoked: hosts name a copy of it in `RevokedKeys`."""
    valid_for: Annotated[str, AfterValidator(_length)] | None = None
    """How long it is valid where there is no timebox, and so nothing that could end it early."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if (self.krl is None) == (self.valid_for is None):
            raise ValueError(
                "say how it ends: give krl, for an action with a timebox, or valid_for, for one without; one of the two"
            )
        return self
