"""Contract suites for plugin authors: the same tests that jitbot's own runners pass. Needs pytest."""

import pytest

pytest.register_assert_rewrite("jitbot.testing.runners")

from jitbot.testing.runners import RunnerContract  # noqa: E402 - after it is marked for rewriting

__all__ = ["RunnerContract"]
