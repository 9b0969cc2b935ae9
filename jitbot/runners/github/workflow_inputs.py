"""What the runner for workflows can be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from jitbot.runners.github.inputs import OfRepository, Ref

MOST_INPUTS = 25
"""https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflow_dispatch"""
MOST_CHARACTERS = 65_535


def _word(value: Any) -> Any:
    """Write true and false as workflows do; a template that is one `{parameter}` keeps its type."""
    return str(value).lower() if isinstance(value, bool) else value


File = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}\.ya?ml$")]
InputName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,99}$")]
Values = dict[InputName, Annotated[str, BeforeValidator(_word)]]


@dataclass(frozen=True, slots=True)
class Order:
    """One workflow to be run, and what it is told besides the key."""

    file: str
    inputs: Mapping[str, str]


class WorkflowInputs(OfRepository):
    """A workflow to be run on a branch or tag, and another that takes back what it did."""

    workflow: File
    ref: Ref
    inputs: Values = Field(default_factory=dict)
    key_input: InputName = "jitbot"
    """The workflow's input that takes the run's key and is shown in its `run-name`."""
    undo_workflow: File | None = None
    undo_inputs: Values = Field(default_factory=dict)
    target: Annotated[str, Field(min_length=1, max_length=300)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for values in (self.inputs, self.undo_inputs):
            if self.key_input in values:
                raise ValueError(f"the input {self.key_input} is filled by jitbot itself: leave it out")
            if len(values) >= MOST_INPUTS or sum(map(len, [*values, *values.values()])) > MOST_CHARACTERS - 200:
                raise ValueError(f"GitHub takes {MOST_INPUTS} inputs and {MOST_CHARACTERS} characters at most")
        if self.undo_inputs and self.undo_workflow is None:
            raise ValueError("undo_inputs belong to an undo_workflow")
        return self

    @property
    def order(self) -> Order:
        return Order(self.workflow, self.inputs)

    @property
    def undo_order(self) -> Order | None:
        return None if self.undo_workflow is None else Order(self.undo_workflow, self.undo_inputs)
