"""Input values that several runners share: words, and secrets meant by name."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from jitbot.ports import Site

STRICT = ConfigDict(
    extra="forbid", frozen=True, coerce_numbers_to_str=True, validate_by_name=True, serialize_by_alias=True
)
"""Numbers become words, since a template that is one `{parameter}` keeps its type; nothing else is guessed."""


class Secret(BaseModel):
    """A secret of the runners' machine, by name; its value is read only when it is used."""

    model_config = STRICT

    secret: str = Field(pattern="^[A-Za-z][A-Za-z0-9_-]{0,63}$")


def _text_or_secret(value: object) -> str | Secret:
    if isinstance(value, dict | Secret):
        if isinstance(value, dict) and set(value) != {"secret"}:
            raise ValueError("write a text, or {secret: NAME} and nothing else")
        return Secret.model_validate(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a text or {secret: NAME}")  # noqa: TRY004 - pydantic wants ValueError
    return str(value)


TextOrSecret = Annotated[str | Secret, PlainValidator(_text_or_secret, json_schema_input_type=str | Secret)]


def plain(value: str | Secret, site: Site) -> str:
    """Return the value to be used. Raises: RunnerRefused when the secret is not set."""
    return site.secret(value.secret) if isinstance(value, Secret) else value


def digest(inputs: BaseModel, *more: Any) -> str:
    """Return the fingerprint of inputs and of whatever else was looked at."""
    text = json.dumps([inputs.model_dump(mode="json"), *more], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
