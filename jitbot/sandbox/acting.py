"""What people do: commands, clicks, messages, shortcuts, opening the Home."""

from __future__ import annotations

from typing import Any

from jitbot.sandbox.answers import answer_at
from jitbot.sandbox.delivery import Courier
from jitbot.sandbox.messages import Drawing, Json, Message, Room
from jitbot.sandbox.parcels import Ack, Parcel
from jitbot.sandbox.payloads import Payloads, Surface
from jitbot.sandbox.refusals import ActRefusal, SlackRefusal
from jitbot.sandbox.state import State
from jitbot.sandbox.tickets import ResponseUrl
from jitbot.sandbox.values import STATEFUL, Typed, action_of, elements, known_values
from jitbot.sandbox.workspace import Person, SlashCommand


class Acting:
    """Carries out a person's acts, as far as Slack lets them."""

    def __init__(self, state: State, payloads: Payloads, courier: Courier) -> None:
        self._state = state
        self._payloads = payloads
        self._courier = courier

    # Who and where

    def person(self, user: str) -> Person:
        """Return somebody who can act.

        Raises:
            ActRefusal: When there is no such person, or the account is deactivated.
        """
        person = self._state.people.get(user)
        if person is None:
            raise ActRefusal("user_not_found", f"There is nobody with the id {user}.", 404)
        if person.deleted:
            raise ActRefusal("account_inactive", f"{person.name} is deactivated and can do nothing.", 403)
        return person

    def room(self, person: Person, channel: str) -> Room:
        """Return a room this person sees; a person's id means the direct conversation with them."""
        room = self._state.rooms.get(channel)
        if room is None and channel in self._state.people:
            room, _new = self._state.direct(person.id, channel)
        if room is None or not self._state.can_see(room, person.id):
            raise ActRefusal("channel_not_found", f"{person.name} sees no channel {channel}.", 404)
        return room

    def surface(self, person: Person, where: Json) -> Surface:
        """Return the view or the message somebody acts on, the message as it was drawn for them."""
        if where.get("view_id"):
            try:
                view = self._state.views.find(str(where["view_id"]))
            except SlackRefusal as refusal:
                raise ActRefusal("view_not_found", "The view is closed: look at the person again.", 404) from refusal
            if view.user != person.id:
                raise ActRefusal("view_not_found", f"This view is not {person.name}'s.", 404)
            return Surface(view=view)
        room = self.room(person, str(where.get("channel", "")))
        message = room.seen_message(str(where.get("ts", "")), person.id)
        if message is None:
            raise ActRefusal("message_not_found", f"{person.name} sees no such message in {room.id}.", 404)
        return Surface(room=room, message=message, drawing=_drawing(message, where.get("drawing")))

    # Acts

    async def command(self, person: Person, body: Json) -> Json:
        """Send a slash command and show its answer."""
        command, words = self._command(person, str(body.get("text", "")))
        room = self._writable(person, str(body.get("channel", "")))
        payload = self._payloads.command(person, room, command, words)
        ack = await self._courier.deliver(Parcel("command", "slash_commands", payload))
        if not ack.acked:
            self._state.notice(person.id, f'{command.command} failed with the error "{ack.error}"', room.id)
        elif ack.body:
            self._show_answer(person, room, command, ack.body)
        return outcome(ack)

    async def message(self, person: Person, body: Json) -> Json:
        """Post a message as this person."""
        room = self._writable(person, str(body.get("channel", "")))
        text = str(body.get("text", ""))
        if not text.strip():
            raise ActRefusal("no_text", "A message needs text.")
        ts = self._state.clock.next_ts()
        thread = body.get("thread_ts")
        self._state.add_message(Message(ts, room.id, person.id, Drawing(text), thread_ts=thread))
        kind = {"channel": "channel", "private": "group", "dm": "im"}[room.kind]
        event = {"type": "message", "channel": room.id, "user": person.id, "text": text, "ts": ts, "event_ts": ts}
        if thread:
            event["thread_ts"] = thread
        if self._state.app.bot_user in room.members:
            self._courier.emit(event | {"channel_type": kind, "team": self._state.team_of(person)})
            if f"<@{self._state.app.bot_user}>" in text and room.kind != "dm":
                self._courier.emit(event | {"type": "app_mention"})
        return {"ok": True, "ts": ts, "channel": room.id}

    async def click(self, person: Person, body: Json) -> Json:
        """Press, pick or choose, and wait for the acknowledgement."""
        surface = self.surface(person, body)
        block, element = _element(surface, person.id, body)
        self.type_in(person, surface, body.get("state"))
        plain = body.get("value")
        if element["type"] in STATEFUL:
            self.type_in(person, surface, {block["block_id"]: {element["action_id"]: plain}})
        offered = self._state.offers(person.id, surface.id).get((block["block_id"], element["action_id"]), {})
        at = self._state.clock.next_ts()
        action = action_of(element, block, plain, at=at, offered=offered)
        if block["type"] == "input" and not block.get("dispatch_action"):
            return {"ok": True, "acked": False, "took_ms": 0, "detail": "This input does not dispatch its actions."}
        payload = self._payloads.click(person, surface, [action])
        ack = await self._courier.deliver(Parcel("block_actions", "interactive", payload))
        if not ack.acked:
            channel = surface.room.id if surface.room else None
            self._state.notice(person.id, f"The app did not take the click ({ack.error}). Try again.", channel)
        return outcome(ack)

    async def shortcut(self, person: Person, body: Json) -> Json:
        """Run a global shortcut, or a message shortcut on a message."""
        name = str(body.get("callback_id", ""))
        known = next((one for one in self._state.app.shortcuts if one.callback_id == name), None)
        if known is None:
            raise ActRefusal("shortcut_not_found", f"The app has no shortcut {name}.", 404)
        self._refuse_strangers(person, known.name)
        if known.type == "message":
            surface = self.surface(person, body)
            if surface.room is None or surface.message is None:
                raise ActRefusal("message_not_found", "A message shortcut needs channel and ts.")
            payload = self._payloads.message_shortcut(person, name, surface.room, surface.message)
        else:
            payload = self._payloads.shortcut(person, name)
        ack = await self._courier.deliver(Parcel(payload["type"], "interactive", payload))
        if not ack.acked:
            self._state.notice(person.id, f"{known.name} failed ({ack.error}). Try again.")
        return outcome(ack)

    async def home(self, person: Person, _body: Json) -> Json:
        """Open the app's Home."""
        if not self._state.app.home:
            raise ActRefusal("not_enabled", "The app has no Home tab.")
        room, _new = self._state.direct(self._state.app.bot_user, person.id)
        event: Json = {"type": "app_home_opened", "user": person.id, "channel": room.id, "tab": "home"}
        event["event_ts"] = self._state.clock.next_ts()
        view = self._state.views.homes.get(person.id)
        if view:
            event["view"] = self._state.slack_view(view)
        ack = await self._courier.deliver_event(event)
        return outcome(ack) if ack else {"ok": True, "acked": False, "took_ms": 0, "error": "not_subscribed"}

    async def read(self, person: Person, body: Json) -> Json:
        """Mark a channel read."""
        room = self.room(person, str(body.get("channel", "")))
        last = next(reversed(room.messages), "0")
        self._state.reads[person.id, room.id] = str(body.get("ts") or last)
        self._state.touch([person.id])
        return {"ok": True}

    async def dismiss(self, person: Person, body: Json) -> Json:
        """Take away a notice or an ephemeral message."""
        name = str(body.get("notice", ""))
        notices = self._state.notices.get(person.id, [])
        kept = [one for one in notices if one["id"] != name]
        gone = len(kept) != len(notices)
        self._state.notices[person.id] = kept
        for room in self._state.rooms.values():
            gone = room.ephemerals.get(person.id, {}).pop(name, None) is not None or gone
        if not gone:
            raise ActRefusal("notice_not_found", f"{person.name} has no notice {name}.", 404)
        self._state.touch([person.id])
        return {"ok": True}

    # Parts

    def type_in(self, person: Person, surface: Surface, state: Any) -> None:
        """Remember what somebody has typed on a surface."""
        if state is None:
            return
        if not isinstance(state, dict) or not all(isinstance(one, dict) for one in state.values()):
            raise ActRefusal("invalid_state", "state is {block_id: {action_id: value}}.")
        known = known_values(surface.blocks, state, self._state.offers(person.id, surface.id))
        if surface.view:
            surface.view.type_in(known)
            return
        typed: Typed = self._state.typed_on(person.id, surface.id)
        for block_id, by_action in known.items():
            typed.setdefault(block_id, {}).update(by_action)

    def _command(self, person: Person, text: str) -> tuple[SlashCommand, str]:
        name, _, words = text.strip().partition(" ")
        command = next((one for one in self._state.app.commands if one.command == name), None)
        if command is None:
            self._state.notice(person.id, f"{name} is not a valid command.")
            raise ActRefusal("unknown_command", f"The app has no command {name}.")
        self._refuse_strangers(person, name)
        return command, words.strip()

    def _refuse_strangers(self, person: Person, what: str) -> None:
        if self._state.is_stranger(person):
            self._state.notice(person.id, f"{what} belongs to {self._state.team.name} and cannot be used by others.")
            raise ActRefusal("not_for_strangers", "Slack offers commands and shortcuts to its own people only.", 403)

    def _writable(self, person: Person, channel: str) -> Room:
        room = self.room(person, channel)
        if person.id not in room.members:
            raise ActRefusal("not_in_channel", f"{person.name} is not a member of {room.name}.", 403)
        if room.is_archived:
            raise ActRefusal("is_archived", f"{room.name} is archived.", 403)
        return room

    def _show_answer(self, person: Person, room: Room, command: SlashCommand, body: Json) -> None:
        try:
            answer_at(self._state, ResponseUrl(person.id, room.id, expires_at=0.0), body)
        except SlackRefusal as refusal:
            self._state.notice(person.id, f'{command.command} failed with the error "{refusal.code}"', room.id)


