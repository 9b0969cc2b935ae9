"""The keys of policy files, as pydantic models; editors get the JSON Schema made from them.

These models say what a file may look like. What its parts mean together (groups that exist, templates that name a
parameter, conditions that hold types) is checked where they are turned into the nouns of `model`.
"""

from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    TypeAdapter,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from jitbot.policy.files.calendar_schema import CalendarFile
from jitbot.policy.files.for_each_schema import ForEach
from jitbot.policy.files.people_schema import PeopleFile
from jitbot.policy.files.strict import Duration, FactKeys, Short, Strict, wrong
from jitbot.policy.files.verification_schema import VerifyKeys
from jitbot.policy.wording import written


def _yes_or_message(value: object) -> str:
    if value is True:
        return ""
    if isinstance(value, str) and value.strip():
        return value
    raise wrong("write `deny: true`, or the message that people see in quotes.")


def _yes(value: object) -> object:
    if value is True:
        return value
    raise wrong(f"write `allow: true`, or how often: `allow: {{at_most: 3, per: 1h}}`; not {written(value)}.")


def _bound(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong("write a whole number, or a duration such as 30m.")
    return value


def _reason(value: object) -> object:
    return {"required": value} if isinstance(value, bool) else value


def _entry_kind(value: Any) -> str:
    return "#any_of" if isinstance(value, dict) and "any_of" in value else "#entry"


def _allow_kind(value: Any) -> str:
    return "#quota" if isinstance(value, dict | QuotaKeys) else "#true"


Bound = Annotated[int | str, PlainValidator(_bound), WithJsonSchema({"type": ["integer", "string"]})]
Count = Annotated[int, Field(ge=1, le=20)]
Yes = Annotated[Literal[True], PlainValidator(_yes), WithJsonSchema({"const": True})]
Allow = Annotated[Annotated[Yes, Tag("#true")] | Annotated["QuotaKeys", Tag("#quota")], Discriminator(_allow_kind)]
Deny = Annotated[
    str,
    PlainValidator(_yes_or_message),
    WithJsonSchema({"anyOf": [{"const": True}, {"type": "string", "minLength": 1}]}),
]


class ReasonKeys(Strict):
    """Whether people say why, and what that must contain."""

    required: bool = Field(True, description="Whether a reason must be given.")
    pattern: str | None = Field(None, description="RE2 pattern that some part of the reason must match.")
    hint: str = Field("", max_length=150, description="Shown below the field.")


class TimeboxKeys(Strict):
    """How long a grant lasts."""

    default: Duration = Field(description="Length when nothing else is asked for.")
    max: Duration = Field(description="Longest length that can be asked for.")


class QuotaKeys(Strict):
    """How often one requester may be let through by a rule."""

    at_most: int = Field(ge=1, le=1000, description="How often, for one requester.")
    per: Duration = Field(description="In any stretch of so long.")


class LimitsKeys(Strict):
    """What bounds every request of an action, whatever its rules say."""

    held: int | None = Field(None, ge=1, le=1000, description="Grants held at the same time, in all.")
    held_by_one: int | None = Field(None, ge=1, le=1000, description="Grants held at the same time by one person.")
    cool_down: Duration | None = Field(None, description="Wait after a failed run on the same target.")

    @model_validator(mode="after")
    def _some_limit(self) -> Self:
        if self.model_fields_set:
            return self
        raise wrong("this limits nothing; write held, held_by_one or cool_down, or leave `limits` out.")


class StartLaterKeys(Strict):
    """That a start may be planned."""

    max: Duration = Field(description="How far ahead it may be planned.")


class ParameterKeys(Strict):
    """One field of the form."""

    type: Literal["choice", "multi-choice", "text", "integer", "boolean", "duration", "user"]
    label: Short | None = Field(None, description="The field's name; the parameter's own name in words if left out.")
    hint: str = Field("", max_length=150, description="Shown below the field.")
    required: bool = Field(True, description="Whether the field must be filled in; if not, it needs a default.")
    default: Any = Field(None, description="Value when none is given.")
    options: list[Short] | None = Field(None, min_length=1, description="What can be chosen; choices only.")
    pattern: str | None = Field(None, description="RE2 pattern that the whole text must match; text only.")
    max_length: int = Field(300, ge=1, le=3000, description="Most characters; text only.")
    min: Bound | None = Field(None, description="Smallest value; integers and durations only.")
    max: Bound | None = Field(None, description="Largest value; integers and durations only.")


class EntryKeys(Strict):
    """So many approvals by different people from these sources."""

    sources: list[str] = Field(
        alias="from",
        min_length=1,
        description="Selectors: `group:NAME`, `oncall:NAME`, `attribute:NAME=VALUE`, `user:ID`.",
    )
    count: Count = Field(1, description="How many different people must approve.")
    quiet: list[str] | None = Field(
        None, min_length=1, description="Selectors of people who may approve for this entry too, and are never pinged."
    )


class AnyOfKeys(Strict):
    """Alternatives: one of the lists must be met in full."""

    any_of: list[Annotated[list["ReviewKeys"], Field(min_length=1)]] = Field(min_length=1)


ReviewItem = EntryKeys | AnyOfKeys
ReviewKeys = Annotated[
    Annotated[EntryKeys, Tag("#entry")] | Annotated[AnyOfKeys, Tag("#any_of")], Discriminator(_entry_kind)
]
Review = Annotated[list[ReviewKeys], Field(min_length=1, description="Who must approve; all entries must be met.")]


_OUTCOMES = ("allow", "deny", "review", "not_recently_approved_by")


class OutcomeKeys(Strict):
    """What a rule says: exactly one of its outcomes."""

    name: Short | None = Field(None, description="What people see; `rule 1` and so on if left out.")
    when: str | None = Field(None, description="Condition (CEL); a rule without one always matches.")
    deny: Deny | None = Field(None, description="Refuse it; a message tells people why.")
    review: Review | None = None

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        possible = [name for name in _OUTCOMES if name in type(self).model_fields]
        given = [name for name in possible if getattr(self, name) is not None]
        if len(given) == 1:
            return self
        found = f"this has {' and '.join(given)}" if given else "this has none"
        raise wrong(f"a rule says exactly one of {', '.join(possible)}; {found}.")


class TierKeys(Strict):
    """Who is asked besides, once nobody has answered for so long."""

    after: Duration = Field(description="How long it must have waited for reviews.")
    to: list[str] = Field(min_length=1, description="Selectors of who may approve from then on, for any entry.")


class RuleKeys(OutcomeKeys):
    """One rule of an action: exactly one of allow, deny and review."""

    allow: Allow | None = Field(None, description="Run it at once: `true`, or so often only.")
    remind_after: Duration | None = Field(
        None, description="How long after asking, and after each reminder, those who can approve are reminded."
    )
    escalate: list[TierKeys] | None = Field(
        None, min_length=1, max_length=10, description="Who is asked besides as time passes."
    )
    lapse_after: Duration | None = Field(None, description="How long reviews are waited for, instead of the action's.")
    fallback: list[str] | None = Field(
        None, min_length=1, description="Selectors of who may approve for an entry that names nobody who could now."
    )

    @field_validator("allow", mode="before")
    @classmethod
    def _no_number(cls, value: Any) -> Any:
        """Refuse 1, which Python takes for true."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise wrong(f"this can be true, not {value}.")
        return value


class GuardrailKeys(OutcomeKeys):
    """One of the organisation's rules: exactly one of deny, review and not_recently_approved_by."""

    not_recently_approved_by: Duration | None = Field(
        None, description="Keep apart: nobody approves who was approved by the requester within that time."
    )
    applies_to: list[str] | None = Field(None, min_length=1, description="Actions looked at; all if left out.")
    break_glass: Literal["passes"] | None = Field(None, description="`passes`: break-glass passes this guardrail.")


class NarrowedGlassKeys(Strict):
    """How an action narrows the break-glass that guardrails grant for it."""

    who: list[str] | None = Field(None, min_length=1, description="Selectors: of those whom the guardrails name.")
    max: Duration | None = Field(None, description="Longest timebox.")
    review_within: Duration | None = Field(None, description="How soon it must be reviewed afterwards.")
    tell: list[str] | None = Field(None, min_length=1, description="Channels that are told besides.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise wrong("this narrows nothing; write who, max, review_within or tell, or leave the key out.")
        return self


class GlassKeys(Strict):
    """Break-glass, as guardrails grant it."""

    applies_to: list[str] | None = Field(None, min_length=1, description="Actions; all if left out.")
    who: list[str] = Field(min_length=1, description="Selectors of who may break the glass.")
    max: Duration = Field(description="Longest timebox; more is refused.")
    review_within: Duration = Field(description="How soon it must be reviewed afterwards.")
    tell: list[str] = Field(min_length=1, description="Channels that are told at once, and when the review is overdue.")
    bar_when_overdue: bool = Field(True, description="Whether an overdue review bars the person's next break-glass.")


class ActionKeys(Strict):
    """One action: what runs, who may ask, and what decides."""

    title: Short | None = Field(None, description="What people see; the action's own name in words if left out.")
    description: str = Field("", max_length=300, description="One or two sentences for the form.")
    runner: str = Field(description="What carries it out.")
    inputs: dict[str, Any] = Field({}, alias="with", description="The runner's inputs; `{x}` is parameter x.")
    parameters: dict[str, ParameterKeys] = Field({}, max_length=40, description="The fields of the form, by name.")
    risk: Literal["low", "medium", "high", "critical"] = Field("medium", description="Seen by conditions and people.")
    requesters: list[str] = Field(min_length=1, description="Selectors of who may ask at all.")
    reason: Annotated[ReasonKeys, BeforeValidator(_reason, json_schema_input_type=bool | ReasonKeys)] = Field(
        ReasonKeys(),
        description="Whether people say why; true or false for short.",
        json_schema_extra={"default": True},
    )
    facts: dict[str, FactKeys] = Field({}, max_length=20, description="What conditions may look at, by name.")
    pool: str = Field("", description="The worker pool that carries it out; jitbot itself if left out.")
    for_each: ForEach | None = Field(
        None, description="Do it on each value of a `multi-choice` parameter; the parameter's name for short."
    )
    timebox: TimeboxKeys | None = Field(None, description="Makes it a grant that ends by itself.")
    beneficiary: str | None = Field(None, description="The `user` parameter that names for whom it is done.")
    verify: VerifyKeys | None = Field(None, description="How a run is watched after it has started.")
    limits: LimitsKeys | None = Field(None, description="How much at a time, and how soon after a failure.")
    break_glass: NarrowedGlassKeys | None = Field(None, description="Narrows the break-glass that guardrails grant.")
    rules: list[RuleKeys] = Field(min_length=1, description="In order; the first that matches decides, none denies.")
    lapse_after: Duration = Field(
        timedelta(hours=8), description="How long reviews are waited for.", json_schema_extra={"default": "8h"}
    )
    start_within: Duration = Field(
        timedelta(hours=1), description="How long after the decision it may start.", json_schema_extra={"default": "1h"}
    )
    start_later: StartLaterKeys | None = Field(None, description="Lets people plan the start: `at=18:30`.")
    time_limit: Duration = Field(
        timedelta(minutes=5), description="How long the runner may take.", json_schema_extra={"default": "5m"}
    )


class TeamHead(Strict):
    """A team file, its actions not looked at yet."""

    team: Short = Field(description="The team that owns these actions.")
    channel: str = Field(description="Where requests are shown: `#name`, or a channel id.")
    actions: dict[str, Any] = Field(min_length=1)


class TeamFile(TeamHead):
    """One team's policy file."""

    actions: dict[str, ActionKeys] = Field(min_length=1, description="The actions, by name: `/jit NAME`.")


class GuardrailHead(Strict):
    """`guardrails.yml`, its guardrails not looked at yet."""

    guardrails: list[Any]
    facts: dict[str, FactKeys] = Field({})
    break_glass: list[GlassKeys] = Field([])
    may_end: list[str] = Field([])
    may_halt: list[str] = Field([])
    may_lift: list[str] = Field([])


class GuardrailFile(GuardrailHead):
    """`guardrails.yml`: the organisation's rules."""

    guardrails: list[GuardrailKeys] = Field(description="All of them are looked at; any deny wins.")
    facts: dict[str, FactKeys] = Field({}, max_length=20, description="What guardrails' conditions may look at.")
    break_glass: list[GlassKeys] = Field([], description="Who may break the glass; nobody if left out.")
    may_end: list[str] = Field([], description="Selectors of who may end every grant and stop every run.")
    may_halt: list[str] = Field([], description="Selectors of who may halt anybody and anything.")
    may_lift: list[str] = Field([], description="Selectors of who may lift halts, two of them together.")


PolicyFile = TeamFile | GuardrailFile | PeopleFile | CalendarFile


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of policy files (any one of the four kinds)."""
    made = TypeAdapter(PolicyFile).json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jitbot policy file",
        **without_null(made),
    }


def without_null(node: Any) -> Any:
    """Drop what stands for a key that is left out: an empty one is refused."""
    if isinstance(node, list):
        return [without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: without_null(value) for key, value in node.items() if (key, value) != ("default", None)}
    choices = [choice for choice in kept.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        return {**{key: value for key, value in kept.items() if key != "anyOf"}, **choices[0]}
    return {**kept, "anyOf": choices} if choices else kept
