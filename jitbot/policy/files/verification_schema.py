"""The keys of an action's `verify`, as a pydantic model."""

from typing import Literal, Self

from pydantic import Field, model_validator

from jitbot.policy.files.strict import Duration, Strict, wrong


class VerifyKeys(Strict):
    """How a run is watched after it has started: by a condition over facts, by the runner's own check, or both."""

    within: Duration = Field(alias="for", description="How long it is watched.")
    every: Duration | None = Field(
        None, description="How long between two readings, 5s at least; a tenth of `for`, from 5s to 1m, if left out."
    )
    unhealthy_when: str | None = Field(
        None,
        description="Condition (CEL) over `facts.NAME`, `before.facts.NAME` (just before the start) and `params.NAME`.",
    )
    check: bool | None = Field(
        None, description="Whether the runner's own check counts; if left out, where there is no `unhealthy_when`."
    )
    when_unhealthy: Literal["undo", "tell"] = Field(
        "undo", description="What becomes of an unhealthy run: `undo` it, or `tell` people and leave it."
    )
    even_if_unhealthy: bool = Field(
        False, description="Whether to start on a target that is unhealthy already; if not, that is refused."
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.check is False and self.unhealthy_when is None:
            raise wrong("this looks at nothing; write `unhealthy_when`, or let the runner `check`.")
        return self
