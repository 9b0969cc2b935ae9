"""How a rule's reviews are waited for: reminders, tiers of people asked later, its own lapse, and the fallback."""

from datetime import timedelta

from jitbot.model import Selector, Tier, Waiting
from jitbot.policy.durations import format_duration
from jitbot.policy.files.issues import Issues
from jitbot.policy.files.schema import RuleKeys
from jitbot.policy.files.selectors import People, read_selectors
from jitbot.policy.files.yaml_events import Document, Path

KEYS = ("remind_after", "escalate", "lapse_after", "fallback")


class WaitingReader:
    """Reads these keys of the rules of one document; `lapse_after` is the action's."""

    def __init__(self, document: Document, people: People, lapse_after: timedelta, issues: Issues) -> None:
        self._document = document
        self._people = people
        self._lapse_after = lapse_after
        self._issues = issues

    def read(self, path: Path, keys: RuleKeys) -> Waiting:
        """Read one rule's; what could never happen is an error."""
        if keys.review is None:
            for name in KEYS:
                if getattr(keys, name) is not None:
                    message = f"`{name}` says how reviews are waited for, and this rule asks for none; leave it out."
                    self._issues.add(self._document.key((*path, name)), message)
        lapse = keys.lapse_after or self._lapse_after
        self._in_time((*path, "remind_after"), keys.remind_after, lapse, "nobody would be reminded")
        return Waiting(keys.remind_after, keys.lapse_after, self._tiers(path, keys, lapse), self._fallback(path, keys))

    def _tiers(self, path: Path, keys: RuleKeys, lapse: timedelta) -> tuple[Tier, ...]:
        tiers: list[Tier] = []
        for index, tier in enumerate(keys.escalate or ()):
            here: Path = (*path, "escalate", index)
            self._in_time((*here, "after"), tier.after, lapse, "they would never be asked")
            if tiers and tier.after <= tiers[-1].after:
                before = format_duration(tiers[-1].after)
                message = f"this is not later than the tier before it ({before}); write tiers in the order of time."
                self._issues.add(self._document.at((*here, "after")), message)
            to = read_selectors(self._document, (*here, "to"), tier.to, self._people, self._issues)
            tiers.append(Tier(tier.after, to))
        return tuple(tiers)

    def _fallback(self, path: Path, keys: RuleKeys) -> tuple[Selector, ...]:
        return read_selectors(self._document, (*path, "fallback"), keys.fallback or (), self._people, self._issues)

    def _in_time(self, path: Path, after: timedelta | None, lapse: timedelta, else_what: str) -> None:
        if after is not None and after >= lapse:
            given, end = format_duration(after), format_duration(lapse)
            message = f"after {given} the request has lapsed (`lapse_after` is {end}), so {else_what}; write less."
            self._issues.add(self._document.at(path), message)
