"""What the runner for configuration files can be told."""

import json
import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, Field, JsonValue, model_validator

from jitbot.outbound.values import STRICT
from jitbot.runners.config_file.document import FORMATS, pointer
from jitbot.runners.config_file.format import Format

VALUE_CHARACTERS = 4_000
LONGEST_CONTEXT = 5
NAME_CHARACTERS = 60
"""Of a file's name, so that the note beside it has one too."""
_ODD = re.compile(r"[\x00-\x1f\x7f]")


def _folder(path: str) -> str:
    if _ODD.search(path) or not path.startswith("/") or any(step in (".", "..") for step in path.split("/")):
        raise ValueError("must be a full path, without `.` and `..`")
    return path


def _below(path: str) -> str:
    if _ODD.search(path) or any(step in ("", ".", "..") for step in path.split("/")):
        raise ValueError("must be a path below the folder, without `.` and `..`")
    if len(path.rpartition("/")[2]) > NAME_CHARACTERS:
        raise ValueError(f"its last step has more than {NAME_CHARACTERS} characters")
    if _suffix(path) not in FORMATS:
        raise ValueError(f"must end in {', '.join(sorted(FORMATS))}")
    return path


def _text(text: str) -> str:
    if not all(each.isprintable() or each in "\n\t" for each in text):
        raise ValueError("has characters that cannot be seen")
    return text


def _writable(value: Any) -> Any:
    told = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if len(told) > VALUE_CHARACTERS:
        raise ValueError(f"has {len(told)} characters; {VALUE_CHARACTERS} at most are written")
    for each in _texts(value):
        _text(each)
    return value


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in _texts(each)]
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else []


Place = Annotated[int, Field(strict=True, ge=0)]
Name = Annotated[str, Field(strict=True, min_length=1, max_length=200), AfterValidator(_text)]


class FileInputs(BaseModel):
    """One key of one file, and what is to stand there."""

    model_config = STRICT

    folder: Annotated[str, Field(max_length=1_000), AfterValidator(_folder)]
    """A full path; whoever asks has no say in it, so no `{parameter}` belongs here."""
    file: Annotated[str, Field(max_length=500), AfterValidator(_below)]
    """The file's path below the folder. No link on the way is followed."""
    key: Annotated[tuple[Name | Place, ...], Field(min_length=1, max_length=20)]
    """Names of keys, and places in lists from 0, from the outermost on."""
    value: Annotated[JsonValue, AfterValidator(_writable)]
    context: Annotated[int, Field(strict=True, ge=0, le=LONGEST_CONTEXT)] = 0
    """How many lines of the file around the change people see."""
    git: bool = Field(default=False, strict=True)
    """Whether each change is committed in the checkout that the file stands in."""

    @model_validator(mode="after")
    def _fits_the_format(self) -> Self:
        self.format.render(self.value, None)
        return self

    @property
    def format(self) -> Format:
        """Return the file's format, by its name."""
        return FORMATS[_suffix(self.file)]

    @property
    def name(self) -> str:
        """Name the key as people read it."""
        return f"{pointer(self.key)} in {self.folder.rstrip('/')}/{self.file}"


def _suffix(path: str) -> str:
    return path[path.rfind(".") :].lower() if "." in path else ""
