from pydantic import BaseModel, Field

from jitbot.policy.files.complaints import check
from jitbot.policy.files.issues import Issues, Place
from jitbot.policy.files.yaml_events import Document, parse


class Even(BaseModel):
    """A model with a rule that has no words of our own."""

    number: int = Field(multiple_of=2)


def test_a_complaint_without_words_of_our_own_is_passed_on_with_its_place() -> None:
    issues = Issues()
    document = parse("a.yml", "number: 3", issues)
    assert isinstance(document, Document)
    assert check(Even, document, (), issues) is None
    assert issues._found == {(Place("a.yml", 1, 9), "Input should be a multiple of 2.")}
