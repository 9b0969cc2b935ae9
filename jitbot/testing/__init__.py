"""Contract suites for plugin authors: the same tests that jitbot's own plugins pass. Needs pytest."""

import pytest

pytest.register_assert_rewrite("jitbot.testing.facts", "jitbot.testing.runners", "jitbot.testing.secrets")

from jitbot.testing.facts import FactSourceContract, HttpSourceContract  # noqa: E402 - after it is marked for rewriting
from jitbot.testing.far_side import FarSide, Reply  # noqa: E402 - as above
from jitbot.testing.runners import RunnerContract  # noqa: E402 - as above
from jitbot.testing.secrets import ContractStoreSite, SecretStoreContract  # noqa: E402 - as above

__all__ = [
    "ContractStoreSite",
    "FactSourceContract",
    "FarSide",
    "HttpSourceContract",
    "Reply",
    "RunnerContract",
    "SecretStoreContract",
]
