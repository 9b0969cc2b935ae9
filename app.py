"""`python app.py` is the bot: settings from the environment, everything built, served until it is told to stop."""

import sys

from jitbot.bot import serve
from jitbot.cli.app import log_to
from jitbot.settings import read_settings

if __name__ == "__main__":
    settings = read_settings()
    log_to(sys.stderr, settings.log_level)
    serve(settings)
