"""The operator's file of sinks (`JITBOT_HEADS_FILE`): a name for each, its kind, and where it is."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from jitbot.errors import SettingsError
from jitbot.outbound.operators_file import read_operators_file
from jitbot.outbound.secrets.section import Name
from jitbot.ports import Sink
from jitbot.sinks.file import FilePlace, FileSink
from jitbot.sinks.http import HttpPlace, HttpSink
from jitbot.sinks.s3 import S3Place, S3Sink
from jitbot.sinks.syslog import SyslogPlace, SyslogSink

VARIABLE = "JITBOT_HEADS_FILE"
Place = Annotated[FilePlace | SyslogPlace | HttpPlace | S3Place, Field(discriminator="kind")]
_PLACES: TypeAdapter[dict[Name, Place]] = TypeAdapter(dict[Name, Place])
Secret = Callable[[str], str]
"""Returns a secret by its name. Raises: NotGranted."""


def open_sinks(file: Path | None, policies: Path, secret: Secret) -> Sequence[Sink]:
    """Return the sinks that the file lists, none without a file; nothing is sent yet. Raises: SettingsError."""
    if file is None:
        return []
    value = read_operators_file(VARIABLE, file, policies)
    try:
        places: Mapping[str, Place] = _PLACES.validate_python(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        found = (f"{'.'.join(map(str, each['loc']))}: {_words(each['msg'])}".lstrip(": ") for each in details)
        raise SettingsError(f"{VARIABLE}: {file} does not fit: {'; '.join(found)}.") from None
    return [_sink(name, place, secret) for name, place in places.items()]


def _sink(name: str, place: Any, secret: Secret) -> Sink:
    match place:
        case FilePlace():
            return FileSink(name, place)
        case SyslogPlace():
            return SyslogSink(name, place)
        case HttpPlace():
            return HttpSink(name, place, secret)
        case _:
            return S3Sink(name, place, secret)


def _words(message: str) -> str:
    return message.removeprefix("Value error, ")
