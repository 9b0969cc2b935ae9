"""Asking with a form: choosing an action, filling it in with a look ahead, and submitting it."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from slack_bolt import Ack

from jitbot.errors import InvalidInput, JitbotError, RunnerError, UserFault
from jitbot.model import Action, DeliveryKind, UserId
from jitbot.slack.desk import Body, Desk
from jitbot.slack.directory import Remembered
from jitbot.slack.door import Caller
from jitbot.slack.oneliner import parse
from jitbot.slack.typed import Typed, action_of, placed, read_confirmed, read_form
from jitbot.slack.views import break_glass, fields, ids, lists, notices, small
from jitbot.slack.views.foresight import Foresight
from jitbot.slack.views.form import form
from jitbot.slack.views.people import in_decision, mentioned

OFFER_SECONDS = 120.0
SETTLED_SECONDS = 0.25
"""How long a form must rest before it is looked ahead for: somebody may be choosing on."""
SLOW_SECONDS = 0.7
"""After so long without an answer the form says that it is being looked up."""
MOST_FORMS = 5000
PICKER_TITLE = "What shall run?"
BREAK_GLASS_TITLE = "Break the glass?"
FILL_IN = "Once all is filled in rightly, you see here what will happen and who is asked."
UNKNOWN = "What will happen could not be told just now. You can ask all the same."


class Newest:
    """Tells of each form whether a look ahead is still the newest one asked for."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._numbers: OrderedDict[str, int] = OrderedDict()

    def begin(self, view_id: str) -> int:
        """Note that a form has changed, and return the number of that change."""
        with self._turn:
            number = self._numbers.pop(view_id, 0) + 1
            self._numbers[view_id] = number
            if len(self._numbers) > MOST_FORMS:
                self._numbers.popitem(last=False)
            return number

    def holds(self, view_id: str, number: int) -> bool:
        """Tell whether that change is the newest."""
        with self._turn:
            return self._numbers.get(view_id) == number


class _Looking:
    """Says that something is being looked up, if that takes long: what was said before may not hold any more."""

    def __init__(self, say: Callable[[], object]) -> None:
        self._say = say
        self._turn = threading.Lock()
        self._over = False
        self._timer = threading.Timer(SLOW_SECONDS, self._late)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *anything: object) -> None:
        self._timer.cancel()
        with self._turn:  # wait until it is said, so that it cannot come after what was found
            self._over = True

    def _late(self) -> None:
        with self._turn:
            if not self._over:
                self._say()


