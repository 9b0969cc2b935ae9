"""How a run chooses where to die, what it remembers of being dead, and what it says in the end."""

from pathlib import Path

from tests.chaos.__main__ import told
from tests.chaos.points import named_steps
from tests.chaos.run import Report, Run


def test_it_dies_where_it_has_died_least_often() -> None:
    report = Report(passed={"before posting", "after posting", "after commit of start", "after acknowledging"})
    run = Run(report, seed=1, say=lambda line: None)
    assert [run._step() for _ in range(2)] == ["after acknowledging"] * 2, "what is crucial comes first"
    for _ in range(3):
        assert {run._step() for _ in range(4)} == report.passed
    report.struck.update(report.passed - {"after posting"})
    assert [run._step() for _ in range(4)] == ["after posting"] * 4, "it was missed until now"
    assert Run(Report(), seed=1, say=lambda line: None)._step() == "", "nothing is known yet: at any instant"


def test_a_death_while_it_starts_is_one_of_its_own() -> None:
    run = Run(Report(), seed=1, say=lambda line: None)
    run._died()
    run._died()
    run._back()
    run._back()
    ((first, again), (second, back)) = run.downs
    assert first <= again <= second <= back
    assert run.report.kills == 2


def test_a_report_says_what_is_wrong_and_how_to_repeat_it(tmp_path: Path) -> None:
    report = Report(kills=3)
    report.struck.update(named_steps())
    del report.struck["after posting"]
    known = len(named_steps())
    assert list(told(report, 7, tmp_path)) == [
        f"3 kills and as many restarts; {known - 1} of the kills at a step, the others at any instant",
        f"died at {known - 1} of {known} named steps",
        "never passed: after posting",
        "0 requests: ",
        "0 acts: ",
        "slowest to come to rest: 0.0 s",
        "nothing is wrong",
    ]
    report.findings.append("T-1 (hold): it was started twice")
    assert list(told(report, 7, tmp_path))[-2:] == [
        "WRONG: T-1 (hold): it was started twice",
        f"1 findings with SEED=7; log, steps, journal and database are in {tmp_path}",
    ]
