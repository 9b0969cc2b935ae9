"""Steering the workspace from outside: the clock, people, channels, groups, delivery and sockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from jitbot.sandbox.engine import Engine
from jitbot.sandbox.messages import Json, Room
from jitbot.sandbox.refusals import ActRefusal
from jitbot.sandbox.slack_objects import slack_group, slack_user
from jitbot.sandbox.workspace import HttpDelivery, Person

Change = Callable[[str | None, Json], Awaitable[Json]]
_ROOM_KEYS = {"is_archived", "members", "is_ext_shared", "is_private"}


class Changes:
    """The control API's changes, by the first part of their path."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._state = engine.state
        self._changes: dict[str, Change] = {
            "reset": self._reset,
            "clock": self._clock,
            "people": self._person,
            "channels": self._channel,
            "usergroups": self._group,
            "delivery": self._delivery,
            "sockets": self._sockets,
            "redeliver": self._redeliver,
        }

    async def make(self, name: str, target: str | None, body: Json) -> Json:
        """Make a change and say what came of it."""
        change = self._changes.get(name)
        if change is None:
            raise ActRefusal("unknown_call", f"There is /control/{', /control/'.join(self._changes)}.", 404)
        return {"ok": True, **await change(target, body)}

    async def _reset(self, _target: str | None, _body: Json) -> Json:
        self._engine.reset()
        return {}

    async def _clock(self, _target: str | None, body: Json) -> Json:
        forward = body.get("forward")
        if not isinstance(forward, int | float) or forward < 0:
            raise ActRefusal("invalid_forward", "forward is a number of seconds, not negative.")
        self._engine.clock.forward(float(forward))
        self._state.touch(None)
        return {"now": self._engine.clock.now()}

    async def _person(self, target: str | None, body: Json) -> Json:
        person = self._state.people.get(target or "")
        if person is None:
            raise ActRefusal("user_not_found", f"There is nobody with the id {target}.", 404)
        try:
            changed = Person.model_validate(person.model_dump() | body | {"id": person.id})
        except ValidationError as error:
            raise ActRefusal("invalid_person", _first(error)) from error
        self._state.people[person.id] = changed
        self._state.touch(None)
        user = slack_user(self._state, changed)
        self._emit("user_change", user=user, cache_ts=int(self._engine.clock.now()))
        return {"person": changed.model_dump()}

    async def _channel(self, target: str | None, body: Json) -> Json:
        room = self._state.rooms.get(target or "")
        if room is None or room.kind == "dm":
            raise ActRefusal("channel_not_found", f"There is no channel {target}.", 404)
        unknown = set(body) - _ROOM_KEYS
        if unknown:
            raise ActRefusal("invalid_channel", f"A channel's {', '.join(sorted(unknown))} cannot be changed.")
        if "is_archived" in body:
            self._archive(room, bool(body["is_archived"]))
        if "members" in body:
            self._set_members(room, self._known_people(body["members"]))
        if "is_ext_shared" in body:
            self._share(room, bool(body["is_ext_shared"]))
        if "is_private" in body:
            room.kind = "private" if body["is_private"] else "channel"
        self._state.touch(None)
        return {}

    def _archive(self, room: Room, archived: bool) -> None:
        if room.is_archived != archived:
            room.is_archived = archived
            self._emit("channel_archive" if archived else "channel_unarchive", channel=room.id, user="USLACKBOT")

    def _set_members(self, room: Room, members: list[str]) -> None:
        before = list(room.members)
        room.members = members
        kind = "C" if room.kind == "channel" else "G"
        for user in members:
            if user not in before:
                self._emit("member_joined_channel", user=user, channel=room.id, channel_type=kind)
        for user in before:
            if user not in members:
                self._emit("member_left_channel", user=user, channel=room.id, channel_type=kind)

    def _share(self, room: Room, shared: bool) -> None:
        if room.is_ext_shared != shared:
            room.is_ext_shared = shared
            self._emit("channel_shared" if shared else "channel_unshared", channel=room.id)

    async def _group(self, target: str | None, body: Json) -> Json:
        group = self._state.groups.get(target or "")
        if group is None:
            raise ActRefusal("usergroup_not_found", f"There is no user group {target}.", 404)
        before, group.users = group.users, self._known_people(body.get("users"))
        self._state.touch(None)
        added = [user for user in group.users if user not in before]
        removed = [user for user in before if user not in group.users]
        now = int(self._engine.clock.now())
        members: Json = {"subteam_id": group.id, "team_id": self._state.team.id, "date_update": now}
        members |= {"added_users": added, "added_users_count": len(added)}
        members |= {"removed_users": removed, "removed_users_count": len(removed)}
        self._emit("subteam_members_changed", **members)
        self._emit("subteam_updated", subteam=slack_group(self._state, group, users=True))
        return {}

    async def _delivery(self, _target: str | None, body: Json) -> Json:
        match body.get("mode"):
            case "socket":
                self._state.app.delivery = "socket"
            case "http":
                try:
                    self._state.app.delivery = HttpDelivery(url=body.get("url", ""))
                except ValidationError as error:
                    raise ActRefusal("invalid_url", "mode http needs the url the app listens on.") from error
            case _:
                raise ActRefusal("invalid_mode", "mode is socket or http.")
        return {}

    async def _sockets(self, _target: str | None, body: Json) -> Json:
        if body.get("close") == "all":
            return {"closed": await self._engine.hub.close_all()}
        if isinstance(body.get("reason"), str):
            return {"asked": await self._engine.hub.disconnect_all(body["reason"])}
        raise ActRefusal("invalid_sockets", 'Send {"close": "all"} or {"reason": "refresh_requested"}.')

    async def _redeliver(self, target: str | None, body: Json) -> Json:
        number = body.get("n", target)
        if not str(number).isdecimal():
            raise ActRefusal("invalid_n", "n is the number of a delivery in /control/log.")
        ack = await self._engine.courier.redeliver(int(str(number)))
        return {"acked": ack.acked, "took_ms": ack.took_ms} | ({} if ack.acked else {"error": ack.error})

    def _emit(self, kind: str, **fields: Any) -> None:
        self._engine.courier.emit({"type": kind, **fields, "event_ts": self._engine.clock.next_ts()})

    def _known_people(self, users: Any) -> list[str]:
        try:
            named = TypeAdapter(list[str]).validate_python(users)
        except ValidationError as error:
            raise ActRefusal("invalid_users", "A list of people's ids is needed.") from error
        unknown = [user for user in named if user not in self._state.people]
        if unknown:
            raise ActRefusal("user_not_found", f"There is nobody with the id {unknown[0]}.", 404)
        return list(dict.fromkeys(named))


def _first(error: ValidationError) -> str:
    mistake = error.errors()[0]
    return f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}"
