"""A process dies where it is told, and its clock is ahead by as much as is said."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.bot import ROOT
from tests.chaos.points import AROUND, Death, Hurry, named_steps

DYING = """
import os, sys
from tests.chaos.points import Death
death = Death("after posting", 2, os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT))
for name in ("before posting", "after posting") * 3:
    death.step(name)
"""


def test_a_process_dies_at_the_occurrence_of_the_step_it_is_told_and_has_written_its_way(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", DYING, str(tmp_path / "steps")], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "steps").read_text().split("\n") == [*("before posting", "after posting") * 2, ""]


def test_a_step_that_nobody_is_to_die_at_is_passed(tmp_path: Path) -> None:
    trace = os.open(tmp_path / "steps", os.O_WRONLY | os.O_CREAT)
    Death("", 1, trace).step("after posting")
    os.close(trace)
    assert (tmp_path / "steps").read_text() == "after posting\n"


@pytest.mark.parametrize(("owner", "method"), AROUND.values(), ids=AROUND)
def test_what_steps_are_put_around_is_there(owner: type, method: str) -> None:
    assert callable(getattr(owner, method))


def test_every_step_has_an_instant_before_and_after_it() -> None:
    assert {"before taking a delivery in", "after taking a delivery in", "after commit of start"} <= named_steps()


def test_what_the_hurried_clock_shows_is_told_by_the_machines() -> None:
    how = Hurry(times=10, since=1000)
    shown = 1006 + how.ahead(1006).total_seconds()
    assert shown == 1060
    assert how.real(shown) == pytest.approx(1006)
