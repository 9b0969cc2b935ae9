"""What the runner for Run Command can be told."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from jitbot.outbound.text import visible
from jitbot.runners.aws.account import Account

MOST_INSTANCES = 50
"""https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html"""
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,-]*")
"""What no shell takes for anything else than text: documents paste values into their scripts."""


def _seen(value: str) -> str:
    if visible(value.replace("\n", "")) != value.replace("\n", ""):
        raise ValueError("has characters that cannot be seen")
    if "{{" in value:
        raise ValueError("has {{, for which Systems Manager puts in what is stored elsewhere")
    return value


Document = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]{3,200}$")]
Instance = Annotated[str, Field(pattern=r"^(i-([0-9a-f]{8}|[0-9a-f]{17})|mi-[0-9a-f]{17})$")]
Value = Annotated[str, Field(max_length=4_000), AfterValidator(_seen)]


class SsmInputs(Account):
    """A document, its parameters, and the instances on which it is run."""

    document: Document
    documents: Annotated[tuple[Document, ...], Field(min_length=1)]
    """Those that may be run; `document` has to be among them, wherever it comes from."""
    instances: Annotated[tuple[Instance, ...], Field(min_length=1, max_length=MOST_INSTANCES)]
    parameters: Mapping[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")], Value | tuple[Value, ...]] = {}
    verbatim: tuple[str, ...] = ()
    """Parameters whose text is taken as it is. What people type has no place in them."""
    at_once: Annotated[int, Field(strict=True, ge=1, le=MOST_INSTANCES)] = 1
    """On how many instances it is run at the same time; the first failure ends it for those that have not begun."""

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        if self.document not in self.documents:
            raise ValueError(f"document {self.document} is not among documents: {', '.join(self.documents)}")
        if len(set(self.instances)) < len(self.instances):
            raise ValueError("instances names one twice")
        for name in self.parameters:
            if name not in self.verbatim and not all(_PLAIN.fullmatch(value) for value in self.listed[name]):
                raise ValueError(
                    f"parameter {name} has characters that mean something to a shell: only letters, digits and "
                    "_ . / : @ % + = , - are taken, unless the policy says verbatim"
                )
        return self

    @property
    def listed(self) -> Mapping[str, Sequence[str]]:
        """Return the values as Systems Manager takes them, all in lists."""
        return {name: [each] if isinstance(each, str) else list(each) for name, each in self.parameters.items()}
