"""What one person sees, and what everybody does, for the control API."""

from __future__ import annotations

from typing import Any

from jitbot.sandbox.acting import is_shown
from jitbot.sandbox.messages import Json, Message, Room
from jitbot.sandbox.state import State
from jitbot.sandbox.views import View
from jitbot.sandbox.workspace import Person

_COLORS = ("9f69e7", "4bbe2e", "e7392d", "3c989f", "674b1b", "e96699", "50a0cf", "8d4b84", "684b6c", "d58247")
_SHOWN_MESSAGES = 500


def seen_by(state: State, user: str) -> Json:
    """Return everything a person sees now."""
    person = state.people[user]
    rooms = [room for room in state.rooms.values() if state.can_see(room, user)]
    return {
        "version": state.version_for(user),
        **_workspace(state),
        "me": seen_person(state, person),
        "commands": [one.model_dump() for one in state.app.commands],
        "shortcuts": [one.model_dump() for one in state.app.shortcuts],
        "channels": [_seen_room(state, room, user) for room in rooms],
        "messages": {room.id: _seen_messages(room, user) for room in rooms},
        "modals": [_seen_view(state, view) for view in state.views.stacks.get(user, [])],
        "home": _seen_view(state, state.views.homes[user]) if user in state.views.homes else None,
        "notices": list(state.notices.get(user, [])),
    }


def whole_state(state: State) -> Json:
    """Return the workspace without a person's point of view."""
    bot = state.app.bot_user
    return {
        **_workspace(state),
        "channels": [_seen_room(state, room, bot) for room in state.rooms.values()],
        "messages": {
            room.id: [seen_message(room, message, None) for message in room.messages.values()]
            for room in state.rooms.values()
        },
        "ephemerals": {
            room.id: {
                user: [seen_message(room, message, user) for message in by_ts.values()]
                for user, by_ts in room.ephemerals.items()
            }
            for room in state.rooms.values()
        },
        "modals": {user: [_seen_view(state, view) for view in stack] for user, stack in state.views.stacks.items()},
        "homes": {user: _seen_view(state, view) for user, view in state.views.homes.items()},
        "notices": {user: list(notices) for user, notices in state.notices.items() if notices},
    }


def _workspace(state: State) -> Json:
    app = state.app
    return {
        "now": state.clock.now(),
        "team": {"id": state.team.id, "name": state.team.name, "domain": state.team.domain},
        "people": [seen_person(state, one) for one in state.people.values()],
        "usergroups": [
            {"id": one.id, "handle": one.handle, "name": one.name or one.handle, "users": list(one.users)}
            for one in state.groups.values()
        ],
        "app": {"id": app.id, "name": app.name, "bot_user": app.bot_user, "home_enabled": app.home},
    }


def seen_person(state: State, person: Person) -> Json:
    """Return a person as the page shows them."""
    words = (person.real_name or person.name).split()
    return {
        "id": person.id,
        "team_id": state.team_of(person),
        "name": person.name,
        "real_name": person.real_name or person.name,
        "email": person.email,
        "tz": person.tz,
        "title": person.title,
        "deleted": person.deleted,
        "is_bot": person.is_bot,
        "is_admin": person.is_admin,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
        "is_stranger": state.is_stranger(person),
        "color": _COLORS[sum(person.id.encode()) % len(_COLORS)],
        "initials": "".join(word[0] for word in words[:2]).upper(),
    }


def _seen_room(state: State, room: Room, user: str) -> Json:
    unread = _unread(state, room, user)
    return {
        "id": room.id,
        "name": room.name,
        "kind": room.kind,
        "with": room.other_end(user),
        "is_archived": room.is_archived,
        "is_member": user in room.members,
        "is_ext_shared": room.is_ext_shared,
        "topic": room.topic,
        "members": list(room.members),
        "unread": len(unread),
        "mentions": sum(1 for message in unread if _mentions(state, room, message, user)),
    }


def _unread(state: State, room: Room, user: str) -> list[Message]:
    if user not in room.members:
        return []
    read = float(state.reads.get((user, room.id), "0"))
    found = []
    for message in reversed(room.messages.values()):
        if float(message.ts) <= read:
            break
        if message.user != user:
            found.append(message)
    return found


def _mentions(state: State, room: Room, message: Message, user: str) -> bool:
    if room.kind == "dm":
        return True
    text = message.drawing.text
    groups = [group.id for group in state.groups.values() if user in group.users]
    marks = [f"<@{user}", "<!here", "<!channel", "<!everyone", *(f"<!subteam^{group}" for group in groups)]
    return any(mark in text for mark in marks)


def _seen_messages(room: Room, user: str) -> list[Json]:
    messages = list(room.messages.values())[-_SHOWN_MESSAGES:]
    mine = room.ephemerals.get(user)
    if mine:
        messages = sorted([*messages, *mine.values()], key=lambda message: float(message.ts))
    return [seen_message(room, message, user) for message in messages]


def seen_message(room: Room, message: Message, user: str | None) -> Json:
    """Return a message as the page shows it; elements that are hidden from a person are left out."""
    replies = room.replies.get(message.ts, [])
    seen: Json = {
        "ts": message.ts,
        "user": message.user,
        "text": message.drawing.text,
        "reply_count": len(replies),
        "reply_users": list(dict.fromkeys(reply.user for reply in replies)),
        "edited": message.edited,
        "ephemeral": message.only_for is not None,
        "drawings": len(message.earlier),
    }
    optional: dict[str, Any] = {
        "blocks": _shown_blocks(message.drawing.blocks, user),
        "attachments": message.drawing.attachments,
        "thread_ts": message.thread_ts,
        "metadata": message.metadata,
        "reactions": [{"name": name, "users": users} for name, users in message.reactions.items()],
        "files": message.files,
        "subtype": message.subtype,
    }
    return seen | {key: value for key, value in optional.items() if value}


def _shown_blocks(blocks: list[Json] | None, user: str | None) -> list[Json] | None:
    if blocks is None or user is None:
        return blocks
    return [_shown_block(block, user) for block in blocks]


def _shown_block(block: Json, user: str) -> Json:
    elements = block.get("elements")
    if block["type"] != "actions" or all(is_shown(element, user) for element in elements or []):
        return block
    return {**block, "elements": [element for element in elements or [] if is_shown(element, user)]}


def _seen_view(state: State, view: View) -> Json:
    return {**state.slack_view(view), "errors": dict(view.errors)}
