"""The glossary is sorted and complete; decisions are numbered and whole; commands on the pages exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jitbot.settings import Settings, variable
from tests.docs import pages

ADRS = sorted((pages.DOCS / "adr").glob("*.md"))
_TERM = re.compile(r"^- \*\*([^*]+)\*\*: \S")


def terms() -> list[str]:
    lines = (pages.DOCS / "glossary.md").read_text().splitlines()
    return [term[1] for line in lines if (term := _TERM.match(line))]


def test_the_glossary_is_sorted_and_says_each_word_once() -> None:
    assert terms() == sorted(set(terms()), key=str.casefold)


def test_every_line_of_the_glossary_is_a_word_with_its_meaning() -> None:
    lines = (pages.DOCS / "glossary.md").read_text().splitlines()
    assert [line for line in lines if line.startswith("- ") and not _TERM.match(line)] == []


@pytest.mark.parametrize("word", ["action", "decision", "facts", "grant", "request", "review", "rule", "run", "state"])
def test_the_words_that_everything_is_told_with_are_in_the_glossary(word: str) -> None:
    assert word in terms()


@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in ADRS])
def test_a_decision_record_is_whole(page: Path) -> None:
    wanted = ["Status", "Context", "Decision", "Consequences", "What would change our mind"]
    found = [line.removeprefix("## ") for line in page.read_text().splitlines() if line.startswith("## ")]
    assert found == wanted
    assert page.read_text().startswith(f"# {page.stem[:4]} ")


def test_decision_records_are_numbered_without_a_gap() -> None:
    assert [int(page.stem[:4]) for page in ADRS] == list(range(1, len(ADRS) + 1))


def test_every_decision_record_is_in_their_list() -> None:
    index = pages.DOCS / "why" / "design.md"
    linked = {(index.parent / target).resolve() for _, target in pages.links(index) if "adr/" in target}
    assert linked == set(ADRS)


def shell(page: Path) -> Iterator[str]:
    """Yield the commands of a page's shell blocks, without prompts, comments and continuation."""
    for language, block in pages.blocks(page):
        if language in {"sh", "bash", "console"}:
            for line in block.replace("\\\n", " ").splitlines():
                yield line.removeprefix("$ ").split(" #")[0].strip()


PAGES = [pytest.param(page, id=pages.name(page)) for page in pages.pages()]


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_on_a_page_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (pages.ROOT / "Makefile").read_text(), re.MULTILINE))
    inline = re.findall(r"`make ([a-z]+)`", page.read_text())
    typed = [target for line in shell(page) for target in re.findall(r"^make ([a-z]+)", line)]
    assert set(inline + typed) <= targets


def test_the_two_commands_are_in_the_readme() -> None:
    assert {"make demo", "make test"} <= set(shell(pages.ROOT / "README.md"))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_line_on_a_page_exists(page: Path) -> None:
    typed = [line for line in shell(page) if re.match(r"(\.venv/bin/)?jitbot ", line)]
    typed += re.findall(r"`(jitbot [a-z][^`]*)`", page.read_text())
    assert [line for line in typed if not exists(shlex.split(line)[1:])] == []


def exists(words: list[str]) -> bool:
    """Tell whether the command line knows these words, and the options among them."""
    import typer

    from jitbot.cli.app import app

    command: Any = typer.main.get_command(app)
    while getattr(command, "commands", None) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    if getattr(command, "commands", None):
        return False
    options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
    return all(word.split("=")[0] in options for word in words if word.startswith("--"))


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_on_a_page_is_one_that_the_code_knows(page: Path) -> None:
    named = set(re.findall(r"\b(?:JITBOT|SLACK)_[A-Z_]*[A-Z]\b", page.read_text()))
    known = {variable(field) for field in Settings.model_fields}
    written = "".join(path.read_text() for path in (pages.ROOT / "jitbot").rglob("*.py"))
    prefixes = tuple(re.findall(r"\b(JITBOT_[A-Z]+_)(?![A-Z])", written))
    assert {name for name in named - known if not f"{name}_".startswith(prefixes) and name not in written} == set()
