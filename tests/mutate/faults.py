"""Deliberate faults: each must be noticed by a test.

`old` stands exactly once in its file. `tests` are the paths that must notice; the whole folder where several may.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One change to one file that would be a hole."""

    name: str
    file: str
    old: str
    new: str
    tests: Sequence[str]


DECIDING = ("tests/acceptance", "tests/unit/policy")
RECORD = ("tests/unit/core",)
LIFECYCLE = (
    "tests/docs/test_generated.py::test_the_drawing_of_the_lifecycle_is_its_table",
    "tests/docs/test_generated.py::test_a_generated_part_is_what_make_docs_would_write[docs/reference/states.md:causes]",
)
STORE = ("tests/contract", "tests/acceptance")

FAULTS = (
    Fault(
        "the requester may review their own request",
        "jitbot/policy/decide.py",
        "if user in (request.requester, request.beneficiary) or not facts.may_review(user):",
        "if not facts.may_review(user):",
        DECIDING,
    ),
    Fault(
        "the requester's own approval counts",
        "jitbot/policy/requirements.py",
        "if review.verdict is Verdict.APPROVE and review.reviewer not in outside",
        "if review.verdict is Verdict.APPROVE",
        DECIDING,
    ),
    Fault(
        "an outsider's review counts",
        "jitbot/policy/decide.py",
        "counted = [each for each in reviews if each.selectors and not facts.gone(each.reviewer)]",
        "counted = [each for each in reviews if not facts.gone(each.reviewer)]",
        DECIDING,
    ),
    Fault(
        "the review of somebody deactivated since still counts",
        "jitbot/policy/decide.py",
        "counted = [each for each in reviews if each.selectors and not facts.gone(each.reviewer)]",
        "counted = [each for each in reviews if each.selectors]",
        DECIDING,
    ),
    Fault(
        "no rule means yes",
        "jitbot/policy/decide.py",
        'Rule("no rule matched", Outcome.DENY,',
        'Rule("no rule matched", Outcome.ALLOW,',
        DECIDING,
    ),
    Fault(
        "a condition that errs counts as true",
        "jitbot/policy/decide.py",
        "        if tested.truth is Truth.TRUE:\n            found.rule = rule",
        "        if tested.truth is not Truth.FALSE:\n            found.rule = rule",
        DECIDING,
    ),
    Fault(
        "a condition that errs counts as false",
        "jitbot/policy/decide.py",
        "        if tested.truth is not Truth.FALSE:\n            found.take(rule, tested)",
        "        if tested.truth is Truth.TRUE:\n            found.take(rule, tested)",
        DECIDING,
    ),
    Fault(
        "a guardrail's condition that errs counts as false",
        "jitbot/policy/decide.py",
        "    if tested.truth is not Truth.FALSE:\n        found.take(guardrail.rule, tested)",
        "    if tested.truth is Truth.TRUE:\n        found.take(guardrail.rule, tested)",
        DECIDING,
    ),
    Fault(
        "one person fills two places",
        "jitbot/policy/matching.py",
        "if place not in taken or _seat(taken[place], places, entries, people, taken, tried):\n"
        "            taken[place] = person\n"
        "            return True",
        "if place not in taken or _seat(taken[place], places, entries, people, taken, tried):\n"
        "            taken[place] = person",
        DECIDING,
    ),
    Fault(
        "who came first keeps the place, though another could take it",
        "jitbot/policy/matching.py",
        "if place not in taken or _seat(taken[place], places, entries, people, taken, tried):",
        "if place not in taken:",
        DECIDING,
    ),
    Fault(
        "what nobody can approve waits for ever",
        "jitbot/policy/decide.py",
        "if request.state is State.DECIDING and not all(each.possible for each in measured):",
        "if False:",
        DECIDING,
    ),
    Fault(
        "approving after a denial",
        "jitbot/lifecycle.py",
        "    (State.PENDING, Event.APPROVE): State.APPROVED,",
        "    (State.PENDING, Event.APPROVE): State.APPROVED,\n    (State.DENIED, Event.APPROVE): State.APPROVED,",
        LIFECYCLE,
    ),
    Fault(
        "an undone request that was revoked ends as expired",
        "jitbot/lifecycle.py",
        "UndoCause.REVOCATION: Event.END_REVOKED,",
        "UndoCause.REVOCATION: Event.END_EXPIRED,",
        LIFECYCLE,
    ),
    Fault(
        "the chain does not bind the event before",
        "jitbot/audit.py",
        "return hashlib.sha256(previous + canonical(header).encode()).digest()",
        "return hashlib.sha256(canonical(header).encode()).digest()",
        RECORD,
    ),
    Fault(
        "a changed body goes unseen",
        "jitbot/audit.py",
        'if sealed.body is not None and _commitment(sealed.salt or b"", sealed.body) != sealed.commitment:',
        "if False:",
        RECORD,
    ),
    Fault(
        "a signature that does not hold goes unseen",
        "jitbot/audit.py",
        "            key.verify(sealed.signature, sealed.hash)\n",
        "            key.public_bytes_raw()\n",
        RECORD,
    ),
    Fault(
        "two people move the same request",
        "jitbot/store/entry.py",
        "            & (tables.requests.c.version == request.version)\n",
        "",
        STORE,
    ),
    Fault(
        "a worker that lost its lease still writes",
        "jitbot/store/entry.py",
        "            & (tables.requests.c.fence == request.fence)\n",
        "",
        STORE,
    ),
    Fault(
        "the cut end of the record goes unseen",
        "jitbot/store/trail.py",
        "if count < self.count or (count and not self.count):",
        "if False:",
        STORE,
    ),
    Fault(
        "an older drawing replaces a newer one",
        "jitbot/store/boxes.py",
        "newer = tables.copies.c.version <= fresh.excluded.version",
        "newer = tables.copies.c.version >= 0",
        STORE,
    ),
)
