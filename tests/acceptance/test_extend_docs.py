"""What the page on extensions says of its policies is what becomes of them, with the fake runner for theirs."""

import re
from collections.abc import Callable, Iterator

import pytest

from jitbot.model import State
from jitbot.slack.oneliner import Word, about_one, parse
from tests.contract.howto import ROOT, blocks
from tests.town import ANN, BO, DI, Town

PAGE = (ROOT / "docs" / "howto" / "extend-a-grant.md").read_text(encoding="utf-8")


@pytest.fixture
def town(make_town: Callable[[], Town]) -> Iterator[Town]:
    town = make_town()
    actions, people = blocks(PAGE, "yaml")
    fake = re.sub(r"runner: command\n.*?\n    requesters", FAKE, actions, count=1, flags=re.DOTALL)
    town.files = {"shop.yml": fake, "people.yml": people}
    town.service.book.reload()
    assert town.book.fault == ""
    yield town
    town.close()


FAKE = "runner: fake\n    with: {what: shop, where: prod}\n    requesters"


def test_it_goes_as_the_page_says(town: Town) -> None:
    grant = town.ask(ANN, "shop-db", ttl="30m")
    assert town.extend(ANN, grant, "30m").state is State.SUCCEEDED
    colleague = town.extend(ANN, grant, "30m")
    town.approve(BO, colleague)
    assert town.state(colleague) is State.SUCCEEDED
    lead = town.extend(ANN, grant, "1h")
    assert town.approve(BO, lead).refused
    town.approve(DI, lead)
    assert town.state(lead) is State.SUCCEEDED


def test_the_line_on_the_page_is_understood() -> None:
    typed = next(block for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL) if block.startswith("/jit "))
    command = parse(typed.strip().removeprefix("/jit "))
    assert command.word is Word.EXTEND
    read = about_one(command.about)
    assert (read.action, read.ttl, read.reason) == ("JIT-12", "30m", "INC-482: the index is still being built")
    assert read.params == {}
