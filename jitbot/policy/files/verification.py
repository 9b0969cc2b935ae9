"""`verify` of an action: how its runs are watched, with a condition that is checked like those of rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from jitbot.model import FactCall, FactKind, Parameter, Verification
from jitbot.policy.cel.names import CelType, fact_names, parameter_names
from jitbot.policy.durations import format_duration
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.rules import RuleReader, Scope
from jitbot.policy.files.verification_schema import VerifyKeys
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.watching import BEFORE

SHORTEST, USUAL = timedelta(seconds=5), timedelta(minutes=1)
LONGEST = timedelta(hours=1)


def watched_names(facts: Sequence[FactCall], parameters: Sequence[Parameter]) -> dict[str, CelType]:
    """Return what `unhealthy_when` can look at."""
    now = fact_names(facts)
    return now | {f"{BEFORE}{name}": kind for name, kind in now.items()} | parameter_names(parameters)


class VerifyReader:
    """Reads the `verify` of one action."""

    def __init__(self, document: Document, path: Path, scope: Scope, issues: Issues) -> None:
        self._document = document
        self._path = path
        self._scope = scope
        self._issues = issues

    def read(
        self, keys: VerifyKeys, facts: Sequence[FactCall], parameters: Sequence[Parameter], *, grant: bool
    ) -> Verification:
        """Return how it is watched; what could never work is an error."""
        if grant and keys.when_unhealthy == "tell":
            message = "what is granted has to be taken back when it is unhealthy; write `undo`, or leave the key out."
            self._note("when_unhealthy", message)
        every = keys.every or min(max(keys.within / 10, SHORTEST), USUAL)
        if keys.within > LONGEST:
            self._note("for", f"{format_duration(LONGEST)} is the most: the target is held as long as it is watched.")
        if not SHORTEST <= every <= keys.within:
            self._note(
                "every" if keys.every else "for", f"write {format_duration(SHORTEST)} or more, and no more than `for`."
            )
        place = self._document.key(self._path)
        found = Verification(
            within=keys.within,
            every=every,
            check=keys.unhealthy_when is None if keys.check is None else keys.check,
            undo=keys.when_unhealthy == "undo",
            even_if_unhealthy=keys.even_if_unhealthy,
            where=f"{place.file}:{place.line}",
        )
        return (
            found
            if keys.unhealthy_when is None
            else self._with_condition(found, keys.unhealthy_when, facts, parameters)
        )

    def _with_condition(
        self, found: Verification, text: str, facts: Sequence[FactCall], parameters: Sequence[Parameter]
    ) -> Verification:
        names = None if self._scope.names is None else watched_names(facts, parameters)
        scope = replace(self._scope, names=names)
        condition = RuleReader(self._document, scope, self._issues).condition((*self._path, "unhealthy_when"), text)
        if condition is None:
            return found
        looked = {name.removeprefix(BEFORE) for name in condition.names}
        if not any(name.startswith("facts.") for name in looked):
            self._note("unhealthy_when", "this looks at no fact, so that it never changes; declare one under `facts`.")
        return replace(
            found,
            unhealthy_when=text,
            kinds=_kinds(condition.names, names or {}),
            facts=tuple(fact for fact in facts if f"facts.{fact.name}" in looked),
        )

    def _note(self, key: str, message: str) -> None:
        self._issues.add(self._document.at((*self._path, key)), message)


def _kinds(names: Sequence[str], types: Mapping[str, CelType]) -> dict[str, FactKind]:
    """Return the types of names in the words of facts; they are kept, and the condition is compiled anew by them."""
    return {name: FactKind[types[name].name] for name in names}
