"""One run on one database: rounds of deaths while people work, each followed by rest and by judgement."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jitbot.sandbox.local import LocalSlack
from tests.chaos.bot import Bot, a_bot, environment
from tests.chaos.evidence import Evidence
from tests.chaos.far_side import Effect, FarSide
from tests.chaos.model import Pace, Row, Story, judge
from tests.chaos.people import People
from tests.chaos.points import CRUCIAL, Hurry, around
from tests.chaos.town import (
    LAPSE_SECONDS,
    TIME_LIMIT_SECONDS,
    TIMEBOX_SECONDS,
    workspace,
    write_plugin,
    write_policies,
)

TIMES = 10.0
"""How many times as fast as the machine's the bot's clock goes."""
LEASE_SECONDS = 20.0
"""How long a claim lasts, by the bot's clock: `World.lease`."""
MARGIN_SECONDS = 6.0
"""For a sweep and a call on a machine that is busy with other things, by its own clock."""
PEOPLE = 6
A_ROUND = 13
"""So many deaths, then everything has to come to rest."""
REST_SECONDS = 120.0
STEPS = 0.6
"""The part of the deaths that come at a step; the others come at any instant."""
MISSED = 4
"""So many times more it is told to die at a step that it was never found at."""
WAIT_SECONDS = 3.0
"""How long a life lasts at most, once it is there."""
UNHEARD_SECONDS = 10.0
"""How long it lives at most without having acknowledged anything."""
BEFORE_READY = 0.2
"""The part of the deaths at any instant that come while it starts."""
STARTING_SECONDS = 0.8


@dataclass(slots=True)
class Report:
    """What has happened in a run."""

    kills: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    aimed: Counter[str] = field(default_factory=Counter)
    passed: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    slowest_rest: float = 0.0
    findings: list[str] = field(default_factory=list)


