"""How long and how hard a run measures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of a run. `rates` are acts a second; each app is measured `rounds` times at each of them."""

    rates: tuple[float, ...] = (1, 20, 50)
    seconds: float = 5.0
    """How long one app is measured at one rate in one round."""
    fewest: int = 10
    """So many acts at least, however slow the rate."""
    rounds: int = 2
    warm_up: int = 40
    approvals: int = 40
    rules: tuple[int, ...] = (10, 1000, 10_000)
    policy_seconds: float = 2.0
    """How long one engine decides in one round."""
    agreed: int = 50
    """So many requests on which every engine has to say the same before it is measured."""
    moves: int = 300
    """Requests that go through the ledger in one round of the store's measurement."""

    ledgers: tuple[int, ...] = (100_000, 1_000_000)
    """How many requests a full ledger has; a tenth of them is open."""
    loads: tuple[float, ...] = (1, 20, 50, 100, 200)
    """Acts a second on a full ledger."""
    fleets: tuple[int, ...] = (1, 3)
    """By so many processes on one Postgres they are taken."""
    starts: int = 3
    """How often jitbot is started on one ledger."""
    rest_seconds: float = 10.0
    """How long a jitbot is watched that has nothing to do."""
    lives: int = 20
    """Requests that are taken from `/jit` to done, one at a time."""
    loop_seconds: float = 60.0
    """How long requests are taken through the whole loop, and DBOS's workflows through theirs."""
    loop_alone: int = 200
    """Requests that go through the loop one after another."""
    grants: int = 10_000
    """Grants that end in the same second."""
    deadlines: int = 100_000
    """Deadlines that are not due while nothing happens."""
    idle_seconds: float = 20.0
    events: int = 1_000_000
    """Events in the record that is verified whole."""
    signatures: int = 100_000
    """Those of them whose signatures are verified, each."""

    def acts(self, rate: float) -> int:
        """Return how many acts one app gets at one rate in one round."""
        return max(self.fewest, round(rate * self.seconds))

    def total(self) -> int:
        """Return how many acts one app gets in all."""
        return self.warm_up + self.rounds * sum(self.acts(rate) for rate in self.rates)


QUICK = Scale(
    seconds=2.0,
    fewest=3,
    rounds=1,
    warm_up=20,
    approvals=4,
    moves=60,
    policy_seconds=0.2,
    agreed=10,
    ledgers=(10_000,),
    loads=(50,),
    fleets=(1,),
    starts=1,
    rest_seconds=2.0,
    lives=3,
    loop_seconds=5.0,
    loop_alone=50,
    grants=1_000,
    deadlines=20_000,
    idle_seconds=3.0,
    events=100_000,
    signatures=20_000,
)
TINY = Scale(
    rates=(20,),
    seconds=0.2,
    fewest=3,
    rounds=1,
    warm_up=2,
    approvals=2,
    moves=5,
    rules=(10, 20),
    policy_seconds=0.01,
    ledgers=(30,),
    loads=(20,),
    starts=1,
    rest_seconds=0.1,
    lives=1,
    loop_seconds=0.3,
    loop_alone=3,
    grants=20,
    deadlines=50,
    idle_seconds=0.3,
    events=60,
    signatures=20,
)
"""For the tests: shows that everything comes out, and measures nothing."""
