"""Policies loaded as the bot would, for commands that try them out."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from jitbot.compose import load_policies
from jitbot.errors import SettingsError
from jitbot.model import Policy
from jitbot.settings import Settings, variable
from jitbot.warrants.ceiling_file import read_copy
from jitbot.workbench.beyond import Beyond, beyond
from jitbot.workbench.lint.advice import Advice
from jitbot.workbench.lint.linting import lint
from jitbot.workbench.rehearsal import Bench


def lint_policies(folder: Path, settings: Settings, at: datetime) -> tuple[Policy, list[Advice]]:
    """Look for what may not be meant. Raises: PolicyError, SettingsError."""
    loaded = load_policies(folder, settings)
    return loaded.policy, lint(loaded.policy, loaded.files, at)


def check_ceiling(folder: Path, settings: Settings, ceiling: Path, pool: str) -> Sequence[Beyond]:
    """Try the policies against a ceiling, wherever its file is. Raises: PolicyError, SettingsError."""
    if pool and pool not in settings.pools:
        raise SettingsError(f"There is no pool {pool}: {variable('pools')} names those that there are.")
    loaded = load_policies(folder, settings)
    return beyond(loaded.policy, loaded.catalog, read_copy(ceiling), pool)


def open_bench(folder: Path, settings: Settings) -> Bench:
    """Set the policies up to be tried out. Raises: PolicyError, SettingsError."""
    loaded = load_policies(folder, settings)
    return Bench(loaded.policy, loaded.catalog, loaded.sources)
