"""Examine everything jitbot needs, one finding a line, each fault with what to do about it."""

from collections.abc import Iterator

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from jitbot.cli.doctor_facts import facts
from jitbot.cli.doctor_files import files
from jitbot.cli.doctor_heads import heads
from jitbot.cli.doctor_pools import pools
from jitbot.cli.doctor_secrets import secrets
from jitbot.cli.doctor_trust import trust
from jitbot.cli.finding import Finding
from jitbot.compose import load_policies, open_catalog, open_store, slack_client
from jitbot.errors import JitbotError, PolicyError
from jitbot.model import Policy
from jitbot.settings import Settings
from jitbot.slack.scopes import SCOPES

APP_SETTINGS = "https://api.slack.com/apps"


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; a fault in one thing does not hide the next."""
    policy, policy_findings = _policies(settings)
    findings = [
        *_runners(settings),
        *pools(settings, policy),
        *trust(settings),
        *secrets(settings, policy),
        *facts(settings, policy),
        *policy_findings,
        *_database(settings),
        *files(settings),
        *_tokens(settings),
    ]
    if settings.slack_bot_token is not None:
        findings += _slack(settings, slack_client(settings), policy)
    return findings


def _tokens(settings: Settings) -> Iterator[Finding]:
    wanted = {"SLACK_BOT_TOKEN": settings.slack_bot_token}
    if "slack" in settings.roles and settings.mode == "socket":
        wanted["SLACK_APP_TOKEN"] = settings.slack_app_token
    elif "slack" in settings.roles:
        wanted["SLACK_SIGNING_SECRET"] = settings.slack_signing_secret
    for name, value in wanted.items():
        if value is None:
            yield Finding(name, "is not set", False, f"Copy it from your app's page at {APP_SETTINGS}.")
        elif name == "SLACK_BOT_TOKEN" and not value.get_secret_value().startswith("xoxb-"):
            yield Finding(name, "is not a bot token", False, "It begins with xoxb- (OAuth & Permissions).")
        elif name == "SLACK_APP_TOKEN" and not value.get_secret_value().startswith("xapp-"):
            yield Finding(name, "is not an app-level token", False, "It begins with xapp- (Basic Information).")
        else:
            yield Finding(name, "is set")


def _policies(settings: Settings) -> tuple[Policy, list[Finding]]:
    try:
        policy = load_policies(settings.policies, settings).policy
    except PolicyError as error:
        return Policy(), [Finding("policies", str(error), False, "Mend them; until then jitbot only ends what runs.")]
    except JitbotError as error:
        return Policy(), [Finding("policies", str(error), False)]
    return policy, [Finding("policies", f"{len(policy.actions)} actions in {settings.policies}")]


def _runners(settings: Settings) -> Iterator[Finding]:
    try:
        catalog = open_catalog(settings)
        for name in catalog.names():
            catalog.runner(name)
    except JitbotError as error:
        yield Finding("runners", str(error), False, "JITBOT_RUNNERS lists those that may be loaded.")
    else:
        yield Finding("runners", ", ".join(catalog.names()))


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        store = open_store(settings)
    except JitbotError as error:
        yield Finding("database", str(error), False)
        return
    try:
        yield Finding("database", "answers, with the newest schema")
        count = store.trail.verify()
        yield Finding("record", f"{count} events, every signature holds")
        yield from heads(settings, store)
        for message, why in store.outbox.parked():
            advice = "Mend the cause; the message itself is not sent again."
            yield Finding("message", f"{message.key} could not be delivered: {why}", False, advice)
    except JitbotError as error:
        yield Finding("record", str(error), False, "Keep the database as it is and look at what was changed.")
    finally:
        store.database.close()
    said = "it is in no backup of the database, so keep a copy of it elsewhere"
    yield Finding("signing key", f"{settings.key_file}, {said}")


def _slack(settings: Settings, client: WebClient, policy: Policy) -> Iterator[Finding]:
    try:
        answer = client.auth_test()
    except (SlackApiError, SlackClientError, OSError) as error:
        yield Finding("Slack", _why(error), False, f"Is the token right, and can {settings.slack_api_url} be reached?")
        return
    yield Finding("Slack", f"{answer['team']}, as {answer['user']}")
    granted = {scope.strip() for scope in str(answer.headers.get("x-oauth-scopes", "")).split(",")}
    lacking = sorted(set(SCOPES) - granted)
    if lacking:
        advice = "Add them under OAuth & Permissions and install the app again."
        yield Finding("scopes", f"lacking: {', '.join(lacking)}", False, advice)
    else:
        yield Finding("scopes", "all there")
    if settings.mode == "socket" and settings.slack_app_token is not None:
        yield _socket(client, settings.slack_app_token.get_secret_value())
    yield from _channels(settings, client, policy)


def _socket(client: WebClient, token: str) -> Finding:
    try:
        client.apps_connections_open(app_token=token)
    except (SlackApiError, SlackClientError, OSError) as error:
        advice = "Socket Mode must be on, and the app-level token have connections:write."
        return Finding("Socket Mode", _why(error), False, advice)
    return Finding("Socket Mode", "can be opened")


def _channels(settings: Settings, client: WebClient, policy: Policy) -> Iterator[Finding]:
    named = {action.channel for action in policy.actions.values()}
    named |= {channel for channel in (settings.fallback_channel, settings.operators_channel) if channel}
    try:
        known = {key: each for each in _all_channels(client) for key in (each["id"], f"#{each['name']}")}
    except (SlackApiError, SlackClientError, OSError) as error:
        yield Finding("channels", _why(error), False, "jitbot needs channels:read and groups:read.")
        return
    for name in sorted(named):
        yield _channel(name, known.get(name))


def _all_channels(client: WebClient) -> Iterator[dict[str, object]]:
    for page in client.conversations_list(types="public_channel,private_channel", limit=1000):
        yield from page["channels"]


def _channel(name: str, found: dict[str, object] | None) -> Finding:
    subject = f"channel {name}"
    if found is None:
        advice = "Create it, or invite jitbot to it if it is private."
        return Finding(subject, "is not there, or is private and without jitbot", False, advice)
    if found.get("is_archived"):
        return Finding(subject, "is archived", False, "Unarchive it, or name another one in the policies.")
    if found.get("is_private") and not found.get("is_member"):
        return Finding(subject, "is private, and jitbot is not in it", False, "Invite it: /invite @jitbot")
    if found.get("is_ext_shared"):
        advice = "Strangers cannot review, but they can read: better use another channel."
        return Finding(subject, "is shared with another organisation", False, advice)
    return Finding(subject, "can take cards")


def _why(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return f"Slack says {error.response.get('error', 'no')}"
    return f"Slack does not answer ({type(error).__name__})"
