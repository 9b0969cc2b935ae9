"""users.* and usergroups.*."""

from __future__ import annotations

from jitbot.sandbox.messages import Json
from jitbot.sandbox.refusals import SlackRefusal
from jitbot.sandbox.slack_objects import slack_channel, slack_group, slack_user
from jitbot.sandbox.web_api.call import Call, Method
from jitbot.sandbox.workspace import Person


def users_info(call: Call) -> Json:
    """Describe a person."""
    person = call.state.people.get(call.need("user"))
    if person is None:
        raise SlackRefusal("user_not_found")
    return {"user": _user(call, person)}


def users_list(call: Call) -> Json:
    """List everybody, strangers too, page by page."""
    people, following = call.page(list(call.state.people.values()))
    members = [_user(call, one) for one in people]
    return {"members": members, "cache_ts": int(call.state.clock.now()), "response_metadata": following}


def lookup_by_email(call: Call) -> Json:
    """Find an active person of this workspace by e-mail address."""
    wanted = call.need("email").lower()
    for person in call.state.people.values():
        if person.email.lower() == wanted and not person.deleted and not call.state.is_stranger(person):
            return {"user": _user(call, person)}
    raise SlackRefusal("users_not_found")


def users_conversations(call: Call) -> Json:
    """List the conversations somebody is in, by default the bot's."""
    viewer = call.state.app.bot_user
    user = str(call.args.get("user") or viewer)
    if user not in call.state.people:
        raise SlackRefusal("user_not_found")
    kinds = room_kinds(call)
    rooms = [
        room
        for room in call.state.rooms.values()
        if user in room.members
        and room.kind in kinds
        and (room.kind == "channel" or viewer in room.members)
        and not (room.is_archived and call.flag("exclude_archived"))
    ]
    page, following = call.page(rooms)
    return {"channels": [slack_channel(call.state, one, viewer) for one in page], "response_metadata": following}


def room_kinds(call: Call) -> set[str]:
    """Return the kinds of conversation that `types` names, as rooms call them.

    Raises:
        SlackRefusal: `invalid_types`, or `missing_scope` for a kind the app may not list.
    """
    known = {"public_channel": "channel", "private_channel": "private", "im": "dm", "mpim": "mpim"}
    scopes = {"channel": "channels:read", "private": "groups:read", "dm": "im:read", "mpim": "mpim:read"}
    kinds = set()
    for name in call.listed("types") or ["public_channel"]:
        if name not in known:
            raise SlackRefusal("invalid_types")
        call.need_scope(scopes[known[name]])
        kinds.add(known[name])
    return kinds


def usergroups_list(call: Call) -> Json:
    """List the user groups."""
    users = call.flag("include_users")
    return {"usergroups": [slack_group(call.state, one, users=users) for one in call.state.groups.values()]}


def usergroups_users_list(call: Call) -> Json:
    """List a user group's people."""
    group = call.state.groups.get(call.need("usergroup"))
    if group is None:
        raise SlackRefusal("no_such_subteam")
    return {"users": list(group.users)}


def _user(call: Call, person: Person) -> Json:
    return slack_user(call.state, person, email=call.has_scope("users:read.email"))


METHODS = {
    "users.info": Method(users_info, "4", ("users:read",)),
    "users.list": Method(users_list, "2", ("users:read",)),
    "users.lookupByEmail": Method(lookup_by_email, "3", ("users:read.email",)),
    "users.conversations": Method(users_conversations, "2", ("channels:read", "groups:read", "im:read")),
    "usergroups.list": Method(usergroups_list, "2", ("usergroups:read",)),
    "usergroups.users.list": Method(usergroups_users_list, "2", ("usergroups:read",)),
}
