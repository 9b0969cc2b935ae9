"""Asking to keep something for longer: by its button, by the form behind it, or in one line."""

from collections.abc import Mapping

from slack_bolt import Ack

from jitbot.errors import InvalidInput
from jitbot.model import DeliveryKind, RequestId
from jitbot.slack.clicks import read_click
from jitbot.slack.desk import Body, Desk, typed_key
from jitbot.slack.door import Caller
from jitbot.slack.oneliner import about_one
from jitbot.slack.typed import Typed, placed
from jitbot.slack.views import ids
from jitbot.slack.views.extend import extend_form


class Extensions:
    """The listeners of everything by which an extension is asked for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_extend(self, ack: Ack, body: Body) -> None:
        """Open the form, for whoever may extend it now."""
        click = read_click(body, self._desk.door.enter(body))
        parent, action = self._desk.service.extending.may_extend(click.caller.user, click.request)
        ack()
        self._desk.hands.give(self._open, body, click.caller, extend_form(parent, action, Typed(action.name)))

    def on_submitted(self, ack: Ack, body: Body) -> None:
        """Check a form, take it in, and work on it."""
        caller, view = self._desk.door.enter(body), body["view"]
        request = ids.read_stamp(str(view["private_metadata"])).request
        values = view["state"]["values"]
        said = {"ttl": _text(values, ids.TTL_BLOCK).strip(), "reason": _text(values, ids.REASON_BLOCK)}
        try:
            self._desk.service.extending.check(caller.user, request, said)
        except InvalidInput as fault:
            ack(response_action="errors", errors=placed(fault.fields or {"reason": str(fault)}, view))
            return
        key = f"view:{view['id']}"
        self._desk.take_in(key, DeliveryKind.EXTEND, caller, said, request)
        ack()
        self._desk.hands.give(self._work, key, caller)

    def on_typed(self, ack: Ack, body: Body, caller: Caller, about: str) -> None:
        """Take a complete line in; open the form for any other, with what was typed and what is wrong."""
        typed = about_one(about)
        request = self._desk.service.queries.find(typed.action)
        self._refuse_others(typed)
        parent, action = self._desk.service.extending.may_extend(caller.user, request)
        said = {"ttl": typed.ttl, "reason": typed.reason}
        faults: Mapping[str, str] = {}
        try:
            self._desk.service.extending.check(caller.user, request, said)
        except InvalidInput as fault:
            faults = fault.fields or {"reason": str(fault)}
        if faults or not typed.ttl:
            ack()
            alone = not typed.ttl and not typed.reason
            self._desk.hands.give(self._open, body, caller, extend_form(parent, action, typed, {} if alone else faults))
            return
        self._take_in(ack, body, caller, request, said)

    def _take_in(self, ack: Ack, body: Body, caller: Caller, request: RequestId, said: Mapping[str, str]) -> None:
        key = typed_key(body)
        self._desk.take_in(key, DeliveryKind.EXTEND, caller, said, request)
        ack()
        self._desk.hands.give(self._work, key, caller)

    def _refuse_others(self, typed: Typed) -> None:
        """Refuse values that an extension does not have: all but its length are those of the grant."""
        others = [*typed.params, *(["at"] if typed.at else []), *(["break-glass"] if typed.break_glass else [])]
        if others:
            raise InvalidInput(f"An extension takes only for=… and reason=…, not {', '.join(others)}.")

    def _open(self, body: Body, caller: Caller, view: Mapping[str, object]) -> None:
        if self._desk.replies.open(str(body["trigger_id"]), dict(view)) is None:
            self._desk.replies.to_person(body, caller.user, "Slack was too slow to open this. Press again.")

    def _work(self, key: str, caller: Caller) -> None:
        answer = self._desk.work(key)
        if answer is not None and answer.text:
            self._desk.replies.by_message(caller.user, answer.text)


def _text(values: Mapping[str, Mapping[str, Mapping[str, str]]], block: str) -> str:
    return values.get(block, {}).get(ids.FIELD, {}).get("value") or ""
