"""Attributes: what is known of people besides who they are, such as a role or a training with an end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jitbot.model.facts import FactCall, FactKind


@dataclass(frozen=True, slots=True)
class Given:
    """A value that a policy file gives to somebody, until `ends_at` (not included) where there is one."""

    value: Any
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """One declared attribute: TEXT, TEXTS or BOOLEAN.

    `given` are the values in the file, by Slack id or lower-case e-mail address; they go before what `source` says. A
    `personal` source is asked about the requester alone, so nobody can be selected by it.
    """

    name: str
    kind: FactKind
    options: tuple[str, ...] = ()
    given: Mapping[str, Given] = field(default_factory=dict)
    source: FactCall | None = None
    personal: bool = False
    where: str = ""
