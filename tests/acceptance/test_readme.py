"""The table of promises names tests that exist, and every one in order."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent


def rows() -> list[tuple[str, list[str]]]:
    lines = [line.split(" | ") for line in (HERE / "README.md").read_text().splitlines() if line.startswith("| ")]
    return [(cells[0].strip("| "), re.findall(r"`(test_\w+)`", cells[2])) for cells in lines[1:]]


def written() -> set[str]:
    trees = [ast.parse(path.read_text()) for path in HERE.parent.rglob("test_*.py")]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_tests_that_exist() -> None:
    named = {name for _, names in rows() for name in names}
    assert named - written() == set()
    assert all(names for _, names in rows())


def test_no_promise_stands_twice_or_out_of_order() -> None:
    cases = [case for case, _ in rows()]
    assert cases == sorted(set(cases), key=lambda case: (int(re.sub(r"\D", "", case)), case))


def test_no_promise_is_left_out() -> None:
    numbers = {int(re.sub(r"\D", "", case)) for case, _ in rows()}
    assert numbers == set(range(1, max(numbers) + 1))
