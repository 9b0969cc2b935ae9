"""`jitbot policy test`: run the cases beside the policies, and say which rules none of them reaches."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jitbot.policy.files.load import read_cases as read_files
from jitbot.workbench.cases import only, read_cases
from jitbot.workbench.judging import Judged, RulePlace, all_rules, judge, reached
from jitbot.workbench.rehearsal import Bench


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of the cases. `rules` are all there are, `unreached` those that no case reaches, in file order."""

    judged: Sequence[Judged]
    rules: int
    unreached: Sequence[RulePlace]

    @property
    def failed(self) -> Sequence[Judged]:
        """Return the cases that did not come out as expected."""
        return [each for each in self.judged if each.differences]

    @property
    def coverage(self) -> float:
        """Return the percentage of guardrails and rules that some case reaches."""
        return 100 * (self.rules - len(self.unreached)) / self.rules if self.rules else 100.0


def run_cases(folder: Path, bench: Bench, words: str = "") -> Tested:
    """Run the cases of a folder whose name or file contains the words. Raises: PolicyError."""
    cases = only(read_cases(read_files(folder), bench), words)
    judged = [judge(case, bench) for case in cases]
    rules, found = all_rules(bench.policy), reached(judged)
    return Tested(judged, len(rules), [rule for rule in rules if rule not in found])
