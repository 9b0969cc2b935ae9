"""The operator's file: where stores are, how jitbot proves there who it is, and which of their secrets it may read.

It lies outside of the policies' folder, since who writes policies must not be able to reach what nobody meant for them.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from jitbot.errors import SettingsError
from jitbot.outbound.addresses import plain_url
from jitbot.outbound.operators_file import read_operators_file
from jitbot.ports import StoreSite

VARIABLE = "JITBOT_SECRETS_FILE"
Sections = Mapping[str, Mapping[str, Any]]


class Strict(BaseModel):
    """A key that is not listed is an error, and nothing is guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _address(url: str) -> str:
    """Return the address of a store; only on this machine may it go without TLS."""
    plain_url(url)
    parts = urlsplit(url)
    if parts.scheme != "https" and not _loopback(parts.hostname or ""):
        raise ValueError("must begin with https://, unless it is on this machine (127.0.0.1, ::1)")
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


Address = Annotated[str, AfterValidator(_address)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}\z")]
"""The name of a secret, as policies write it."""
FullPath = Annotated[Path, AfterValidator(lambda path: _full(path))]


def _full(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be a full path")
    return path


def read_sections(file: Path | None, stores: tuple[str, ...], policies: Path) -> Sections:
    """Return what the operator's file says of each store; nothing without a file. Raises: SettingsError."""
    if file is None:
        return {}
    return _checked(file, read_operators_file(VARIABLE, file, policies), stores)


def _checked(file: Path, value: Any, stores: tuple[str, ...]) -> Sections:
    if not isinstance(value, dict) or not all(isinstance(each, dict) for each in value.values()):
        raise _wrong(file, "needs one mapping for each store, such as `vault:`")
    unknown = [repr(name) for name in value if name not in stores]
    if unknown:
        raise _wrong(file, f"has {', '.join(unknown)}, for which JITBOT_SECRETS lists no store that reads this file")
    return value


def _wrong(file: Path, why: str) -> SettingsError:
    return SettingsError(f"{VARIABLE}: {file} {why}.")


Model = TypeVar("Model", bound=BaseModel)


def read_section(site: StoreSite, name: str, model: type[Model]) -> Model:
    """Return one store's section, checked. Raises: SettingsError; it repeats nothing of what stands there."""
    try:
        return model.model_validate(dict(site.section(name)))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        found = ("{}: {}".format(".".join(map(str, (name, *each["loc"]))), _words(each["msg"])) for each in details)
        raise SettingsError(f"JITBOT_SECRETS_FILE does not fit: {'; '.join(found)}.") from None


def _words(message: str) -> str:
    return message.removeprefix("Value error, ")
