"""What the http runner can be told."""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, JsonValue, model_validator

from jitbot.runners.values import STRICT, Secret, TextOrSecret

PLACE = re.compile(r"\{(receipt\.[a-z][a-z0-9_]*|run\.key)\}")
"""Filled by the runner itself; the dot tells it from a policy's `{parameter}`."""

_AUTHORITY = re.compile(r"(?i)https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?=/|$)")
_PATH = re.compile(r"[A-Za-z0-9/._~!$&'()*+,;=:@%-]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_TOKEN_ODD = re.compile(r"[^\x20-\x7e\t]")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect",
                   "accept-encoding", "idempotency-key", "proxy-authorization"})  # fmt: skip


def _url(url: str) -> str:
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("a URL with a user or password in it is refused: put `{secret: NAME}` into a header")
    if "?" in url or "#" in url:
        raise ValueError("write what follows a `?` as `query`, and no `#`")
    authority = _AUTHORITY.match(url)
    if authority is None:
        raise ValueError("must begin with https:// or http://, a plain host name and perhaps a port")
    path = url[authority.end() :]
    if not _PATH.fullmatch(PLACE.sub("x", path)):
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
        raise ValueError(f"the header {name} is set by the runner itself")
    return name


def header_value(value: str) -> str:
    """Return a header's value as it is. Raises: ValueError when it could end the header and begin another."""
    if _TOKEN_ODD.search(value) or value != value.strip():
        raise ValueError("a header takes one line of plain ASCII, without spaces at its ends")
    return value


def _value(value: str | Secret) -> str | Secret:
    return header_value(value) if isinstance(value, str) else value


Url = Annotated[str, Field(max_length=2_000), AfterValidator(_url)]
Segment = Annotated[str, Field(min_length=1, max_length=500)]
HeaderName = Annotated[str, AfterValidator(_header)]
HeaderValue = Annotated[TextOrSecret, AfterValidator(_value)]
Status = Annotated[int, Field(ge=100, le=599)]
Pointer = Annotated[str, Field(pattern="^(/([^~]|~[01])*)?$")]
ReceiptName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]

DONE = frozenset({200, 201, 202, 204})
NOTHING_HAPPENED = frozenset({400, 401, 403, 404, 405, 409, 422})
GONE = frozenset({404, 410})


class Ask(BaseModel):
    """One request. `path` and `query` are quoted, so parameters belong there and not into `url`."""

    model_config = STRICT

    url: Url | None = None
    path: tuple[Segment, ...] = ()
    query: dict[str, str] = Field(default_factory=dict)
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)

    def texts(self) -> Iterator[str]:
        """Yield every text in which the runner fills places."""
        yield from (self.url or "", *self.path, *self.query.values())
        yield from (value for value in self.headers.values() if isinstance(value, str))


class Change(Ask):
    """A request that changes something."""

    json_body: JsonValue = Field(default=None, alias="json")
    text: str | None = None

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body is not None and self.text is not None:
            raise ValueError("give json or text, not both")
        json.dumps(self.json_body, allow_nan=False)
        return self

    def texts(self) -> Iterator[str]:
        yield from super().texts()
        yield from strings(self.json_body)
        yield self.text or ""


class Look(Ask):
    """Shows the present state in the plan; when it changes, the plan is another one."""

    pointer: Pointer = ""
    """Which value of the answer is shown; the whole answer if empty."""


class Check(Ask):
    """Looks at what was done: healthy, absent, else unhealthy; no answer is neither."""

    expect: frozenset[Status] = Field(default=frozenset({200}), min_length=1)
    absent: frozenset[Status] = GONE
    pointer: Pointer | None = None
    equals: JsonValue = None


class Undo(Change):
    """Takes it back; `gone` says that it is not there (any more)."""

    method: Literal["DELETE", "POST", "PUT", "PATCH"] = "DELETE"
    expect: frozenset[Status] = Field(default=DONE, min_length=1)
    gone: frozenset[Status] = GONE


class HttpInputs(Change):
    """A request to an allowed host, and those that look at it and take it back."""

    url: Url
    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"]
    expect: frozenset[Status] = Field(default=DONE, min_length=1)
    """Statuses that mean: done."""
    refused: frozenset[Status] = NOTHING_HAPPENED
    """Statuses that mean: nothing happened. Any other leaves it unsure."""
    receipt: dict[ReceiptName, Pointer] = Field(default_factory=dict)
    """What to keep of the answer, by JSON pointer, for `{receipt.NAME}` below `undo` and `check`."""
    undo: Undo | None = None
    check: Check | None = None
    plan: Look | None = None
    target: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        both = sorted(self.expect & self.refused)
        if both:
            raise ValueError(f"status {both[0]} cannot mean both done (expect) and nothing happened (refused)")
        before: list[Ask | None] = [self, self.plan]
        if any("{receipt." in text for ask in before if ask for text in ask.texts()):
            raise ValueError("there is no receipt yet: {receipt.NAME} belongs into undo or check")
        looks: list[Ask | None] = [self.plan, self.check]
        if any("{run.key}" in text for ask in looks if ask for text in ask.texts()):
            raise ValueError("a plan and a check belong to no run: {run.key} belongs into the request or undo")
        after: list[Ask | None] = [self.undo, self.check]
        wanted = {place for ask in after if ask for text in ask.texts() for place in PLACE.findall(text)}
        lacking = sorted(wanted - {"run.key"} - {f"receipt.{name}" for name in self.receipt})
        if lacking:
            raise ValueError(f"{{{lacking[0]}}} names nothing: add it below `receipt`")
        return self


def strings(value: Any) -> Iterator[str]:
    """Yield every text inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            yield from strings(item)
