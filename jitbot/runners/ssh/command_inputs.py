"""What the runner of single commands can be told."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from jitbot.runners.command_inputs import ExitCode, Word
from jitbot.runners.ssh.inputs import SshInputs, full_path
from jitbot.runners.ssh.login import quoted

KEY = "{run.key}"
"""Filled in by the runner itself; the dot tells it from a policy's `{parameter}`."""
COMMAND_BYTES = 32 * 1024
"""Far below what one word may have when the far side's shell is started (128 KiB on Linux)."""


def _runnable(argv: tuple[str, ...]) -> tuple[str, ...]:
    full_path(argv[0])  # a bare name may be an alias or a function of that login shell
    try:
        size = len(quoted(argv).encode())
    except UnicodeEncodeError:
        raise ValueError("has characters that no encoding knows") from None
    if size > COMMAND_BYTES:
        raise ValueError(f"is longer than {COMMAND_BYTES} bytes")
    return argv


RemoteArgv = Annotated[tuple[Word, ...], Field(min_length=1), AfterValidator(_runnable)]


class SshCommandInputs(SshInputs):
    """Programs to run on a host, as lists of words: each arrives as it is, whatever is in it."""

    argv: RemoteArgv
    """What is run to do it; the first word is the full path of the program."""
    undo_argv: RemoteArgv | None = None
    """Takes it back; must succeed too where nothing was ever done."""
    check_argv: RemoteArgv | None = None
    """Looks: exit 0 is healthy, 4 absent, a `refused` code unknown, any other unhealthy."""
    plan_argv: RemoteArgv | None = None
    """Tells on standard output what would be done, without doing it."""
    target: Annotated[Word, Field(max_length=300)] | None = None
    """What is touched; by default the host and the program."""
    expect: frozenset[ExitCode] = Field(default=frozenset({0}), min_length=1)
    """Exit codes that mean: done."""
    refused: frozenset[ExitCode] = frozenset()
    """Exit codes that mean: nothing happened. Any other code leaves it unsure."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        both = sorted(self.expect & self.refused)
        if both:
            raise ValueError(f"exit code {both[0]} cannot mean both done (expect) and nothing happened (refused)")
        looks = (*(self.plan_argv or ()), *(self.check_argv or ()))
        if any(KEY in word for word in looks):
            raise ValueError(f"a plan and a check belong to no run: {KEY} belongs into argv or undo_argv")
        return self
