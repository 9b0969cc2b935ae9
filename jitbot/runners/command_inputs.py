"""What the command runner can be told."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from jitbot.outbound.values import STRICT, Secret, TextOrSecret

_OURS = re.compile("(JITBOT|SLACK)_", re.IGNORECASE)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character cannot be handed to a program")
    return text


def _program_first(argv: tuple[str, ...]) -> tuple[str, ...]:
    program = argv[0]
    if program.startswith("-"):
        raise ValueError(f"the program {program!r} begins with a dash: the first word names the program")
    if "/" in program and not program.startswith("/"):
        raise ValueError(f"the program {program!r} is a relative path: write the full path, or a bare name")
    return argv


def _not_ours(name: str) -> str:
    if _OURS.match(name):
        raise ValueError(f"{name} is jitbot's own; give a secret as `variables: {{NAME: {{secret: NAME}}}}`")
    return name


def _absolute(folder: str) -> str:
    if not folder.startswith("/"):
        raise ValueError("write the full path of a folder")
    return folder


def _passable(value: str | Secret) -> str | Secret:
    return _without_nul(value) if isinstance(value, str) else value


Word = Annotated[str, Field(min_length=1), AfterValidator(_without_nul)]
Argv = Annotated[tuple[Word, ...], Field(min_length=1), AfterValidator(_program_first)]
Folder = Annotated[Word, AfterValidator(_absolute)]
Variable = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_not_ours)]
Value = Annotated[TextOrSecret, AfterValidator(_passable)]
ExitCode = Annotated[int, Field(ge=0, le=255)]


class CommandInputs(BaseModel):
    """Programs to run, as lists of words: no shell reads them, so no character in them has a meaning."""

    model_config = STRICT

    argv: Argv
    """What is run to do it. The first word is a full path, or a name found in the fixed folders."""
    undo_argv: Argv | None = None
    """Takes it back; must succeed too where nothing was ever done."""
    check_argv: Argv | None = None
    """Looks: exit 0 is healthy, 4 absent, a `refused` code unknown, any other unhealthy."""
    plan_argv: Argv | None = None
    """Tells on standard output what would be done, without doing it."""
    target: Word | None = None
    """What is touched; by default the folder and the program."""
    folder: Folder = "/"
    env: tuple[Variable, ...] = ()
    """Variables let through from jitbot's own environment."""
    variables: dict[Variable, Value] = Field(default_factory=dict)
    """Further variables; a value is a text or `{secret: NAME}`."""
    expect: frozenset[ExitCode] = Field(default=frozenset({0}), min_length=1)
    """Exit codes that mean: done."""
    refused: frozenset[ExitCode] = frozenset()
    """Exit codes that mean: nothing happened. Any other code leaves it unsure."""

    @model_validator(mode="after")
    def _no_code_means_both(self) -> Self:
        both = sorted(self.expect & self.refused)
        if both:
            raise ValueError(f"exit code {both[0]} cannot mean both done (expect) and nothing happened (refused)")
        return self
