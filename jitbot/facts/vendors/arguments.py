"""Arguments that these sources share: where a system is, the secret it knows us by, ids that can be nothing else."""

import re
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from jitbot.policy.patterns import pattern_fault

_AUTHORITY = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")


class Arguments(BaseModel):
    """Strict, and numbers become words: a template that is one `{parameter}` keeps its type."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


def _address(url: str) -> str:
    parts = urlsplit(url)
    plain = _AUTHORITY.fullmatch(parts.netloc) and _PATH.fullmatch(parts.path)
    if parts.scheme not in ("https", "http") or not plain or url != f"{parts.scheme}://{parts.netloc}{parts.path}":
        raise ValueError("must be https:// or http://, a host name and perhaps a port and a path, nothing else")
    if "/." in parts.path:
        raise ValueError("has `.` or `..` in its path")
    return url.rstrip("/")


def _pattern(pattern: str) -> str:
    fault = pattern_fault(pattern)
    if fault:
        raise ValueError(f"is no pattern (RE2): {fault}")
    return pattern


def _several(value: Any) -> Any:
    """Let one value stand for a list of one."""
    return (value,) if isinstance(value, str | int | float) and not isinstance(value, bool) else value


def only(pattern: str, words: str) -> AfterValidator:
    """Return a check that a whole text has a form, which is told in words."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {words}")
        return value

    return AfterValidator(check)


Item = TypeVar("Item")
Several = Annotated[tuple[Item, ...], BeforeValidator(_several), Field(max_length=50)]
Address = Annotated[str, AfterValidator(_address)]
Pattern = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_pattern)]
Id = Annotated[str, only(r"[A-Za-z0-9_-]{1,64}", "an id: up to 64 letters, digits, - and _")]
"""What fits into a path or a query without being able to change it."""
FieldName = Annotated[
    str, only(r"[A-Za-z][A-Za-z0-9_.]{0,79}", "a field's name: a letter, then letters, digits, _ and .")
]
"""A field of a ticket; a dot leads to a field of what a field of ServiceNow refers to."""
Words = Annotated[str, only(r"\S(.{0,198}\S)?", "a line of up to 200 characters, without spaces at its ends")]
SecretName = Annotated[
    str,
    only(r"[A-Za-z][A-Za-z0-9_-]{0,63}", "a secret's name: a letter, then letters, digits, - and _"),
    Field(json_schema_extra={"secret": True}),
]