class Run:
    """One database, one local Slack and one far side over all deaths of a bot."""

    def __init__(self, report: Report, seed: int, say: Callable[[str], None]) -> None:
        self.report = report
        self._seed, self._say = seed, say
        self._dice = random.Random(seed)
        self.downs: list[tuple[float, float]] = []
        self._dead_since: float | None = None
        self._how = Hurry(TIMES, time.time())
        self.pace = Pace(
            lapse=LAPSE_SECONDS / TIMES,
            time_limit=TIME_LIMIT_SECONDS / TIMES,
            timebox=TIMEBOX_SECONDS / TIMES,
            lease=LEASE_SECONDS / TIMES,
            margin=MARGIN_SECONDS,
        )

    def go(self, kills: int, url: str, folder: Path) -> None:
        """Kill it so often, or until something is wrong."""
        with LocalSlack(workspace()) as slack, FarSide(folder / "journal") as far_side:
            policies = write_policies(folder / "policies", far_side.host)
            plugins = write_plugin(folder / "site")
            variables = environment(
                _tokens(slack), folder, database_url=url, policies=policies, plugins=plugins, host=far_side.host
            )
            with a_bot(folder, variables, self._how) as bot, a_ledger(bot, url, folder, slack, self._how) as evidence:
                self._died()
                people = People(slack, self._seed)
                while self.report.kills < kills and not self.report.findings:
                    slack.reset()
                    evidence.turn_page()
                    self._round(min(A_ROUND, kills - self.report.kills), bot, evidence, people, far_side)

    def _round(self, deaths: int, bot: Bot, evidence: Evidence, people: People, far_side: FarSide) -> None:
        """Let it die so often while people work; then let everything come to rest, and judge."""
        go_home = people.work(PEOPLE)
        findings: list[str] = []
        for _ in range(deaths - 1):
            self._life(bot, people)
            findings += evidence.false_words(far_side.effects())
        bot.live()
        if bot.ready():
            self._back()
        self._died_by_then(bot, people, WAIT_SECONDS)
        go_home()
        unrest = self._rest(evidence, people, far_side)
        if unrest:
            findings.append(f"after {REST_SECONDS:.0f} s there is still to be done: {unrest}")
        else:
            findings += evidence.wrong_cards() + evidence.given_up()
        bot.kill()
        self._died()
        findings += evidence.false_words(far_side.effects()) + evidence.broken_record()
        findings += bot.complaints()
        findings += self._judged(people.stories, evidence.rows(), far_side)
        self.report.findings += dict.fromkeys(findings)
        self._say(f"{self.report.kills} kills, {sum(self.report.outcomes.values())} requests")

    def _life(self, bot: Bot, people: People) -> None:
        """Have it live until a step or an instant that the dice choose, and die."""
        step = self._step() if self._dice.random() < STEPS else ""
        first = self.report.aimed[step] <= 1
        bot.live(step, 1 if first else self._dice.choice((1, 1, 2, 3)))
        if not step and self._dice.random() < BEFORE_READY:
            time.sleep(self._dice.uniform(0, STARTING_SECONDS))
            bot.kill()
        elif bot.ready():
            self._back()
            if self._died_by_then(bot, people, WAIT_SECONDS if step else self._dice.uniform(0, WAIT_SECONDS)):
                self.report.struck[step] += 1
            else:
                bot.kill()
        else:
            self.report.struck[step] += 1
        self._died()
        self.report.passed.update(bot.steps())

    def _died_by_then(self, bot: Bot, people: People, seconds: float) -> bool:
        """Wait so long, and until somebody was heard; True where it died meanwhile."""
        began, before = time.monotonic(), people.heard
        while not bot.died(0.05):
            lived = time.monotonic() - began
            if lived >= seconds and (people.heard > before or lived >= UNHEARD_SECONDS):
                return False
        return True

    def _step(self) -> str:
        """Choose one of the steps that it comes by and was told to die at least often; the crucial ones twice first.

        What comes by seldom, and was missed, is tried some more times.
        """
        aimed, struck, crucial = self.report.aimed, self.report.struck, around(*CRUCIAL)
        tries = {each: aimed[each] - 2 * (each in crucial) - MISSED * (not struck[each]) for each in self.report.passed}
        least = min(tries.values(), default=0)
        step = self._dice.choice(sorted(each for each, tried in tries.items() if tried == least) or [""])
        aimed[step] += 1
        return step

    def _died(self) -> None:
        self.report.kills += 1
        self._back()
        self._dead_since = time.time()

    def _back(self) -> None:
        """Note that it was dead until now; where it is so again before it was ready, that counts as two."""
        if self._dead_since is not None:
            self.downs.append((self._dead_since, time.time()))
        self._dead_since = None

    def _rest(self, evidence: Evidence, people: People, far_side: FarSide) -> str:
        """Wait until nothing is to be done any more, and return what still is where that takes too long."""
        began = time.monotonic()
        while (unrest := evidence.unrest()) and time.monotonic() - began < REST_SECONDS:
            if time.monotonic() - began > self.pace.time_limit:
                people.settle(far_side.is_open)
            time.sleep(0.25)
        self.report.slowest_rest = max(self.report.slowest_rest, time.monotonic() - began)
        return unrest

    def _judged(self, stories: list[Story], rows: dict[str, list[Row]], far_side: FarSide) -> Iterator[str]:
        """Yield what is wrong with each story, and the story with it."""
        of_run: dict[str, list[Effect]] = {}
        for each in far_side.effects():
            of_run.setdefault(each.key.split("-")[1], []).append(each)
        for story in stories:
            story.rows = rows.pop(story.tag, [])
            story.effects = [effect for row in story.rows for effect in of_run.get(str(row.number), ())]
            self.report.outcomes.update(f"{story.action.name} {row.state}" for row in story.rows)
            self.report.acts.update(f"{each.what} acknowledged" if each.acked else "lost acts" for each in story.acts)
            told = "\n    ".join(story.told)
            for wrong in judge(story, self.downs, self.pace):
                yield f"{story.tag} ({story.action.name}): {wrong}\n    {told}"
        for tag in rows:
            yield f"nobody has asked for {tag}, which the ledger holds"


@contextmanager
def a_ledger(bot: Bot, url: str, folder: Path, slack: LocalSlack, how: Hurry) -> Iterator[Evidence]:
    """Have a first life make the tables and the key, by which all that comes later is looked at."""
    bot.live()
    bot.ready()
    bot.kill()
    with closing(Evidence(url, folder / "signing.key", slack, how)) as evidence:
        yield evidence


def _tokens(slack: LocalSlack) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.api_url,
        "JITBOT_LOCAL_SLACK": "true",
        "JITBOT_MOST_A_MINUTE": "0",  # four people stand for many
    }
