"""`jitbot grants reconcile`: what it prints, what it repairs, and how it exits."""

import json
from collections.abc import Sequence

import pytest
from typer.testing import CliRunner

from jitbot import compose
from jitbot.cli.app import app
from jitbot.service.reconciling import Finding, Kind
from tests.unit.slack.drawn import make_request

LEFT = Finding(Kind.LEFT_OVER, "role/ann", "ann holds it, which JIT-1042 gave and has ended", make_request())
UNCLEAR = Finding(Kind.UNCLEAR, "team/bo", "bo holds it, which JIT-1042 gave and has ended", make_request())
FOREIGN = Finding(Kind.FOREIGN, "role/eve", "eve holds it, and not from jitbot")


class Reconciled:
    """Stands for the comparison; remembers what it was told to repair."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        self.repaired: list[tuple[str, bool]] = []

    def look(self) -> Sequence[Finding]:
        return self.findings

    def repair(self, finding: Finding, *, named: bool) -> bool:
        self.repaired.append((finding.target, named))
        return finding.kind is Kind.LEFT_OVER or (named and finding.kind is Kind.UNCLEAR)


@pytest.fixture
def reconcile(monkeypatch: pytest.MonkeyPatch):
    def run(reconciled: Reconciled, *words: str) -> tuple[int, list[str]]:
        monkeypatch.setattr(compose, "open_reconciling", lambda settings: reconciled)
        result = CliRunner().invoke(app, ["grants", "reconcile", *words])
        return result.exit_code, result.output.splitlines()

    return run


def test_where_all_is_in_order_it_says_so(reconcile) -> None:
    code, lines = reconcile(Reconciled())
    assert (code, lines) == (0, ["Every live grant is held, and nobody holds anything that jitbot gave without one."])


def test_it_only_tells_unless_it_is_told_to_repair(reconcile) -> None:
    reconciled = Reconciled(LEFT, UNCLEAR, FOREIGN)
    code, lines = reconcile(reconciled)
    assert (code, reconciled.repaired) == (1, [])
    assert lines == [
        "left over: role/ann (JIT-1042): ann holds it, which JIT-1042 gave and has ended",
        "perhaps left over: team/bo (JIT-1042): bo holds it, which JIT-1042 gave and has ended",
        "not from jitbot: role/eve: eve holds it, and not from jitbot",
    ]


def test_what_others_have_given_is_not_wrong(reconcile) -> None:
    assert reconcile(Reconciled(FOREIGN))[0] == 0


def test_what_is_repaired_is_told_and_what_stays_wrong_fails(reconcile) -> None:
    reconciled = Reconciled(LEFT, UNCLEAR)
    code, lines = reconcile(reconciled, "--repair")
    assert (code, reconciled.repaired) == (1, [("role/ann", False), ("team/bo", False)])
    assert lines[0].endswith("→ is being put right")
    assert not lines[1].endswith("→ is being put right")
    assert reconcile(Reconciled(LEFT), "--repair")[0] == 0


def test_named_ones_alone_are_repaired_also_where_they_are_unclear(reconcile) -> None:
    reconciled = Reconciled(LEFT, UNCLEAR)
    code, _ = reconcile(reconciled, "--repair", "team/bo")
    assert (code, reconciled.repaired) == (1, [("team/bo", True)])


def test_a_name_that_is_none_of_them_repairs_nothing(reconcile) -> None:
    reconciled = Reconciled(LEFT)
    code, lines = reconcile(reconciled, "--repair", "role/an")
    assert (code, reconciled.repaired) == (2, [])
    assert "nothing is wrong with role/an" in " ".join(lines)


def test_programs_read_it_as_json(reconcile) -> None:
    code, lines = reconcile(Reconciled(LEFT, FOREIGN), "--repair", "--json")
    assert code == 0
    assert [json.loads(line) for line in lines] == [
        {"kind": "left over", "target": "role/ann", "request": "JIT-1042", "said": LEFT.said, "repaired": True},
        {"kind": "not from jitbot", "target": "role/eve", "request": None, "said": FOREIGN.said, "repaired": False},
    ]
