"""What an examination finds: one thing looked at, how it is, and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    subject: str
    said: str
    good: bool = True
    advice: str = ""
