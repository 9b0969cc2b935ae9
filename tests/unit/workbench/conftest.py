"""A bench for tests: policies by their files, one runner that takes anything, one source of facts."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from jitbot.model import Policy
from jitbot.policy.files.load import load
from jitbot.workbench.lint.linting import lint
from jitbot.workbench.rehearsal import Bench
from tests.fake_sources import FakeSource, FakeSources
from tests.town import FakeRunner, OneRunner
from tests.unit.workbench import advice

PEOPLE = """
groups:
  engineering: [U0REAL, ann@acme.example, "group:leads"]
  leads: [U0LEAD, eve@acme.example]
  sre: ["@sre"]
on_call:
  primary: {source: fake, name: rota, as: people}
"""
POLICY = """
team: payments
channel: "#payments"
actions:
  restart:
    runner: fake
    with: {what: "{service}", where: "{env}"}
    parameters:
      service: {type: choice, options: [api, worker]}
      env: {type: choice, options: [staging, prod]}
    requesters: [group:engineering]
    reason: {required: true, pattern: "INC-[0-9]+"}
    facts:
      incidents: {source: fake, name: incidents, about: "{service} {requester.email}"}
      calm: {source: fake, name: calm, as: boolean}
      since: {source: fake, name: since, as: instant}
      length: {source: fake, name: length, as: duration}
      names: {source: fake, name: names, as: texts}
      load: {source: fake, name: load, as: number}
      word: {source: fake, name: word, as: text}
    rules:
      - {name: staging is self-serve, when: params.env == 'staging', allow: true}
      - name: on call during an incident
        when: "'primary' in requester.on_call && facts.incidents > 0"
        allow: true
      - name: a lead decides
        review: [{from: [group:leads], count: 1}]
  tune:
    runner: fake
    with: {what: work_mem, where: prod, value: 1}
    parameters:
      whose: {type: user}
    requesters: [group:engineering]
    timebox: {default: 30m, max: 4h}
    rules:
      - {name: not at night, when: now.getHours() >= 22, deny: Not at night.}
      - {name: one at a time, when: targets == 1, allow: true}
      - name: SREs and whoever is on call
        review:
          - {from: [group:sre], count: 1}
          - {from: [oncall:primary], count: 1}
"""
GUARDRAILS = """
guardrails:
  - name: agents ask a lead
    when: requester.kind == 'agent'
    review: [{from: [group:leads], count: 1}]
"""
FILES = {"payments.yml": POLICY, "people.yml": PEOPLE, "guardrails.yml": GUARDRAILS}


@pytest.fixture
def make_bench() -> Callable[[Mapping[str, str]], Bench]:
    def made(files: Mapping[str, str]) -> Bench:
        catalog, sources = OneRunner(FakeRunner()), FakeSources(FakeSource())
        policy: Policy = load(files, catalog, sources)
        return Bench(policy, catalog, sources)

    return made


@pytest.fixture
def bench(make_bench: Callable[[Mapping[str, str]], Bench]) -> Bench:
    return make_bench(FILES)


@pytest.fixture
def advised(make_bench: Callable[[Mapping[str, str]], Bench]) -> advice.Advised:
    """Load files and return the advice on them, which must be on the marked lines and on no others."""

    def found(text: str, people: str = advice.PEOPLE, **others: str) -> list[str]:
        files = {"payments.yml": text, "people.yml": people, **{f"{name}.yml": each for name, each in others.items()}}
        plain = {name: each.replace(advice.MARK, "") for name, each in files.items()}
        lines = [(name, *each) for name, text in files.items() for each in enumerate(text.splitlines(), start=1)]
        given = lint(make_bench(plain).policy, plain, datetime(2026, 11, 25, 12, tzinfo=UTC))
        marked = {f"{name}:{number}" for name, number, line in lines if advice.MARK in line}
        assert {each.where for each in given} == marked
        return [f"{each.topic}: {each.message}" for each in given]

    return found
