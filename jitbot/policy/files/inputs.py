"""What a policy gives a runner (`runner:` and `with:`): templates that can be filled, values that the runner takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from jitbot.errors import InvalidInput, JitbotError
from jitbot.model import Parameter, ParameterType
from jitbot.policy.durations import format_duration
from jitbot.policy.files.issues import Issues, Place
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.places import PLACES
from jitbot.policy.templates import faults, fill, names_in
from jitbot.policy.wording import did_you_mean, listed, shown, written

MOST_SAMPLES = 200
"""So many fillings of one action's inputs are tried with its runner; long lists of options are not tried to the end."""

_FREE = (ParameterType.TEXT, ParameterType.USER)
"""What nobody knows before it is typed: a runner's complaint about it says nothing about the policy."""


Take = Callable[[Mapping[str, Any]], object]
"""Validates filled values. Raises: InvalidInput with the offending fields."""


class Catalog(Protocol):
    """Which runners there are, and what they take."""

    def names(self) -> Sequence[str]:
        """Return the names of all runners."""

    def inputs(self, name: str, values: Mapping[str, Any]) -> object:
        """Validate inputs for a runner. Raises: InvalidInput with the offending fields."""

    def pools(self) -> Sequence[str]:
        """Return the names of the pools that are known."""


def check_pool(document: Document, path: Path, pool: str, catalog: Catalog, issues: Issues) -> None:
    """Note a pool that the service does not know; none is named where jitbot itself carries it out."""
    if not pool:
        return
    place = document.at((*path, "pool"))
    known = catalog.pools()
    if known:
        known_name("pool", pool, known, place, issues)
    else:
        issues.add(place, f"there is no pool {shown(pool)}; JITBOT_POOLS names those that there are, and names none.")


def check_templates(document: Document, path: Path, parameters: Sequence[str], issues: Issues) -> None:
    """Note every template below a path that names no parameter, and every brace that stands alone."""
    for place, text in _texts(document.get(path), path):
        for offset, found in faults(text, dict.fromkeys(parameters)):
            issues.add(document.inside(place, offset), _template_fault(found, parameters))


def check_runner(
    document: Document, path: Path, parameters: Sequence[Parameter], catalog: Catalog, issues: Issues
) -> None:
    """Note an unknown runner, and what it would not take of the inputs when they are filled with sample values."""
    keys = document.get(path)
    runner = keys["runner"]
    if not known_name("runner", runner, catalog.names(), document.at((*path, "runner")), issues):
        return
    filled = Filled(document, (*path, "with"), keys.get("with", {}), (*path, "runner"))
    note_complaints(filled, parameters, lambda values: catalog.inputs(runner, values), f"the runner {runner}", issues)


def known_name(what: str, name: str, names: Sequence[str], place: Place, issues: Issues) -> bool:
    """Note a name that is not among those there are; tell whether it is."""
    if name in names:
        return True
    known = sorted(names)
    guess = did_you_mean(name, known)
    issues.add(place, f"there is no {what} {shown(name)}.{guess} There is {listed(known, 'and', 40)}.")
    return False


@dataclass(frozen=True, slots=True)
class Filled:
    """Values with templates in them, where they stand, and the key that is shown where they are missing."""

    document: Document
    path: Path
    values: Mapping[str, Any]
    instead: Path


def note_complaints(filled: Filled, parameters: Sequence[Parameter], take: Take, who: str, issues: Issues) -> None:
    """Note what `take` says of the values filled with samples, each complaint at its value."""
    free = {parameter.name for parameter in parameters if parameter.type in _FREE}
    named: set[Path] = set()
    for field, complaint in _complaints(take, filled.values, parameters).items():
        target = _descend(filled.values, field)
        about_a_value = target or not field
        if (about_a_value and _unforeseen(names_in(_get(filled.values, target)), free)) or (target and target in named):
            continue
        named.add(target)
        what = f"`{field}`" if field else "this"
        issues.add(_place(filled, target), f"{who} does not take {what}: {complaint}")


def _unforeseen(names: set[str], free: set[str]) -> bool:
    """Tell whether a value has something in it that nobody knows before it is typed."""
    return bool(names & (free | PLACES.keys()))


def _complaints(take: Take, inputs: Mapping[str, Any], parameters: Sequence[Parameter]) -> dict[str, str]:
    """Fill the inputs with samples and collect what is said of them, by its own dotted field."""
    used = names_in(inputs)
    found: dict[str, str] = {}
    for sample, varied in samples([parameter for parameter in parameters if parameter.name in used]):
        try:
            take(fill(inputs, sample))
        except InvalidInput as error:
            fields = error.fields or {"": str(error)}
        except JitbotError:
            raise
        except Exception as error:  # noqa: BLE001 - a plugin's own validation may throw anything; it takes no such inputs
            fields = {"": f"its validation failed ({type(error).__name__}: {error})"}
        else:
            continue
        for field, complaint in fields.items():
            found.setdefault(field, f"{complaint.rstrip('.')}{varied}.")
    return found


def _template_fault(found: str, parameters: Sequence[str]) -> str:
    if found in ("{", "}"):
        return f"a `{found}` of its own means nothing; write `{found * 2}` for a brace, `{{name}}` for a parameter."
    name = found.strip("{}")
    has = f"it has {listed(parameters, 'and', 40)}" if parameters else "it has none"
    return f"`{found}` names no parameter of this action; {has}.{did_you_mean(name, parameters)} A brace is `{{{{`."


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, (*path, step))


def samples(parameters: Sequence[Parameter]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield values to fill in: first the usual ones, then each other value of one parameter, with words for it."""
    values = {parameter.name: _values(parameter) for parameter in parameters}
    usual = {**PLACES, **{name: some[0] for name, some in values.items()}}
    yield usual, ""
    others = ((name, other) for name, some in values.items() for other in some[1:])
    for _, (name, other) in zip(range(MOST_SAMPLES), others, strict=False):
        yield {**usual, name: other}, f" (with {name} = {_shown(other)})"


def _values(parameter: Parameter) -> list[Any]:
    """Return values that this parameter can have, the likeliest first."""
    bounds = [bound for bound in (parameter.minimum, parameter.maximum) if bound is not None]
    match parameter.type:
        case ParameterType.CHOICE:
            some: list[Any] = list(parameter.options)
        case ParameterType.MULTI_CHOICE:
            some = [list(parameter.options), *([option] for option in parameter.options)]
        case ParameterType.INTEGER:
            some = bounds or [1]
        case ParameterType.BOOLEAN:
            some = [True, False]
        case ParameterType.DURATION:
            some = [_in_words(bound) for bound in bounds] or ["30m"]
        case _:
            some = ["U024BE7LH" if parameter.type is ParameterType.USER else "text"]
    return some if parameter.default is None else [parameter.default, *some]


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else written(value).strip("'")


def _in_words(seconds: int) -> str:
    return format_duration(timedelta(seconds=seconds))


def _descend(inputs: Any, field: str) -> Path:
    """Turn a runner's dotted field into a path below `with:`, as far as the file goes."""
    path: Path = ()
    value = inputs
    for word in field.split("."):
        step: str | int = int(word) if isinstance(value, list) and word.isdecimal() else word
        if (isinstance(value, dict) and step in value) or (isinstance(step, int) and step < len(value)):
            value, path = value[step], (*path, step)
    return path


def _get(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _place(filled: Filled, target: Path) -> Place:
    """Return the place of a value; one that is missing is shown at the key above, or at the one named instead."""
    if target:
        return filled.document.at((*filled.path, *target))
    return filled.document.key(filled.path if filled.path in filled.document.keys else filled.instead)
