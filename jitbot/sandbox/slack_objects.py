"""Slack's objects as its API returns them: users, channels, messages."""

from __future__ import annotations

from typing import Any

from jitbot.sandbox.messages import Json, Message, Room
from jitbot.sandbox.state import State
from jitbot.sandbox.workspace import Person, UserGroup


def slack_user(state: State, person: Person, *, email: bool = True) -> Json:
    """Return a user object; without the scope for e-mail addresses there is none."""
    profile: Json = {
        "real_name": person.real_name or person.name,
        "display_name": person.name,
        "real_name_normalized": person.real_name or person.name,
        "display_name_normalized": person.name,
        "title": person.title,
        "team": state.team_of(person),
    }
    if email and person.email:
        profile["email"] = person.email
    user: Json = {
        "id": person.id,
        "team_id": state.team_of(person),
        "name": person.name,
        "deleted": person.deleted,
        "real_name": person.real_name or person.name,
        "tz": person.tz,
        "profile": profile,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": int(state.clock.now()),
    }
    if not person.deleted:
        user |= {
            "is_admin": person.is_admin,
            "is_owner": person.is_owner,
            "is_primary_owner": False,
            "is_restricted": person.is_restricted,
            "is_ultra_restricted": person.is_ultra_restricted,
        }
    if state.is_stranger(person):
        user["is_stranger"] = True
    return user


def slack_channel(state: State, room: Room, viewer: str) -> Json:
    """Return a conversation object as `viewer` gets it."""
    if room.kind == "dm":
        other = room.other_end(viewer)
        person = state.people.get(other or "")
        return {
            "id": room.id,
            "created": room.created,
            "is_im": True,
            "is_archived": room.is_archived,
            "is_org_shared": False,
            "user": other,
            "is_user_deleted": bool(person and person.deleted),
        }
    return {
        "id": room.id,
        "name": room.name,
        "name_normalized": room.name,
        "is_channel": room.kind == "channel",
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": room.kind == "private",
        "is_archived": room.is_archived,
        "is_general": room.name == "general",
        "is_shared": room.is_ext_shared,
        "is_ext_shared": room.is_ext_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "is_member": viewer in room.members,
        "created": room.created,
        "creator": room.members[0] if room.members else "",
        "context_team_id": state.team.id,
        "topic": {"value": room.topic, "creator": "", "last_set": 0},
        "purpose": {"value": room.purpose, "creator": "", "last_set": 0},
        "num_members": len(room.members),
    }


def slack_message(state: State, message: Message, *, metadata: bool = False) -> Json:
    """Return a message object."""
    answer: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.drawing.text}
    answer["team"] = state.team.id
    if message.by_app:
        answer |= {"bot_id": state.app.bot_id, "app_id": state.app.id, "bot_profile": bot_profile(state)}
    optional: dict[str, Any] = {
        "subtype": message.subtype,
        "blocks": message.drawing.blocks,
        "attachments": message.drawing.attachments,
        "thread_ts": message.thread_ts,
        "files": message.files,
        "metadata": message.metadata if metadata else None,
    }
    answer |= {key: value for key, value in optional.items() if value}
    if message.edited:
        answer["edited"] = {"user": message.user, "ts": message.edited}
    if message.reactions:
        answer["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
        ]
    return answer | _thread_facts(state.rooms[message.channel], message)


def _thread_facts(room: Room, message: Message) -> Json:
    replies = room.replies.get(message.ts)
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": users,
        "reply_users_count": len(users),
        "latest_reply": replies[-1].ts,
    }


def bot_profile(state: State) -> Json:
    """Return what a message says of the app that posted it."""
    app = state.app
    return {"id": app.bot_id, "app_id": app.id, "name": app.name, "deleted": False, "team_id": state.team.id}


def slack_group(state: State, group: UserGroup, *, users: bool) -> Json:
    """Return a user group object."""
    answer: Json = {
        "id": group.id,
        "team_id": state.team.id,
        "is_usergroup": True,
        "name": group.name or group.handle,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_delete": 0,
        "user_count": len(group.users),
    }
    return answer | ({"users": list(group.users)} if users else {})
