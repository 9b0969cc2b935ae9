"""Patterns that people write: RE2, which never takes longer than the text is long."""

import re2


def pattern_fault(pattern: str) -> str:
    """Tell why a pattern cannot be used, in the engine's words; empty if it can."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0]
        return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    return ""
