"""What people do with forms: submit them, close them, and ask for the options of an external select."""

from __future__ import annotations

from typing import Any

from jitbot.sandbox.acting import Acting, outcome
from jitbot.sandbox.delivery import Courier
from jitbot.sandbox.form_inputs import input_errors
from jitbot.sandbox.messages import Json
from jitbot.sandbox.parcels import Ack, Parcel
from jitbot.sandbox.payloads import Payloads, Surface
from jitbot.sandbox.refusals import ActRefusal, SlackRefusal
from jitbot.sandbox.state import State
from jitbot.sandbox.view_check import checked_view
from jitbot.sandbox.views import View
from jitbot.sandbox.workspace import Person

_TROUBLE = "We had some trouble connecting. Try again?"
_OPTIONS = 100  # https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element


class Forms:
    """Carries out what people do with forms."""

    def __init__(self, state: State, payloads: Payloads, courier: Courier, acting: Acting) -> None:
        self._state = state
        self._payloads = payloads
        self._courier = courier
        self._acting = acting

    async def submit(self, person: Person, body: Json) -> Json:
        """Submit a form; what the app answers happens to the person's stack."""
        view = self._form(person, body)
        self._acting.type_in(person, Surface(view=view), body.get("state"))
        wrong = input_errors(view.blocks, view.typed)
        self._set_errors(view, wrong)
        if wrong:
            return {"ok": True, "acked": False, "took_ms": 0, "errors": wrong}
        payload = self._payloads.submission(person, view)
        ack = await self._courier.deliver(Parcel("view_submission", "interactive", payload))
        if not ack.acked:
            self._state.notice(person.id, f"{_TROUBLE} ({ack.error})")
            return outcome(ack)
        return self._take_answer(person, view, ack)

    async def close(self, person: Person, body: Json) -> Json:
        """Close the top form, or with `clear` all of them."""
        view = self._form(person, body)
        clear = bool(body.get("clear"))
        closing = list(self._state.views.stacks.get(person.id, [])) if clear else [view]
        parcels = [
            Parcel("view_closed", "interactive", self._payloads.closed(person, one, cleared=clear))
            for one in closing
            if one.content["notify_on_close"]
        ]
        for one in closing:
            self._state.views.close(one)
        if not clear and view.content["clear_on_close"]:
            self._state.views.close_all(person.id)
        self._state.touch([person.id])
        ack = Ack(acked=True, body={}, to="nobody")
        for parcel in parcels:
            ack = await self._courier.deliver(parcel)
        return outcome(ack)

    async def options(self, person: Person, body: Json) -> Json:
        """Ask the app for an external select's options and remember what was offered."""
        surface = self._acting.surface(person, body)
        block_id, action_id = str(body.get("block_id", "")), str(body.get("action_id", ""))
        query = str(body.get("query", ""))
        payload = self._payloads.suggestion(person, surface, block_id, action_id, query)
        ack = await self._courier.deliver(Parcel("block_suggestion", "interactive", payload))
        offered = _offered(ack.body) if ack.acked else None
        if offered is None:
            self._state.notice(person.id, f"The options could not be loaded ({ack.error or 'invalid options'}).")
            raise ActRefusal("no_options", "The app did not answer with valid options.", 409)
        by_element = self._state.offered.setdefault((person.id, surface.id), {})
        by_element.setdefault((block_id, action_id), {}).update(offered)
        key = "option_groups" if "option_groups" in ack.body else "options"
        return {"ok": True, key: ack.body.get(key, [])}

    def _form(self, person: Person, body: Json) -> View:
        stack = self._state.views.stacks.get(person.id, [])
        if not stack:
            raise ActRefusal("view_not_found", f"{person.name} has no form open.", 404)
        wanted = body.get("view_id", stack[-1].id)
        if wanted != stack[-1].id:
            raise ActRefusal("view_not_found", "This form is not the one on top.", 404)
        return stack[-1]

    def _set_errors(self, view: View, errors: dict[str, str]) -> None:
        if view.errors != errors:
            view.errors = errors
            self._state.touch([view.user])

    def _take_answer(self, person: Person, view: View, ack: Ack) -> Json:
        try:
            errors = self._answer(person, view, ack.body)
        except SlackRefusal as refusal:
            self._state.notice(person.id, f"{_TROUBLE} ({refusal.code})")
            return outcome(ack) | {"error": refusal.code, **refusal.extra}
        self._state.touch([person.id])
        return outcome(ack) | ({"errors": errors} if errors else {})

    def _answer(self, person: Person, view: View, body: Json) -> dict[str, str]:
        now, views = self._state.clock.now(), self._state.views
        match body.get("response_action"):
            case None:
                views.close(view)
            case "clear":
                views.close_all(person.id)
            case "update":
                views.update(view, checked_view(body.get("view"), "modal"), now)
            case "push":
                views.push(person.id, checked_view(body.get("view"), "modal"), now)
            case "errors":
                view.errors = _known_errors(view, body.get("errors"))
                return view.errors
            case _:
                raise SlackRefusal("invalid_response_action")
        return {}


def _known_errors(view: View, errors: Any) -> dict[str, str]:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        raise SlackRefusal("invalid_errors")
    return {str(block_id): str(text) for block_id, text in errors.items()}


def _offered(body: Json) -> dict[str, Json] | None:
    groups = body.get("option_groups")
    lists = [one.get("options", []) for one in groups] if isinstance(groups, list) else [body.get("options")]
    if len(lists) > _OPTIONS:
        return None
    offered: dict[str, Json] = {}
    for options in lists:
        if not isinstance(options, list) or len(options) > _OPTIONS:
            return None
        offered |= {one["value"]: one for one in options}
    return offered
