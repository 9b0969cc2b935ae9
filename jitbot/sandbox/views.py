"""Views: forms on people's stacks, and their Home tabs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from jitbot.sandbox.limits import VIEW_STACK
from jitbot.sandbox.refusals import SlackRefusal
from jitbot.sandbox.values import Json, Offered, Typed, carried_over, state_values

_EMPTY: dict[str, Any] = {
    "title": None,
    "submit": None,
    "close": None,
    "callback_id": "",
    "private_metadata": "",
    "external_id": "",
    "clear_on_close": False,
    "notify_on_close": False,
    "submit_disabled": False,
}


@dataclass(slots=True)
class View:
    """A modal or a Home as one person has it open, with what that person has typed."""

    id: str
    user: str
    content: Json
    hash: str
    root: str
    previous: str | None = None
    typed: Typed = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """`modal` or `home`."""
        return str(self.content["type"])

    @property
    def blocks(self) -> list[Json]:
        """The blocks, each with a `block_id`."""
        blocks: list[Json] = self.content["blocks"]
        return blocks

    def type_in(self, state: Typed) -> None:
        """Remember what was typed."""
        for block_id, by_action in state.items():
            self.typed.setdefault(block_id, {}).update(by_action)


class ViewBook:
    """All views of the workspace."""

    def __init__(self, *, team: str, app: str, bot: str) -> None:
        self._origin = {"team_id": team, "app_id": app, "bot_id": bot, "app_installed_team_id": team}
        self._views: dict[str, View] = {}
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    def find(self, view_id: str | None, external_id: str | None = None) -> View:
        """Return an open view.

        Raises:
            SlackRefusal: `not_found`, also after it was closed.
        """
        for view in self._views.values() if external_id else []:
            if view.content["external_id"] == external_id:
                return view
        if view_id in self._views:
            return self._views[view_id]
        raise SlackRefusal("not_found")

    def open(self, user: str, content: Json, at: float) -> View:
        """Start a new stack with this view."""
        view = self._new(user, content, at)
        for old in self.stacks.pop(user, []):
            self._views.pop(old.id, None)
        self.stacks[user] = [view]
        return view

    def push(self, user: str, content: Json, at: float) -> View:
        """Put a view on top of the person's stack."""
        stack = self.stacks.get(user)
        if not stack:
            raise SlackRefusal("not_found")
        if len(stack) >= VIEW_STACK:
            raise SlackRefusal("push_limit_reached")
        view = self._new(user, content, at)
        view.root, view.previous = stack[0].id, stack[-1].id
        stack.append(view)
        return view

    def update(self, view: View, content: Json, at: float, expected_hash: str | None = None) -> View:
        """Replace a view's content; what was typed stays where block, action and type are the same."""
        if expected_hash and expected_hash != view.hash:
            raise SlackRefusal("hash_conflict")
        self._refuse_taken(content, except_view=view.id)
        content = _EMPTY | content
        view.typed = carried_over(view.blocks, content["blocks"], view.typed)
        view.content, view.errors, view.hash = content, {}, _hash(at)
        return view

    def publish(self, user: str, content: Json, at: float, expected_hash: str | None = None) -> View:
        """Set a person's Home."""
        home = self.homes.get(user)
        if home is None:
            self.homes[user] = self._new(user, content, at)
            return self.homes[user]
        return self.update(home, content, at, expected_hash)

    def close(self, view: View) -> None:
        """Take a form off its stack."""
        self._views.pop(view.id, None)
        stack = self.stacks.get(view.user, [])
        if view in stack:
            stack.remove(view)
        if not stack:
            self.stacks.pop(view.user, None)

    def close_all(self, user: str) -> None:
        """Close all of a person's forms."""
        for view in list(self.stacks.get(user, [])):
            self.close(view)

    def as_slack(self, view: View, offered: Offered) -> Json:
        """Return the view object of Slack's answers and payloads."""
        return {
            "id": view.id,
            **self._origin,
            **view.content,
            "state": {"values": state_values(view.blocks, view.typed, offered)},
            "hash": view.hash,
            "root_view_id": view.root,
            "previous_view_id": view.previous,
        }

    def _new(self, user: str, content: Json, at: float) -> View:
        self._refuse_taken(content)
        number = f"V{secrets.token_hex(5).upper()}"  # never again, as in Slack: not even after a reset or a restart
        view = View(id=number, user=user, content=_EMPTY | content, hash=_hash(at), root=number)
        self._views[number] = view
        return view

    def _refuse_taken(self, content: Json, except_view: str = "") -> None:
        wanted = content.get("external_id")
        if wanted and any(
            one.content["external_id"] == wanted and one.id != except_view for one in self._views.values()
        ):
            raise SlackRefusal("duplicate_external_id")


def _hash(at: float) -> str:
    return f"{int(at)}.{secrets.token_hex(4)}"
