"""Answers to a command or a click: by the acknowledgement's body, or later by `response_url`."""

from __future__ import annotations

from jitbot.sandbox.drafts import Draft, read_draft
from jitbot.sandbox.messages import Json, Message, Room
from jitbot.sandbox.refusals import SlackRefusal
from jitbot.sandbox.state import State
from jitbot.sandbox.tickets import ResponseUrl


def answer_at(state: State, url: ResponseUrl, body: Json) -> None:
    """Post, replace or delete a message as the body says; the app need not be in the channel.

    Raises:
        SlackRefusal: With Slack's code; nothing has changed then.
    """
    room = state.rooms[url.channel]
    if _flag(body, "delete_original"):
        room.remove(_original(room, url))
        state.touch(state.audience(room))
        return
    draft = read_draft(body)
    if draft.is_empty:
        raise SlackRefusal("no_text")
    if _flag(body, "replace_original"):
        _replace(state, _original(room, url), draft)
        return
    _post(state, room, url, draft, body)


def _post(state: State, room: Room, url: ResponseUrl, draft: Draft, body: Json) -> None:
    for_all = body.get("response_type") == "in_channel"
    message = Message(
        ts=state.clock.next_ts(),
        channel=room.id,
        user=state.app.bot_user,
        drawing=draft.drawing(),
        by_app=True,
        thread_ts=body.get("thread_ts") or (url.thread_ts if not for_all else None),
        metadata=draft.metadata,
        only_for=None if for_all else url.user,
    )
    state.add_message(message)


def _replace(state: State, message: Message, draft: Draft) -> None:
    message.redraw(draft.drawing())
    if draft.metadata is not None:
        message.metadata = draft.metadata
    state.message_changed(message)


def _original(room: Room, url: ResponseUrl) -> Message:
    message = room.seen_message(url.message, url.user) if url.message else None
    if message is None:
        raise SlackRefusal("message_not_found")
    return message


def _flag(body: Json, name: str) -> bool:
    return body.get(name) in (True, "true", "1", 1)
