"""Read the Markdown pages: their links, headings, tables and code blocks. Just enough Markdown for our own pages."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^\s*(`{3,})(\w*)")
_LINK = re.compile(r"(?<!\!)\[[^\]]+\]\(([^)\s]+)\)|\!\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`]*`")
_BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def pages() -> Sequence[Path]:
    """Return every page: those at the top and all below `docs/`."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def name(page: Path) -> str:
    """Return a page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines outside code blocks."""
    fence = ""
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1] == fence else fence
        elif mark:
            fence = mark[1]
        else:
            yield number, line


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each code block with its language."""
    fence, language, lines = "", "", list[str]()
    for line in page.read_text().splitlines():
        mark = _FENCE.match(line)
        if fence and mark and mark[1] == fence:
            yield language, "\n".join(lines)
            fence = ""
        elif fence:
            lines.append(line)
        elif mark:
            fence, language, lines = mark[1], mark[2], []


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Yield each link's target with its line."""
    for number, line in prose(page):
        for link in _LINK.finditer(_CODE.sub("", line) if "](" not in line else line):
            yield number, link[1] or link[2]


def headings(page: Path) -> Sequence[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = (line.lstrip("#").strip() for _, line in prose(page) if re.match(r"#{1,6} ", line))
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def rows(page: Path, heading: str) -> Sequence[Sequence[str]]:
    """Return the cells of the first table below a heading, without its two head lines and without backticks."""
    found: list[list[str]] = []
    below = False
    for _, line in prose(page):
        if re.match(r"#{1,6} ", line):
            if found:
                break
            below = below or line.lstrip("#").strip() == heading
        elif below and line.startswith("|"):
            found.append([cell.strip().strip("`") for cell in line.strip().strip("|").split("|")])
        elif below and found:
            break
    return found[2:]


def parts(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each generated part of a page: its name and its present text."""
    for part in _BLOCK.finditer(page.read_text()):
        yield part[2], part[3]


def fill(page: Path, texts: dict[str, str]) -> str:
    """Return a page's text with its generated parts written anew."""
    return _BLOCK.sub(lambda part: part[1] + texts[part[2]] + part[4], page.read_text())
