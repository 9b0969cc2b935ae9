"""Everything that can be advised about a policy set, in the order of its files."""

from collections.abc import Mapping
from datetime import datetime

from jitbot.model import Policy
from jitbot.workbench.lint.accepting import without_accepted
from jitbot.workbench.lint.advice import Advice
from jitbot.workbench.lint.approvers import approvers
from jitbot.workbench.lint.freezes import freezes
from jitbot.workbench.lint.reach import reach
from jitbot.workbench.lint.unused import unused


def lint(policy: Policy, files: Mapping[str, str], at: datetime) -> list[Advice]:
    """Return advice on a loaded set, without what comments in its files accept; sources are never asked.

    Nothing is guessed: a rule is called unreachable only where no values could reach it, and people are counted only
    where the files name them all.
    """
    found = [*reach(policy), *approvers(policy, at), *freezes(policy, at), *unused(policy)]
    return sorted(without_accepted(found, files), key=lambda each: (each.position, each.topic, each.message))
