"""Messages and the rooms they stand in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a message looks, or looked before it was updated."""

    text: str
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None


@dataclass(slots=True)
class Message:
    """One message; with `only_for` it is ephemeral and seen by that person alone."""

    ts: str
    channel: str
    user: str
    drawing: Drawing
    by_app: bool = False
    thread_ts: str | None = None
    metadata: Json | None = None
    only_for: str | None = None
    edited: str | None = None
    subtype: str | None = None
    files: list[Json] = field(default_factory=list)
    earlier: list[Drawing] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)

    def redraw(self, drawing: Drawing) -> None:
        """Replace how it looks and remember how it looked."""
        self.earlier.append(self.drawing)
        self.drawing = drawing


@dataclass(slots=True)
class Room:
    """A channel or a direct conversation, with its messages in order of `ts`."""

    id: str
    name: str
    kind: Literal["channel", "private", "dm"]
    members: list[str]
    is_archived: bool = False
    is_ext_shared: bool = False
    topic: str = ""
    purpose: str = ""
    created: int = 0
    messages: dict[str, Message] = field(default_factory=dict)
    replies: dict[str, list[Message]] = field(default_factory=dict)
    ephemerals: dict[str, dict[str, Message]] = field(default_factory=dict)

    def add(self, message: Message) -> None:
        """Put a message in."""
        if message.only_for is not None:
            self.ephemerals.setdefault(message.only_for, {})[message.ts] = message
            return
        self.messages[message.ts] = message
        if message.thread_ts and message.thread_ts != message.ts:
            self.replies.setdefault(message.thread_ts, []).append(message)

    def remove(self, message: Message) -> None:
        """Take a message out; its replies stay, as in Slack."""
        if message.only_for is not None:
            self.ephemerals[message.only_for].pop(message.ts, None)
            return
        self.messages.pop(message.ts, None)
        if message.thread_ts:
            thread = self.replies.get(message.thread_ts, [])
            if message in thread:
                thread.remove(message)

    def seen_message(self, ts: str, user: str) -> Message | None:
        """Return the message with this `ts`, ephemeral ones only for whom they are meant."""
        return self.messages.get(ts) or self.ephemerals.get(user, {}).get(ts)

    def other_end(self, user: str) -> str | None:
        """Return the other person of a direct conversation."""
        if self.kind != "dm":
            return None
        others = [member for member in self.members if member != user]
        return others[0] if others else user
