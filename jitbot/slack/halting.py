"""`/jit halt …` as people type it, and the buttons by which halts are lifted."""

from slack_bolt import Ack

from jitbot.errors import InvalidInput, JitbotError, UserFault
from jitbot.model import DeliveryKind, HaltKind
from jitbot.service.halt_changes import find
from jitbot.slack.delegating import MENTION, Asked
from jitbot.slack.desk import Body, Desk
from jitbot.slack.door import Caller
from jitbot.slack.oneliner import about_one
from jitbot.slack.spans import Block, Drawing
from jitbot.slack.views import halts, ids, small
from jitbot.slack.views.people import mentioned

LIFT = "lift"
_HOW = f'Write it like `{ids.COMMAND} halt action restart reason="what you saw"`; {ids.COMMAND} halt alone shows more.'


def read_halt(about: str) -> Asked:
    """Read what stands behind `halt`. Raises: InvalidInput where it names nothing."""
    first, rest = [*about.split(None, 1), "", ""][:2]
    word = first.lower()
    if word == LIFT:
        return Asked(DeliveryKind.LIFT, {"halt": rest.strip()})
    if word not in set(HaltKind):
        raise InvalidInput(f"“{first[:60]}” is nothing that can be halted. {_HOW}")
    typed = about_one(about if word == HaltKind.ALL else rest)
    if typed.params or typed.ttl or typed.at:
        raise InvalidInput(f"A halt stands until it is lifted, and has nothing but a reason. {_HOW}")
    of = "" if word == HaltKind.ALL else typed.action
    if word == HaltKind.PERSON:
        found = MENTION.fullmatch(of)
        if found is None:
            raise InvalidInput(f"“{of[:60]}” is nobody that I know. Slack offers names as you type the @.")
        of = found[1]
    return Asked(DeliveryKind.HALT, {"about": word, "of": of, "why": typed.reason})


class HaltListeners:
    """The listeners of the buttons on halts. A button only opens a view that is drawn from the record; that counts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def listing(self, caller: Caller, about: str) -> Drawing:
        """List what is halted."""
        known = self._desk.service.queries.halts()
        people = mentioned(halts.people_in(*known.standing))
        return halts.listing(known, self._desk.directory.names(people))

    def on_lift(self, ack: Ack, body: Body) -> None:
        """Show what would be lifted, and ask once more."""
        caller = self._desk.door.enter(body)
        name = str(body["actions"][0].get("value") or "")
        ack()
        self._desk.hands.give(self._ask, body, caller, name)

    def on_lift_submitted(self, ack: Ack, body: Body) -> None:
        """Take somebody's word in that a halt may be lifted."""
        caller = self._desk.door.enter(body)
        key, said = f"view:{body['view']['id']}", {"halt": str(body["view"]["private_metadata"])}
        self._desk.take_in(key, DeliveryKind.LIFT, caller, said)
        ack()
        self._desk.hands.give(self._work, key, caller)

    def _ask(self, body: Body, caller: Caller, name: str) -> None:
        opened = self._desk.replies.open(str(body["trigger_id"]), small.waiting("Lift a halt"))
        if opened is None:
            self._desk.replies.to_person(body, caller.user, "Slack was too slow to open this. Press again.")
            return
        self._desk.replies.update(str(opened["id"]), self._form(name))

    def _form(self, name: str) -> Block:
        try:
            halt = find(self._desk.service.queries.halts(), name)
        except UserFault as fault:
            return small.saying("Lift a halt", str(fault))
        except JitbotError:
            return small.saying("Lift a halt", "This cannot be looked up just now. Try again in a minute.")
        return halts.lift_form(halt, self._desk.directory.names(mentioned(halts.people_in(halt))))

    def _work(self, key: str, caller: Caller) -> None:
        answer = self._desk.work(key)
        if answer is not None and answer.text:
            self._desk.replies.by_message(caller.user, answer.text)
