"""A runner that a team could have written: its servers heed the run's key, so that a start may be repeated."""

from jitbot.runners.http import HttpRunner

NAME = "chaos.http"


class RepeatableHttp(HttpRunner):
    """The http runner, for servers that do the same thing once however often they are told."""

    repeatable = True
