"""`$name` in queries: one literal each, whatever stands in it."""

import pytest

from jitbot.facts.placeholders import check, filled


@pytest.mark.parametrize(
    ("text", "given", "asked"),
    [
        ("up{job=$job}", {"job": "api"}, 'up{job="api"}'),
        ("up{job=$job}", {"job": 'a"} or vector(0) #'}, 'up{job="a\\"} or vector(0) #"}'),
        ("up{job=$job}", {"job": "a\\"}, 'up{job="a\\\\"}'),
        ("up{job=$job}", {"job": "zwei\nüben"}, 'up{job="zwei\\nüben"}'),
        ('up{job="api"} > $least and up{job="web"} > $least', {"least": 3}, 'up{job="api"} > 3 and up{job="web"} > 3'),
        ("$.items[?@.id == $id]", {"id": "$id"}, '$.items[?@.id == "$id"]'),
    ],
)
def test_a_value_is_put_in_as_one_literal(text: str, given: dict[str, int | float | str], asked: str) -> None:
    check(text, given)
    assert filled(text, given) == asked


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        ("up{job=$job}", {}, r"\$job, which `with` does not give"),
        ("up", {"job": "api"}, r"no \$job, which `with` gives"),
        ('up{job="$job"}', {"job": "api"}, "in quotes or as a pattern"),
        ("up{job='a\\'$job'}", {"job": "api"}, "in quotes or as a pattern"),
        ("up{job=~$job}", {"job": ".*"}, "in quotes or as a pattern"),
        ("$[?match(@.id, $id)]", {"id": ".*"}, "in quotes or as a pattern"),
    ],
)
def test_a_place_that_is_no_literal_is_refused(text: str, given: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check(text, given)
