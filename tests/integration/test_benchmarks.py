"""The benchmarks run and give figures; how fast anything is, no test says."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.__main__ import run
from benchmarks.figures import Figure, bounded, compared, percentile, write
from benchmarks.scale import TINY

FIELDS = {"name", "value", "unit", "reference", "ratio", "aim", "met"}


@pytest.mark.parametrize(
    "apps",
    [
        pytest.param(("bare",), id="the bare app alone"),
        pytest.param(("bare", "jitbot"), id="both", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("part", ["clicks", "commands"])
def test_acks_are_measured(part: str, apps: tuple[str, ...], tmp_path: Path) -> None:
    figures = run(TINY, tmp_path, parts=[part], apps=apps)[part]

    median, p99, lost, *uncounted = figures
    assert median.name.endswith("20 a second, median") and p99.name.endswith("p99")
    assert median.reference is not None and median.reference > 0
    assert lost.reference == 0
    if "jitbot" in apps:
        assert median.value is not None and median.ratio is not None
        assert (lost.value, [figure.value for figure in uncounted]) == (0, [0])


@pytest.mark.long
def test_the_time_to_the_start_is_measured(tmp_path: Path) -> None:
    median, p99, missing = run(TINY, tmp_path, parts=["start"])["start"]

    assert median.value is not None and p99.value is not None
    assert missing.value == 0


@pytest.mark.long
@pytest.mark.timeout(600)
def test_full_ledgers_are_measured_beside_empty_ones(tmp_path: Path) -> None:
    figures = run(TINY, tmp_path, parts=["load", "ready", "request"])
    named = {figure.name: figure for found in figures.values() for figure in found}

    for place in ("SQLite", "Postgres", "three on Postgres"):
        computed = named[f"{place}, 30 requests: computed for a command"]
        assert computed.value and computed.reference and computed.ratio
        assert named[f"{place}, 30 requests: commands sent without a request on record"].value == 0
        assert (named[f"{place}, 30 requests: memory at rest"].value or 0) > 10
    for place in ("SQLite", "Postgres"):
        ready = named[f"{place}, 30 requests, 3 open: computed until ready"]
        assert ready.value and ready.reference and ready.ratio
    posts, updates = (named[f"one request: calls of chat.{method}"].value for method in ("postMessage", "update"))
    assert (posts, updates) == (5, 5), "the simulated day counts on it"


@pytest.mark.long
def test_the_loop_is_measured_through_the_local_slack_too(tmp_path: Path) -> None:
    rate, lost = run(TINY, tmp_path, parts=["through"])["through"]

    assert rate.value and lost.value == 0


def test_the_store_is_measured(tmp_path: Path) -> None:
    ledger, record = run(TINY, tmp_path, parts=["store"])["store"]

    assert all(figure.value and figure.reference and figure.ratio for figure in (ledger, record))


def test_the_loop_is_measured_beside_its_statements_and_dbos(tmp_path: Path) -> None:
    rate, lost, alone, transactions, beside = run(TINY, tmp_path, parts=["loop"])["loop"]

    assert rate.value and lost.value == 0
    assert_comparable(alone, beside)
    assert transactions.value == 8, "see docs/why/performance.md: they were 13"


def test_ends_on_time_are_measured(tmp_path: Path) -> None:
    figures = run(TINY, tmp_path, parts=["ends"])["ends"]

    named = {figure.name.rpartition(", ")[2]: figure.value for figure in figures}
    assert named["not ended"] == 0
    assert all(figure.value is not None for figure in figures)


def test_the_record_is_measured(tmp_path: Path) -> None:
    appended, chain, signatures, memory = run(TINY, tmp_path, parts=["audit"])["audit"]

    assert appended.value
    assert_comparable(chain, signatures)
    assert memory.met


def test_decisions_are_measured_beside_other_engines_that_say_the_same(tmp_path: Path) -> None:
    figures = run(TINY, tmp_path, parts=["policy"])["policy"]

    beside = [figure for figure in figures if "against" in figure.name and "among" not in figure.name]
    assert len(beside) == 6
    assert all(figure.value and figure.reference and figure.ratio for figure in beside)
    assert [figure.unit for figure in figures[-2:]] == ["s", "s"]


def test_looking_for_credentials_is_measured(tmp_path: Path) -> None:
    [figure] = run(TINY, tmp_path, parts=["redaction"])["redaction"]

    assert figure.value is not None and figure.value > 0


def test_a_warrant_is_measured_against_its_signature_alone(tmp_path: Path) -> None:
    [figure] = run(TINY, tmp_path, parts=["warrants"])["warrants"]

    assert figure.value and figure.reference and figure.ratio


def assert_comparable(*figures: Figure) -> None:
    """See that each ratio is that of its two numbers: by the unit `make bench-check` knows which way is worse."""
    for figure in figures:
        assert figure.value and figure.reference
        assert figure.ratio == pytest.approx(figure.value / figure.reference, rel=0.02)


def test_the_json_has_every_field(tmp_path: Path) -> None:
    write([compared("a", 12.0, 10.0, "ms", most=1.3), Figure("b", None, "ms")], tmp_path / "figures.json")

    first, second = json.loads((tmp_path / "figures.json").read_text())
    assert set(first) == set(second) == FIELDS
    assert (first["ratio"], first["met"], second["met"]) == (1.2, True, None)


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        pytest.param(compared("a", 14.0, 10.0, "ms", most=1.3), False, id="too many times the reference"),
        pytest.param(compared("a", None, 10.0, "ms", most=1.3), None, id="nothing measured"),
        pytest.param(bounded("a", 150.0, "ms", most=150), True, id="just within"),
        pytest.param(bounded("a", 150.1, "ms", most=150), False, id="just beyond"),
    ],
)
def test_an_aim_is_met_or_not(figure: Figure, met: bool | None) -> None:
    assert figure.met is met


def test_percentiles_are_measured_values() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(number) for number in range(1, 101)], 0.99) == 99.0


def test_the_machine_is_named() -> None:
    assert any(version("slack-bolt") in line for line in machine.described())
