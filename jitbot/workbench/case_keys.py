"""The keys of `*.cases.yml`, as pydantic models; editors get the JSON Schema made from them."""

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from jitbot.policy.files.schema import without_null
from jitbot.policy.files.strict import Duration, Short, Strict


class PersonKeys(Strict):
    """Who somebody is in these cases."""

    groups: list[str] = Field([], description="The groups of `people.yml` that they are directly in.")
    on_call: list[str] = Field([], description="The rotas of `people.yml` in which they are on call.")
    attributes: dict[str, Any] = Field({}, description="Their attributes, by name; what is left out they do not have.")
    stands_in_for: list[str] = Field([], description="In whose place they review: names from `people`.")
    id: str | None = Field(None, description="Their Slack id; one is made up if left out.")
    email: str | None = Field(None, description="Their e-mail address; none if left out.")
    kind: Literal["person", "service", "agent"] = Field("person", description="What stands behind the requester.")
    standing: Literal["member", "guest", "stranger", "bot", "deactivated"] = Field(
        "member", description="What they are to the workspace."
    )


class GivenKeys(Strict):
    """What is asked, and how the world is then."""

    action: str = Field(description="What is asked for.")
    requester: str = Field(alias="as", description="Who asks: a name from `people`.")
    params: dict[str, Any] = Field({}, description="The values of its parameters, by name.")
    reason: str | None = Field(None, description="Why; if left out, reasons are not looked at.")
    ttl: str | None = Field(None, alias="for", description="How long; the timebox's default if left out.")
    source: str = Field("slack", description="How it is asked for.")
    at: str | None = Field(None, description="When, with its offset: `2026-12-24T23:00:00+01:00`.")
    starts_at: str | None = Field(None, description="When it shall start, with its offset; at once if left out.")
    used: dict[str, Annotated[int, Field(ge=0)]] = Field(
        {}, description="How often rules with a quota let the requester through, by rule; never if left out."
    )
    held_by: list[str] = Field([], description="Who holds a grant of this action already.")
    failed: Duration | None = Field(None, description="How long ago a run on the same target failed.")
    approved_lately: dict[str, Duration] = Field(
        {}, description="Whose requests the requester approved, and how long ago: `{cy: 2h}`."
    )
    break_glass: bool = Field(False, description="Whether the glass is to be broken.")
    review_overdue: bool = Field(
        False, description="Whether the requester lets a review after break-glass wait too long."
    )
    waited: Duration | None = Field(None, description="How long it has waited for reviews by now.")
    facts: dict[str, Any] = Field({}, description="The values of facts, by name; what is left out is unread.")
    frozen: list[str] = Field([], description="The freezes whose calendars say that they hold then.")
    targets: int | None = Field(None, ge=0, description="How many things the plan touches.")
    undoable: bool | None = Field(None, description="Whether the plan can be undone.")
    changes: bool | None = Field(None, description="Whether the plan changes anything.")
    unread: list[str] = Field(
        [],
        description="What cannot be read: `group:NAME`, `oncall:NAME`, `attribute:NAME`, `freeze:NAME`, `facts.NAME`.",
    )
    approved_by: list[str] = Field([], description="Who approves, in this order.")
    denied_by: list[str] = Field([], description="Who denies, after that.")


class ExpectKeys(Strict):
    """What must come of it; what is left out is not looked at."""

    outcome: Literal["allow", "review", "deny", "invalid"] = Field(
        description="What is decided; `invalid`: what is asked cannot be taken."
    )
    rule: str | None = Field(None, description="The name of the rule or guardrail that decides.")
    missing: int | None = Field(None, ge=0, description="How many approvals are still wanted.")
    approvers: list[str] | None = Field(None, description="Exactly those who can still approve.")
    reason: str | None = Field(None, description="Words that the decision's reasons must contain.")
    unread: list[str] | None = Field(None, description="Exactly what was needed and could not be read.")


class CaseKeys(Strict):
    """One case: given this, expect that."""

    name: Short = Field(description="What it shows, as a sentence.")
    given: GivenKeys = Field(description="What is asked, and how the world is then.")
    expect: ExpectKeys = Field(description="What must come of it.")


class CasesHead(Strict):
    """A file of cases, its cases not looked at yet."""

    people: dict[str, PersonKeys] = Field(min_length=1)
    cases: list[Any] = Field(min_length=1)
    at: str | None = None
    unread: list[str] = Field([])


class CasesFile(CasesHead):
    """`NAME.cases.yml`: what the policies beside it must say."""

    people: dict[str, PersonKeys] = Field(
        min_length=1, description="Who is who in these cases; groups and rotas that nobody is in are empty."
    )
    cases: list[CaseKeys] = Field(min_length=1, description="The cases, each on its own.")
    at: str | None = Field(None, description="When, for the cases that do not say.")
    unread: list[str] = Field([], description="What cannot be read in any of the cases.")


@cache
def cases_schema() -> dict[str, Any]:
    """Return the JSON Schema of files of cases."""
    made = TypeAdapter(CasesFile).json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **without_null(made),
        "title": "jitbot policy cases",
    }
