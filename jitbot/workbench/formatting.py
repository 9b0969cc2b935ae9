"""Format policy files: indentation, spaces and line ends, never meaning, comments or the order of things.

ruamel.yaml writes the file anew and keeps its comments. Scalars are not interpreted (`10:00` stays what it is), and
the result is only taken if it reads as the same values with the same comments, by the loader that the bot uses.
"""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.resolver import VersionedResolver

from jitbot.errors import PolicyError
from jitbot.policy.files.issues import Issues, Place
from jitbot.policy.files.load import read_all
from jitbot.policy.files.yaml_events import Document, parse

WIDEST = 4096
"""Lines are not folded: where a long text breaks is its author's choice."""
ROUNDS = 3
"""So often a text is formatted until it stays as it is; comments may settle in a second round."""


def formatted(name: str, text: str) -> str:
    """Return the text of a file as it should be laid out.

    Raises: PolicyError where it cannot be read, or cannot be written anew without changing what it says.
    """
    issues = Issues()
    before = parse(name, text, issues)
    issues.raise_if_any()
    assert before is not None  # noqa: S101 - what cannot be read was raised
    laid_out, previous = text, ""
    for _ in range(ROUNDS):
        previous, laid_out = laid_out, _written_anew(name, laid_out)
        if laid_out == previous:
            break
    for candidate in (laid_out.rstrip("\n") + "\n", laid_out):  # a text at the end may keep its blank lines (`|+`)
        if _same(before, candidate):
            return candidate
    raise PolicyError(f"{Place(name)}: this file cannot be formatted without changing it; it is left as it is.")


def format_folder(folder: Path, *, write: bool) -> list[Path]:
    """Format the files of a folder; return those that change. Nothing is written if one of them has a fault.

    Raises: PolicyError.
    """
    texts = read_all(folder)
    new = {path: formatted(path.name, text) for path, text in texts.items()}
    changed = [path for path, text in texts.items() if new[path] != text]
    for path in changed if write else ():
        path.write_text(new[path], encoding="utf-8", newline="\n")
    return changed


class _Plain(VersionedResolver):
    """Resolves nothing: every plain scalar is text, and is written as it was read."""

    @property
    def versioned_resolver(self) -> dict[str, Any]:
        return {}


def _written_anew(name: str, text: str) -> str:
    engine = YAML(typ="rt")
    engine.Resolver = _Plain
    engine.preserve_quotes = True
    engine.width = WIDEST
    engine.allow_unicode = True
    engine.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    try:
        engine.dump(engine.load(text), out)
    except YAMLError as error:
        raise PolicyError(f"{Place(name)}: this file cannot be formatted: {type(error).__name__}.") from error
    return out.getvalue().removesuffix("...\n")  # written behind a text that keeps its blank lines


def _same(before: Document, laid_out: str) -> bool:
    """Tell whether a text says what the document said, with the same comments in the same order."""
    issues = Issues()
    after = parse(before.name, laid_out, issues)
    return (
        after is not None
        and repr(after.value) == repr(before.value)
        and list(_comments(laid_out)) == list(_comments(before.text))
    )


def _comments(text: str) -> Iterator[str]:
    """Yield the comments of a file: what stands between its tokens and is not blank."""
    end = 0
    for token in yaml.scan(text, yaml.SafeLoader):
        yield from (line.strip() for line in text[end : token.start_mark.index].split("\n") if line.strip())
        end = max(end, token.end_mark.index)
    yield from (line.strip() for line in text[end:].split("\n") if line.strip())
