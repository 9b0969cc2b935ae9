"""Values that policies give to runners and sources alike: words, and secrets meant by name."""

import hashlib
import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from jitbot.ports import Site

STRICT = ConfigDict(
    extra="forbid", frozen=True, coerce_numbers_to_str=True, validate_by_name=True, serialize_by_alias=True
)
"""Numbers become words, since a template that is one `{parameter}` keeps its type; nothing else is guessed."""


_SECRET = re.compile("[A-Za-z][A-Za-z0-9_-]{0,63}")


class Secret(BaseModel):
    """A secret of this machine, by name; its value is read only when it is used."""

    model_config = STRICT

    secret: str
    prefix: str = ""
    """Put before the value: `Bearer `, for example."""


def _text_or_secret(value: object) -> str | Secret:
    """Tell the two apart before pydantic does, which would complain about both at once."""
    if isinstance(value, Secret):
        return value
    if isinstance(value, dict):
        name, prefix = value.get("secret"), value.get("prefix", "")
        wrong = set(value) - {"secret", "prefix"} or not isinstance(name, str) or not _SECRET.fullmatch(name)
        if wrong or not isinstance(prefix, str):
            raise ValueError("write a text or {secret: NAME}, where the name has letters, digits, - and _")
        return Secret(secret=name, prefix=prefix)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a text or {secret: NAME}")  # noqa: TRY004 - pydantic wants ValueError
    return str(value)


TextOrSecret = Annotated[str | Secret, BeforeValidator(_text_or_secret)]


def plain(value: str | Secret, site: Site) -> str:
    """Return the value to be used. Raises: NotGranted when the secret is not set."""
    return value.prefix + site.secret(value.secret) if isinstance(value, Secret) else value


def digest(inputs: BaseModel, *more: Any) -> str:
    """Return the fingerprint of inputs and of whatever else was looked at."""
    text = json.dumps([inputs.model_dump(mode="json"), *more], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
