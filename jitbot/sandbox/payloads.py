"""The payloads of commands and interactions, field by field as Slack sends them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from jitbot.sandbox.messages import Drawing, Json, Message, Room
from jitbot.sandbox.slack_objects import slack_message
from jitbot.sandbox.state import State
from jitbot.sandbox.tickets import Tickets
from jitbot.sandbox.values import state_values
from jitbot.sandbox.views import View
from jitbot.sandbox.workspace import Person, SlashCommand


@dataclass(frozen=True, slots=True)
class Surface:
    """Where somebody does something: in a view, or on a message as it was drawn for them."""

    view: View | None = None
    room: Room | None = None
    message: Message | None = None
    drawing: Drawing | None = None

    @property
    def id(self) -> str:
        """The view's id or the message's `ts`."""
        return self.view.id if self.view else self.message.ts if self.message else ""

    @property
    def blocks(self) -> list[Json]:
        """The blocks that can be clicked, those of attachments too."""
        if self.view:
            return self.view.blocks
        if self.drawing is None:
            return []
        attached = [block for one in self.drawing.attachments or [] for block in one.get("blocks", [])]
        return (self.drawing.blocks or []) + attached


class Payloads:
    """Builds payloads; trigger ids and response urls are made on the way."""

    def __init__(self, state: State, tickets: Tickets) -> None:
        self._state = state
        self._tickets = tickets
        self.base_url = ""

    def command(self, person: Person, room: Room, command: SlashCommand, words: str) -> Json:
        """Return a slash command's payload."""
        state = self._state
        return {
            "token": state.app.verification_token,
            "team_id": state.team_of(person),
            "team_domain": state.team.domain,
            "channel_id": room.id,
            "channel_name": _channel_name(room),
            "user_id": person.id,
            "user_name": person.name,
            "command": command.command,
            "text": escaped(words, state) if command.should_escape else words,
            "api_app_id": state.app.id,
            "is_enterprise_install": "false",
            "response_url": self._response_url(person.id, room.id),
            "trigger_id": self._tickets.trigger(person.id),
        }

    def click(self, person: Person, surface: Surface, actions: list[Json]) -> Json:
        """Return a `block_actions` payload."""
        payload = self._common("block_actions", person)
        payload["trigger_id"] = self._tickets.trigger(person.id, in_modal=_in_modal(surface))
        payload |= self._surface(person, surface)
        if surface.message and surface.room:
            thread = surface.message.thread_ts
            payload["response_url"] = self._response_url(person.id, surface.room.id, surface.message.ts, thread)
        payload["actions"] = actions
        return payload

    def suggestion(self, person: Person, surface: Surface, block_id: str, action_id: str, query: str) -> Json:
        """Return a `block_suggestion` payload."""
        payload = self._common("block_suggestion", person)
        payload |= {"action_id": action_id, "block_id": block_id, "value": query}
        surface_fields = self._surface(person, surface)
        surface_fields.pop("state", None)
        return payload | surface_fields

    def submission(self, person: Person, view: View) -> Json:
        """Return a `view_submission` payload."""
        payload = self._common("view_submission", person)
        payload["trigger_id"] = self._tickets.trigger(person.id, in_modal=True)
        payload["view"] = self._state.slack_view(view)
        payload["response_urls"] = self._response_urls(person, payload["view"])
        return payload

    def closed(self, person: Person, view: View, *, cleared: bool) -> Json:
        """Return a `view_closed` payload."""
        payload = self._common("view_closed", person)
        return payload | {"view": self._state.slack_view(view), "is_cleared": cleared}

    def shortcut(self, person: Person, callback_id: str) -> Json:
        """Return a global shortcut's payload."""
        payload = self._common("shortcut", person)
        at = self._state.clock.next_ts()
        return payload | {
            "action_ts": at,
            "callback_id": callback_id,
            "trigger_id": self._tickets.trigger(person.id),
        }

    def message_shortcut(self, person: Person, callback_id: str, room: Room, message: Message) -> Json:
        """Return a message shortcut's payload."""
        payload = self._common("message_action", person) | {
            "action_ts": self._state.clock.next_ts(),
            "callback_id": callback_id,
            "trigger_id": self._tickets.trigger(person.id),
            "response_url": self._response_url(person.id, room.id),
            "message_ts": message.ts,
            "channel": {"id": room.id, "name": _channel_name(room)},
            "message": slack_message(self._state, message),
        }
        return payload

    def _common(self, kind: str, person: Person) -> Json:
        state = self._state
        return {
            "type": kind,
            "user": {
                "id": person.id,
                "username": person.name,
                "name": person.name,
                "team_id": state.team_of(person),
            },
            "api_app_id": state.app.id,
            "token": state.app.verification_token,
            "team": {"id": state.team.id, "domain": state.team.domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _surface(self, person: Person, surface: Surface) -> Json:
        if surface.view:
            view = self._state.slack_view(surface.view)
            return {"container": {"type": "view", "view_id": surface.view.id}, "view": view}
        message, room = surface.message, surface.room
        if message is None or room is None or surface.drawing is None:
            raise ValueError("a surface is a view, or a message with its room and drawing")
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": room.id,
            "is_ephemeral": message.only_for is not None,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        fields: Json = {"container": container, "channel": {"id": room.id, "name": _channel_name(room)}}
        if message.only_for is None:
            fields["message"] = slack_message(self._state, message) | _as_drawn(surface.drawing)
        offered = self._state.offers(person.id, message.ts)
        fields["state"] = {"values": state_values(surface.blocks, self._state.typed_on(person.id, message.ts), offered)}
        return fields

    def _response_url(self, user: str, channel: str, message: str | None = None, thread: str | None = None) -> str:
        return self.base_url + self._tickets.response_path(user, channel, message, thread)

    def _response_urls(self, person: Person, view: Json) -> list[Json]:
        found = []
        for block in view["blocks"]:
            element: Json = block.get("element", {}) if block["type"] == "input" else {}
            if not element.get("response_url_enabled"):
                continue
            entry = view["state"]["values"][block["block_id"]][element["action_id"]]
            channel = entry.get("selected_conversation") or entry.get("selected_channel")
            if channel in self._state.rooms:
                place: dict[str, Any] = {"block_id": block["block_id"], "action_id": element["action_id"]}
                place |= {"channel_id": channel, "response_url": self._response_url(person.id, channel)}
                found.append(place)
        return found


def _in_modal(surface: Surface) -> bool:
    return surface.view is not None and surface.view.type == "modal"


def _as_drawn(drawing: Drawing) -> Json:
    fields: Json = {"text": drawing.text}
    if drawing.blocks:
        fields["blocks"] = drawing.blocks
    if drawing.attachments:
        fields["attachments"] = drawing.attachments
    return fields


def _channel_name(room: Room) -> str:
    return {"dm": "directmessage", "private": "privategroup"}.get(room.kind, room.name)


def escaped(words: str, state: State) -> str:
    """Return a command's text as `should_escape: true` sends it: people, channels, groups and links as entities."""
    people = {person.name: f"<@{person.id}|{person.name}>" for person in state.people.values()}
    groups = {one.handle: f"<!subteam^{one.id}|@{one.handle}>" for one in state.groups.values()}
    rooms = {room.name: f"<#{room.id}|{room.name}>" for room in state.rooms.values() if room.name}
    names = groups | people

    def entity(found: re.Match[str]) -> str:
        whole, sign, name = found.group(0), found.group(1), found.group(2)
        if sign is None:
            return f"<{whole}>"
        trimmed = name.rstrip(".,;:!?")
        known = (names if sign == "@" else rooms).get(trimmed)
        return known + name[len(trimmed) :] if known else whole

    plain = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?<!\S)([@#])([^\s@#]+)|https?://[^\s<>]+", entity, plain)
