"""The pages of the documentation: their links lead somewhere, and they speak of the project alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
FORBIDDEN = re.compile(r"/work/|issue #|session", re.IGNORECASE)
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href)=[\"']([^\"']+)[\"']")


def links(text: str) -> list[str]:
    """Targets of Markdown and HTML links outside of code."""
    outside = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    return [first or second for first, second in LINK.findall(outside)]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def is_relative(target: str) -> bool:
    return not re.match(r"[a-z][a-z0-9+.-]*:|//", target)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_relative_links_lead_to_files_and_headings(page):
    for target in filter(is_relative, links(page.read_text("utf-8"))):
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{page.name} links to {target}, which is not there"
        assert goal.is_relative_to(ROOT), f"{page.name} links to {target}, outside of the project"
        if anchor and goal.suffix == ".md":
            assert anchor in anchors(goal.read_text("utf-8")), f"{page.name}: no heading for {target}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_pages_speak_of_the_project_alone(page):
    for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
        found = FORBIDDEN.search(line)
        assert found is None, f"{page.name}, line {number}: {found and found.group()!r}"


def test_links_are_found():
    text = "[a](b.md) ![c](d.png \"e\") [f](<g.md>) <img src='h.png'> `[no](x.md)` [i](https://example.org/y.md#z)"
    assert links(text) == ["b.md", "d.png", "g.md", "h.png", "https://example.org/y.md#z"]
    assert [target for target in links(text) if is_relative(target)] == ["b.md", "d.png", "g.md", "h.png"]
    assert anchors("# One: two, `three`\n## B-c\n") == {"one-two-three", "b-c"}
