"""Reads a ceiling's file, as strictly as a policy, from where only the operator of the machine can write."""

from pathlib import Path
from typing import Any

from pydantic import Field

from jitbot.errors import PolicyError, SettingsError
from jitbot.policy.files.complaints import check
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.strict import Strict
from jitbot.policy.files.yaml_events import Document, parse
from jitbot.warrants.ceiling import Ceiling, faulty
from jitbot.warrants.own_file import read_own

VARIABLE = "JITBOT_CEILING"


class RunnerKeys(Strict):
    """What may be given to one runner."""

    inputs: dict[str, list[Any]] = Field(
        default_factory=dict, description="For each input what it may be: values, `pattern:`, `any: true` or `each:`."
    )


class CeilingKeys(Strict):
    """What a machine may be used for."""

    runners: dict[str, RunnerKeys] = Field(description="The runners that may be used, by name.")
    secrets: list[str] = Field(default_factory=list, description="The secrets that may be read.")
    hosts: list[str] = Field(default_factory=list, description="Which of JITBOT_HTTP_HOSTS may be talked to.")


def read_ceiling(path: Path | None, policies: Path | None = None) -> Ceiling | None:
    """Return the ceiling of this machine; None where it has none. Raises: SettingsError."""
    if path is None:
        return None
    text = read_own(path, VARIABLE, policies)
    try:
        return parsed(path.name, text)
    except PolicyError as error:
        raise SettingsError(f"{VARIABLE}: {error}") from None


def read_copy(path: Path) -> Ceiling:
    """Return what a ceiling's file says, whoever can write it: to look, not to act by. Raises: PolicyError."""
    try:
        return parsed(path.name, path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}:1:1: cannot be read: {error}.") from error


def parsed(name: str, text: str) -> Ceiling:
    """Return what a ceiling's text says. Raises: PolicyError, with file, line and column."""
    issues = Issues()
    document = parse(name, text, issues)
    keys = None if document is None else check(CeilingKeys, document, (), issues)
    if document is not None and keys is not None:
        _check_shapes(document, keys, issues)
    issues.raise_if_any()
    assert keys is not None  # noqa: S101 - else there was something wrong
    return Ceiling(
        runners={runner: said.inputs for runner, said in keys.runners.items()},
        secrets=frozenset(keys.secrets),
        hosts=frozenset(host.lower() for host in keys.hosts),
    )


def _check_shapes(document: Document, keys: CeilingKeys, issues: Issues) -> None:
    for runner, said in keys.runners.items():
        for name, shapes in said.inputs.items():
            for path, what in faulty(list(shapes)):
                issues.add(document.at(("runners", runner, "inputs", name, *path)), what)
