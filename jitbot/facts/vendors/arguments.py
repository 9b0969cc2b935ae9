"""Arguments that these sources share: where a system is, the secret it knows us by, ids that can be nothing else."""

import re
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import re2
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

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
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0]
        words = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"is no pattern (RE2): {words}") from error
    return pattern


def _several(value: Any) -> Any:
    """Let one value stand for a list of one."""
    return (value,) if isinstance(value, str | int | float) and not isinstance(value, bool) else value


Item = TypeVar("Item")
Several = Annotated[tuple[Item, ...], BeforeValidator(_several), Field(max_length=50)]
Address = Annotated[str, AfterValidator(_address)]
Pattern = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_pattern)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""What fits into a path or a query without being able to change it."""
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]
Words = Annotated[str, Field(pattern=r"^\S(.{0,198}\S)?$")]
"""One line of text that does not begin or end with a space."""
SecretName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
