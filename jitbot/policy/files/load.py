"""Reads a folder of policy files into one checked `Policy`, or says everything that is wrong with it."""

import gc
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path as Folder

from jitbot.errors import PolicyError
from jitbot.model import BreakGlass, FactCall, Guardrail, Policy, Selector
from jitbot.policy.files.actions import World, declared, read_team
from jitbot.policy.files.break_glass import read_grants, with_break_glass
from jitbot.policy.files.calendar import read_calendar
from jitbot.policy.files.facts import Sources
from jitbot.policy.files.guardrails import read_facts, read_guardrails, read_who
from jitbot.policy.files.inputs import Catalog
from jitbot.policy.files.issues import Issues, Place
from jitbot.policy.files.people import read_people
from jitbot.policy.files.yaml_events import MOST_BYTES, parse

_SUFFIXES = (".yml", ".yaml")
CASES = (".cases.yml", ".cases.yaml")


def load(files: Mapping[str, str], catalog: Catalog, sources: Sources) -> Policy:
    """Turn files (name to text) into a policy set, checked against the runners and fact sources that there are.

    `guardrails.yml`, `people.yml` and `windows.yml` are the organisation's, every other file is a team's.
    Raises: PolicyError with one line, `file:line:column: what and how to mend it`, for each fault in any file.
    """
    with _uncollected():
        return _load(files, catalog, sources)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from looking through a growing set again and again: it was a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _load(files: Mapping[str, str], catalog: Catalog, sources: Sources) -> Policy:
    issues = Issues()
    parsed = {name: parse(name, files[name], issues) for name in sorted(files)}
    _refuse_twins(parsed, issues)
    people = read_people([parsed[name] for name in parsed if _kind(name) == "people"], sources, issues)
    teams, organisation = (
        [document for name, document in parsed.items() if document and _kind(name) == kind]
        for kind in ("team", "guardrails")
    )
    names = declared(teams, issues)
    calendars = [parsed[name] for name in parsed if _kind(name) == "windows"]
    dates = read_calendar(calendars, people, names, sources, issues)
    world = World(catalog, sources, people, names, dates)
    actions = {name: action for team in teams for name, action in read_team(team, world, issues).items()}
    facts: list[FactCall] = []
    guardrails: list[Guardrail] = []
    grants: list[BreakGlass] = []
    may: dict[str, list[Selector]] = {"may_end": [], "may_halt": [], "may_lift": []}
    for file in organisation:
        own = read_facts(file, world, issues)
        guardrails += read_guardrails(file, actions, own, world, issues)
        facts += own or ()
        grants += read_grants(file, world, issues)
        for key, who in may.items():
            who += read_who(file, key, world, issues)
    actions = with_break_glass(actions, teams, grants, world, issues)
    issues.raise_if_any()
    return Policy(
        actions=actions,
        guardrails=tuple(guardrails),
        may_end=tuple(may["may_end"]),
        may_halt=tuple(may["may_halt"]),
        may_lift=tuple(may["may_lift"]),
        groups=people.groups,
        accounts=people.accounts,
        facts=tuple(facts),
        on_call=people.on_call,
        calendar=dates.calendar,
        attributes=people.attributes,
        digest=digest(files),
    )


def read(folder: Folder) -> dict[str, str]:
    """Read the policy files of a folder (`*.yml`, `*.yaml`, without `*.cases.yml`), sorted by name.

    Raises: PolicyError if there is none, or one cannot be read.
    """
    files = {path.name: _text(path) for path in _paths(folder) if belongs(path.name)}
    if not files:
        raise _unreadable(str(folder), "there is no policy file (*.yml) in this folder")
    return files


def read_cases(folder: Folder) -> dict[str, str]:
    """Read the files of cases in a folder (`*.cases.yml`), sorted by name.

    Raises: PolicyError if there is none, or one cannot be read.
    """
    files = {path.name: _text(path) for path in _paths(folder) if path.name.endswith(CASES)}
    if not files:
        raise _unreadable(str(folder), "there are no cases (*.cases.yml) in this folder")
    return files


def read_all(folder: Folder) -> dict[Folder, str]:
    """Read the policy files and the files of cases in a folder, sorted by name. Raises: PolicyError."""
    return {path: _text(path) for path in _paths(folder)}


def _paths(folder: Folder) -> list[Folder]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(_SUFFIXES) and path.is_file())
    except OSError as error:
        raise _unreadable(str(folder), error.strerror or str(error)) from error


def belongs(name: str) -> bool:
    """Tell whether a file of this name is a policy file."""
    return name.endswith(_SUFFIXES) and not name.endswith(CASES)


def digest(files: Mapping[str, str]) -> str:
    """Return the SHA-256 over the names and bytes of all files."""
    total = hashlib.sha256()
    for name in sorted(files):
        for part in (name, files[name]):
            content = part.encode(errors="surrogatepass")
            total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


def _kind(name: str) -> str:
    stem = name.rsplit(".", 1)[0]
    return stem if stem in ("people", "guardrails", "windows") else "team"


def _refuse_twins(names: Iterable[str], issues: Issues) -> None:
    """Note a second file of the organisation's, which would quietly add to the first or replace parts of it."""
    first: dict[str, str] = {}
    for name in names:
        kind = _kind(name)
        if kind != "team" and first.setdefault(kind, name) != name:
            issues.add(Place(name), f"there is {first[kind]} already; keep one of the two.")


def _text(path: Folder) -> str:
    """Read one file, and no more of it than is needed to see that it is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise _unreadable(path.name, f"it is larger than {MOST_BYTES // 1024} KiB; split it into several files")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise PolicyError(
            f"{Place(path.name, line, column)}: this is not UTF-8 text; save the file as UTF-8."
        ) from None
    except OSError as error:
        raise _unreadable(path.name, error.strerror or str(error)) from error


def _unreadable(name: str, why: str) -> PolicyError:
    return PolicyError(f"{Place(name)}: cannot be read: {why}.")
