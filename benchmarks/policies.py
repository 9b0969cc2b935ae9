"""Decisions a second, side by side with other engines on the same rules; loading; and what more actions cost.

The rules are spread over actions, ten to each, as policies are; a request is about one action. Ours gives the whole
tree of reasons with every decision, the others only their answer.
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from benchmarks.figures import Figure, bounded, compared
from benchmarks.rivals import RIVALS, Asked, Decides, Grants, agree
from benchmarks.scale import Scale
from jitbot.facts.registry import FactRegistry
from jitbot.model import Facts, Outcome, Person, Plan, Policy, Request, RequestId, Snapshot, State, UserId
from jitbot.outbound.site import EnvironmentSite
from jitbot.policy.cel.conditions import forget_compiled
from jitbot.policy.decide import decide
from jitbot.policy.files.load import load

RULES_PER_ACTION = 10
ASKED = 200
NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
ANN = UserId("U0ANN")
ENVS = ("staging", "prod")
GROUPS = tuple(f"g{number}" for number in range(50))
ACTIONS_PER_FILE = 10
MOST_SECONDS_TO_LOAD = 3.0
MOST_TIMES_SLOWER = 1.5
AIMED_RULES = 1000
"""The number of rules at which the aim is to be ahead of every other engine."""


class AnyRunner:
    """A catalog with one runner, which takes anything."""

    def names(self) -> Sequence[str]:
        return ("any",)

    def inputs(self, name: str, values: Mapping[str, Any]) -> object:
        return values


def measure(scale: Scale) -> list[Figure]:
    """Measure decisions at each number of rules, then loading."""
    figures: list[Figure] = []
    alone: dict[int, float] = {}
    for number in scale.rules:
        rules, asked = _rules(number), _requests(number)
        alone[number], found = _side_by_side(rules, asked, scale)
        figures += found
    few, many = min(alone), max(alone)
    what = f"one decision among {many:,} rules, against one among {few}"
    figures.append(compared(what, 1e6 / alone[many], 1e6 / alone[few], "µs", MOST_TIMES_SLOWER))
    return [*figures, *_loading(scale)]


def _side_by_side(rules: Sequence[Grants], asked: Sequence[Asked], scale: Scale) -> tuple[float, list[Figure]]:
    """Measure every engine on the same requests, in turn, so that what disturbs the machine disturbs all."""
    ours = jitbot(rules)
    engines = {name: made(rules) for name, made in RIVALS.items()}
    for name, decides in engines.items():
        if not agree(ours, decides, asked[: scale.agreed]):
            raise RuntimeError(f"{name} decides otherwise: the rules are not the same")
    rates: dict[str, list[float]] = {}
    for _ in range(scale.rounds):
        for name, decides in {"jitbot": ours, **engines}.items():
            rates.setdefault(name, []).append(_rate(decides, asked, scale.policy_seconds))
    ahead = {name: median(found) for name, found in rates.items()}
    mine = ahead.pop("jitbot")
    figures = []
    for name, rate in ahead.items():
        times = float(f"{mine / rate:.3g}")
        what = f"decisions of {len(rules):,} rules, against {name}"
        met = times > 1 if len(rules) == AIMED_RULES else None
        aim = "" if met is None else "more"
        figures.append(Figure(what, round(mine), "a second", round(rate, 1), times, aim, met))
    return mine, figures


def _rate(decides: Decides, asked: Sequence[Asked], seconds: float) -> float:
    count, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        decides(asked[count % len(asked)])
        count += 1
    return count / took


def _rules(number: int) -> list[Grants]:
    dice = random.Random(number)
    return [
        Grants(f"a{index // RULES_PER_ACTION}", dice.choice(ENVS), dice.randrange(9), dice.choice(GROUPS))
        for index in range(number)
    ]


def _requests(number: int) -> list[Asked]:
    dice = random.Random(-number)
    actions = max(1, number // RULES_PER_ACTION)
    return [
        Asked(
            f"a{dice.randrange(actions)}",
            dice.choice(ENVS),
            dice.randrange(10),
            tuple(dice.sample(GROUPS, 20)),
        )
        for _ in range(ASKED)
    ]


def jitbot(rules: Sequence[Grants]) -> Decides:
    """Return our own decision on the same rules, loaded from YAML; who is in which group has been read before."""
    policy = _loaded(files(rules))
    snapshot = Snapshot("Run", "bench", "#bench", "any", {}, "x", NOW - NOW, plan=Plan("runs", "f"))
    everybody = {ANN: Person(ANN, "T0ACME", "Ann")}
    made: dict[Asked, tuple[Request, Facts]] = {}

    def decides(asked: Asked) -> bool:
        if asked not in made:
            members = {f"group:{name}": frozenset({ANN} if name in asked.groups else ()) for name in GROUPS}
            made[asked] = _request(asked, snapshot), Facts(NOW, members | {"group:all": frozenset({ANN})}, everybody)
        request, facts = made[asked]
        return decide(policy, request, (), facts).outcome is Outcome.ALLOW

    return decides


def _request(asked: Asked, snapshot: Snapshot) -> Request:
    return Request(
        id=RequestId(1),
        revision=1,
        state=State.DECIDING,
        action=asked.action,
        requester=ANN,
        team="T0ACME",
        beneficiary=ANN,
        source="slack",
        params={"env": asked.env, "count": asked.count},
        reason="",
        snapshot=snapshot,
        digest="",
        created_at=NOW,
    )


def files(rules: Sequence[Grants]) -> dict[str, str]:
    """Write the rules as policy files, ten actions to each."""
    by_action: dict[str, list[Grants]] = {}
    for rule in rules:
        by_action.setdefault(rule.action, []).append(rule)
    written = {"people.yml": "groups:\n  all: [U0ANN]\n" + "".join(f"  {name}: [U0BO]\n" for name in GROUPS)}
    names = sorted(by_action)
    for start in range(0, len(names), ACTIONS_PER_FILE):
        actions = "".join(_action(name, by_action[name]) for name in names[start : start + ACTIONS_PER_FILE])
        written[f"team{start}.yml"] = f"team: t{start}\nchannel: '#t'\nactions:\n{actions}"
    return written


def _action(name: str, rules: Sequence[Grants]) -> str:
    seen: dict[str, str] = {}
    for rule in rules:
        condition = (
            f"params.env == '{rule.env}' && params.count > {rule.more_than} && '{rule.group}' in requester.groups"
        )
        seen.setdefault(condition, f'      - {{when: "{condition}", allow: true}}\n')
    return (
        f"  {name}:\n    runner: any\n    requesters: [group:all]\n    reason: false\n    parameters:\n"
        "      env: {type: choice, options: [staging, prod]}\n      count: {type: integer, min: 0, max: 9}\n"
        f"    rules:\n{''.join(seen.values())}"
    )


def _loading(scale: Scale) -> Iterator[Figure]:
    """Measure loading, with conditions that repeat as they do in life, and with ten thousand different ones."""
    usual = _rules(max(scale.rules))
    different = [replace(rule, more_than=index) for index, rule in enumerate(usual)]
    for rules, how in ((usual, ""), (different, ", every condition another")):
        texts = files(rules)
        took = min(_seconds_to_load(texts) for _ in range(scale.rounds))
        what = f"{len(rules):,} rules in {len(texts)} files loaded and checked{how}"
        yield bounded(what, took, "s", MOST_SECONDS_TO_LOAD)


def _seconds_to_load(texts: Mapping[str, str]) -> float:
    """Load as a new process would: nothing compiled before is remembered."""
    forget_compiled()
    began = time.perf_counter()
    _loaded(texts)
    return time.perf_counter() - began


def _loaded(texts: Mapping[str, str]) -> Policy:
    return load(texts, AnyRunner(), FactRegistry((), EnvironmentSite(())))
