"""What the http runner can be told."""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, JsonValue, model_validator

from jitbot.outbound.addresses import HeaderName, HeaderValue, Segment, plain_url
from jitbot.outbound.values import STRICT

PLACE = re.compile(r"\{(receipt\.[a-z][a-z0-9_]*|run\.key)\}")
"""Filled by the runner itself; the dot tells it from a policy's `{parameter}`."""


def _url(url: str) -> str:
    return plain_url(url, PLACE)


Url = Annotated[str, Field(max_length=2_000), AfterValidator(_url)]
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
