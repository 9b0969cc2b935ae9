"""What the supervisor remembers: in memory, and in one JSON file that the checkout process reads."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RELEASES = (40, 41, 42)
EVENTS_KEPT = 50
ANSWERS_KEPT = 500


@dataclass
class Record:
    """How checkout stands; `save` replaces the file in one step."""

    file: Path
    release: int = RELEASES[-1]
    failing: bool = False
    pid: int = 0
    started_at: str = ""
    admins: dict[str, str | None] = field(default_factory=dict)
    """Who is admin, and until when (None: until revoked)."""
    events: list[dict[str, str]] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was asked under each idempotency key, and what was answered."""

    @classmethod
    def load(cls, folder: Path) -> "Record":
        file = folder / "checkout.json"
        if not file.exists():
            return cls(file)
        kept = json.loads(file.read_text(encoding="utf-8"))
        state = {name: kept["state"][name] for name in ("release", "admins", "events")}
        return cls(file, **state, failing=kept["failing"], answers=kept["answers"])

    def save(self) -> None:
        draft = self.file.with_suffix(".new")
        kept = {"state": self.state(), "failing": self.failing, "answers": self.answers}
        draft.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        os.replace(draft, self.file)

    def state(self) -> dict[str, Any]:
        """Return what everybody may see."""
        return {
            "service": "checkout",
            "pid": self.pid,
            "started_at": self.started_at,
            "release": self.release,
            "previous": self.previous(),
            "health": "failing" if self.failing else "healthy",
            "admins": dict(self.admins),
            "events": list(self.events),
        }

    def previous(self) -> int | None:
        """Return the release before the present one, None if there is none."""
        return max((release for release in RELEASES if release < self.release), default=None)

    def note(self, text: str) -> None:
        self.events = [*self.events, {"at": instant(), "text": text}][-EVENTS_KEPT:]

    def remember(self, key: str, asked: str, answer: Mapping[str, Any]) -> None:
        self.answers[key] = {"asked": asked, "answer": dict(answer)}
        while len(self.answers) > ANSWERS_KEPT:
            del self.answers[next(iter(self.answers))]

    def drop_expired(self) -> bool:
        """End admins whose time is over, even if nobody revokes them; tell whether there were any."""
        over = [user for user, until in self.admins.items() if until is not None and until <= instant()]
        for user in over:
            del self.admins[user]
            self.note(f"{user} is no admin any more: the time is over")
        return bool(over)


def instant(ahead_seconds: float = 0) -> str:
    """Return an instant, now or later, as text that sorts like time."""
    return datetime.fromtimestamp(time.time() + ahead_seconds, UTC).isoformat(timespec="milliseconds")
