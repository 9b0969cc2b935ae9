"""Two processes on one database, a company with a policy, and one clock that only moves when it is told to."""

from datetime import UTC, datetime, timedelta
from typing import Any

from jitbot.model import Request, UserId
from tests.model.runner import MoodyRunner
from tests.model.weather import Weather
from tests.town import ANN, BO, CY, DI, EVE, PEOPLE, Town

PEOPLE_BY_NAME = {"Ann": ANN, "Bo": BO, "Cy": CY, "Di": DI, "Eve": EVE}
ON_CALL, LEADS = frozenset({BO, CY}), frozenset({CY, DI})
BEGINNING = datetime(2026, 3, 2, 9, tzinfo=UTC)

_ONE_ON_CALL = "[{from: [group:oncall], count: 1}]"
_ONE_LEAD = "[{from: [group:leads], count: 1}]"
_TWO = "[{from: [group:oncall], count: 1}, {from: [group:leads], count: 1}]"
_TIMEBOX = "timebox: {default: 30m, max: 4h}"


def _action(name: str, what: str, rules: str, *more: str) -> str:
    lines = [
        f"  {name}:",
        "    runner: fake",
        f"    with: {{what: {what}, where: prod, value: VALUE}}",
        "    requesters: [group:engineering]",
        *(f"    {line}" for line in more),
        f"    rules: [{{name: only, {rules}}}]",
    ]
    return "\n".join(lines)


POLICY = "\n".join(
    [
        'team: payments\nchannel: "#payments"\nactions:',
        _action("restart", "api", "allow: true"),
        _action("deploy", "api", f"review: {_ONE_ON_CALL}", "lapse_after: 1h", "start_later: {max: 7d}"),
        _action("flush", "flush", f"review: {_ONE_ON_CALL}", "lapse_after: 1h"),
        _action("tune", "memory", "allow: true", _TIMEBOX),
        _action("admin", "admin", f"review: {_TWO}", _TIMEBOX, "lapse_after: 1h"),
        _action("watch", "canary", "allow: true", "verify: {for: 1m, every: 30s, check: true}"),
        _action("try", "trial", "allow: true", _TIMEBOX, "verify: {for: 1m, every: 30s, check: true}"),
        _action(
            "roll",
            '"{hosts}"',
            "allow: true",
            "parameters: {hosts: {type: multi-choice, options: [web1, web2]}}",
            "for_each: hosts",
        ),
    ]
).replace("VALUE", "7")
EDITED = POLICY.replace(_ONE_ON_CALL, _ONE_LEAD).replace("value: 7", "value: 8")
"""Other people are asked, and something else is done."""

ACTIONS = ("tune", "admin", "deploy", "try", "watch", "roll", "flush", "restart")
GRANTS = ("tune", "admin", "try")
NEEDS = {
    POLICY: {"deploy": [ON_CALL], "flush": [ON_CALL], "admin": [ON_CALL, LEADS]},
    EDITED: {"deploy": [LEADS], "flush": [LEADS], "admin": [LEADS, ON_CALL]},
}
"""Whom each policy wants, one of each; nobody for what is not named."""


class Company:
    """One company's jitbot: `town` is the process that dies and is started again, `other` the one that freezes."""

    def __init__(self, town: Town, *, repeatable: bool) -> None:
        self.runner = MoodyRunner()
        self.runner.repeatable = repeatable
        self.passed = timedelta(0)
        self.policies = [POLICY]
        town.runner, town.files = self.runner, {"people.yml": PEOPLE, "payments.yml": POLICY}
        self._tell_the_time(town)
        town.restart()
        assert town.book.fault == "", town.book.fault
        self.town, self.weather = town, Weather(town.database)
        self._other: Town | None = None

    @property
    def other(self) -> Town:
        """Return the second process; it is started when it is needed first."""
        if self._other is None:
            self._other = self.town.twin()
            self._tell_the_time(self._other)
        return self._other

    def _tell_the_time(self, town: Town) -> None:
        """Stop the clock of a process, on Postgres too: a story that depends on how fast it runs cannot be repeated."""
        town.database.now = self._now  # type: ignore[method-assign]
        town.database.reckoned = self._now  # type: ignore[method-assign]

    def _now(self, connection: Any = None) -> datetime:
        return BEGINNING + self.passed

    def forward(self, length: timedelta) -> None:
        """Let time pass, for everybody."""
        self.passed += length

    def edit(self) -> None:
        """Change the policy, and the next time back again."""
        self.policies.append(EDITED if self.policies[-1] == POLICY else POLICY)
        self.town.files = {**self.town.files, "payments.yml": self.policies[-1]}
        self.town.reload()

    def requests(self) -> list[Request]:
        """Return all requests, oldest first."""
        return list(self.town.ledger.find(limit=200))[::-1]

    def close(self) -> None:
        for each in filter(None, (self.town, self._other)):
            each.close()


def name_of(user: UserId) -> str:
    return next(name for name, each in PEOPLE_BY_NAME.items() if each == user)
