"""The keys of an action's `for_each`, as a pydantic model."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from jitbot.policy.files.strict import Duration, Strict, wrong


def _for_each(value: object) -> object:
    return {"parameter": value} if isinstance(value, str) else value


def _waves(value: object) -> object:
    if value == "all":
        return []
    sizes = value if isinstance(value, list) else [value]
    if sizes and all(isinstance(size, int) and not isinstance(size, bool) and size >= 1 for size in sizes):
        return sizes
    raise wrong("write `all`, a whole number from 1 on, or a list of them such as [1, 5].")


Waves = Annotated[
    list[int],
    PlainValidator(_waves),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "all"},
                {"type": "integer", "minimum": 1},
                {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1}},
            ]
        }
    ),
]


class ForEachKeys(Strict):
    """How an action does the same on each of many targets."""

    parameter: str = Field(description="The `multi-choice` parameter; in `with`, it stands for one of its values.")
    waves: Waves = Field(
        [1],
        description="How many at the same time: `all`, a number, or one for each wave (the last repeats).",
        json_schema_extra={"default": 1},
    )
    pause: Duration | None = Field(None, description="How long to wait between two waves; none if left out.")
    check: bool = Field(True, description="Whether the health of what is done is looked at before the next wave.")
    when_one_fails: Literal["undo", "stop"] | None = Field(
        None, description="`undo` what was done, or `stop` and leave it; if left out, `undo` where that is possible."
    )


ForEach = Annotated[ForEachKeys, BeforeValidator(_for_each, json_schema_input_type=str | ForEachKeys)]
