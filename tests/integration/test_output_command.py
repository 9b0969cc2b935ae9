"""`jitbot output` as people type it, and what the page says of it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from jitbot.cli.app import app
from jitbot.errors import NotFound, RunnerUnsure
from jitbot.ports import Run
from jitbot.service import batches, runlog, spool
from jitbot.settings import Settings, variable
from jitbot.slack.views import notices
from jitbot.store import outputs
from tests.town import ANN, FakeInputs, Town

PAGE = Path("docs/reference/output.md").read_text(encoding="utf-8")
Type = Callable[..., Result]


@pytest.fixture
def town(sqlite_url: str, tmp_path: Path) -> Iterator[Town]:
    town = Town(sqlite_url, tmp_path)

    def on_start(inputs: FakeInputs, run: Run) -> None:
        run.log("pulling the image")
        run.result("id = 1")

    tries = iter(range(2))

    def on_undo(inputs: FakeInputs, run: Run) -> None:
        number = next(tries)
        run.log(f"undo number {number}")
        if not number:
            raise RunnerUnsure("no answer")

    town.runner.on_start, town.runner.on_undo = on_start, on_undo
    town.drop(ANN, town.ask(ANN, "tune", value=200))
    town.forward(seconds=10)
    town.settle()
    yield town
    town.close()


@pytest.fixture
def typed(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setenv(variable("database_url"), town.url)
    monkeypatch.setenv(variable("key_file"), str(tmp_path / "signing.key"))
    return lambda *words: CliRunner().invoke(app, ["output", *words])


def test_the_newest_start_is_printed_and_the_text_alone_on_standard_output(typed: Type) -> None:
    result = typed("JIT-1")
    assert (result.exit_code, result.stdout) == (0, "pulling the image\nchanged prod/work_mem\n")
    first, *_, last = result.stderr.splitlines()
    assert re.fullmatch(r"JIT-1 output, start, attempt 1, from [-0-9]+ [:0-9]+ to [:0-9]+ UTC", first)
    assert last == "It is what the record says, to the byte."


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--undo",), "undo number 1\n"),
        (("--undo", "--attempt", "1"), "undo number 0\n"),
        (("--undo", "--attempt", "2"), "undo number 1\n"),
        (("--attempt", "1"), "pulling the image\nchanged prod/work_mem\n"),
    ],
)
def test_one_run_can_be_chosen(typed: Type, words: tuple[str, ...], text: str) -> None:
    assert typed("jit-1", *words).stdout == text


def test_results_are_shown_with_a_flag_alone_and_that_look_is_on_record(typed: Type, town: Town) -> None:
    assert "id = 1" not in typed("1").output
    assert not town.trail.told(town.ledger.find()[0].id, "results_seen")
    assert typed("1", "--results").stdout == "id = 1\n"
    (seen,) = town.trail.told(town.ledger.find()[0].id, "results_seen")
    assert seen.body["by"] == "operator"
    assert seen.body["login"]
    assert town.trail.verify()


def test_results_are_not_shown_where_the_look_cannot_be_recorded(typed: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("jitbot.store.entry.StoreEntry.record", broken)
    result = typed("1", "--results")
    assert isinstance(result.exception, OSError)
    assert result.stdout == ""


def test_what_was_changed_is_printed_and_said_to_be_changed(typed: Type, town: Town) -> None:
    with town.database.write() as connection:
        connection.exec_driver_sql("UPDATE output_chunks SET data = X'6e6f0a'")
    result = typed("1")
    assert (result.exit_code, result.stdout) == (1, "no\n")
    assert "IT WAS CHANGED: the record says 40 bytes with the SHA-256 " in result.stderr


def test_what_was_deleted_is_told_of(typed: Type, town: Town) -> None:
    town.forward(days=31)
    town.settle()
    result = typed("1")
    assert isinstance(result.exception, NotFound)
    assert "Nothing is kept of what JIT-1 said there" in str(result.exception)
    assert "4 more of its runs said something that is not kept." in result.stderr


def test_what_there_is_not_is_answered_by_what_there_is(typed: Type) -> None:
    result = typed("1", "--attempt", "7")
    assert "There is output of: start 1, start 1 (results), undo 1, undo 2." in str(result.exception)
    assert isinstance(typed("JIT-99").exception, NotFound)
    assert isinstance(typed("all of it").exception, NotFound)
    assert typed("1", "--attempt", "0").exit_code == 2


def test_the_page_names_the_numbers_of_the_code() -> None:
    said = re.sub(r"\s+", " ", PAGE)
    assert f"when {batches.BATCH_CHARACTERS:,} characters have gathered or {batches.BATCH_SECONDS:.0f} seconds" in said
    assert f"cut at {batches.LINE_CHARACTERS:,} characters, and after {batches.MOST_CHARACTERS:,} characters" in said
    assert f"every {runlog.PROGRESS_SECONDS:.0f} seconds at most" in said
    assert f"first {spool.FIRST_BYTES // 1024} KiB are kept and the last {spool.LAST_BYTES // 1024} KiB" in said
    assert (runlog.WRITE_SECONDS, outputs.UNDOS_KEPT) == (2, 10)
    assert "every two seconds" in said
    assert "the first try and the latest nine" in said
    assert f"deleted by the sweep {Settings().keep_output_days} days after the end" in said
    assert f"up to {notices.VERBATIM:,} characters as they are" in said


def test_the_example_of_the_page_is_what_is_printed(typed: Type) -> None:
    (example,) = re.findall(r"```\n\$ (jitbot output JIT-12\n.*?)```", PAGE, re.DOTALL)
    heading, line, _, verdict = example.splitlines()[1:]
    printed = typed("JIT-1")
    shape = re.sub("[0-9]+", "N", printed.stderr.splitlines()[0])
    assert re.sub("[0-9]+", "N", heading) == shape
    assert line == printed.stdout.splitlines()[0]
    assert verdict == printed.stderr.splitlines()[-1]
