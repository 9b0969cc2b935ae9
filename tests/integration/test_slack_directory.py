"""The directory on a local Slack: who people are, remembered for a while, and never empty for a failure."""

from collections.abc import Iterator

import pytest

from jitbot.errors import DirectoryUnavailable, NotFound, NotifyError
from jitbot.model import Standing, UserId
from jitbot.sandbox.local import LocalSlack
from jitbot.slack.channels import Channels
from jitbot.slack.client import web_client
from jitbot.slack.directory import SlackDirectory, installed
from jitbot.slack.sending import Refused
from tests.slack_town import HERE, WORKSPACE

ANN, EVE, GUS = UserId("U0ANN"), UserId("U0EVE"), UserId("U0GUS")


class Watch:
    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture(scope="module")
def running() -> Iterator[LocalSlack]:
    with LocalSlack(WORKSPACE) as slack:
        yield slack


@pytest.fixture
def slack(running: LocalSlack) -> LocalSlack:
    running.reset()
    running.faults()
    running.forward(120)
    return running


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def directory(slack: LocalSlack, watch: Watch) -> SlackDirectory:
    client = web_client(slack.bot_token, slack.api_url)
    return SlackDirectory(client, installed(client), watch)


@pytest.mark.parametrize(
    ("user", "standing"),
    [("U0ANN", Standing.MEMBER), ("U0EVE", Standing.STRANGER), ("U0GUS", Standing.GUEST), ("U0JITBOT", Standing.BOT)],
)
def test_everybody_has_their_standing(directory: SlackDirectory, user: str, standing: Standing) -> None:
    assert directory.person(UserId(user)).standing is standing


def test_somebody_deactivated_is_seen_as_soon_as_slack_says_so(slack: LocalSlack, directory: SlackDirectory) -> None:
    assert directory.person(ANN).standing is Standing.MEMBER
    slack.control("people/U0ANN", {"deleted": True})
    assert directory.person(ANN).standing is Standing.MEMBER
    directory.forget_person(ANN)
    assert directory.person(ANN).standing is Standing.DEACTIVATED


def test_what_one_process_is_told_of_the_others_forget_too(slack: LocalSlack, watch: Watch) -> None:
    client = web_client(slack.bot_token, slack.api_url)
    other = SlackDirectory(client, installed(client), watch)
    told = SlackDirectory(client, installed(client), watch, tell=other.hear)
    assert other.person(ANN).standing is Standing.MEMBER
    assert other.usergroup("sre") == frozenset({"U0BO"})
    slack.control("people/U0ANN", {"deleted": True})
    slack.control("usergroups/S0SRE", {"users": ["U0ANN"]})
    other.hear("request 12")
    assert other.person(ANN).standing is Standing.MEMBER
    told.forget_person(ANN)
    told.forget_groups()
    assert other.person(ANN).standing is Standing.DEACTIVATED
    assert other.usergroup("sre") == frozenset({"U0ANN"})


def test_who_may_have_missed_something_asks_for_everybody_anew(slack: LocalSlack, directory: SlackDirectory) -> None:
    assert directory.person(ANN).standing is Standing.MEMBER
    assert directory.usergroup("sre") == frozenset({"U0BO"})
    slack.control("people/U0ANN", {"deleted": True})
    slack.control("usergroups/S0SRE", {"users": ["U0ANN"]})
    directory.forget_all()
    assert directory.person(ANN).standing is Standing.DEACTIVATED
    assert directory.usergroup("sre") == frozenset({"U0ANN"})


def test_a_person_is_asked_for_once_in_five_minutes(slack: LocalSlack, directory: SlackDirectory, watch: Watch) -> None:
    before = len(slack.calls("users.info"))
    for _ in range(5):
        directory.person(ANN)
        assert directory.known(ANN) is not None
    assert len(slack.calls("users.info")) == before + 1
    watch.at += 301
    assert directory.known(ANN) is None
    directory.person(ANN)
    assert len(slack.calls("users.info")) == before + 2


@pytest.mark.parametrize("kind", ["error", "http_500", "drop", "ratelimited"])
def test_a_failure_is_never_an_empty_answer(slack: LocalSlack, directory: SlackDirectory, kind: str) -> None:
    slack.faults({"on": "*", "kind": kind, "times": 0, "error": "internal_error", "retry_after": 5})
    with pytest.raises(DirectoryUnavailable):
        directory.person(ANN)
    with pytest.raises(DirectoryUnavailable):
        directory.by_email("ann@acme.example")
    with pytest.raises(DirectoryUnavailable):
        directory.usergroup("sre")
    assert directory.display_name(ANN) == ANN


def test_who_does_not_exist_is_told_apart_from_a_failure(directory: SlackDirectory) -> None:
    with pytest.raises(NotFound):
        directory.person(UserId("U0NOBODY"))
    assert directory.by_email("nobody@acme.example") is None
    with pytest.raises(NotFound, match="no user group @nope"):
        directory.usergroup("nope")


def test_addresses_and_user_groups_are_resolved(slack: LocalSlack, directory: SlackDirectory, watch: Watch) -> None:
    assert directory.by_email("ANN@acme.example") == ANN
    assert directory.usergroup("sre") == frozenset({"U0BO"})
    slack.control("usergroups/S0SRE", {"users": ["U0ANN", "U0BO"]})
    assert directory.usergroup("@sre") == frozenset({"U0BO"})
    directory.forget_groups()
    assert directory.usergroup("sre") == frozenset({"U0ANN", "U0BO"})
    before = len(slack.calls("usergroups.list"))
    watch.at += 61
    directory.usergroup("sre")
    assert len(slack.calls("usergroups.list")) == before + 1


def test_channels_are_found_by_name_and_ids_need_no_asking(slack: LocalSlack, watch: Watch) -> None:
    channels = Channels(web_client(slack.bot_token, slack.api_url), watch)
    assert channels.id_of(HERE) == HERE
    assert slack.calls("conversations.list") == []
    assert channels.id_of("#payments-oncall") == HERE
    assert channels.id_of("operators") == "C0OPS"
    with pytest.raises(Refused):
        channels.id_of("#nowhere")
    with pytest.raises(Refused):
        channels.id_of("#nowhere-else")
    assert len(slack.calls("conversations.list")) == 1


def test_channels_that_cannot_be_read_are_not_taken_for_missing(slack: LocalSlack, watch: Watch) -> None:
    channels = Channels(web_client(slack.bot_token, slack.api_url), watch)
    slack.faults({"on": "conversations.list", "kind": "http_500", "times": 1})
    with pytest.raises(NotifyError) as failed:
        channels.id_of("#operators")
    assert not isinstance(failed.value, Refused)
    assert channels.id_of("#operators") == "C0OPS"
