"""Attributes of people, as `people.yml` declares them and gives them to people."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jitbot.model import Attribute, FactCall, FactKind, Given
from jitbot.policy.files.facts import FACT_NAME, FactReader
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.people_schema import AttributeKeys, GivenKeys, GivenValue, PeopleFile
from jitbot.policy.files.selectors import EMAIL, USER_ID
from jitbot.policy.files.yaml_events import Document, Path
from jitbot.policy.templates import names_in
from jitbot.policy.wording import did_you_mean, listed, shown, written

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORDS = {FactKind.TEXT: "text", FactKind.TEXTS: "a list of texts", FactKind.BOOLEAN: "true or false"}


class AttributeReader:
    """Reads the attributes of one document; one whose source has faults is kept without it, so that it has a type."""

    def __init__(self, document: Document, keys: PeopleFile, facts: FactReader, issues: Issues) -> None:
        self._document, self._keys, self._facts, self._issues = document, keys, facts, issues
        self._zone = self._read_zone()

    def read(self) -> dict[str, Attribute]:
        """Return the attributes by name, each with the values that the file gives."""
        given = self._given()
        return {name: self._attribute(name, keys, given.get(name, {})) for name, keys in self._keys.attributes.items()}

    def _attribute(self, name: str, keys: AttributeKeys, given: Mapping[str, Given]) -> Attribute:
        path: Path = ("attributes", name)
        place = self._document.key(path)
        if not FACT_NAME.fullmatch(name):
            message = f"{shown(name)} cannot be an attribute's name; use 1 to 40 of a-z, 0-9 and _, a letter first."
            self._issues.add(place, message)
        if keys.options is not None and keys.type == "boolean":
            self._issues.add(self._document.key((*path, "options")), "`options` are for texts; this is true or false.")
        source = self._source((*path, "from"), name, keys)
        return Attribute(
            name=name,
            kind=FactKind(keys.type),
            options=tuple(keys.options or ()),
            given=given,
            source=source,
            personal=source is not None and bool(names_in(source.arguments)),
            where=f"{place.file}:{place.line}",
        )

    def _source(self, path: Path, name: str, keys: AttributeKeys) -> FactCall | None:
        return None if keys.source is None else self._facts.call(path, name, keys.source, {FactKind.ATTRIBUTES})

    def _given(self) -> dict[str, dict[str, Given]]:
        """Return what people are given, by attribute and person."""
        found: dict[str, dict[str, Given]] = {}
        for person, values in self._keys.people.items():
            path: Path = ("people", person)
            self._check_person(path, person)
            key = person.casefold() if "@" in person else person
            for name, value in values.items():
                given = self._value((*path, name), name, value)
                if given is not None:
                    if key in found.setdefault(name, {}):
                        self._issues.add(self._document.key((*path, name)), f"{person} is given this twice.")
                    found[name][key] = given
        return found

    def _check_person(self, path: Path, person: str) -> None:
        if not USER_ID.fullmatch(person) and not EMAIL.fullmatch(person):
            message = f"{shown(person)} is nobody; write a Slack id (U024BE7LH) or an e-mail address."
            self._issues.add(self._document.key(path), message)

    def _value(self, path: Path, name: str, value: GivenValue) -> Given | None:
        keys = self._keys.attributes.get(name)
        if keys is None:
            known = sorted(self._keys.attributes)
            message = (
                f"there is no attribute {shown(name)}.{did_you_mean(name, known)} There is {listed(known, 'and')}."
            )
            self._issues.add(self._document.key(path), message)
            return None
        ends_at = None
        if isinstance(value, GivenKeys):
            ends_at = self._end((*path, "until"), value.until)
            path, value = (*path, "value"), value.value
        fault = value_fault(FactKind(keys.type), keys.options, value)
        if fault:
            self._issues.add(self._document.at(path), fault)
            return None
        return Given(value, ends_at)

    def _end(self, path: Path, text: str) -> datetime | None:
        """Return the instant at which a day is over, by the file's zone."""
        following = _day_after(text)
        if following is None:
            self._issues.add(self._document.at(path), f"{shown(text)} is not a day; write it like 2027-03-31.")
            return None
        return datetime.combine(following, time(), self._zone).astimezone(UTC)

    def _read_zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self._keys.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = f"{shown(self._keys.zone)} is not a time zone; write it like Europe/Berlin."
            self._issues.add(self._document.at(("zone",)), message)
            return ZoneInfo("UTC")


def _day_after(text: str) -> date | None:
    """Return the day after one written like 2027-03-31."""
    try:
        return date.fromisoformat(text) + timedelta(days=1) if _DAY.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None


def value_fault(kind: FactKind, options: Collection[str] | None, value: object) -> str:
    """Tell why an attribute cannot have a value; empty where it can."""
    fits = {FactKind.TEXT: isinstance(value, str), FactKind.TEXTS: isinstance(value, list)}
    if not fits.get(kind, isinstance(value, bool)):
        return f"this must be {_WORDS[kind]}, not {written(value)}."
    for each in value if isinstance(value, list) else [value]:
        if options is not None and isinstance(each, str) and each not in options:
            return f"this can be {listed(options)}, not {shown(each)}.{did_you_mean(each, options)}"
    return ""
