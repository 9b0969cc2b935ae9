"""What all models of policy files share: strictness, sentences of their own, durations, and the keys of a fact."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from jitbot.errors import InvalidInput
from jitbot.policy.durations import parse_duration
from jitbot.policy.lookalikes import foreign, named
from jitbot.policy.wording import shown


class Strict(BaseModel):
    """Text is text and numbers are numbers; a key that is not listed is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _not_empty(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse `when:` with nothing behind it: it would say "always"."""
        if value is None:
            comment = " (text that begins with # must be in quotes)" if info.field_name == "channel" else ""
            raise wrong(f"`{info.field_name}` is empty; write a value{comment}, or leave the key out.")
        return value


def wrong(message: str) -> PydanticCustomError:
    """Make the error that a validator raises: its message is shown as it is."""
    return PydanticCustomError("wrong", "{message}", {"message": message})


def _words(value: str) -> str:
    if not value.strip():
        raise wrong("this is empty; write some words, or leave the key out.")
    if not value.isprintable():
        raise wrong(f"{shown(value)} has line ends or characters that do not show; write it in one plain line.")
    letter = foreign(value)
    if letter:
        raise wrong(f"{value!r} mixes alphabets: {named(letter)}; type it anew.")
    return value


Short = Annotated[str, Field(max_length=75), AfterValidator(_words)]


def _duration(value: object) -> timedelta:
    if not isinstance(value, str):
        raise wrong(f"{shown(str(value))} needs a unit: write a duration like 45s, 30m, 1h30m or 2d.")
    try:
        return parse_duration(value)
    except InvalidInput as error:
        raise wrong(str(error)) from None


Duration = Annotated[
    timedelta,
    PlainValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2}),
]


class FactKeys(Strict):
    """One fact: where it is read, and that source's own arguments beside it."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    source: str = Field(description="Where it is read; its arguments stand beside this key.")
