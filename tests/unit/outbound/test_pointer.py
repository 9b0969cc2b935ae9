import pytest

from jitbot.outbound.pointer import look_up

DOCUMENT = {"a": [{"b": 1}, 2], "c/d": 3, "e~f": 4, "": 5}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [("", DOCUMENT), ("/a/0/b", 1), ("/a/1", 2), ("/c~1d", 3), ("/e~0f", 4), ("/", 5)],
)
def test_a_pointer_finds_its_value(pointer: str, value: object) -> None:
    assert look_up(DOCUMENT, pointer) == value


@pytest.mark.parametrize("pointer", ["/x", "/a/2", "/a/-1", "/a/01", "/a/²", "/a/0/b/c", "/a/-"])
def test_a_pointer_to_nothing_says_so(pointer: str) -> None:
    with pytest.raises(LookupError):
        look_up(DOCUMENT, pointer)
