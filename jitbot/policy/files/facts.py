"""Facts, as policies declare them: a source and its arguments, and so a type for conditions."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from jitbot.errors import InvalidInput
from jitbot.model import FactCall, FactKind, Parameter
from jitbot.policy.files.inputs import Filled, check_templates, known_name, note_complaints, samples
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.strict import FactKeys
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.places import PLACES
from jitbot.policy.templates import faults, fill
from jitbot.policy.wording import listed, shown

FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
VALUES = frozenset(FactKind) - {FactKind.PEOPLE, FactKind.SPANS, FactKind.ATTRIBUTES}
"""The kinds that conditions can use."""


class Sources(Protocol):
    """Where facts can be read, and with which arguments."""

    def names(self) -> Sequence[str]:
        """Return the names of all sources."""

    def kind(self, name: str, values: Mapping[str, Any]) -> FactKind:
        """Tell what a source comes to. Raises: InvalidInput."""

    def arguments(self, name: str, values: Mapping[str, Any]) -> object:
        """Validate arguments. Raises: InvalidInput with the offending fields."""

    def literal(self, name: str) -> frozenset[str]:
        """Return the arguments that take no templates."""

    def implied(self, name: str) -> Mapping[str, str]:
        """Return the arguments that are filled in by themselves, with their templates."""


class FactReader:
    """Reads the facts that one document declares."""

    def __init__(self, document: Document, sources: Sources, issues: Issues) -> None:
        self._document = document
        self._sources = sources
        self._issues = issues

    def values(
        self, path: Path, declared: Mapping[str, FactKeys], parameters: Sequence[Parameter] = ()
    ) -> tuple[FactCall, ...]:
        """Read facts that conditions use; those with faults are left out."""
        for name in declared:
            if not FACT_NAME.fullmatch(name):
                message = f"{shown(name)} cannot be a fact's name; use 1 to 40 of a-z, 0-9 and _, a letter first."
                self._issues.add(self._document.key((*path, name)), message)
        read = (self.call((*path, name), name, keys, VALUES, parameters) for name, keys in declared.items())
        return tuple(fact for fact in read if fact is not None)

    def call(
        self,
        path: Path,
        name: str,
        keys: FactKeys,
        kinds: Collection[FactKind],
        parameters: Sequence[Parameter] = (),
        *,
        places: bool = True,
    ) -> FactCall | None:
        """Read one call of a source that must come to one of these kinds; None where it has faults."""
        before = len(self._issues)
        arguments, source = dict(keys.model_extra or {}), keys.source
        if not known_name("source", source, self._sources.names(), self._document.at((*path, "source")), self._issues):
            return None
        known = [*(parameter.name for parameter in parameters), *(PLACES if places else ())]
        check_templates(self._document, path, known, self._issues)
        self._check_literal(path, source, arguments)
        arguments |= self._implied(path, source, arguments)
        if len(self._issues) > before:
            return None
        filled = Filled(self._document, path, arguments, path)
        take = lambda values: self._sources.arguments(source, values)  # noqa: E731 - it is one argument
        note_complaints(filled, parameters, take, f"the source {source}", self._issues)
        if len(self._issues) > before:
            return None
        kind = self._kind(path, source, fill(arguments, next(samples(parameters))[0]))
        if kind is not None and kind not in kinds:
            wanted = listed(sorted(each.value for each in kinds))
            message = f"{source} comes to {kind.value}, and here {wanted} is needed."
            self._issues.add(self._document.at((*path, "source")), message)
        if kind is None or len(self._issues) > before:
            return None
        place = self._document.key(path)
        return FactCall(name, source, arguments, kind, f"{place.file}:{place.line}")

    def _implied(self, path: Path, source: str, arguments: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the arguments that no policy writes; note those that one writes all the same."""
        implied = self._sources.implied(source)
        for name in sorted(implied.keys() & arguments.keys()):
            message = f"`{name}` of {source} is filled in by itself; leave it out."
            self._issues.add(self._document.key((*path, name)), message)
        return implied

    def _check_literal(self, path: Path, source: str, arguments: Mapping[str, Any]) -> None:
        """Note templates in arguments that are queries or paths: whoever fills them in could change what is asked."""
        for name in sorted(self._sources.literal(source) & arguments.keys()):
            text = arguments[name]
            found = [each for each in faults(text, {}) if len(each[1]) > 1] if isinstance(text, str) else []
            for offset, token in found:
                message = (
                    f"`{name}` of {source} takes no `{token}`: what is filled in could change what is asked. Write "
                    f"`$name` there, and `with: {{name: '{token}'}}` beside it."
                )
                self._issues.add(self._document.inside((*path, name), offset), message)

    def _kind(self, path: Path, source: str, values: Mapping[str, Any]) -> FactKind | None:
        try:
            return self._sources.kind(source, values)
        except InvalidInput as error:
            message = f"what {source} comes to cannot be told from these arguments: {error}"
            self._issues.add(self._document.at((*path, "source")), message)
            return None
