"""The bot scopes that jitbot needs, and what for; `manifest.yml` is held equal to them by a test."""

SCOPES = (
    "commands",  # /jit
    "chat:write",  # cards, threads, direct messages
    "chat:write.public",  # public channels that it was not invited to
    "users:read",  # who is a member, a guest, a stranger, deactivated
    "users:read.email",  # members of groups by e-mail address
    "usergroups:read",  # members of @groups
    "channels:read",  # channels by name
    "groups:read",  # private channels by name
    "files:write",  # the output of runs, as files in direct messages
    "im:write",  # direct messages
)
