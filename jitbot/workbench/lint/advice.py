"""One piece of advice, and what there is to advise about."""

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What advice is about; the names stand in `# accept:` comments, so they stay."""

    NEVER_TRUE = "never-true"
    NEVER_REACHED = "never-reached"
    NEVER_MET = "never-met"
    ONE_APPROVER = "one-approver"
    UNCONDITIONAL_ALLOW = "unconditional-allow"
    NOBODY_MAY_ASK = "nobody-may-ask"
    LONG_FREEZE = "long-freeze"
    PAST_FREEZE = "past-freeze"
    UNUSED = "unused"
    NEEDLESS_ACCEPT = "needless-accept"


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to look at again, where it stands (`file:line`), with what to do about it."""

    where: str
    topic: Topic
    message: str

    @property
    def position(self) -> tuple[str, int]:
        """The file and the line."""
        file, _, line = self.where.rpartition(":")
        return file, int(line)
