"""What a rollback would do: from which deployment to which, and what lies between them."""

from collections.abc import Sequence
from dataclasses import dataclass

from jitbot.errors import RunnerRefused
from jitbot.outbound.text import shown
from jitbot.runners.answers import NoWord, read, rows
from jitbot.runners.github.deployments import Deployment, Deployments
from jitbot.runners.github.inputs import OfRepository
from jitbot.runners.web_api import Api

COMMITS = 30
"""So many commits are shown; the rest are counted."""
UNDO = "-undo"
"""Ends the key of a deployment that takes back another one."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """From the deployment that runs to an earlier one that ran."""

    now: Deployment
    to: Deployment


def chosen(deployments: Deployments, environment: str, wanted: str) -> Rollback:
    """Choose the newest earlier deployment that went well, of another commit. Raises: RunnerRefused, NoWord.

    `wanted` is how its commit begins; nothing is any.
    """
    now = None
    for each in deployments:
        if now is None and each.under_way:
            raise RunnerRefused(
                f"A deployment of {each.sha[:12]} to {environment} is under way (number {each.id}): wait for its end, "
                "or mark it as failed."
            )
        if not each.went_well:
            continue
        if now is None:
            now = _to_leave(each, environment, wanted)
        elif each.sha != now.sha and each.sha.startswith(wanted):
            return Rollback(now, each)
    if now is None:
        raise RunnerRefused(f"No deployment to {environment} is known that went well: nothing says what runs there.")
    which = f"of {wanted} " if wanted else "of another commit "
    raise RunnerRefused(f"Among the latest deployments to {environment} none {which}went well before the present one.")


def _to_leave(now: Deployment, environment: str, wanted: str) -> Deployment:
    """Return what runs now, if there is something to be done about it. Raises: RunnerRefused."""
    if wanted and now.sha.startswith(wanted):
        raise RunnerRefused(f"{environment} runs {now.sha[:12]} already.")
    key = str(now.mark.get("key", ""))
    if not wanted and key and not key.endswith(UNDO):
        raise RunnerRefused(
            f"{environment} was rolled back already, by {key}: say `to` which commit it shall go further."
        )
    return now


def between(hub: Api, told: OfRepository, rollback: Rollback) -> Sequence[str]:
    """Tell which commits a rollback takes away, and which it brings, as lines of a diff; capped."""
    lines = [
        f"- {rollback.now.sha} (deployment {rollback.now.id})",
        f"+ {rollback.to.sha} (deployment {rollback.to.id})",
    ]
    for sign, base, head in (("-", rollback.to, rollback.now), ("+", rollback.now, rollback.to)):
        try:
            lines += _commits(hub, told, f"{base.sha}...{head.sha}", sign)
        except NoWord as error:
            lines.append(f"  what lies between them cannot be shown: {error}")
            break
    return lines


def _commits(hub: Api, told: OfRepository, both: str, sign: str) -> list[str]:
    found = hub.get(*told.steps, "compare", both, query={"per_page": COMMITS})
    total, commits = read(found, "total_commits", of=int), rows(found, "commits")[:COMMITS]
    lines = [f"{sign}   {read(each, 'sha', of=str)[:12]} {_subject(each)}" for each in commits]
    return [*lines, f"{sign}   … and {total - len(commits)} more"] if total > len(commits) else lines


def _subject(commit: object) -> str:
    return shown((read(commit, "commit", "message", of=str).splitlines() or [""])[0])
