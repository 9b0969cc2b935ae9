"""chat.*: posting, updating and deleting messages."""

from __future__ import annotations

from jitbot.sandbox.drafts import read_draft
from jitbot.sandbox.limits import POST_TEXT, UPDATE_TEXT
from jitbot.sandbox.messages import Drawing, Json, Message, Room
from jitbot.sandbox.refusals import SlackRefusal
from jitbot.sandbox.slack_objects import slack_message
from jitbot.sandbox.web_api.call import Call, Method, RateLimited


def post_message(call: Call) -> Json:
    """Post into a channel, or into the direct conversation with a person."""
    room = _target(call)
    wait = call.rates.wait_for_post(room.id)
    if wait:
        raise RateLimited(wait)
    draft = read_draft(call.args)
    if draft.is_empty:
        raise SlackRefusal("no_text")
    thread = _thread(call, room)
    drawing = Drawing((draft.text or "")[:POST_TEXT], draft.blocks or None, draft.attachments or None)
    message = Message(
        ts=call.state.clock.next_ts(),
        channel=room.id,
        user=call.state.app.bot_user,
        drawing=drawing,
        by_app=True,
        thread_ts=thread,
        metadata=draft.metadata,
        subtype="thread_broadcast" if thread and call.flag("reply_broadcast") else None,
    )
    call.state.add_message(message)
    shown = slack_message(call.state, message, metadata=True)
    return {"channel": room.id, "ts": message.ts, "message": shown}


def update(call: Call) -> Json:
    """Redraw one of the app's own messages; text without blocks drops the blocks."""
    room = _conversation(call, call.need("channel"))
    message = room.messages.get(call.need("ts"))
    if message is None:
        raise SlackRefusal("message_not_found")
    if not message.by_app:
        raise SlackRefusal("cant_update_message")
    if room.is_archived:
        raise SlackRefusal("is_inactive")
    draft = read_draft(call.args)
    if draft.text is not None and len(draft.text) > UPDATE_TEXT:
        raise SlackRefusal("msg_too_long")
    if draft.text is None and draft.blocks is None and draft.attachments is None:
        raise SlackRefusal("no_text")
    old = message.drawing
    text = old.text if draft.text is None else draft.text
    attachments = old.attachments if draft.attachments is None else draft.attachments or None
    message.redraw(Drawing(text, draft.blocks or None, attachments))
    if draft.metadata is not None:
        message.metadata = draft.metadata or None
    if not draft.blocks:
        message.edited = call.state.clock.next_ts()
    call.state.message_changed(message)
    return {"channel": room.id, "ts": message.ts, "text": text, "message": slack_message(call.state, message)}


def delete(call: Call) -> Json:
    """Delete one of the app's own messages."""
    room = _conversation(call, call.need("channel"))
    message = room.messages.get(call.need("ts"))
    if message is None:
        raise SlackRefusal("message_not_found")
    if not message.by_app:
        raise SlackRefusal("cant_delete_message")
    room.remove(message)
    call.state.touch(call.state.audience(room))
    return {"channel": room.id, "ts": message.ts}


def post_ephemeral(call: Call) -> Json:
    """Show a message to one member of a channel."""
    room = _writable(call, _conversation(call, call.need("channel")))
    user = call.need("user")
    person = call.state.people.get(user)
    if person is None or person.deleted or user not in room.members:
        raise SlackRefusal("user_not_in_channel")
    draft = read_draft(call.args)
    if draft.is_empty:
        raise SlackRefusal("no_text")
    message = Message(
        ts=call.state.clock.next_ts(),
        channel=room.id,
        user=call.state.app.bot_user,
        drawing=draft.drawing(),
        by_app=True,
        thread_ts=_thread(call, room),
        only_for=user,
    )
    call.state.add_message(message)
    return {"message_ts": message.ts}


def get_permalink(call: Call) -> Json:
    """Return a link to a message, which the local Slack's page opens."""
    room = _conversation(call, call.need("channel"))
    ts = call.need("message_ts")
    if ts not in room.messages:
        raise SlackRefusal("message_not_found")
    link = f"{call.base_url}/archives/{room.id}/p{ts.replace('.', '')}"
    thread = room.messages[ts].thread_ts
    return {"channel": room.id, "permalink": f"{link}?thread_ts={thread}&cid={room.id}" if thread else link}


def _target(call: Call) -> Room:
    name = call.need("channel")
    state = call.state
    if name in state.people:
        person = state.people[name]
        if person.deleted or person.is_bot or state.is_stranger(person):
            raise SlackRefusal("channel_not_found")
        if not state.app.messages_tab:
            raise SlackRefusal("messages_tab_disabled")
        return state.direct(state.app.bot_user, name)[0]
    room = state.room_named(name.removeprefix("#")) if name not in state.rooms else None
    return _writable(call, room or _conversation(call, name))


def _conversation(call: Call, name: str) -> Room:
    room = call.state.rooms.get(name)
    if room is None or (room.kind != "channel" and call.state.app.bot_user not in room.members):
        raise SlackRefusal("channel_not_found")
    return room


def _writable(call: Call, room: Room) -> Room:
    member = call.state.app.bot_user in room.members
    if room.kind != "channel" and not member:
        raise SlackRefusal("channel_not_found")
    if room.is_archived:
        raise SlackRefusal("is_archived")
    if not member and not call.has_scope("chat:write.public"):
        raise SlackRefusal("not_in_channel")
    return room


def _thread(call: Call, room: Room) -> str | None:
    thread = call.args.get("thread_ts")
    if not thread:
        return None
    parent = room.messages.get(str(thread))
    if parent is None:
        raise SlackRefusal("thread_not_found")
    return parent.thread_ts or parent.ts


METHODS = {
    "chat.postMessage": Method(post_message, "special", ("chat:write",)),
    "chat.update": Method(update, "3", ("chat:write",)),
    "chat.delete": Method(delete, "3", ("chat:write",)),
    "chat.postEphemeral": Method(post_ephemeral, "4", ("chat:write",)),
    "chat.getPermalink": Method(get_permalink, "special"),
}
