"""`/jit` and its words."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import Ack

from jitbot.errors import InvalidInput, JitbotError, NotFound, UserFault
from jitbot.model import DeliveryKind
from jitbot.slack.clicks import Clicks
from jitbot.slack.delegating import Asked, read_delegation
from jitbot.slack.desk import Body, Desk, typed_key
from jitbot.slack.door import Caller
from jitbot.slack.extending import Extensions
from jitbot.slack.forms import Forms
from jitbot.slack.halting import HaltListeners, read_halt
from jitbot.slack.oneliner import ABOUT_ONE, Word, parse
from jitbot.slack.spans import Drawing
from jitbot.slack.typed import Typed
from jitbot.slack.views import delegations, ids, lists, notices
from jitbot.slack.views.people import on_card
from jitbot.slack.views.whole import details

ENDING = {Word.WITHDRAW: DeliveryKind.WITHDRAW, Word.DROP: DeliveryKind.DROP}
OPEN_TYPED = "Open the form with what you typed"
LATER = "This cannot be looked up just now. Try again in a minute."


class Commands:
    """The listener of `/jit`."""

    def __init__(self, desk: Desk, forms: Forms, clicks: Clicks, extensions: Extensions, halts: HaltListeners) -> None:
        self._desk = desk
        self._forms = forms
        self._clicks = clicks
        self._extensions = extensions
        self._shows: Mapping[Word, Callable[[Caller, str], Drawing]] = {
            Word.HELP: self._help,
            Word.MINE: self._mine,
            Word.PENDING: self._pending,
            Word.STATUS: self._status,
            Word.DELEGATE: self._delegations,
            Word.HALT: halts.listing,
        }

    def on_command(self, ack: Ack, body: Body) -> None:
        """Do what was typed: at once where it is complete, with a form where it is not."""
        caller = self._desk.door.enter(body)
        text = str(body.get("text") or "")
        try:
            command = parse(text)
        except InvalidInput as fault:
            self._offer_form(ack, str(fault), text)
            return
        if command.typed is not None:
            self._ask(ack, body, caller, command.typed)
        elif command.word is None:
            ack()
            self._desk.hands.give(self._forms.open_picker, body, caller)
        elif command.word in ABOUT_ONE and not command.about:
            ack(f"Which one? Say it like `{ids.COMMAND} {command.word} JIT-12`.")
        else:
            self._word(ack, body, caller, command.word, command.about)

    def _word(self, ack: Ack, body: Body, caller: Caller, word: Word, about: str) -> None:
        if word in ENDING:
            self._end(ack, body, caller, ENDING[word], about)
        elif word is Word.EXTEND:
            self._extensions.on_typed(ack, body, caller, about)
        elif word is Word.WHY:
            request = self._desk.service.queries.find(about)
            ack()
            self._desk.hands.give(self._clicks.show, body, caller, request, details)
        elif word is Word.DELEGATE and about:
            self._take_in(ack, body, caller, read_delegation(about))
        elif word is Word.HALT and about:
            self._take_in(ack, body, caller, read_halt(about))
        else:
            ack()
            self._desk.hands.give(self._show, body, caller, self._shows[word], about)

    def _ask(self, ack: Ack, body: Body, caller: Caller, typed: Typed) -> None:
        """Take a complete one-liner in; open the form for any other, with what was typed and what is wrong."""
        queries = self._desk.service.queries
        try:
            action = queries.action(typed.action)
            queries.check(action, typed.body(), caller.user)
        except NotFound as fault:
            ack()
            self._desk.hands.give(self._unknown, body, caller, typed, str(fault))
        except InvalidInput:
            ack()
            self._desk.hands.give(self._forms.open_form, body, caller, typed)
        else:
            if typed.break_glass:
                ack()
                self._desk.hands.give(self._forms.confirm_typed, body, caller, action, typed)
                return
            key = typed_key(body)
            self._desk.take_in(key, DeliveryKind.ASK, caller, typed.body())
            ack()
            self._desk.hands.give(self._work, key, body, caller)

    def _end(self, ack: Ack, body: Body, caller: Caller, kind: DeliveryKind, about: str) -> None:
        request = self._desk.service.queries.find(about)
        key = typed_key(body)
        self._desk.take_in(key, kind, caller, {}, request)
        ack()
        self._desk.hands.give(self._work, key, body, caller)

    def _take_in(self, ack: Ack, body: Body, caller: Caller, asked: Asked) -> None:
        key = typed_key(body)
        self._desk.take_in(key, asked.kind, caller, asked.body)
        ack()
        self._desk.hands.give(self._work, key, body, caller)

    def _work(self, key: str, body: Body, caller: Caller) -> None:
        answer = self._desk.work(key)
        if answer is not None and answer.text:
            self._desk.replies.to_person(body, caller.user, answer.text)

    def _offer_form(self, ack: Ack, text: str, typed: str) -> None:
        said = notices.with_form_button(text, typed.split()[0] if typed.split() else "", typed, OPEN_TYPED)
        ack(text=said.text, blocks=said.blocks)

    def _unknown(self, body: Body, caller: Caller, typed: Typed, text: str) -> None:
        """Say that there is no such action, with a button that opens the one that was perhaps meant."""
        try:
            names = [action.name for action in self._desk.service.queries.offered(caller.user)]
        except JitbotError:
            names = []
        meant = next(iter(difflib.get_close_matches(typed.action, names, n=1)), "")
        said: Drawing | str = text
        if meant:
            written = str(body.get("text") or "").strip().partition(" ")[2]
            said = notices.with_form_button(text, meant, f"{meant} {written}".strip(), f"Open {meant}")
        self._desk.replies.to_person(body, caller.user, said)

    def _show(self, body: Body, caller: Caller, draw: Callable[[Caller, str], Drawing], about: str) -> None:
        said: Drawing | str
        try:
            said = draw(caller, about)
        except UserFault as fault:
            said = str(fault)
        except JitbotError:
            said = LATER
        self._desk.replies.to_person(body, caller.user, said)

    def _help(self, caller: Caller, about: str) -> Drawing:
        return lists.help_list(self._desk.service.queries.offered(caller.user))

    def _mine(self, caller: Caller, about: str) -> Drawing:
        requests = self._desk.service.queries.mine(caller.user)
        people = {user for request in requests for user in on_card(request, ())}
        return lists.mine(requests, self._desk.directory.names(people))

    def _pending(self, caller: Caller, about: str) -> Drawing:
        requests = self._desk.service.queries.pending(caller.user)
        owed = self._desk.service.queries.owed(caller.user)
        people = {user for request in (*requests, *owed) for user in on_card(request, ())}
        return lists.pending(requests, owed, self._desk.directory.names(people))

    def _delegations(self, caller: Caller, about: str) -> Drawing:
        found = self._desk.service.queries.delegations(caller.user)
        people = {user for each in found for user in (each.delegator, each.delegate)}
        return delegations.draw(found, caller.user, self._desk.directory.names(people))

    def _status(self, caller: Caller, about: str) -> Drawing:
        request, reviews = self._desk.service.queries.status(caller.user, self._desk.service.queries.find(about))
        return lists.status(request, reviews, self._desk.directory.names(on_card(request, reviews)))


def sorry_for_command(ack: Ack, body: Mapping[str, Any], text: str) -> None:
    """Tell only the person who typed it."""
    said = notices.saying(text)
    ack(text=said.text, blocks=said.blocks)
