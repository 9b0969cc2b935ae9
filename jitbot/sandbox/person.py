"""Acting as a person of the local Slack, from synchronous tests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx2

Json = dict[str, Any]
Found = TypeVar("Found")
_POLL_SECONDS = 0.01


class PersonRefused(Exception):
    """The local Slack did not let the person do it.

    Args:
        status: The HTTP status.
        answer: The answer, with `error` and `detail`.
    """

    def __init__(self, status: int, answer: Json) -> None:
        super().__init__(f"{answer.get('error')}: {answer.get('detail')}")
        self.status = status
        self.answer = answer
        self.code = str(answer.get("error"))


class Person:
    """Somebody in the workspace. Acts wait for the app's acknowledgement and return what the control API says."""

    def __init__(self, client: httpx2.Client, user: str) -> None:
        self._client = client
        self.id = user

    # Acting

    def command(self, channel: str, text: str) -> Json:
        """Send a slash command, for example `/jit restart`."""
        return self._act("command", {"channel": channel, "text": text})

    def say(self, channel: str, text: str, thread_ts: str | None = None) -> Json:
        """Post a message; a person's id as the channel means a direct message."""
        return self._act("message", {"channel": channel, "text": text, "thread_ts": thread_ts})

    def click(self, where: Json, action_id: str, **more: Any) -> Json:
        """Press, pick or choose on a message (from `messages`, `dm`) or a view (from `modal`, `home`).

        Args:
            where: The message or view.
            action_id: The element's.
            more: `block_id`, `value` (of a select: the option's), `state`, `drawing`.
        """
        return self._act("click", _place(where) | {"action_id": action_id} | more)

    def submit(self, state: Json | None = None, view: Json | None = None) -> Json:
        """Submit the form on top (or this one) with these values: `{block_id: {action_id: value}}`."""
        return self._act("submit", {"state": state or {}} | (_place(view) if view else {}))

    def close(self, *, clear: bool = False) -> Json:
        """Close the form on top, or all."""
        return self._act("close", {"clear": clear})

    def options(self, where: Json, block_id: str, action_id: str, query: str = "") -> Json:
        """Ask the app for an external select's options."""
        ids = {"block_id": block_id, "action_id": action_id, "query": query}
        return self._act("options", _place(where) | ids)

    def shortcut(self, callback_id: str, message: Json | None = None) -> Json:
        """Run a global shortcut, or a message shortcut on a message."""
        return self._act("shortcut", {"callback_id": callback_id} | (_place(message) if message else {}))

    def open_home(self) -> Json:
        """Open the app's Home."""
        return self._act("home", {})

    def read(self, channel: str) -> Json:
        """Mark a channel read."""
        return self._act("read", {"channel": channel})

    def dismiss(self, notice: str) -> Json:
        """Take away a notice by its id, or an ephemeral message by its `ts`."""
        return self._act("dismiss", {"notice": notice})

    # Seeing

    def see(self) -> Json:
        """Return everything this person sees."""
        found: Json = self.call("GET", f"/control/as/{self.id}")
        return found

    def messages(self, channel: str) -> list[Json]:
        """Return a channel's messages, ephemeral ones too, oldest first."""
        return [{"channel": channel, **message} for message in self.see()["messages"].get(channel, [])]

    def last(self, channel: str) -> Json | None:
        """Return a channel's last message."""
        messages = self.messages(channel)
        return messages[-1] if messages else None

    def dm(self) -> list[Json]:
        """Return the messages of the direct conversation with the app."""
        seen = self.see()
        bot = seen["app"]["bot_user"]
        room = next((one for one in seen["channels"] if one["kind"] == "dm" and one["with"] == bot), None)
        return [{"channel": room["id"], **one} for one in seen["messages"][room["id"]]] if room else []

    def modal(self) -> Json | None:
        """Return the form on top."""
        stack: list[Json] = self.see()["modals"]
        return stack[-1] if stack else None

    def home(self) -> Json | None:
        """Return the Home as it is published now."""
        found: Json | None = self.see()["home"]
        return found

    def notices(self) -> list[str]:
        """Return what Slack tells only this person."""
        return [notice["text"] for notice in self.see()["notices"]]

    def wait_for(self, look: Callable[[], Found | None], what: str = "it", timeout: float = 5.0) -> Found:
        """Return what `look` finds once it finds something true.

        Raises:
            AssertionError: After `timeout` seconds, with what this person sees.
        """
        return wait_for(look, what, timeout, self.see)

    # Parts

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API and return its answer.

        Raises:
            PersonRefused: When it answers with an error.
        """
        answer = self._client.request(method, path, json=body)
        if answer.is_error:
            raise PersonRefused(answer.status_code, answer.json())
        return answer.json()

    def _act(self, act: str, body: Json) -> Json:
        answer: Json = self.call("POST", f"/control/as/{self.id}/{act}", body)
        return answer


def _place(where: Json) -> Json:
    if "ts" in where:
        return {"channel": where["channel"], "ts": where["ts"]}
    return {"view_id": where["id"]}


def wait_for(look: Callable[[], Found | None], what: str, timeout: float, see: Callable[[], Json]) -> Found:
    """Return what `look` finds once it finds something true."""
    ends_at = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > ends_at:
            raise AssertionError(f"waited {timeout} s for {what}; last found {found!r}\n{_summary(see())}")
        time.sleep(_POLL_SECONDS)


def _summary(seen: Json) -> str:
    names = {room["id"]: room["name"] or f"dm with {room['with']}" for room in seen["channels"]}
    lines = ["what is seen:"]
    for channel, messages in seen["messages"].items():
        lines += [f"  {names[channel]}: {message['user']}: {message['text']!r}" for message in messages[-5:]]
    lines += [f"  {key}: {json.dumps(seen[key])[:500]}" for key in ("modals", "home", "notices") if seen.get(key)]
    return "\n".join(lines)
