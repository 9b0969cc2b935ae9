"""A town with people who may halt and lift, for the tests about that."""

from jitbot.model import Answer, DeliveryKind, UserId
from tests.town import CY, DI, EVE, Town

GUARDRAILS = "guardrails: []\nmay_halt: [group:sre]\nmay_lift: [group:leads, 'user:U0ANN']\n"


def watched(town: Town) -> Town:
    """Let Eve halt anything, and Ann, Cy and Di lift it."""
    people = town.files["people.yml"]
    town.write("people.yml", people if "sre:" in people else people + "  sre: [U0EVE]\n")
    town.write("guardrails.yml", GUARDRAILS)
    assert not town.book.fault, town.book.fault
    return town


def halt(town: Town, about: str = "all", of: str = "", *, by: UserId = EVE, why: str = "something is wrong") -> Answer:
    return town.do(DeliveryKind.HALT, by, about=about, of=of, why=why)


def lift(town: Town, by: UserId, name: str = "H-1") -> Answer:
    return town.do(DeliveryKind.LIFT, by, halt=name)


def lifted(town: Town, name: str = "H-1") -> None:
    """Have two people lift a halt, and what was held looked at again."""
    lift(town, CY, name)
    assert "is lifted" in lift(town, DI, name).text
    a_while(town)


def a_while(town: Town) -> None:
    """Let so much time pass that what is halted is looked at again."""
    town.forward(seconds=6)
    town.settle()
