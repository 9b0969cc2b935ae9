"""The results of cases as JUnit XML, which every CI can read."""

import re
from collections.abc import Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, tostring  # only writes

from jitbot.workbench.judging import Judged

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped: https://www.w3.org/TR/xml/#charsets"""


def junit(judged: Sequence[Judged]) -> bytes:
    """Write one suite for each file of cases and one test for each case."""
    root = Element("testsuites", {"name": "jitbot policy test", **_counts(judged)})
    for file, group in groupby(judged, key=lambda each: each.case.file):
        each_of_file = list(group)
        suite = SubElement(root, "testsuite", {"name": file, "errors": "0", "skipped": "0", **_counts(each_of_file)})
        for each in each_of_file:
            _add_case(suite, each)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def told(judged: Judged) -> str:
    """Say what is not as expected, then why, in plain lines."""
    lines = [f"{each.what}: expected {each.expected}, got {each.got}" for each in judged.differences]
    return "\n".join([*lines, "", judged.why])


def _add_case(suite: Element, judged: Judged) -> None:
    case = judged.case
    where = {"classname": _fit(case.file), "name": _fit(case.name), "file": case.file, "line": str(case.line)}
    found = SubElement(suite, "testcase", {"time": "0", **where})
    if judged.differences:
        first = judged.differences[0]
        message = _fit(f"{first.what}: expected {first.expected}, got {first.got}")
        SubElement(found, "failure", type="unexpected", message=message).text = _fit(told(judged))


def _counts(judged: Sequence[Judged]) -> dict[str, str]:
    failures = sum(bool(each.differences) for each in judged)
    return {"tests": str(len(judged)), "failures": str(failures), "time": "0"}


def _fit(text: str) -> str:
    return _NO_XML.sub("�", text)
