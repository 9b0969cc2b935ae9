"""The reference pages say what the code does: every key, every name, and examples that load."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from jitbot.model import Parameter, ParameterType, Policy, Truth
from jitbot.policy.cel.conditions import compile_condition
from jitbot.policy.cel.names import NAMES, CelType, parameter_names
from jitbot.policy.files.load import load
from jitbot.policy.files.schema import schema
from tests.fake_sources import FakeSource, FakeSources

DOCS = Path(__file__).parents[3] / "docs" / "reference"
POLICY = (DOCS / "policy.md").read_text(encoding="utf-8")
CONDITIONS = (DOCS / "conditions.md").read_text(encoding="utf-8")
SECTIONS = {
    "A team's file": ["TeamFile"],
    "Action": ["ActionKeys"],
    "Reason": ["ReasonKeys"],
    "Fact": ["FactKeys"],
    "Timebox": ["TimeboxKeys"],
    "Verify": ["VerifyKeys"],
    "For each": ["ForEachKeys"],
    "Limits": ["LimitsKeys"],
    "Narrowed break-glass": ["NarrowedGlassKeys"],
    "Planned start": ["StartLaterKeys"],
    "Parameter": ["ParameterKeys"],
    "Rule": ["RuleKeys"],
    "Tier": ["TierKeys"],
    "Quota": ["QuotaKeys"],
    "Review": ["EntryKeys", "AnyOfKeys"],
    "`guardrails.yml`": ["GuardrailFile"],
    "Guardrail": ["GuardrailKeys"],
    "Break-glass": ["GlassKeys"],
    "`people.yml`": ["PeopleFile"],
    "`windows.yml`": ["CalendarFile"],
    "Window": ["WindowKeys"],
    "Span": ["SpanKeys"],
    "Holidays": ["HolidayKeys"],
    "Freeze": ["FreezeKeys"],
    "Account": ["AccountKeys"],
    "Attribute": ["AttributeKeys"],
    "Value with an end": ["GivenKeys"],
}


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def section(heading: str) -> str:
    body = re.split(rf"^##+ {re.escape(heading)}$", POLICY, flags=re.MULTILINE)[1]
    return re.split(r"^##", body, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_page_has_every_key_of_the_schema_and_no_other(heading: str) -> None:
    keys = [key for model in SECTIONS[heading] for key in schema()["$defs"][model]["properties"]]
    assert sorted(first_cells(section(heading))) == sorted(keys)


def test_every_model_of_the_schema_has_its_section() -> None:
    assert {model for models in SECTIONS.values() for model in models} == set(schema()["$defs"])


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_page_calls_needed_what_the_schema_requires(heading: str) -> None:
    required = {key for model in SECTIONS[heading] for key in schema()["$defs"][model].get("required", [])}
    needed = set(re.findall(r"^\| `([^`]+)` \|.*\bNeeded\b", section(heading), re.MULTILINE))
    assert needed == required - {"any_of"}


class Commands:
    def names(self) -> list[str]:
        return ["command"]

    def inputs(self, name: str, values: Mapping[str, object]) -> object:
        return values


def test_the_whole_example_loads() -> None:
    files = dict(re.findall(r"^```yaml\n# (\S+\.yml)\n(.*?)^```$", POLICY, re.MULTILINE | re.DOTALL))
    assert list(files) == ["payments.yml", "guardrails.yml", "people.yml", "windows.yml"]
    policy = load(files, Commands(), FakeSources(FakeSource()))
    assert list(policy.actions) == ["restart", "prod-db"]


def test_the_example_of_reviews_loads(load_files: Callable[..., Policy]) -> None:
    (example,) = [block for block in blocks(POLICY, "yaml") if block.startswith("review:")]
    lines = example.replace("\n", "\n    ").rstrip()
    people = "groups: {payments-leads: [], sre: [], security: []}"
    policy = load_files({"people.yml": people, "guardrails.yml": f"guardrails:\n  - {lines}\n"})
    reviews = policy.guardrails[0].rule.reviews
    assert reviews is not None
    assert len(reviews.alternatives) == 2


def test_every_name_is_on_the_page_with_its_type() -> None:
    rows = dict(re.findall(r"^\| `([a-z._]+)` \| ([a-z ]+) \|", CONDITIONS, re.MULTILINE))
    names = {name: str(kind) for name, kind in NAMES.items()}
    kinds = {kind.value: parameter_names([Parameter("x", kind, "X")])["params.x"] for kind in ParameterType}
    written = dict(re.findall(r"^\| `([a-z-]+)` \| ([a-z ]+) \|$", CONDITIONS, re.MULTILINE))
    assert {name: kind for name, kind in rows.items() if name in names} == names
    assert written == {name: str(kind) for name, kind in kinds.items()}


def test_the_examples_of_conditions_compile() -> None:
    names = {**NAMES, "params.env": CelType.TEXT, "params.parts": CelType.TEXTS, "params.note": CelType.TEXT}
    (examples,) = blocks(CONDITIONS, "cel")
    lines = examples.splitlines()
    assert len(lines) > 5
    for line in lines:
        assert compile_condition(line, names, "page:1").test({}).truth is Truth.ERROR
