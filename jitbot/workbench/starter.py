"""`jitbot policy new`: a commented starter that passes `policy check` and `policy test` as it stands."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from jitbot.errors import InvalidInput, PolicyError
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.yaml_events import parse
from jitbot.policy.wording import shown
from jitbot.workbench import starter_texts
from jitbot.workbench.rehearsal import Bench
from jitbot.workbench.suite import run_cases

TEAM_NAME = re.compile("[a-z][a-z0-9-]{0,19}")
ORGANISATION = ("people", "guardrails")


def start(team: str, folder: Path, bench: Callable[[], Bench]) -> Sequence[Path]:
    """Write the starter and return its files; existing ones are never touched, and nothing is left of one that fails.

    Raises: InvalidInput, PolicyError.
    """
    if not TEAM_NAME.fullmatch(team) or team in ORGANISATION:
        raise InvalidInput(f"{shown(team)} cannot be a team's file; use 1 to 20 of a-z, 0-9 and -, a letter first.")
    texts = _texts(team, folder)
    written = [folder / name for name in texts]
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    try:
        failed = run_cases(folder, bench(), f"{team}.cases.yml").failed
    except PolicyError as error:
        _remove(written)
        raise PolicyError(f"Nothing was written, because the policies would have faults:\n{error}") from None
    if failed:
        _remove(written)
        raise PolicyError(f"Nothing was written, because the guardrails here say otherwise:\n{failed[0].why}")
    return written


def _texts(team: str, folder: Path) -> dict[str, str]:
    """Return the files that are to be written. Raises: InvalidInput, PolicyError."""
    there = {path.stem: path for path in sorted(folder.glob("*.y*ml"))}
    for stem in (team, f"{team}.cases"):
        if stem in there:
            raise InvalidInput(f"{there[stem]} is there already. Choose another name for the team.")
    askers, approvers = team, f"{team}-leads"
    if "people" in there:
        askers, approvers = _groups(team, there["people"])
    names = {"TEAM": team, "ASKERS": askers, "APPROVERS": approvers}
    cases = starter_texts.CASES
    if "guardrails" not in there and askers != approvers:  # in one group with bo, a script would be asked too
        stranger = "  stranger: {}\n"
        cases = cases.replace(stranger, starter_texts.SCRIPT + stranger) + starter_texts.GUARDRAIL_CASE
    wanted = {
        f"{team}.yml": starter_texts.POLICY,
        f"{team}.cases.yml": cases,
        "people.yml": starter_texts.PEOPLE,
        "guardrails.yml": starter_texts.GUARDRAILS,
    }
    return {
        name: re.sub("TEAM|ASKERS|APPROVERS", lambda match: names[match[0]], text)
        for name, text in wanted.items()
        if name.partition(".")[0] not in there
    }


def _groups(team: str, path: Path) -> tuple[str, str]:
    """Choose who asks and who approves among the groups that there are. Raises: InvalidInput, PolicyError."""
    issues = Issues()
    document = parse(path.name, path.read_text(encoding="utf-8-sig"), issues)
    issues.raise_if_any()
    value = document.value if document is not None else None
    groups = value.get("groups") if isinstance(value, dict) else None
    names = list(groups) if isinstance(groups, dict) else []
    if not names:
        raise InvalidInput(f"{path} has no groups. Add the people who ask and those who approve, then start again.")
    askers = next((name for name in (team, "engineering") if name in names), names[0])
    likely = (f"{team}-leads", f"{team}-oncall", f"{team}-on-call", team)
    approvers = next((name for name in (*likely, *names) if name in names and name != askers), askers)
    return askers, approvers


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink()
