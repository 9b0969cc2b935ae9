"""URLs and headers as policies write them: nothing in them can lead to another host, path or header than is seen."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from jitbot.outbound.values import Secret, TextOrSecret

_AUTHORITY = re.compile(r"(?i)https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?=/|$)")
_PATH = re.compile(r"[A-Za-z0-9/._~!$&'()*+,;=:@%-]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_TOKEN_ODD = re.compile(r"[^\x20-\x7e\t]")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect",
                   "accept-encoding", "idempotency-key", "proxy-authorization"})  # fmt: skip


def plain_url(url: str, places: re.Pattern[str] | None = None) -> str:
    """Return a URL without user, query, fragment and dots; `places` may stand in its path. Raises: ValueError."""
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("a URL with a user or password in it is refused: put `{secret: NAME}` into a header")
    if "?" in url or "#" in url:
        raise ValueError("write what follows a `?` as `query`, and no `#`")
    authority = _AUTHORITY.match(url)
    if authority is None:
        raise ValueError("must begin with https:// or http://, a plain host name and perhaps a port")
    path = url[authority.end() :]
    if not _PATH.fullmatch(places.sub("x", path) if places else path):
        raise ValueError("has characters that do not belong into a URL; give them as `path`, which is quoted")
    if has_dots(path):
        raise ValueError("has `.` or `..` in its path")
    return url


def has_dots(path: str) -> bool:
    """Tell whether a path has steps that a server may take for `.` or `..`."""
    plain = re.sub("%2e", ".", path, flags=re.IGNORECASE)
    return any(step in (".", "..") for step in re.split(r"/|\\|%2f|%5c", plain, flags=re.IGNORECASE))


def _header(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header")
    if name.lower() in _OURS:
        raise ValueError(f"the header {name} is set by jitbot itself")
    return name


def header_value(value: str) -> str:
    """Return a header's value as it is. Raises: ValueError when it could end the header and begin another."""
    if _TOKEN_ODD.search(value) or value != value.strip():
        raise ValueError("a header takes one line of plain ASCII, without spaces at its ends")
    return value


def _value(value: str | Secret) -> str | Secret:
    return header_value(value) if isinstance(value, str) else value


def _step(step: str) -> str:
    if has_dots(step):
        raise ValueError("a step of a path cannot be `.` or `..`")
    return step


Url = Annotated[str, Field(max_length=2_000), AfterValidator(lambda url: plain_url(url))]
Segment = Annotated[str, Field(min_length=1, max_length=500)]
Step = Annotated[Segment, AfterValidator(_step)]
"""A segment that is final: nothing is filled in any more."""
HeaderName = Annotated[str, AfterValidator(_header)]
HeaderValue = Annotated[TextOrSecret, AfterValidator(_value)]
