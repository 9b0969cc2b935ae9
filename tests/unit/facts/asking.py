"""Read a source of facts as the service does: arguments as a policy gives them, through the guard, for one site."""

from collections.abc import Callable
from typing import Any

import pytest

from jitbot.errors import FactUnavailable
from jitbot.facts.guard import GuardedSource
from jitbot.outbound.site import EnvironmentSite
from jitbot.testing.facts import secret_variables
from tests.vendors.server import AT, Vendor


def read(make: Callable[..., Any], vendor: Vendor, secrets: dict[str, str], **arguments: Any) -> Any:
    """Return what a source reads at `AT`, with the vendor's address where none is given."""
    site = EnvironmentSite([vendor.host], secret_variables(secrets))
    source = GuardedSource("source", make(site=site), site)
    return source.read(source.Arguments.model_validate({"url": vendor.url} | arguments), AT)


def unread(make: Callable[..., Any], vendor: Vendor, secrets: dict[str, str], **arguments: Any) -> str:
    """Return the words of the error that reading must end with."""
    with pytest.raises(FactUnavailable) as caught:
        read(make, vendor, secrets, **arguments)
    return str(caught.value)
