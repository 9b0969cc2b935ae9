"""Plugins: entry points of one group, of which only those that the operator allows are ever imported."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from threading import Lock
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from jitbot.errors import InvalidInput, SettingsError

Plugin = TypeVar("Plugin")


class Plugins(Generic[Plugin]):
    """The plugins of one group. `wrap` checks each when it is first asked for, and puts a guard around it."""

    def __init__(
        self, group: str, what: str, allowed: Sequence[str], site: object, wrap: Callable[[str, Any], Plugin]
    ) -> None:
        """Find the allowed ones; each will be called with this `site`."""
        self._what = what
        self._site = site
        self._wrap = wrap
        self._lock = Lock()
        self._loaded: dict[str, Plugin] = {}
        found = _installed(group)
        self._points = {name: _only(name, found.get(name, []), group, what) for name in sorted(set(allowed))}

    def names(self) -> Sequence[str]:
        """Return the names of all allowed plugins, sorted."""
        return tuple(self._points)

    def load(self, name: str) -> Plugin:
        """Return a plugin, imported when it is first asked for. Raises: KeyError, SettingsError."""
        point = self._points[name]
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._wrap(name, _made(point, self._what, self._site))
            return self._loaded[name]

    def validate(self, name: str, model: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
        """Read what a policy gives a plugin. Raises: InvalidInput with the offending fields, dotted."""
        try:
            return model.model_validate(dict(values))
        except ValidationError as error:
            fields = _fields(error)
            told = "; ".join(f"{field}: {message}" if field else message for field, message in fields.items())
            raise InvalidInput(f"The {self._what} {name!r} cannot take this: {told}", fields) from error


def demand(point: str, what: str, lacking: Sequence[str], contract: str) -> None:
    """See that a plugin is what its group promises. Raises: SettingsError."""
    if lacking:
        raise SettingsError(
            f"{point} is no {what}: it lacks {', '.join(lacking)}. "
            f"Its contract is `jitbot.ports.{contract}`; run its tests from `jitbot.testing`."
        )


def lacks_model(plugin: object, name: str) -> list[str]:
    """Return what a plugin lacks of a pydantic model that it has to have."""
    model = getattr(plugin, name, None)
    return [] if isinstance(model, type) and issubclass(model, BaseModel) else [f"{name} (a pydantic model)"]


def _installed(group: str) -> Mapping[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = defaultdict(list)
    for point in entry_points(group=group):
        found[point.name].append(point)
    return found


def _only(name: str, points: Sequence[EntryPoint], group: str, what: str) -> EntryPoint:
    if not points:
        raise SettingsError(
            f"The {what} {name!r} is allowed but not installed: install the package that brings it "
            f"(an entry point {name!r} in the group {group!r}), or take it off the allowed {what}s."
        )
    if len(points) > 1:
        origins = ", ".join(sorted(f"{point.dist.name if point.dist else '?'} ({point.value})" for point in points))
        raise SettingsError(f"The {what} {name!r} is brought by more than one package: {origins}. Remove all but one.")
    return points[0]


def _made(point: EntryPoint, what: str, site: object) -> Any:
    try:
        return point.load()(site=site)
    except SettingsError:
        raise
    except (Exception, SystemExit) as error:  # importing a plugin may throw anything
        raise SettingsError(
            f"The {what} {point.name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}. "
            f"Mend or reinstall its package, or take it off the allowed {what}s."
        ) from error


def _fields(error: ValidationError) -> dict[str, str]:
    """Return each wrong field, dotted, with what is wrong in words."""
    fields: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
        fields[field] = f"{fields[field]}; {message}" if field in fields else message
    return fields
