"""`$name` in a query: a value that is put in as one literal, so that nothing in it can change what is asked.

PromQL (Go) and JSONPath (RFC 9535) write texts in double quotes with the same escapes as JSON.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StrictFloat, StrictInt, StrictStr

Given = dict[
    Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")],
    StrictInt | StrictFloat | Annotated[StrictStr, Field(max_length=1_000)],
]
_NAME = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_QUOTED = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`""")
_AS_PATTERN = re.compile(r"~\s*\$[A-Za-z_]|\b(?:match|search)\([^()]*,\s*\$[A-Za-z_]")


def check(text: str, given: Mapping[str, object]) -> None:
    """See that every `$name` is given, and used where it can be one literal. Raises: ValueError."""
    used = set(_NAME.findall(text))
    for name in sorted(used - given.keys()):
        raise ValueError(f"has ${name}, which `with` does not give")
    for name in sorted(given.keys() - used):
        raise ValueError(f"has no ${name}, which `with` gives")
    if _AS_PATTERN.search(text) or any(_NAME.search(quoted) for quoted in _QUOTED.findall(text)):
        raise ValueError("has a $name in quotes or as a pattern; it stands for a whole text, to be compared")


def filled(text: str, given: Mapping[str, int | float | str]) -> str:
    """Put the values in, each as one literal."""
    return _NAME.sub(lambda match: json.dumps(given[match[1]], ensure_ascii=False), text)
