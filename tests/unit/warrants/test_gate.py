"""The gate: a warrant permits one act, on exactly what was signed, in one place, in its time, below the ceiling."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel

from jitbot.audit import Signer, Verifier
from jitbot.errors import NoWarrant, RunnerRefused, Tampered
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.testing.runners import ContractRun
from jitbot.warrants.ceiling import Ceiling
from jitbot.warrants.gate import Gate, Wanted
from jitbot.warrants.gated import Gated, GatedCatalog
from jitbot.warrants.journal import Journal
from jitbot.warrants.signing import Issuer, verified
from jitbot.warrants.spent import Spent
from jitbot.warrants.warrant import Act, Deed, Warrant, receipt_digest
from tests.town import FakeInputs, FakeRunner, OneRunner

SERVICE, STRANGER = (Signer(Ed25519PrivateKey.generate()) for _ in range(2))
INPUTS = FakeInputs(what="api", where="prod", value=7)
NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
RECEIPT = Receipt({"before": 100})


class ARun(ContractRun):
    """A run that was signed for, with whatever a test has signed otherwise."""

    def __init__(self, signer: Signer = SERVICE, **bent: Any) -> None:
        super().__init__()
        self.deadline, self.until = NOW + timedelta(minutes=5), NOW + timedelta(hours=1)
        self.signer, self.bent = signer, bent
        self.signed = ""

    def warrant(self, deed: str, receipt: Receipt | None, worker: str) -> str:
        said: dict[str, Any] = {
            "deed": Deed(deed),
            "request": 1,
            "digest": "d",
            "key": self.key,
            "runner": "fake",
            "inputs": INPUTS.model_dump(),
            "receipt": receipt_digest(receipt),
            "pool": "prod-eu",
            "worker": worker,
            "start_before": self.deadline,
            "until": self.until,
            "lasts": 60.0,
            "policy": "p",
        }
        self.signed = self.signed or Issuer(lambda: self.signer, lambda: (7, b"h")).issue(Act(**(said | self.bent)))
        return self.signed


class Kept:
    """Implements `gate.Granted` in memory."""

    def __init__(self) -> None:
        self.warrants: list[Warrant] = []
        self.over = False

    def permitted(self, warrant: Warrant) -> None:
        self.warrants.append(warrant)

    def knows(self, warrant: Warrant) -> bool:
        return any(each.key == warrant.key for each in self.warrants)

    def holds(self, warrant: Warrant) -> bool:
        return self.knows(warrant) and not self.over


def a_gate(now: Callable[[], datetime] = lambda: NOW, **parts: Any) -> Gate:
    parts = {"pool": "prod-eu", "worker": "w", "spent": Spent(), **parts}
    return Gate(verifier=Verifier([SERVICE.public]), now=now, **parts)


def start(run: Any, gate: Gate | None = None, **wanted: Any) -> None:
    (gate or a_gate()).begin(replace(Wanted(Deed.START, "fake", INPUTS), **wanted), run)


def test_what_was_signed_may_be_done() -> None:
    run = ARun()
    start(run)
    warrant = verified(Verifier([SERVICE.public]), run.signed)
    assert (warrant.request, warrant.count, warrant.head) == (1, 7, b"h".hex())


REFUSED = [
    pytest.param({"deed": Deed.UNDO}, "permits to undo, not to start", id="another act"),
    pytest.param({"pool": "prod-us"}, "is for pool prod-us, and this is pool prod-eu", id="another pool"),
    pytest.param({"pool": ""}, "is for the service itself", id="no pool"),
    pytest.param({"worker": "x"}, "is for another worker", id="another worker"),
    pytest.param({"key": "jit-2-1"}, "is for another run", id="another run"),
    pytest.param({"until": None}, "for another end", id="no end"),
    pytest.param({"until": NOW + timedelta(days=9)}, "for another end", id="a later end"),
    pytest.param({"runner": "other"}, "is for other inputs", id="another runner"),
    pytest.param({"inputs": {"what": "api", "where": "prod", "value": 8}}, "is for other inputs", id="other inputs"),
    pytest.param({"inputs": {"what": "api"}}, "is for other inputs", id="inputs that are none"),
    pytest.param({"receipt": receipt_digest(Receipt({"before": 1}))}, "is for another receipt", id="another receipt"),
]


@pytest.mark.parametrize(("bent", "why"), REFUSED)
def test_what_was_signed_otherwise_is_refused(bent: dict[str, Any], why: str) -> None:
    with pytest.raises(NoWarrant, match=why):
        start(ARun(**bent))


def test_every_field_of_a_warrant_that_is_about_the_act_itself_is_compared() -> None:
    compared = {name for each in REFUSED for name in each.values[0]}  # type: ignore[union-attr]
    told = {"number", "request", "digest", "policy", "count", "head", "lasts", "start_before"}
    """What is only kept: by which request, policies and record it was signed; and the times that a run is given."""
    assert compared == {each.name for each in fields(Warrant)} - told


def test_a_run_has_the_time_limit_that_was_signed_whatever_was_said_on_the_way() -> None:
    run = ARun(start_before=NOW + timedelta(minutes=1))
    start(run)
    assert run.deadline == NOW + timedelta(minutes=1)


def test_what_nobody_has_signed_is_refused() -> None:
    with pytest.raises(NoWarrant, match="Nobody has signed for it"):
        start(ContractRun())


def test_what_somebody_else_has_signed_is_refused() -> None:
    with pytest.raises(NoWarrant, match="signed with a key that is not known here"):
        start(ARun(STRANGER))


@pytest.mark.parametrize(
    "text", ["", "x", "k zz {}", "a b", f"{SERVICE.key} 00 {{}}"], ids=["none", "word", "no hex", "short", "unsigned"]
)
def test_what_is_no_warrant_is_refused(text: str) -> None:
    run = ARun()
    run.signed = text or "-"
    with pytest.raises(NoWarrant, match="Nothing was done"):
        start(run)


def test_one_changed_byte_is_refused() -> None:
    run = ARun()
    run.warrant("start", None, "w")
    run.signed = run.signed.replace('"value":7', '"value":8')
    with pytest.raises(NoWarrant, match="the signature does not hold"):
        start(run, inputs=INPUTS.model_copy(update={"value": 8}))


def test_what_the_service_signs_for_another_purpose_is_no_warrant() -> None:
    run = ARun()
    _, _, text = run.warrant("start", None, "w").split(" ", 2)
    run.signed = f"{SERVICE.key} {SERVICE.vouch('answer', text).hex()} {text}"
    with pytest.raises(NoWarrant, match="does not hold"):
        start(run)


def test_a_warrant_of_another_release_is_refused_in_words() -> None:
    text = '{"number":"1"}'
    signed = f"{SERVICE.key} {SERVICE.vouch('warrant', text).hex()} {text}"
    with pytest.raises(Tampered, match="cannot be read here"):
        verified(Verifier([SERVICE.public]), signed)


def test_a_warrant_permits_one_act() -> None:
    run, gate = ARun(), a_gate()
    start(run, gate)
    with pytest.raises(NoWarrant, match="was used before"):
        start(run, gate)


def test_a_second_warrant_permits_no_second_start_of_what_may_not_be_repeated() -> None:
    gate = a_gate()
    start(ARun(), gate, once=True)
    with pytest.raises(NoWarrant, match="was used before"):
        start(ARun(), gate, once=True)
    start(ARun(), gate)  # but of what may


def test_a_warrant_that_was_used_is_not_good_after_a_restart(tmp_path: Path) -> None:
    run = ARun()
    start(run, a_gate(spent=Spent(Journal(tmp_path / "spent"))))
    with pytest.raises(NoWarrant, match="was used before"):
        start(run, a_gate(spent=Spent(Journal(tmp_path / "spent"))))


def test_a_machine_that_cannot_keep_that_a_warrant_was_used_does_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoWarrant, match="cannot keep that it was used"):
        start(ARun(), a_gate(spent=Spent(Journal(tmp_path / "not there" / "spent"))))


def test_a_warrant_whose_time_is_over_by_this_machine_s_own_clock_is_refused() -> None:
    with pytest.raises(NoWarrant, match="held until 09:05:00 UTC, and it is 09:05:00 here"):
        start(ARun(), a_gate(lambda: NOW + timedelta(minutes=5)))


def test_nothing_is_granted_or_extended_whose_end_is_over_and_all_the_same_it_is_undone() -> None:
    run = ARun()
    run.until = NOW
    with pytest.raises(NoWarrant, match="a grant whose time is over"):
        start(run)
    again = ARun()
    again.until = NOW
    a_gate().begin(Wanted(Deed.UNDO, "fake", INPUTS), again)


def test_an_order_to_let_go_is_found_late() -> None:
    late = a_gate(lambda: NOW + timedelta(days=3))
    late.begin(Wanted(Deed.RELEASE, "fake", INPUTS), ARun())


def test_what_keeps_below_the_ceiling_may_be_done() -> None:
    anything = [{"any": True}]
    start(ARun(), a_gate(ceiling=Ceiling({"fake": {"what": anything, "where": anything, "value": [7]}})))


LOW = Ceiling({"fake": {"what": ["api"], "where": ["staging"], "value": [{"any": True}]}})


def test_what_goes_beyond_the_ceiling_is_refused_whoever_has_signed_for_it() -> None:
    with pytest.raises(NoWarrant, match="beyond the ceiling of this machine: it does not allow this `where` of fake"):
        start(ARun(), a_gate(ceiling=LOW))


def test_what_was_granted_here_is_undone_though_the_ceiling_is_lower_by_now() -> None:
    kept = Kept()
    start(ARun(), a_gate(granted=kept))
    a_gate(granted=kept, ceiling=LOW).begin(Wanted(Deed.UNDO, "fake", INPUTS), ARun())
    with pytest.raises(NoWarrant, match="ceiling"):
        a_gate(granted=Kept(), ceiling=LOW).begin(Wanted(Deed.UNDO, "fake", INPUTS), ARun())


def test_only_what_is_granted_here_is_extended() -> None:
    kept = Kept()
    gate, longer = a_gate(granted=kept), Wanted(Deed.EXTEND, "fake", INPUTS, RECEIPT)
    with pytest.raises(RunnerRefused, match="does not hold that grant"):
        gate.begin(longer, ARun())
    start(ARun(), gate)
    gate.begin(longer, ARun())
    kept.over = True
    with pytest.raises(RunnerRefused, match="does not hold that grant"):
        gate.begin(longer, ARun())


class Full(FakeRunner):
    """Has everything that a runner can have besides, and remembers what it was asked."""

    extends = lists = finds_by_key = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name in ("plan", "start", "check", "undo", "extend", "privileges", "check_by_key"):
            self.asked.append(name)
        return super().__getattribute__(name)

    def check_by_key(self, inputs: BaseModel, key: str) -> Health:
        return Health(HealthState.HEALTHY)

    def extend(self, inputs: BaseModel, receipt: Receipt | None, run: Any) -> Receipt:
        return Receipt({"longer": True})

    def privileges(self, inputs: BaseModel) -> list[Any]:
        return []


def test_nothing_reaches_a_runner_that_was_not_signed_for() -> None:
    runner = Full()
    gated = Gated("fake", runner, a_gate())
    for act in (
        lambda: gated.start(INPUTS, ContractRun()),
        lambda: gated.undo(INPUTS, None, ContractRun()),
        lambda: gated.extend(INPUTS, None, ContractRun()),
        lambda: gated.release(INPUTS, ContractRun()),
    ):
        with pytest.raises(NoWarrant):
            act()
    assert runner.asked == []


def test_looks_need_no_warrant_and_keep_below_the_ceiling() -> None:
    runner = Full()
    free, low = Gated("fake", runner, a_gate()), Gated("fake", runner, a_gate(ceiling=LOW))
    assert isinstance(free.plan(INPUTS), Plan)
    assert free.check(INPUTS, None).state is HealthState.UNKNOWN
    assert free.check_by_key(INPUTS, "k").state is HealthState.HEALTHY
    assert free.privileges(INPUTS) == []
    asked = list(runner.asked)
    for look in (low.plan, low.privileges):
        with pytest.raises(NoWarrant, match="ceiling"):
            look(INPUTS)
    for health in (low.check(INPUTS, None), low.check_by_key(INPUTS, "k")):
        assert (health.state, "ceiling" in health.detail) == (HealthState.UNKNOWN, True)
    assert runner.asked == asked


def test_behind_the_gate_a_runner_is_what_it_was() -> None:
    runner = Full()
    gated = Gated("fake", runner, a_gate(granted=None))
    assert gated.target(INPUTS) == "prod/api"
    assert (gated.extends, gated.lists, gated.finds_by_key, gated.stoppable) == (True, True, True, False)
    assert gated.start(INPUTS, ARun()).data == {"before": 100}
    assert gated.extend(INPUTS, RECEIPT, ARun()).data == {"longer": True}
    gated.undo(INPUTS, RECEIPT, ARun())
    assert runner.undone == ["jit-1-1"]
    assert gated.answered("jit-1-1") is None


def test_what_has_nothing_to_do_for_an_extension_keeps_its_receipt() -> None:
    gated = Gated("fake", FakeRunner(), a_gate())
    assert gated.extend(INPUTS, RECEIPT, ARun()) == RECEIPT
    assert gated.extend(INPUTS, None, ARun()) == Receipt()


def test_a_catalog_behind_the_gate_has_what_the_catalog_has() -> None:
    one = OneRunner(FakeRunner())
    gated = GatedCatalog(one, a_gate())
    assert gated.names() == ["fake"]
    assert gated.runner("fake") is gated.runner("fake")
    assert gated.inputs("fake", INPUTS.model_dump()) == INPUTS
    with pytest.raises(NoWarrant):
        gated.runner("fake").start(INPUTS, ContractRun())
