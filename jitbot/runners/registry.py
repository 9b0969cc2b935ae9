"""Which runners there are: entry points of the group `jitbot.runners`, of which only allowed ones are loaded."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from threading import Lock
from typing import Any

from pydantic import BaseModel, ValidationError

from jitbot.errors import InvalidInput, SettingsError
from jitbot.ports import Runner
from jitbot.runners.guard import Guarded
from jitbot.runners.site import RedactingSite

GROUP = "jitbot.runners"

_METHODS = ("target", "plan", "start", "check", "undo")


class Registry:
    """The catalog of runners. Nothing is imported before it is asked for, and nothing that is not allowed."""

    def __init__(self, allowed: Sequence[str], site: RedactingSite) -> None:
        self._site = site
        self._lock = Lock()
        self._loaded: dict[str, Runner] = {}
        found = _installed()
        self._points = {name: _only(name, found.get(name, [])) for name in sorted(set(allowed))}

    def names(self) -> Sequence[str]:
        return tuple(self._points)

    def runner(self, name: str) -> Runner:
        point = self._points[name]
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = Guarded(name, _load(point, self._site), self._site)
            return self._loaded[name]

    def inputs(self, name: str, values: Mapping[str, Any]) -> BaseModel:
        try:
            return self.runner(name).Inputs.model_validate(dict(values))
        except ValidationError as error:
            fields = _fields(error)
            told = "; ".join(f"{field}: {message}" if field else message for field, message in fields.items())
            raise InvalidInput(f"The runner {name!r} cannot take this: {told}", fields) from error


def _installed() -> Mapping[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = defaultdict(list)
    for point in entry_points(group=GROUP):
        found[point.name].append(point)
    return found


def _only(name: str, points: Sequence[EntryPoint]) -> EntryPoint:
    if not points:
        raise SettingsError(
            f"The runner {name!r} is allowed but not installed: install the package that brings it "
            f"(an entry point {name!r} in the group {GROUP!r}), or take it off the allowed runners."
        )
    if len(points) > 1:
        origins = ", ".join(sorted(f"{point.dist.name if point.dist else '?'} ({point.value})" for point in points))
        raise SettingsError(f"The runner {name!r} is brought by more than one package: {origins}. Remove all but one.")
    return points[0]


def _load(point: EntryPoint, site: RedactingSite) -> Runner:
    try:
        runner: Runner = point.load()(site=site)
    except (Exception, SystemExit) as error:  # importing a plugin may throw anything
        raise SettingsError(
            f"The runner {point.name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}. "
            "Mend or reinstall its package, or take it off the allowed runners."
        ) from error
    lacking = _lacking(runner)
    if lacking:
        raise SettingsError(
            f"{point.value} is no runner: it lacks {', '.join(lacking)}. "
            "Its contract is `jitbot.ports.Runner`; run its tests from `jitbot.testing`."
        )
    return runner


def _lacking(runner: object) -> list[str]:
    lacking = [name for name in _METHODS if not callable(getattr(runner, name, None))]
    lacking += [name for name in ("repeatable", "undoable") if not isinstance(getattr(runner, name, None), bool)]
    inputs = getattr(runner, "Inputs", None)
    if not (isinstance(inputs, type) and issubclass(inputs, BaseModel)):
        lacking.append("Inputs (a pydantic model)")
    return lacking


def _fields(error: ValidationError) -> dict[str, str]:
    """Return each wrong field, dotted, with what is wrong in words."""
    fields: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
        fields[field] = f"{fields[field]}; {message}" if field in fields else message
    return fields
