"""What the code can tell stands in the pages as the code tells it."""

import inspect
import re
from pathlib import Path

import pytest

from jitbot import errors, lifecycle
from tests.docs import generated, pages

PARTS = [
    pytest.param(page, part, text, id=f"{pages.name(page)}:{part}")
    for page in pages.pages()
    for part, text in pages.parts(page)
]


@pytest.mark.parametrize(("page", "part", "text"), PARTS)
def test_a_generated_part_is_what_make_docs_would_write(page: Path, part: str, text: str) -> None:
    assert text == generated.PARTS[part](), f"{pages.name(page)} is behind the code: run make docs"


def test_every_generated_part_stands_on_a_page() -> None:
    written = {part for page in pages.pages() for part, _ in pages.parts(page)}
    assert written == set(generated.PARTS)


@pytest.mark.parametrize("name", generated.PUBLISHED)
def test_a_published_schema_is_what_the_code_has(name: str) -> None:
    published = (pages.DOCS / "reference" / name).read_text()
    assert published == generated.PUBLISHED[name](), f"{name} is behind the code: run make docs"


def test_every_state_is_described() -> None:
    described = [row[0] for row in pages.rows(pages.DOCS / "reference" / "states.md", "What each state means")]
    assert described == [state.value for state in lifecycle.State]


def test_every_event_of_the_lifecycle_is_described() -> None:
    described = [row[0] for row in pages.rows(pages.DOCS / "reference" / "states.md", "What each move means")]
    assert described == [event.value for event in lifecycle.Event]


def test_the_drawing_of_the_lifecycle_is_its_table() -> None:
    drawn = []
    state = ""
    for line in (lifecycle.__doc__ or "").split("```")[1].strip("\n").splitlines():
        first, _, moves = line.partition(" ")
        state = first or state
        for move in moves.split("·"):
            event, _, to = move.partition("->")
            drawn.append((state.lower(), event.strip(), to.strip().lower()))
    assert drawn == [(state.value, event.value, to.value) for (state, event), to in lifecycle.TRANSITIONS.items()]


def test_the_drawing_of_the_errors_is_their_tree() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").split("```")[1].strip("\n").splitlines():
        name = line.lstrip("│├└─ ").split()[0]
        depth = line.index(name) // 4
        above[depth:] = [name]
        drawn[name] = above[depth - 1] if depth else "Exception"
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.JitbotError)]
    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in kinds if kind.__base__}


def test_every_kind_of_audit_event_is_described() -> None:
    page = pages.DOCS / "reference" / "events.md"
    described = [row[0] for row in pages.rows(page, "Other kinds")]
    written = set(generated.event_kinds()) - {event.value for event in lifecycle.Event}
    assert sorted(described) == sorted(written)
    assert described == sorted(described)


def test_moves_that_no_use_case_causes_are_named_as_such() -> None:
    sources = "".join(path.read_text() for path in (pages.ROOT / "jitbot" / "service").rglob("*.py"))
    ended = set(lifecycle.ENDED_BY.values())
    idle = [event.value for event in lifecycle.Event if f"Event.{event.name}" not in sources and event not in ended]
    page = (pages.DOCS / "reference" / "states.md").read_text()
    said = next((line for line in page.split("\n\n") if "no use case causes" in line), "")
    assert sorted(re.findall(r"`([a-z_]+)`", re.split(" stands? in ", said)[0])) == sorted(idle)
