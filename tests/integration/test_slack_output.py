"""What runs say, in the local Slack: the Output button, files, results, and Slack failing meanwhile."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from jitbot.model import RequestId
from jitbot.ports import Run
from jitbot.slack.scopes import SCOPES
from tests.slack_town import HERE, SlackTown, action_ids, ephemeral, shown, slack_town
from tests.town import FakeInputs

SHORT = "restart service=api env=staging because it is slow"
REVIEWED = "restart service=api env=prod because it is slow"
LINES = [f"pod {number} is ready" for number in range(400)]


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[SlackTown]:
    slack, world = slack_town(sqlite_url, tmp_path)
    yield world.connect()
    world.close()
    slack.stop()


def saying(world: SlackTown, *lines: str, results: tuple[str, ...] = ()) -> None:
    def on_start(inputs: FakeInputs, run: Run) -> None:
        for line in lines:
            run.log(line)
        for line in results:
            run.result(line)

    world.town.runner.on_start = on_start


def run_long(world: SlackTown) -> Any:
    """Have a long run approved and done, and return its card."""
    saying(world, *LINES)
    request = world.ask("U0ANN", REVIEWED)
    world.person("U0BO").click(world.card(request.id), "jit:approve")
    world.until(lambda: world.state(request.id) == "succeeded")
    return world.until(lambda: has_button(world.card(request.id)), "the button")


def has_button(card: Any) -> Any:
    return card if card is not None and "jit:output" in action_ids(card) else None


def files(world: SlackTown, user: str) -> list[Any]:
    return [each for message in world.person(user).dm() for each in message.get("files", [])]


def text(file: Any) -> str:
    return httpx2.get(file["url_private"], trust_env=False).text


def test_whoever_may_see_the_request_gets_all_of_it_as_a_file(world: SlackTown) -> None:
    card = run_long(world)
    bo = world.person("U0BO")
    bo.click(card, "jit:output")
    (file,) = world.until(lambda: files(world, "U0BO"))
    assert (file["name"], file["title"]) == ("JIT-1-output.txt", "JIT-1-output.txt")
    first, *lines = text(file).splitlines()
    assert first.startswith("== start, attempt 1, from ")
    assert lines == [*LINES, "changed prod/api"]
    assert "comes to you as a file, in a direct message" in ephemeral(bo)[-1]["text"]
    assert files(world, "U0ANN") == files(world, "U0CY") == []
    assert [each for each in bo.messages(HERE) if each.get("files")] == []


def test_what_a_thread_shows_anyway_has_no_button(world: SlackTown) -> None:
    request = world.ask("U0ANN", SHORT)
    world.until(lambda: world.state(request.id) == "succeeded")
    assert "jit:output" not in action_ids(world.until(lambda: world.card(request.id)))


def test_a_stranger_to_the_request_gets_nothing(world: SlackTown) -> None:
    card = run_long(world)
    di = world.person("U0DI")
    di.click(card, "jit:output")
    told = world.until(lambda: ephemeral(di))
    assert "is not yours to see" in told[0]["text"]
    assert files(world, "U0DI") == []


def test_results_come_to_the_requester_alone(world: SlackTown) -> None:
    saying(world, "reading", results=("id = 1 | said = <!channel> *bold*", "id = 2"))
    request = world.ask("U0ANN", REVIEWED)
    world.person("U0BO").click(world.card(request.id), "jit:approve")
    told = world.until(lambda: [each for each in world.person("U0ANN").dm() if "for you alone" in each["text"]])
    assert "id = 1 | said = <!channel> *bold*\nid = 2" in shown(told[0])
    assert "<!channel>" not in told[0]["text"]
    world.until(lambda: "done" in world.card(request.id)["text"])  # type: ignore[index]
    assert "id = 1" not in str(world.person("U0BO").messages(HERE))
    assert "id = 1" not in str(world.person("U0BO").dm())
    own = world.until(lambda: next((each for each in world.person("U0ANN").dm() if has_button(each)), None))
    assert not has_button(world.card(request.id)), "others have nothing to see there"
    world.person("U0ANN").click(own, "jit:output")
    both = world.until(lambda: files(world, "U0ANN"))
    assert [each["name"] for each in both] == ["JIT-1-output.txt", "JIT-1-results.txt"]
    assert "id = 1" in text(both[1])
    assert "id = 1" not in text(both[0])


def test_long_results_come_as_a_file(world: SlackTown) -> None:
    saying(world, results=tuple(LINES))
    world.ask("U0ANN", SHORT)
    (file,) = world.until(lambda: files(world, "U0ANN"))
    assert (file["name"], text(file).splitlines()) == ("JIT-1-results.txt", LINES)


BEFORE = [
    {"on": "files.getUploadURLExternal", "kind": "http_500"},
    {"on": "files.getUploadURLExternal", "kind": "drop_after"},
    {"on": "upload", "kind": "http_500"},
    {"on": "upload", "kind": "drop"},
    {"on": "upload", "kind": "drop_after"},
    {"on": "conversations.open", "kind": "http_500"},
    {"on": "files.completeUploadExternal", "kind": "http_500"},
    {"on": "files.completeUploadExternal", "kind": "ratelimited", "retry_after": 30},
]


def test_what_fails_before_it_is_shared_is_tried_again_and_comes_once(world: SlackTown) -> None:
    card, bo = run_long(world), world.person("U0BO")
    for number, fault in enumerate(BEFORE):
        world.slack.faults({**fault, "times": 1})
        bo.click(card, "jit:output")
        world.until(lambda asked=number + 1: len(ephemeral(bo)) == asked, "the answer")
        assert len(files(world, "U0BO")) == number, fault
        world.until(lambda sent=number + 1: world.forward(31) or len(files(world, "U0BO")) == sent, str(fault))
        world.forward(600)
        world.tick()
        assert len(files(world, "U0BO")) == number + 1, fault


def test_a_lost_answer_to_the_last_call_is_the_one_thing_that_brings_it_twice(world: SlackTown) -> None:
    card = run_long(world)
    world.slack.faults({"on": "files.completeUploadExternal", "kind": "drop_after", "times": 1})
    world.person("U0BO").click(card, "jit:output")
    world.until(lambda: files(world, "U0BO"))
    world.forward(31)
    world.until(lambda: len(files(world, "U0BO")) == 2)
    assert len({text(each) for each in files(world, "U0BO")}) == 1


def test_where_slack_takes_no_files_the_end_is_said_and_where_the_rest_is(world: SlackTown) -> None:
    card = run_long(world)
    world.slack.faults({"on": "files.getUploadURLExternal", "kind": "error", "error": "missing_scope"})
    world.person("U0BO").click(card, "jit:output")
    (told,) = world.until(lambda: [each for each in world.person("U0BO").dm() if "takes no file" in each["text"]])
    assert "missing_scope" in told["text"]
    assert "`jitbot output JIT-1`" in shown(told)
    assert "pod 399 is ready" in shown(told)
    assert world.town.outbox.parked() == []


def test_what_was_deleted_meanwhile_is_not_sent(world: SlackTown) -> None:
    card = run_long(world)
    world.slack.faults({"on": "conversations.open", "kind": "http_500", "times": 1})
    world.person("U0BO").click(card, "jit:output")
    world.until(lambda: ephemeral(world.person("U0BO")))
    world.town.forward(days=31)
    world.tick()
    assert world.town.outputs.of(RequestId(1)) == []
    world.forward(31)
    world.tick()
    assert files(world, "U0BO") == []
    assert "nothing is kept of the output of JIT-1" in world.town.outbox.parked()[0][1]


def test_the_bot_asks_for_the_scope_that_files_need() -> None:
    assert "files:write" in SCOPES
