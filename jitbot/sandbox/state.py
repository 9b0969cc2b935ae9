"""Everything the local Slack knows, in memory, and who must look again after a change."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable

from jitbot.sandbox.clock import MovableClock
from jitbot.sandbox.messages import Json, Message, Room
from jitbot.sandbox.values import Typed
from jitbot.sandbox.views import View, ViewBook
from jitbot.sandbox.workspace import Channel, Person, Team, UserGroup, Workspace


class State:
    """People, rooms, groups, views and notices. All methods are for the event loop's thread only."""

    def __init__(self, workspace: Workspace, clock: MovableClock) -> None:
        self.clock = clock
        self._versions = itertools.count(1)
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self.load(workspace)

    def load(self, workspace: Workspace) -> None:
        """Forget everything and start from a workspace file."""
        self.team: Team = workspace.team
        self.app = workspace.app.model_copy(deep=True)
        self.people: dict[str, Person] = {one.id: one.model_copy(deep=True) for one in workspace.people}
        self.people.setdefault(self.app.bot_user, self._bot_person())
        self.rooms: dict[str, Room] = {one.id: self._room(one) for one in workspace.channels}
        self.groups: dict[str, UserGroup] = {one.id: one.model_copy(deep=True) for one in workspace.usergroups}
        self.views = ViewBook(team=self.team.id, app=self.app.id, bot=self.app.bot_id)
        self.notices: dict[str, list[Json]] = {}
        self.reads: dict[tuple[str, str], str] = {}
        self.offered: dict[tuple[str, str], dict[tuple[str, str], dict[str, Json]]] = {}
        self.typed: dict[tuple[str, str], Typed] = {}
        self.files: dict[str, Json] = {}
        self._direct: dict[frozenset[str], str] = {}
        self._notice_ids = itertools.count(1)
        self._file_ids = itertools.count(1)
        self._version_of: dict[str, int] = {}
        self._version_of_all = 0
        self.touch(None)

    def _bot_person(self) -> Person:
        app = self.app
        return Person(id=app.bot_user, name=app.name, real_name=app.name, is_bot=True, team_id=self.team.id)

    def _room(self, channel: Channel) -> Room:
        return Room(
            id=channel.id,
            name=channel.name,
            kind="private" if channel.private else "channel",
            members=list(dict.fromkeys(channel.members)),
            is_archived=channel.archived,
            is_ext_shared=channel.ext_shared,
            topic=channel.topic,
            purpose=channel.purpose,
            created=int(self.clock.now()),
        )

    # Who sees what

    def is_stranger(self, person: Person) -> bool:
        """Say whether somebody belongs to another workspace (Slack Connect)."""
        return self.team_of(person) != self.team.id

    def team_of(self, person: Person) -> str:
        """Return the id of the workspace somebody belongs to."""
        return person.team_id or self.team.id

    def can_see(self, room: Room, user: str) -> bool:
        """Say whether a person sees a room's messages: members do, full members also public channels."""
        if user in room.members:
            return True
        person = self.people[user]
        outsider = person.is_restricted or person.is_ultra_restricted or self.is_stranger(person)
        return room.kind == "channel" and not outsider

    def audience(self, room: Room) -> Iterable[str] | None:
        """Return who must look again after a change in a room; None is everybody."""
        return None if room.kind == "channel" else room.members

    # Rooms

    def direct(self, one: str, other: str) -> tuple[Room, bool]:
        """Return the direct conversation of two people, and whether it was opened just now."""
        pair = frozenset((one, other))
        found = self._direct.get(pair)
        if found:
            return self.rooms[found], False
        person = other if one == self.app.bot_user else one
        number = f"D0{person[1:]}" if self.app.bot_user in pair else f"DP{len(self._direct)}{person[1:]}"
        room = Room(id=number, name="", kind="dm", members=sorted(pair), created=int(self.clock.now()))
        self.rooms[number] = room
        self._direct[pair] = number
        self.touch(pair)
        return room, True

    def room_named(self, name: str) -> Room | None:
        """Return a channel by its name."""
        return next((room for room in self.rooms.values() if room.name == name and room.kind != "dm"), None)

    def add_message(self, message: Message) -> None:
        """Put a message into its room and tell those who see it."""
        room = self.rooms[message.channel]
        room.add(message)
        self.touch([message.only_for] if message.only_for else self.audience(room))

    def message_changed(self, message: Message) -> None:
        """Tell those who see a message that it has changed."""
        self.touch([message.only_for] if message.only_for else self.audience(self.rooms[message.channel]))

    # Notices, offers, files

    def notice(self, user: str, text: str, channel: str | None = None) -> None:
        """Tell one person something, as Slack does beside the conversation."""
        notice: Json = {"id": f"N{next(self._notice_ids)}", "text": text}
        if channel:
            notice["channel"] = channel
        self.notices.setdefault(user, []).append(notice)
        self.touch([user])

    def offers(self, user: str, surface: str) -> dict[tuple[str, str], dict[str, Json]]:
        """Return the external options a person was offered on a surface, by element."""
        return self.offered.get((user, surface), {})

    def typed_on(self, user: str, surface: str) -> Typed:
        """Return what a person has typed or picked on a message."""
        return self.typed.setdefault((user, surface), {})

    def next_file_id(self) -> str:
        """Return the id of the next file."""
        return f"F{next(self._file_ids):08X}"

    def slack_view(self, view: View) -> Json:
        """Return a view as Slack sends it."""
        return self.views.as_slack(view, self.offers(view.user, view.id))

    # Watching

    def touch(self, users: Iterable[str] | None) -> None:
        """Say that something these people see has changed; None is everybody."""
        version = next(self._versions)
        if users is None:
            self._version_of_all = version
            for watching in self._watchers.values():
                for event in watching:
                    event.set()
            return
        for user in users:
            self._version_of[user] = version
            for event in self._watchers.get(user, ()):
                event.set()

    def version_for(self, user: str) -> int:
        """Return the number of the last change this person sees."""
        return max(self._version_of.get(user, 0), self._version_of_all)

    def watch(self, user: str) -> asyncio.Event:
        """Return an event that is set at every change this person sees."""
        event = asyncio.Event()
        self._watchers.setdefault(user, set()).add(event)
        return event

    def unwatch(self, user: str, event: asyncio.Event) -> None:
        """Stop watching."""
        self._watchers.get(user, set()).discard(event)

    def wake_all(self) -> None:
        """Wake every watcher, so that streams can end."""
        for watching in self._watchers.values():
            for event in watching:
                event.set()
