"""The faults still fit the code: each text stands exactly once, and putting it in keeps the file valid Python."""

import ast
from pathlib import Path

import pytest

from tests.mutate.faults import FAULTS, Fault
from tests.mutate.run import ROOT, put

LIST = [pytest.param(fault, id=fault.name) for fault in FAULTS]


@pytest.mark.parametrize("fault", LIST)
def test_a_fault_can_still_be_put_in(fault: Fault, tmp_path: Path) -> None:
    copy = tmp_path / fault.file
    copy.parent.mkdir(parents=True)
    copy.write_text((ROOT / fault.file).read_text())
    put(fault, tmp_path)
    ast.parse(copy.read_text())
    assert copy.read_text() != (ROOT / fault.file).read_text()


def test_faults_have_names_of_their_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_a_fault_whose_text_has_gone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "there.py").write_text("a = 1\n")
    with pytest.raises(ValueError, match="0 times"):
        put(Fault("gone", "there.py", "b = 1", "b = 2", []), tmp_path)
