"""Who does something on the server, for the record."""

import os
import pwd

OPERATOR = "operator"
"""Who the record says it was, with the login beside it."""


def login() -> str:
    """Return the login of whoever runs this, by the system and not by $LOGNAME, which says whatever somebody wants."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
