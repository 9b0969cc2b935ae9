"""The parameters of an action as its file declares them: the fields of its form."""

import re
from dataclasses import replace

from jitbot.errors import InvalidInput
from jitbot.model import Parameter, ParameterType
from jitbot.policy.durations import parse_duration
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.schema import ParameterKeys
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.lookalikes import skeleton
from jitbot.policy.parameters import LARGEST, parse_value
from jitbot.policy.patterns import pattern_fault
from jitbot.policy.wording import listed, shown, written

PARAMETER_NAME = re.compile("[a-z][a-z0-9_]{0,29}")
RESERVED = {
    **dict.fromkeys(("for", "reason", "at", "urgency"), "it has a meaning of its own in `/jit`"),
    **dict.fromkeys(("in", "true", "false", "null"), "conditions could not name it"),
}
_CHOICES = (ParameterType.CHOICE, ParameterType.MULTI_CHOICE)
_BOUNDED = (ParameterType.INTEGER, ParameterType.DURATION)
_ONLY_FOR = {
    "options": _CHOICES,
    "pattern": (ParameterType.TEXT,),
    "max_length": (ParameterType.TEXT,),
    "min": _BOUNDED,
    "max": _BOUNDED,
}


def read_parameter(document: Document, path: Path, keys: ParameterKeys, issues: Issues) -> Parameter:
    """Turn one entry below `parameters:` into a parameter, noting what is wrong with it."""
    return _FieldReader(document, path, keys, issues).read()


def pretty(name: str) -> str:
    """Turn a name into words for people: `dry_run` into `Dry run`."""
    words = name.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def unfit_pattern(pattern: str) -> str:
    """Say in a sentence why a pattern cannot be used, empty if it can."""
    fault = pattern_fault(pattern)
    return f"{shown(pattern)} is not a pattern (RE2): {fault}." if fault else ""


class _FieldReader:
    """Reads one parameter."""

    def __init__(self, document: Document, path: Path, keys: ParameterKeys, issues: Issues) -> None:
        self._document, self._path, self._keys, self._issues = document, path, keys, issues
        self._name, self._type = str(path[-1]), ParameterType(keys.type)
        self._before = len(issues)

    def read(self) -> Parameter:
        keys = self._keys
        self._check_name()
        self._check_keys()
        self._check_options()
        if keys.pattern is not None:
            self._note("pattern", unfit_pattern(keys.pattern))
        parameter = Parameter(
            name=self._name,
            type=self._type,
            label=keys.label or pretty(self._name),
            hint=keys.hint,
            required=keys.required,
            options=tuple(keys.options or ()),
            pattern=keys.pattern,
            max_length=keys.max_length,
            minimum=self._bound("min", keys.min),
            maximum=self._bound("max", keys.max),
        )
        return self._with_default(parameter)

    def _check_name(self) -> None:
        if self._name in RESERVED:
            message = f"a parameter cannot be called {shown(self._name)}: {RESERVED[self._name]}."
        elif not PARAMETER_NAME.fullmatch(self._name):
            message = (
                f"{shown(self._name)} cannot be a parameter's name; use 1 to 30 of a-z, 0-9 and _, a letter first."
            )
        else:
            return
        self._issues.add(self._document.key(self._path), message)

    def _check_keys(self) -> None:
        for key, types in _ONLY_FOR.items():
            if key in self._keys.model_fields_set and self._type not in types:
                place = self._document.key((*self._path, key))
                message = f"`{key}` is for {listed(types, 'and')} parameters; {shown(self._name)} is {self._type}."
                self._issues.add(place, message)
        if self._type in _CHOICES and self._keys.options is None:
            self._note("", f"{shown(self._name)} is a {self._type} and needs `options`.")

    def _check_options(self) -> None:
        seen: set[str] = set()
        for index, option in enumerate(self._keys.options or []):
            place = self._document.at((*self._path, "options", index))
            if skeleton(option) in seen:
                self._issues.add(place, f"the option {shown(option)} is here twice.")
            seen.add(skeleton(option))
            if option != option.strip():
                self._issues.add(place, f"the option {shown(option)} has blanks around it.")
            if self._type is ParameterType.MULTI_CHOICE and "," in option:
                self._issues.add(place, f"the option {shown(option)} has a comma, which separates choices in `/jit`.")

    def _bound(self, key: str, value: int | str | None) -> int | None:
        """Read `min` or `max`: a number, or the seconds of a duration."""
        if value is None or self._type not in _BOUNDED:
            return None
        if self._type is ParameterType.INTEGER:
            if isinstance(value, str) or abs(value) > LARGEST:
                self._note(key, f"`{key}` of an integer must be a whole number, not {written(value)}.")
                return None
            return value
        try:
            return int(parse_duration(str(value)).total_seconds())
        except InvalidInput as error:
            self._note(key, str(error))
            return None

    def _with_default(self, parameter: Parameter) -> Parameter:
        low, high = parameter.minimum, parameter.maximum
        if low is not None and high is not None and low > high:
            self._note("min", f"`min` is above `max`, so {shown(self._name)} could never be filled in.")
        if self._keys.default is None:
            if not parameter.required:
                self._note("", f"{shown(self._name)} need not be filled in, so it needs a `default`.")
            return parameter
        if len(self._issues) > self._before:
            return parameter
        if parameter.required and self._keys.default in ("", []):
            self._note("default", "an empty default is no default; leave it out, or write `required: false`.")
        try:
            return replace(parameter, default=parse_value(parameter, self._keys.default))
        except InvalidInput as error:
            self._note("default", f"the default cannot be taken: {self._name} {error}")
            return parameter

    def _note(self, key: str, message: str) -> None:
        """Note a fault of one key, or (without one) of the whole parameter; nothing where the message is empty."""
        if message:
            place = self._document.at((*self._path, key)) if key else self._document.key(self._path)
            self._issues.add(place, message)
