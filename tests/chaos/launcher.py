"""The process that lives of the bot are forked from: everything is imported once, so that a life begins at once.

Each line of its input is a life, as JSON: at which step to die, at its how manieth occurrence, and where to write the
trace. Its output says `born PID`, `ready` once the bot is reached by Slack, and `gone STATUS`.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Any

from jitbot.bot import Bot
from jitbot.cli.app import serve
from tests.chaos.points import Death, Hurry, haunt, hurry


def main() -> None:
    _die_with_parent()
    how = Hurry(float(os.environ["CHAOS_TIMES"]), float(os.environ["CHAOS_SINCE"]))
    for line in sys.stdin:
        life = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(life, how)
        say(f"born {pid}")
        _, status = os.waitpid(pid, 0)
        say(f"gone {status}")


def _live(life: dict[str, Any], how: Hurry) -> None:
    """Be the bot, as `jitbot serve` is. Never returns."""
    code = 1
    try:
        _die_with_parent()
        trace = os.open(life["trace"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        hurry(how)
        haunt(Death(life["at"], life["occurrence"], trace))
        start = Bot.start

        def started(bot: Bot) -> None:
            start(bot)
            say("ready")

        Bot.start = started  # type: ignore[method-assign]
        serve()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _die_with_parent() -> None:
    """Leave nothing behind where the test itself is killed, on systems that can be told so."""
    if sys.platform == "linux":
        set_parent_death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def say(line: str) -> None:
    """Tell the one who reads our output; one write, since a life and the process it comes from share it."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    main()
