"""A change of the policies put on record and told: who, what, and what became of the requests that waited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jitbot.model import Author, Changes, Outgoing, RequestId, Topic
from jitbot.ports import Entry

IN_FORCE = "policies"
"""The kind of the events that say that a policy set has come into force."""
BY = "files"
"""Who changes policies where no checkout says who did."""
PATIENCE = timedelta(seconds=30)
"""How long an announcement waits for what became of the requests; should the process die, it goes out without."""
MOST = 12
"""So many things are named in an announcement; the record has all of them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One policy set in the place of another; `before` is empty for the first."""

    digest: str
    before: str
    author: Author
    changes: Changes


def announce(entry: Entry, change: Change, halted: int) -> None:
    """Record that a set comes into force, and have it announced soon.

    `halted` is the number of the newest event about halts. Whoever starts later begins to verify here, and would
    otherwise not miss one from before that somebody has taken out.
    """
    author, changes = change.author, change.changes
    details: dict[str, Any] = {"before": change.before, **_vouching(halted)}
    if change.before:
        details |= {"added": changes.added, "removed": changes.removed, "changed": changes.changed}
    if author.commit:
        details |= {"author": author.name, "commit": author.commit, "committed": author.committed}
    entry.record(IN_FORCE, BY, digest=change.digest, **details)
    if change.before:
        entry.say(_news(change, _what(change)), PATIENCE)


def say_again(entry: Entry, digest: str, halted: int) -> None:
    """Record that the same set is still in force; there is nothing to announce."""
    entry.record(IN_FORCE, BY, digest=digest, before=digest, **_vouching(halted))


def _vouching(halted: int) -> dict[str, Any]:
    return {"halts": halted} if halted else {}


def conclude(entry: Entry, change: Change, became: Mapping[RequestId, str]) -> None:
    """Record what became of the requests that waited, and announce the change with it."""
    requests = {f"JIT-{request}": said for request, said in became.items()}
    if requests:
        entry.record("policies_applied", BY, digest=change.digest, requests=requests)
    if change.before:
        entry.say(_news(change, "\n".join([_what(change), _became(requests)])))


def _news(change: Change, text: str) -> Outgoing:
    return Outgoing(f"policies:{change.digest}:{change.before}", Topic.NEWS, None, text)


def _what(change: Change) -> str:
    """Say who changed what."""
    changes = change.changes
    parts = (("Added", changes.added), ("Removed", changes.removed), ("Changed", changes.changed))
    said = [f"{word}: {_listed(names)}." for word, names in parts if names]
    if not said:
        said = ["Nothing that decides: comments, words or the order of lines."]
    sets = f"Set {change.digest[:12]}, before {change.before[:12]}."
    return "\n".join([f"The policies have changed: {_who(change.author)}.", *said, sets])


def _who(author: Author) -> str:
    if not author.commit:
        return "the files do not say who did it"
    commit = f"{author.commit[:12]}{f' “{author.subject}”' if author.subject else ''}"
    if author.committed:
        return f"{author.name}, commit {commit}"
    return f"somebody edited the files without a commit; the last one is {commit} by {author.name}"


def _became(requests: Mapping[str, str]) -> str:
    if not requests:
        return "No waiting request is touched."
    return f"Waiting requests: {_listed([f'{name} {said}' for name, said in requests.items()], '; ')}."


def _listed(names: Sequence[str], between: str = ", ") -> str:
    more = f"{between}and {len(names) - MOST} more" if len(names) > MOST else ""
    return between.join(names[:MOST]) + more
