"""Advice that a file's author has looked at and accepts: `# accept: one-approver` on the line, or above it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from jitbot.policy.wording import did_you_mean, listed, shown
from jitbot.workbench.lint.advice import Advice, Topic

_COMMENT = re.compile(r"(?:^|\s)#\s*accept:\s*(?P<topics>[\w-]+(?:\s*,\s*[\w-]+)*)")
_ACCEPTABLE = [topic.value for topic in Topic if topic is not Topic.NEEDLESS_ACCEPT]


@dataclass(frozen=True, slots=True)
class _Accepted:
    """One topic that a comment accepts on the lines `begins` (its own) to `ends`."""

    file: str
    begins: int
    ends: int
    topic: str

    def covers(self, advice: Advice) -> bool:
        file, line = advice.position
        return (file, str(advice.topic)) == (self.file, self.topic) and self.begins <= line <= self.ends


def without_accepted(found: Iterable[Advice], files: Mapping[str, str]) -> Iterator[Advice]:
    """Leave out what comments accept; advise on comments that accept nothing."""
    advice = list(found)
    accepted = [each for name, text in files.items() for each in _comments(name, text)]
    yield from (each for each in advice if not any(comment.covers(each) for comment in accepted))
    for comment in accepted:
        if not any(comment.covers(each) for each in advice):
            yield Advice(f"{comment.file}:{comment.begins}", Topic.NEEDLESS_ACCEPT, _needless(comment.topic))


def _comments(name: str, text: str) -> Iterator[_Accepted]:
    if "accept:" not in text:
        return
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        match = _COMMENT.search(line)
        if match is None:
            continue
        ends = number
        while ends <= len(lines) and lines[ends - 1].lstrip().startswith("#"):  # it speaks of what follows
            ends += 1
        for topic in re.split(r"\s*,\s*", match["topics"]):
            yield _Accepted(name, number, ends, topic)


def _needless(topic: str) -> str:
    if topic in _ACCEPTABLE:
        return f"there is no advice on {shown(topic)} here that could be accepted. Take the comment out."
    guess = did_you_mean(topic, _ACCEPTABLE)
    return f"{shown(topic)} is nothing that could be accepted.{guess} There is {listed(_ACCEPTABLE, 'and')}."
