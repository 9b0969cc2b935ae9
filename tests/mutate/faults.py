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


DECIDING = ("tests/unit/core",)
RECORD = ("tests/unit/core",)
LIFECYCLE = (
    "tests/docs/test_generated.py::test_the_drawing_of_the_lifecycle_is_its_table",
    "tests/docs/test_generated.py::test_a_generated_part_is_what_make_docs_would_write[docs/reference/states.md:causes]",
)
STORE = tuple(f"tests/contract/test_{name}.py" for name in ("ledger", "inbox", "outbox", "trail"))

TICKETS = ("tests/unit/facts/test_tickets.py",)


def _in(*names: str) -> Sequence[str]:
    """Return files of the acceptance tests."""
    return tuple(f"tests/acceptance/test_{name}.py" for name in names)


FAULTS = (
    Fault(
        "the request that is decided counts itself",
        "jitbot/store/history.py",
        "_instant(past.became) >= past.since, _REQUESTS.id != past.without]",
        "_instant(past.became) >= past.since]",
        ("tests/contract/test_history.py", "tests/acceptance/test_history.py"),
    ),
    Fault(
        "a part of an answer is taken for the whole",
        "jitbot/facts/prometheus.py",
        'if answer.get("warnings"):',
        "if False:",
        ("tests/contract/test_facts_of_monitoring.py",),
    ),
    Fault(
        "alerts that were not asked for are believed",
        "jitbot/facts/alertmanager.py",
        'if not fits or status.get("silencedBy") or status.get("inhibitedBy"):',
        "if False:",
        ("tests/contract/test_facts_of_monitoring.py",),
    ),
    Fault(
        "what somebody types may become a part of a query",
        "jitbot/policy/files/facts.py",
        "found = [each for each in faults(text, {}) if len(each[1]) > 1] if isinstance(text, str) else []",
        "found: list[tuple[int, str]] = []",
        ("tests/unit/policy/test_declared_facts.py",),
    ),
    Fault(
        "a path that matches nothing counts as none",
        "jitbot/facts/http_json.py",
        "if arguments.missing is None:",
        "if arguments.missing is None and not arguments.count:",
        ("tests/contract/test_facts_http_json.py",),
    ),
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
        "if place not in taken or _seat(taken[place], wanted, people, taken, tried):\n"
        "            taken[place] = person\n"
        "            return True",
        "if place not in taken or _seat(taken[place], wanted, people, taken, tried):\n"
        "            taken[place] = person",
        DECIDING,
    ),
    Fault(
        "who came first keeps the place, though another could take it",
        "jitbot/policy/matching.py",
        "if place not in taken or _seat(taken[place], wanted, people, taken, tried):",
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
        "jitbot/store/statements.py",
        'for name in ("id", "state", "version", "fence"))',
        'for name in ("id", "state", "fence"))',
        STORE,
    ),
    Fault(
        "a worker that lost its lease still writes",
        "jitbot/store/statements.py",
        'for name in ("id", "state", "version", "fence"))',
        'for name in ("id", "state", "version"))',
        STORE,
    ),
    Fault(
        "the cut end of the record goes unseen",
        "jitbot/store/trail.py",
        "if count < self.count or (count and not self.count):",
        "if False:",
        _in("tampering"),
    ),
    Fault(
        "an older drawing replaces a newer one",
        "jitbot/store/boxes.py",
        "newer = tables.copies.c.version <= fresh.excluded.version",
        "newer = tables.copies.c.version >= 0",
        STORE,
    ),
    Fault(
        "what the requester is told to be for may approve",
        "jitbot/policy/requirements.py",
        "outside = {request.requester, request.beneficiary}",
        "outside = {request.requester}",
        DECIDING,
    ),
    Fault(
        "a denial is outvoted",
        "jitbot/policy/decide.py",
        'denial = next((each for each in counted if each.verdict.value == "deny"), None)',
        "denial = None",
        DECIDING,
    ),
    Fault(
        "an approval by somebody who cannot be looked up counts",
        "jitbot/policy/requirements.py",
        "for user, selectors in given.items() if user in facts.people}",
        "for user, selectors in given.items()}",
        DECIDING,
    ),
    Fault(
        "a rule that asks for nobody allows",
        "jitbot/policy/decide.py",
        "elif rule.outcome is Outcome.REVIEW:",
        "elif False:",
        DECIDING,
    ),
    Fault(
        "groups that cannot be read are none",
        "jitbot/policy/values.py",
        'if all(f"{kind}:{each}" in facts.members for each in known):',
        "if True:",
        DECIDING,
    ),
    Fault(
        "the digest leaves the plan out",
        "jitbot/service/drafting.py",
        '"plan": snapshot.plan.fingerprint if snapshot.plan else None,',
        '"plan": None,',
        _in("editing"),
    ),
    Fault(
        "the definition leaves the inputs out",
        "jitbot/service/drafting.py",
        '            "inputs": action.inputs,\n',
        "",
        _in("editing"),
    ),
    Fault(
        "a new revision keeps its number, and with it its reviews",
        "jitbot/service/asking.py",
        '"revision": now.revision + 1,',
        '"revision": now.revision,',
        _in("editing"),
    ),
    Fault(
        "a click on an older drawing counts",
        "jitbot/service/reviewing.py",
        'if delivery.body.get("revision") != request.revision:',
        "if False:",
        _in("editing"),
    ),
    Fault(
        "a click after the deadline counts",
        "jitbot/service/reviewing.py",
        "if request.lapses_at is not None and delivery.received_at >= request.lapses_at and not request.approved_at:",
        "if False:",
        _in("moving"),
    ),
    Fault(
        "an approval that was taken back still exempts from the deadline",
        "jitbot/service/asking.py",
        '"approved_at": None, ',
        "",
        _in("editing"),
    ),
    Fault(
        "a request lapses though a click waits",
        "jitbot/service/sweep.py",
        " or entry.waiting(request.id):",
        ":",
        _in("moving"),
    ),
    Fault(
        "a refusal leaves no trace",
        "jitbot/service/intake.py",
        '                entry.record("refused", delivery.user, known, what=delivery.kind.value, why=str(fault))\n',
        "",
        _in("moving"),
    ),
    Fault(
        "a delivery is not settled with what it does",
        "jitbot/service/reviewing.py",
        "policy, facts)\n            entry.settle(delivery.key)\n",
        "policy, facts)\n",
        _in("moving"),
    ),
    Fault(
        "the record is not looked at before the run",
        "jitbot/service/running.py",
        "            reviews = verify(request, world.ledger, world.trail)\n",
        "            reviews = world.ledger.reviews(request)\n",
        _in("tampering"),
    ),
    Fault(
        "what is bent is signed into a new revision",
        "jitbot/service/reviewing.py",
        "if revision is None or not intact(self._world, request):",
        "if revision is None:",
        _in("tampering"),
    ),
    Fault(
        "what lies between the events of a request is not followed",
        "jitbot/store/trail.py",
        "                self._verifier.follows(event, previous)\n",
        "                pass\n",
        _in("tampering"),
    ),
    Fault(
        "an emptied event is passed over",
        "jitbot/store/trail.py",
        "            if sealed.body is None:\n                raise",
        "            if sealed.body is None:\n                continue\n                raise",
        _in("tampering"),
    ),
    Fault(
        "the end of a grant is not written before the start",
        "jitbot/service/running.py",
        "expires_at=None if request.ttl is None else deadline + request.ttl,",
        "expires_at=None,",
        _in("killed", "undoing"),
    ),
    Fault(
        "a lost start is simply begun again",
        "jitbot/service/running.py",
        "elif repeatable and now.start_deadline",
        "elif now.start_deadline",
        _in("killed"),
    ),
    Fault(
        "an approved request is run however late",
        "jitbot/service/running.py",
        "if request.start_by is not None and world.ledger.now() >= request.start_by:",
        "if False:",
        _in("moving"),
    ),
    Fault(
        "a late receipt is dropped",
        "jitbot/service/running.py",
        "        if result.receipt is not None and (ended or now.receipt is None):\n",
        "        if False:\n",
        _in("undoing"),
    ),
    Fault(
        "what a late start did after the end is left standing",
        "jitbot/service/running.py",
        'changes |= {"due_at": entry.now, "undo_attempts": 0}',
        "pass",
        _in("undoing"),
    ),
    Fault(
        "a late result of what has succeeded is taken back",
        "jitbot/service/running.py",
        "ended = now.ended_at is not None and now.state is not State.SUCCEEDED",
        "ended = now.ended_at is not None",
        _in("undoing"),
    ),
    Fault(
        "an undo is accepted while the start may still land",
        "jitbot/service/undoing.py",
        "if now.attempt_open and now.start_deadline is not None and began < now.start_deadline:",
        "if False:",
        _in("undoing"),
    ),
    Fault(
        "an undo is accepted though the start landed in its midst",
        "jitbot/service/undoing.py",
        "return now.due_at if now.version != request.version else None",
        "return None",
        _in("undoing"),
    ),
    Fault(
        "an undo that fails is called ended",
        "jitbot/service/undoing.py",
        "            return self._failed(request, str(error) or type(error).__name__)\n",
        "            pass\n",
        _in("undoing"),
    ),
    Fault(
        "a hold is undone though somebody else still has it",
        "jitbot/service/undoing.py",
        "        if heir is not None:\n            return self._hand_over(request, heir)\n",
        "",
        _in("holds"),
    ),
    Fault(
        "the second holder undoes to what the first had set",
        "jitbot/service/running.py",
        "Event.START, attempts=1, receipt=_base(entry, request))",
        "Event.START, attempts=1)",
        _in("holds"),
    ),
    Fault(
        "a held target takes another value",
        "jitbot/service/asking.py",
        "if holder.ttl is not None and dict(holder.snapshot.inputs) != dict(request.snapshot.inputs):",
        "if False:",
        _in("holds"),
    ),
    Fault(
        "a start does not wait for an undo on its target",
        "jitbot/service/running.py",
        "return all(holder.state is State.ACTIVE for holder in others)",
        "return True",
        _in("holds"),
    ),
    Fault(
        "whoever asked settles what is unsure",
        "jitbot/service/ending.py",
        '        if delivery.user in (request.requester, request.beneficiary):\n            raise NotPermitted("Who',
        '        if False:\n            raise NotPermitted("Who',
        ("tests/acceptance/test_undoing.py::test_a_person_says_that_it_happened",),
    ),
    Fault(
        "anybody ends a grant",
        "jitbot/service/ending.py",
        "if not own and not self.may_end(delivery.user, request):",
        "if False:",
        _in("the_loop"),
    ),
    Fault(
        "what did not come in time counts as empty",
        "jitbot/service/facts.py",
        '                unread[key] = "no answer in time"\n',
        "",
        _in("weather"),
    ),
    Fault(
        "a calendar that was not read freezes nothing",
        "jitbot/policy/calendar.py",
        "    read = facts.spans.get(freeze.name)\n",
        "    read = facts.spans.get(freeze.name, ())\n",
        _in("calendar"),
    ),
    Fault(
        "a group that was not read may pass a freeze",
        "jitbot/policy/calendar.py",
        "if user in facts.members.get(str(who), ())), None)",
        "if user in facts.members.get(str(who), (user,))), None)",
        _in("calendar"),
    ),
    Fault(
        "nobody may pass while a group is unread is taken for an end of the freeze",
        "jitbot/policy/calendar.py",
        "_Judged(freeze, spans, None if active else False, unknown=unread)",
        "_Judged(freeze, spans, False, unknown=unread)",
        _in("calendar"),
    ),
    Fault(
        "a holiday leaves windows open",
        "jitbot/policy/calendar.py",
        "    if any(day in holidays.days for holidays in window.closed_on):\n        return True\n",
        "",
        DECIDING,
    ),
    Fault(
        "a year whose holidays are unknown has none",
        "jitbot/policy/calendar.py",
        "return False if all(day.year in holidays.years for holidays in window.closed_on) else None",
        "return False",
        DECIDING,
    ),
    Fault(
        "half a calendar is taken for a whole one",
        "jitbot/facts/ical_reader.py",
        'if not text.upper().endswith("END:VCALENDAR"):',
        "if False:",
        ("tests/unit/facts/test_ical.py",),
    ),
    Fault(
        "a time in an unknown zone is guessed",
        "jitbot/facts/ical_reader.py",
        "if zone is not None and any(_floats(each) for each in _instants(value)):",
        "if False:",
        ("tests/unit/facts/test_ical.py",),
    ),
    Fault(
        "a shift that names nobody is an empty one",
        "jitbot/facts/ical.py",
        "    raise FactUnavailable(f\"the event {event['summary'][:60]!r} has {lacking}\")\n",
        "    return set() if lacking else set()\n",
        ("tests/unit/facts/test_ical.py",),
    ),
    Fault(
        "broken policies at start-up decide",
        "jitbot/service/asking.py",
        "if self._world.book.ends_only:",
        "if False:",
        _in("ends_only"),
    ),
    Fault(
        "a claim is had by two",
        "jitbot/store/ledger.py",
        ".where(tables.requests.c.id == request, _free(now))",
        ".where(tables.requests.c.id == request)",
        STORE,
    ),
    Fault(
        "a delivery is taken in twice",
        "jitbot/store/boxes.py",
        "return connection.execute(put_delivery(connection.dialect), row).first() is not None",
        "return connection.execute(put_delivery(connection.dialect), row) is not None",
        STORE,
    ),
    Fault(
        "a ticket that Jira hides from strangers counts as not there",
        "jitbot/facts/vendors/jira.py",
        "        _believe_absence(client, answer)\n",
        "",
        TICKETS,
    ),
    Fault(
        "one good ticket is enough",
        "jitbot/facts/vendors/tickets.py",
        "all(self._meets(told, look(number), at) for number in numbers)",
        "any(self._meets(told, look(number), at) for number in numbers)",
        TICKETS,
    ),
    Fault(
        "a reason gets into a question to another system",
        "jitbot/facts/vendors/tickets.py",
        "if not all(self.number.fullmatch(number) for number in numbers):",
        "if False:",
        TICKETS,
    ),
    Fault(
        "a record that our account may not read counts as not there",
        "jitbot/facts/vendors/servicenow.py",
        "        _see_that_none_is_hidden(answer)\n",
        "",
        TICKETS,
    ),
    Fault(
        "another record than the one that was asked for is believed",
        "jitbot/facts/vendors/servicenow.py",
        'if len(records) > 1 or answers.text(records[0], "number", "value").upper() != number:',
        "if False:",
        TICKETS,
    ),
    Fault(
        "a misspelt schedule has nobody on call",
        "jitbot/facts/vendors/pagerduty.py",
        '        _confirm(client, told, "schedules", told.schedule)\n',
        "",
        ("tests/unit/facts/test_pagerduty.py",),
    ),
    Fault(
        "only the first page of who is on call counts",
        "jitbot/facts/vendors/pagerduty.py",
        'if not answers.flag(document, "more"):',
        "if True:",
        ("tests/unit/facts/test_pagerduty.py",),
    ),
    Fault(
        "somebody on call whose address is hidden is left out",
        "jitbot/facts/vendors/jsm.py",
        "return {answers.email(known.get(account), account) for account in accounts}",
        "return {answers.email(known[account], account) for account in accounts if known.get(account)}",
        ("tests/unit/facts/test_opsgenie.py",),
    ),
    Fault(
        "what a person types changes a search for alerts",
        "jitbot/facts/vendors/alert_search.py",
        "[A-Za-z0-9_.:/@+-]([A-Za-z0-9_.:/@+ -]{0,98}[A-Za-z0-9_.:/@+-])?",
        "(?s:.{1,100})",
        ("tests/unit/facts/test_opsgenie.py",),
    ),
)
