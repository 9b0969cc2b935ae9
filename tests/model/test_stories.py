"""Random stories with a whole jitbot: nothing wrong is ever seen, and in the end everything has come to its end.

The short ones are the same each time. The long ones are others each time; what fails there prints how to repeat it.
"""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import run_state_machine_as_test

from tests.model.stories import Stories

SHORT = settings(
    max_examples=20,
    stateful_step_count=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=set(Phase) - {Phase.explain},  # which takes many more runs, and names lines that have nothing to do with it
)
LONG = settings(SHORT, max_examples=400, stateful_step_count=50, derandomize=False, print_blob=True)
ON_POSTGRES = settings(LONG, max_examples=80)
SHRINKING_SECONDS = 60
"""How long a story that fails is made shorter; Hypothesis itself would take five minutes."""


@pytest.fixture(autouse=True)
def _shrinks_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_SHRINKING_SECONDS", SHRINKING_SECONDS)


def live(how: settings, empty: Path, make_url: Callable[[Path], str] | None = None) -> None:
    given = {"empty": empty} if make_url is None else {"empty": empty, "make_url": staticmethod(make_url)}
    run_state_machine_as_test(type("Story", (Stories,), given), settings=how)


@pytest.mark.timeout(600)
def test_short_stories_come_to_a_good_end(empty_file: Path) -> None:
    live(SHORT, empty_file)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_long_stories_come_to_a_good_end(empty_file: Path) -> None:
    live(LONG, empty_file)


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.timeout(3600)
def test_long_stories_come_to_a_good_end_on_postgres(empty_file: Path, postgres_server: str) -> None:
    def make_url(folder: Path) -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        engine = sqlalchemy.create_engine(postgres_server, poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        return f"{postgres_server}&options=-csearch_path%3D{name}"

    live(ON_POSTGRES, empty_file, make_url)
