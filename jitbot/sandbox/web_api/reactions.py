"""reactions.*."""

from __future__ import annotations

from jitbot.sandbox.messages import Json, Message
from jitbot.sandbox.refusals import SlackRefusal
from jitbot.sandbox.web_api.call import Call, Method


def add(call: Call) -> Json:
    """Add the app's reaction to a message."""
    name, message = _target(call)
    users = message.reactions.setdefault(name, [])
    if call.state.app.bot_user in users:
        raise SlackRefusal("already_reacted")
    users.append(call.state.app.bot_user)
    call.state.message_changed(message)
    return {}


def remove(call: Call) -> Json:
    """Take the app's reaction away."""
    name, message = _target(call)
    users = message.reactions.get(name, [])
    if call.state.app.bot_user not in users:
        raise SlackRefusal("no_reaction")
    users.remove(call.state.app.bot_user)
    if not users:
        del message.reactions[name]
    call.state.message_changed(message)
    return {}


def _target(call: Call) -> tuple[str, Message]:
    name = call.need("name").strip(":")
    room = call.state.rooms.get(call.need("channel"))
    if room is None or (room.kind != "channel" and call.state.app.bot_user not in room.members):
        raise SlackRefusal("channel_not_found")
    message = room.messages.get(call.need("timestamp"))
    if message is None:
        raise SlackRefusal("message_not_found")
    if room.is_archived:
        raise SlackRefusal("is_archived")
    return name, message


METHODS = {
    "reactions.add": Method(add, "3", ("reactions:write",)),
    "reactions.remove": Method(remove, "3", ("reactions:write",)),
}
