"""Random stories with a whole jitbot: nothing wrong is ever seen, and in the end everything has come to its end."""

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.stories import Stories

SHORT = settings(
    max_examples=20,
    stateful_step_count=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(SHORT, max_examples=400, stateful_step_count=50, derandomize=False, print_blob=True)


def test_short_stories_come_to_a_good_end(empty_file: Path) -> None:
    run_state_machine_as_test(type("Short", (Stories,), {"empty": empty_file}), settings=SHORT)
