"""Formatting changes the layout of a file, and nothing that it says."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitbot.errors import PolicyError
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.yaml_events import parse
from jitbot.workbench import formatting
from jitbot.workbench.formatting import format_folder, formatted

UGLY = """\
# top
team:   payments   # whose

at: 10:00
no: no
nothing: ~
number: 007
escaped: "a\\u00e9"
list:
- a
-   b # why

# about the map
map: {a: 1,   b: [ 1,2 ]}
text: |
  keep
   this  # no comment
folded: >-
  some long
  text

  more
plain: this
  goes on
# end
"""
NEAT = """\
# top
team: payments     # whose

at: 10:00
no: no
nothing: ~
number: 007
escaped: "aé"
list:
  - a
  - b # why

# about the map
map: {a: 1, b: [1, 2]}
text: |
  keep
   this  # no comment
folded: >-
  some long
  text

  more
plain: this goes on
# end
"""


def value(text: str) -> str:
    issues = Issues()
    document = parse("a.yml", text, issues)
    issues.raise_if_any()
    assert document is not None
    return repr(document.value)


def test_layout_becomes_the_same_and_comments_and_scalars_stay() -> None:
    assert formatted("a.yml", UGLY) == NEAT
    assert formatted("a.yml", NEAT) == NEAT


def test_line_ends_of_other_systems_become_ours() -> None:
    assert formatted("a.yml", "a: 1\r\nb: [1,2]\r\n\r\n") == "a: 1\nb: [1, 2]\n"


def test_blank_lines_that_belong_to_a_text_stay() -> None:
    assert formatted("a.yml", "a: |+\n  x\n\n\n") == "a: |+\n  x\n\n\n"


@pytest.mark.parametrize("text", ["a: [1", "a: &x 1", "a: 1\na: 2", "a:\t1"], ids=["open", "anchor", "twice", "tab"])
def test_what_the_loader_refuses_is_not_formatted(text: str) -> None:
    with pytest.raises(PolicyError, match=r"^a\.yml:\d+:\d+: "):
        formatted("a.yml", text)


@pytest.mark.parametrize("changed", ["a: 2 # c\n", "a: 1\n", "a: '1' # c\n", "a: [\n"])
def test_a_layout_that_would_say_something_else_is_refused(monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    monkeypatch.setattr(formatting, "_written_anew", lambda name, text: changed)
    with pytest.raises(PolicyError, match="without changing it; it is left as it is"):
        formatted("a.yml", "a:   1 # c\n")


def test_a_folder_is_written_only_when_all_its_files_can_be(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.yml", tmp_path / "b.cases.yml"
    good.write_text("a:   1\n")
    bad.write_text("b: [\n")
    with pytest.raises(PolicyError, match=r"b\.cases\.yml"):
        format_folder(tmp_path, write=True)
    assert good.read_text() == "a:   1\n"
    bad.write_text("b: 1\n")
    assert format_folder(tmp_path, write=False) == [good]
    assert good.read_text() == "a:   1\n"
    assert format_folder(tmp_path, write=True) == [good]
    assert good.read_text() == "a: 1\n"
    assert format_folder(tmp_path, write=True) == []


WORDS = st.sampled_from(["a", "on", "10:00", "007", "true", "~", "'q r'", '"x # y"', "payments", "a b", "-1", "1.50"])
COMMENTS = st.sampled_from(["", "", "  # why", " # a: b", "     #"])


@st.composite
def yaml_texts(draw: st.DrawFn, depth: int = 0) -> str:
    """Write a block mapping with lists, flow collections, texts and comments, indented at will."""
    indent = " " * draw(st.integers(1, 6)) if depth else ""
    lines = []
    for number in range(draw(st.integers(1, 4))):
        key = f"{indent}k{number}:"
        if draw(st.booleans()) and draw(st.booleans()):
            lines.append(f"{' ' * draw(st.integers(0, 8))}# about k{number}")
        shape = draw(st.integers(0, 5 if depth < 2 else 3))
        comment = draw(COMMENTS)
        if shape == 0:
            lines.append(f"{key} {draw(WORDS)}{comment}")
        elif shape == 1:
            items = draw(st.lists(WORDS, min_size=1, max_size=3))
            lines.append(f"{key}   [{' ,  '.join(items)}]{comment}")
        elif shape == 2:
            lines += [f"{key} |{draw(st.sampled_from(['', '-', '+']))}", f"{indent}   one", f"{indent}     two # not"]
        elif shape == 3:
            items = draw(st.lists(WORDS, min_size=1, max_size=3))
            lines += [f"{key}{comment}", *(f"{indent}{'  ' * (depth % 2)}-  {item}{comment}" for item in items)]
        else:
            inner = draw(yaml_texts(depth=depth + 1))
            lines += [f"{key}{comment}", *(f"{indent}{line}" for line in inner.split("\n"))]
        lines += [""] * draw(st.integers(0, 1))
    return "\n".join(lines)


@settings(max_examples=150, deadline=None)
@given(yaml_texts())
def test_any_file_keeps_its_meaning_and_is_formatted_once_and_for_all(text: str) -> None:
    try:
        meant = value(text)
    except PolicyError:
        return
    try:
        neat = formatted("a.yml", text)
    except PolicyError as error:
        assert "left as it is" in str(error)
        return
    assert value(neat) == meant
    assert formatted("a.yml", neat) == neat
    assert sorted(part for part in text.split() if part == "#") == sorted(part for part in neat.split() if part == "#")
