"""What becomes of a halt, on record: it is set, wanted lifted, and lifted; the same from Slack and on the server.

Every event carries all halts that stand from then on. Two changes in the same moment do not both hold.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from jitbot.errors import Conflict, InvalidInput, NotFound, Settled
from jitbot.model import Halt, HaltId, Halts, Outgoing, Topic, UserId
from jitbot.model.halt import called
from jitbot.policy.parameters import refuse_unprintable
from jitbot.policy.wording import shown
from jitbot.ports import Entry

LONGEST_WHY = 300
OPERATOR = "operator"
"""Who the record says it was on the server, with the login beside it."""
_HALT: TypeAdapter[Halt] = TypeAdapter(Halt)


def set_halt(entry: Entry, known: Halts, halt: Halt, *, login: str = "") -> Halt:
    """Set a new halt; its number is given here. Raises: Settled where that is halted already."""
    same = next((each for each in known.standing if (each.kind, each.of) == (halt.kind, halt.of)), None)
    if same is not None:
        raise Settled(f"{_upper(same.words)}. There is nothing to add to that.")
    made = replace(halt, id=HaltId(known.newest + 1))
    _record(entry, known, [*known.standing, made], made, OPERATOR if login else made.by, "halted", login=login)
    _show(entry, made, "halted")
    return made


def want(entry: Entry, known: Halts, halt: Halt, by: UserId) -> None:
    """Note that a first person wants a halt lifted."""
    wanted = replace(halt, lift_by=by, lift_at=entry.now)
    standing = [wanted if each.id == halt.id else each for each in known.standing]
    _record(entry, known, standing, wanted, by, "lift wanted")
    _show(entry, halt, f"wanted:{by}")


def lift(entry: Entry, known: Halts, halt: Halt, by: str, *, first: str = "", why: str = "", login: str = "") -> None:
    """Lift a halt; `first` has said so before, or `why` says why the one with `login` does it alone, on the server."""
    standing = [each for each in known.standing if each.id != halt.id]
    _record(entry, known, standing, halt, OPERATOR if login else by, "lifted", why=why, login=login)
    people = " and ".join(called(each) for each in (first, by) if each)
    because = f": “{why}”" if why else ""
    text = f"{halt.name} is lifted by {people}{because}. {_upper(halt.what)} may start again."
    entry.say(Outgoing(f"halt:{halt.id}:lifted", Topic.ALARM, None, text))


def find(known: Halts, name: str) -> Halt:
    """Return a halt that stands by its name, `H-3` or `3`. Raises: NotFound, Settled."""
    number = name.strip().lower().removeprefix("h").removeprefix("-")
    if not number.isascii() or not number.isdigit() or not 0 < int(number[:15]) <= known.newest:
        raise NotFound(f"{shown(name, 40)} is no halt. Halts are called like H-3; /jit halt lists them.")
    found = next((each for each in known.standing if each.id == int(number[:15])), None)
    if found is None:
        raise Settled(f"H-{int(number)} does not stand any more: it was lifted.")
    return found


def reason(text: str) -> str:
    """Read why something is halted, or lifted. Raises: InvalidInput."""
    why = " ".join(text.split())
    if not why:
        raise InvalidInput("Say why, so that others know when it can be lifted.")
    if len(why) > LONGEST_WHY:
        raise InvalidInput(f"The reason is too long: {len(why)} characters, and {LONGEST_WHY} are the most.")
    try:
        refuse_unprintable(why)
    except InvalidInput as error:
        raise InvalidInput(f"The reason {error}") from None
    return why


def _record(entry: Entry, known: Halts, standing: Sequence[Halt], halt: Halt, by: str, what: str, **more: Any) -> None:
    """Put it on record; `known` is what it follows from. Raises, at the commit at the latest: Conflict."""
    if known.fault:
        raise Conflict(known.fault)
    stands = [_HALT.dump_python(each, mode="json") for each in standing]
    said = {"halt": _HALT.dump_python(halt, mode="json"), "newest": max(known.newest, halt.id), **more}
    entry.unless_halted(known.as_of)
    entry.record("halts", by, what=what, standing=stands, **said)


def _show(entry: Entry, halt: Halt, what: str) -> None:
    """Have the operators shown a halt as it stands when that is said."""
    entry.say(Outgoing(f"halt:{halt.id}:{what}", Topic.HALT, None, str(halt.id)))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
