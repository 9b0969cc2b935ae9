"""Ceilings: what a machine may ever be used for, whatever policies, requests and the service say.

Everything that is not named is refused. A value is compared with what the file allows for it: itself, a pattern for the
whole of a text, any, or the same for each item of a list.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from jitbot.policy.patterns import pattern_fault

PATTERN, ANY, EACH = "pattern", "any", "each"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The runners that may be used, with what each of their inputs may be, and the secrets and hosts."""

    runners: Mapping[str, Mapping[str, Sequence[Any]]]
    secrets: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    def faults(self, runner: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield what goes beyond: the input, empty for the runner itself, and why in words.

        `inputs` are those that differ from what the runner has by itself.
        """
        allowed = self.runners.get(runner)
        if allowed is None:
            yield "", f"the runner {runner} is not in it"
            return
        for name, value in inputs.items():
            if name not in allowed:
                yield name, f"the input `{name}` of {runner} is not in it"
            elif not any(fits(value, shape) for shape in allowed[name]):
                yield name, f"it does not allow this `{name}` of {runner}"
        for secret in sorted(set(named_secrets(inputs)) - self.secrets):
            yield "", f"the secret {secret} is not in it"

    def allows_secret(self, name: str) -> bool:
        """Tell whether a secret may be used at all."""
        return name in self.secrets


def fits(value: Any, shape: Any) -> bool:
    """Tell whether a value is what a shape allows."""
    special = _special(shape)
    if special == ANY:
        return True
    if special == PATTERN:
        return isinstance(value, str) and re2.fullmatch(shape[PATTERN], value) is not None
    if special == EACH:
        return isinstance(value, list) and all(fits(item, shape[EACH]) for item in value)
    if isinstance(shape, Mapping):
        return isinstance(value, Mapping) and value.keys() == shape.keys() and _all_fit(value, shape)
    if isinstance(shape, list):
        return isinstance(value, list) and len(value) == len(shape) and all(map(fits, value, shape))
    return type(value) is type(shape) and bool(value == shape)


def _all_fit(value: Mapping[str, Any], shape: Mapping[str, Any]) -> bool:
    return all(fits(value[key], shape[key]) for key in shape)


def _special(shape: Any) -> str:
    """Return the word of a shape that is not simply the value itself."""
    if isinstance(shape, Mapping) and len(shape) == 1:
        [word] = shape
        if word in (PATTERN, ANY, EACH):
            return str(word)
    return ""


def faulty(shape: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what is wrong in a shape: where, and the pattern that cannot be used or the word that is not true."""
    special = _special(shape)
    if special == EACH or (not special and isinstance(shape, Mapping)):
        for key, item in shape.items():
            yield from (((key, *path), what) for path, what in faulty(item))
    elif special:
        yield from (((special,), what) for what in _unfit(special, shape[special]))
    elif isinstance(shape, list):
        for position, item in enumerate(shape):
            yield from (((position, *path), what) for path, what in faulty(item))


def _unfit(special: str, said: Any) -> Iterator[str]:
    if special == ANY and said is not True:
        yield "write `any: true`."
    if special == PATTERN:
        if not isinstance(said, str):
            yield "a pattern is a text; put it in quotes."
        elif pattern_fault(said):
            yield f"this is not a pattern (RE2): {pattern_fault(said)}."


def named_secrets(value: Any) -> Iterator[str]:
    """Yield the names in `{secret: NAME}`, however deep."""
    if isinstance(value, Mapping):
        if isinstance(value.get("secret"), str) and set(value) <= {"secret", "prefix"}:
            yield value["secret"]
        else:
            for item in value.values():
                yield from named_secrets(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from named_secrets(item)