class Forms:
    """The listeners of the picker and of forms."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._newest = Newest()
        self._offered: Remembered[UserId, Sequence[Action]] = Remembered(time.monotonic)

    def open_picker(self, body: Body, caller: Caller) -> None:
        """Show what this person may run."""
        opened = self._desk.replies.open(str(body["trigger_id"]), small.waiting(PICKER_TITLE))
        if opened is None:
            self._desk.replies.to_person(body, caller.user, "Slack was too slow to open the list. Try again.")
            return
        try:
            view = lists.picker(self._offer(caller.user))
        except JitbotError as error:
            view = small.saying(PICKER_TITLE, _words(error))
        self._desk.replies.update(str(opened["id"]), view)

    def open_form(self, body: Body, caller: Caller, typed: Typed) -> None:
        """Open the form with what is known; what cannot be taken is said beside its field."""
        try:
            action = self._desk.service.queries.action(typed.action)
        except UserFault as fault:
            self._desk.replies.to_person(body, caller.user, str(fault))
            return
        typed = replace(typed, at=self._desk.service.queries.instant(typed.at, caller.user))
        faults = self._faults(action, typed, caller.user) if typed != Typed(typed.action) else {}
        opened = self._desk.replies.open(str(body["trigger_id"]), form(action, typed, faults))
        if opened is None:
            text = "Slack was too slow to open the form. What you typed is kept on this button."
            again = notices.with_form_button(text, typed.action, str(body.get("text") or typed.action), "Open the form")
            self._desk.replies.to_person(body, caller.user, again)
            return
        self._look_ahead(opened, action, typed, caller, faults)

    def on_open_form(self, ack: Ack, body: Body) -> None:
        """Open the form with what was typed, from the answer to a one-liner."""
        caller = self._desk.door.enter(body)
        typed = parse(str(body["actions"][0].get("value", "")), forgiving=True).typed
        ack()
        if typed is not None:
            self._desk.hands.give(self.open_form, body, caller, typed)

    def on_pick(self, ack: Ack, body: Body) -> None:
        """Turn the picker into the chosen action's form."""
        caller = self._desk.door.enter(body)
        pressed = body["actions"][0]
        name = str((pressed.get("selected_option") or pressed).get("value", ""))
        action = self._desk.service.queries.action(name)
        ack()
        self._desk.hands.give(self._become_form, str(body["view"]["id"]), action, caller)

    def on_field(self, ack: Ack, body: Body) -> None:
        """Look ahead anew when a field has changed."""
        caller = self._desk.door.enter(body)
        action = self._desk.service.queries.action(action_of(body["view"]))
        typed = read_form(action, body["view"])
        ack()
        self._desk.hands.give(self._look_ahead, dict(body["view"]), action, typed, caller, {}, rest=SETTLED_SECONDS)

    def on_options(self, ack: Ack, body: Body) -> None:
        """Answer a search among more options than a select holds."""
        caller = self._desk.door.enter(body)
        query, view = str(body.get("value") or ""), body["view"]
        if body["action_id"] == ids.PICK:
            ack(options=lists.found_actions(self._offer(caller.user), query))
            return
        action = self._desk.service.queries.action(action_of(view))
        parameter = action.parameter(ids.parameter_of(str(body["block_id"])) or "")
        ack(options=fields.found_options(parameter, query) if parameter is not None else [])

    def on_submitted(self, ack: Ack, body: Body) -> None:
        """Check a form, take it in, and work on it."""
        caller, view = self._desk.door.enter(body), body["view"]
        action = self._desk.service.queries.action(action_of(view))
        typed = read_form(action, view)
        faults = self._faults(action, typed, caller.user)
        if faults:
            ack(response_action="errors", errors=placed(faults, view))
            return
        if typed.break_glass:
            ack(response_action="update", view=small.waiting(BREAK_GLASS_TITLE))
            self._desk.hands.give(self._confirm, str(view["id"]), action, typed, caller)
            return
        key = f"view:{view['id']}"
        self._desk.take_in(key, DeliveryKind.ASK, caller, typed.body())
        ack()
        self._desk.hands.give(self._work, key, caller)

    def confirm_typed(self, body: Body, caller: Caller, action: Action, typed: Typed) -> None:
        """Ask somebody who typed all of it in one line whether they mean to break the glass."""
        opened = self._desk.replies.open(str(body["trigger_id"]), small.waiting(BREAK_GLASS_TITLE))
        if opened is None:
            text = "Slack was too slow to ask whether you mean it, so nothing was done. Type it again."
            self._desk.replies.to_person(body, caller.user, text)
            return
        self._confirm(str(opened["id"]), action, typed, caller)

    def on_confirmed(self, ack: Ack, body: Body) -> None:
        """Take a break-glass in that somebody has confirmed, having been told what will happen."""
        caller, view = self._desk.door.enter(body), body["view"]
        typed = read_confirmed(view)
        key = f"view:{view['id']}"
        self._desk.take_in(key, DeliveryKind.ASK, caller, typed.body())
        ack()
        self._desk.hands.give(self._work, key, caller)

    def _confirm(self, view_id: str, action: Action, typed: Typed, caller: Caller) -> None:
        """Say what will happen, who is told and what is owed; or, back in the form, why it may not be."""
        ahead = self._foresee(action, typed, caller.user)
        decision = ahead.decision
        if decision is None or decision.owes is None:
            why = ahead.words or (decision.summary if decision is not None else UNKNOWN)
            view = form(action, typed, {"break-glass": why}, ahead)
        else:
            view = break_glass.confirm(action, typed, decision.owes, ahead)
        self._desk.replies.update(view_id, view)

    def _work(self, key: str, caller: Caller) -> None:
        answer = self._desk.work(key)
        if answer is not None and answer.text:
            self._desk.replies.by_message(caller.user, answer.text)

    def _become_form(self, view_id: str, action: Action, caller: Caller) -> None:
        typed = Typed(action.name)
        shown = self._desk.replies.update(view_id, form(action, typed))
        if shown is not None:
            self._look_ahead(shown, action, typed, caller, {})

    def _look_ahead(
        self,
        view: Mapping[str, Any],
        action: Action,
        typed: Typed,
        caller: Caller,
        faults: Mapping[str, str],
        *,
        rest: float = 0.0,
    ) -> None:
        """Say at the bottom of a form what would come of it; only the newest look ahead is shown."""
        view_id = str(view["id"])
        number = self._newest.begin(view_id)
        if rest:
            time.sleep(rest)
        if not self._newest.holds(view_id, number):
            return

        def look() -> None:
            if self._newest.holds(view_id, number):
                self._desk.replies.update(view_id, form(action, typed, faults))

        with _Looking(look):
            ahead = self._foresee(action, typed, caller.user)
            ahead = replace(ahead, break_glass=self._glass(action, caller.user))
        drawn = form(action, typed, faults, ahead)
        for seen in (str(view.get("hash") or ""), ""):  # the second time over an earlier look ahead, shown meanwhile
            if self._newest.holds(view_id, number) and self._desk.replies.update(view_id, drawn, seen) is not None:
                return

    def _foresee(self, action: Action, typed: Typed, user: UserId) -> Foresight:
        try:
            ahead = self._desk.service.queries.preview(user, action, typed.body())
            usual = self._desk.service.queries.usual_wait(ahead)
        except InvalidInput:
            return Foresight(words=FILL_IN)
        except UserFault as fault:
            return Foresight(words=str(fault))
        except RunnerError as error:
            return Foresight(words=f"⛔ Refused now: {error}")
        except JitbotError:
            return Foresight(words=UNKNOWN)
        names = self._desk.directory.names(in_decision(ahead.decision) | mentioned(ahead.halted))
        return Foresight(ahead.decision, ahead.snapshot.plan, names=names, usual_wait=usual, halted=ahead.halted)

    def _glass(self, action: Action, user: UserId) -> bool:
        try:
            return self._desk.service.queries.may_break_glass(user, action)
        except JitbotError:
            return False

    def _faults(self, action: Action, typed: Typed, user: UserId) -> Mapping[str, str]:
        try:
            self._desk.service.queries.check(action, typed.body(), user)
        except InvalidInput as fault:
            return fault.fields or {"reason": str(fault)}
        return {}

    def _offer(self, user: UserId) -> Sequence[Action]:
        offered = self._offered.get(user)
        if offered is None:
            offered = self._desk.service.queries.offered(user)
            self._offered.put(user, offered, OFFER_SECONDS)
        return offered


def _words(error: JitbotError) -> str:
    return str(error) if isinstance(error, UserFault) else "This cannot be looked up just now. Try again in a minute."