def outcome(ack: Ack) -> Json:
    """Return what the control API says of an act that was delivered."""
    answer: Json = {"ok": True, "acked": ack.acked, "took_ms": ack.took_ms}
    return answer if ack.acked else answer | {"error": ack.error}


def _drawing(message: Message, number: Any) -> Drawing:
    if number is None:
        return message.drawing
    drawings = [*message.earlier, message.drawing]
    if not isinstance(number, int) or not 0 <= number < len(drawings):
        raise ActRefusal("no_such_drawing", f"The message was drawn {len(drawings)} times, counted from 0.")
    return drawings[number]


def _element(surface: Surface, user: str, body: Json) -> tuple[Json, Json]:
    action_id, block_id, value = body.get("action_id"), body.get("block_id"), body.get("value")
    found = [
        (block, element)
        for block, element in elements(surface.blocks)
        if element["action_id"] == action_id and block_id in (None, block["block_id"]) and is_shown(element, user)
    ]
    if len(found) > 1 and value is not None:
        found = [(block, element) for block, element in found if element.get("value") == value]
    if not found:
        raise ActRefusal("no_such_element", f"There is no {action_id!r} to click on here.", 404)
    if len(found) > 1:
        raise ActRefusal("ambiguous_element", f"There are several {action_id!r}: name the block_id or value too.")
    return found[0]


def is_shown(element: Json, user: str) -> bool:
    """Say whether an element is shown to this person."""
    only_for = element.get("visible_to_user_ids")
    return only_for is None or user in only_for
