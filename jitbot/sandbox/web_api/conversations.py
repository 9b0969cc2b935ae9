"""conversations.*."""

from __future__ import annotations

from jitbot.sandbox.messages import Json, Message, Room
from jitbot.sandbox.refusals import SlackRefusal
from jitbot.sandbox.slack_objects import slack_channel, slack_message
from jitbot.sandbox.web_api.call import Call, Method
from jitbot.sandbox.web_api.people import room_kinds

_READ = {"channel": "channels:read", "private": "groups:read", "dm": "im:read"}
_HISTORY = {"channel": "channels:history", "private": "groups:history", "dm": "im:history"}


def open_direct(call: Call) -> Json:
    """Open the direct conversation with one person."""
    state = call.state
    if call.args.get("channel"):
        room = _room(call, _READ, call.need("channel"))
        return {"channel": {"id": room.id}, "no_op": True, "already_open": True}
    users = call.listed("users")
    if not users:
        raise SlackRefusal("users_list_not_supplied")
    if len(users) > 1:
        raise SlackRefusal("invalid_user_combination")
    person = state.people.get(users[0])
    if person is None:
        raise SlackRefusal("user_not_found")
    if person.deleted:
        raise SlackRefusal("user_disabled")
    if state.is_stranger(person):
        raise SlackRefusal("user_not_visible")
    if person.is_bot:
        raise SlackRefusal("cannot_dm_bot")
    room, new = state.direct(state.app.bot_user, person.id)
    shown = slack_channel(state, room, state.app.bot_user) if call.flag("return_im") else {"id": room.id}
    return {"channel": shown} | ({} if new else {"no_op": True, "already_open": True})


def info(call: Call) -> Json:
    """Describe a conversation."""
    return {"channel": slack_channel(call.state, _room(call, _READ), call.state.app.bot_user)}


def list_all(call: Call) -> Json:
    """List the conversations the bot can know of."""
    bot = call.state.app.bot_user
    kinds = room_kinds(call)
    rooms = [
        room
        for room in call.state.rooms.values()
        if room.kind in kinds
        and (room.kind == "channel" or bot in room.members)
        and not (room.is_archived and call.flag("exclude_archived"))
    ]
    page, following = call.page(rooms)
    return {"channels": [slack_channel(call.state, one, bot) for one in page], "response_metadata": following}


def members(call: Call) -> Json:
    """List a conversation's members."""
    page, following = call.page(list(_room(call, _READ).members))
    return {"members": page, "response_metadata": following}


def history(call: Call) -> Json:
    """Return a conversation's messages, newest first, without the replies."""
    room = _readable(call)
    top = [one for one in room.messages.values() if one.thread_ts in (None, one.ts) or one.subtype]
    found = [one for one in reversed(top) if _within(call, one)]
    return _messages(call, found)


def replies(call: Call) -> Json:
    """Return a thread, oldest first."""
    room = _readable(call)
    parent = room.messages.get(call.need("ts"))
    if parent is None:
        raise SlackRefusal("thread_not_found")
    thread = [parent, *room.replies.get(parent.ts, [])]
    return _messages(call, [one for one in thread if one is parent or _within(call, one)])


def join(call: Call) -> Json:
    """Make the bot a member of a public channel."""
    room = _room(call, {}, call.need("channel"))
    bot = call.state.app.bot_user
    if room.kind != "channel":
        raise SlackRefusal("method_not_supported_for_channel_type")
    if room.is_archived:
        raise SlackRefusal("is_archived")
    answer: Json = {}
    if bot in room.members:
        answer = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    else:
        room.members.append(bot)
        call.state.touch(None)
        joined = {"type": "member_joined_channel", "user": bot, "channel": room.id, "channel_type": "C"}
        call.courier.emit(joined | {"team": call.state.team.id})
    return {"channel": slack_channel(call.state, room, bot), **answer}


def _room(call: Call, scopes: dict[str, str], name: str | None = None) -> Room:
    room = call.state.rooms.get(name or call.need("channel"))
    if room is None or (room.kind != "channel" and call.state.app.bot_user not in room.members):
        raise SlackRefusal("channel_not_found")
    if scopes:
        call.need_scope(scopes[room.kind])
    return room


def _readable(call: Call) -> Room:
    room = _room(call, _HISTORY)
    if call.state.app.bot_user not in room.members:
        raise SlackRefusal("not_in_channel")
    return room


def _within(call: Call, message: Message) -> bool:
    oldest, latest = _instant(call, "oldest", 0.0), _instant(call, "latest", float("inf"))
    ts = float(message.ts)
    if call.flag("inclusive"):
        return oldest <= ts <= latest
    return oldest < ts < latest


def _instant(call: Call, name: str, default: float) -> float:
    value = call.args.get(name)
    if value in (None, "", "now"):
        return default
    try:
        return float(str(value))
    except ValueError as error:
        raise SlackRefusal(f"invalid_ts_{name}") from error


def _messages(call: Call, found: list[Message]) -> Json:
    page, following = call.page(found)
    metadata = call.flag("include_all_metadata")
    shown = [slack_message(call.state, one, metadata=metadata) for one in page]
    more = bool(following["next_cursor"])
    return {"messages": shown, "has_more": more} | ({"response_metadata": following} if more else {})


_ANY_READ = tuple(_READ.values())
_ANY_HISTORY = tuple(_HISTORY.values())
METHODS = {
    "conversations.open": Method(open_direct, "3", ("im:write",)),
    "conversations.info": Method(info, "3", _ANY_READ),
    "conversations.list": Method(list_all, "2", _ANY_READ),
    "conversations.members": Method(members, "4", _ANY_READ),
    "conversations.history": Method(history, "3", _ANY_HISTORY),
    "conversations.replies": Method(replies, "3", _ANY_HISTORY),
    "conversations.join": Method(join, "3", ("channels:join",)),
}
