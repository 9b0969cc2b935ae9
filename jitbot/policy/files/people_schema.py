"""The keys of `people.yml`, as pydantic models."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from jitbot.policy.files.strict import FactKeys, Short, Strict


class AttributeKeys(Strict):
    """One attribute of people: its type, and where it is read besides this file."""

    type: Literal["text", "texts", "boolean"]
    options: list[Short] | None = Field(None, min_length=1, description="The only values; texts only.")
    source: FactKeys | None = Field(None, alias="from", description="Where it is read of people who have none here.")


class GivenKeys(Strict):
    """A value with an end."""

    value: Any = Field(description="What the person has.")
    until: str = Field(description="The last day on which it counts, like 2027-03-31.")


def _given_kind(value: Any) -> str:
    kinds = {dict: "#until", GivenKeys: "#until", list: "#texts", bool: "#boolean"}
    return kinds.get(type(value), "#text")


GivenValue = Annotated[
    Annotated[GivenKeys, Tag("#until")]
    | Annotated[list[str], Tag("#texts")]
    | Annotated[bool, Tag("#boolean")]
    | Annotated[str, Tag("#text")],
    Discriminator(_given_kind),
]


class AccountKeys(Strict):
    """An account in Slack that is no person's."""

    kind: Literal["service", "agent"] = Field(description="A script or pipeline, or an AI agent.")
    behind: list[str] = Field(min_length=1, description="Selectors of who stands behind it.")


class PeopleFile(Strict):
    """`people.yml`: groups of people, who is on call, and attributes of people."""

    groups: dict[str, list[str]] = Field(
        description="Members: Slack ids, e-mail addresses, `@usergroup`s, `group:`, `oncall:`, `attribute:` and a name."
    )
    on_call: dict[str, FactKeys] = Field({}, description="Where it is read who is on call, by the rota's name.")
    attributes: dict[str, AttributeKeys] = Field({}, max_length=50, description="What is known of people, by name.")
    people: dict[str, dict[str, GivenValue]] = Field(
        {}, description="The attributes of people, by Slack id or e-mail address."
    )
    accounts: dict[str, AccountKeys] = Field({}, description="Accounts that are no person's, by Slack id.")
    zone: str = Field("UTC", description="Time zone in which the days of this file end.")
