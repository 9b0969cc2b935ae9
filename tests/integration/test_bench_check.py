"""`make bench-check` says which ratios got worse than what is kept, and only those."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks import check
from benchmarks.check import KEPT, Kept, keep, read, worse
from benchmarks.figures import Figure

ACK = Figure("click acknowledged", 4.0, "ms", 10.0, 0.4)
RATE = Figure("transactions", 700.0, "a second", 1400.0, 0.5)
BEFORE = [Kept("click acknowledged", 0.4, "ms"), Kept("transactions", 0.5, "a second")]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        pytest.param([ACK, RATE], [], id="as before"),
        pytest.param([replace(ACK, ratio=0.59), replace(RATE, ratio=0.34)], [], id="within what is tolerated"),
        pytest.param([replace(ACK, ratio=0.1), replace(RATE, ratio=2.0)], [], id="better"),
        pytest.param([replace(ACK, ratio=0.61), RATE], ["click acknowledged: 0.61"], id="slower"),
        pytest.param([ACK, replace(RATE, ratio=0.33)], ["transactions: 0.33"], id="fewer a second"),
        pytest.param([ACK], ["transactions: not measured"], id="gone"),
        pytest.param([ACK, replace(RATE, ratio=None)], ["transactions: not measured"], id="without a ratio"),
    ],
)
def test_what_got_worse_is_named(now: list[Figure], said: list[str]) -> None:
    found = list(worse(now, BEFORE))
    assert len(found) == len(said)
    assert all(sentence.startswith(begins) for sentence, begins in zip(found, said, strict=True))


def test_what_scatters_may_have_a_tolerance_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    keep([ACK, RATE, Figure("no ratio", 1.0, "ms")], path, [Kept("transactions", 9.0, "a second", within=3.0)])
    kept = read(path)
    assert [(each.name, each.ratio, each.within) for each in kept] == [
        ("click acknowledged", 0.4, 1.5),
        ("transactions", 0.5, 3.0),
    ]
    assert list(worse([ACK, replace(RATE, ratio=0.2)], kept)) == []


def test_the_command_fails_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    figures, kept = tmp_path / "figures.json", tmp_path / "kept.json"

    def run(*more: str) -> None:
        monkeypatch.setattr(sys, "argv", ["check", "--figures", str(figures), "--kept", str(kept), *more])
        check.main()

    figures.write_text(json.dumps([asdict(ACK), asdict(RATE)]))
    run("--keep")
    run()
    figures.write_text(json.dumps([asdict(replace(ACK, ratio=0.8)), asdict(RATE)]))
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 1
    assert (
        "0.8 times its reference, and 0.4 is kept: 2.00 times worse, where 1.5 is tolerated" in capsys.readouterr().out
    )


def test_what_is_kept_in_the_tree_can_be_read() -> None:
    assert all(each.ratio > 0 and each.within >= 1 for each in read(KEPT))
