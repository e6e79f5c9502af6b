"""Links between pages lead somewhere, and pictures are there and small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.docs.make_images import IMAGES, LARGEST

PAGES = sorted([*(REPO / "docs").rglob("*.md"), REPO / "README.md", *(REPO / "data").rglob("*.md")])


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(REPO)) for page in PAGES])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in _anchors(other), f"{page.name}: {target}"


def test_every_page_can_be_reached_from_the_table_of_contents() -> None:
    seen: set[Path] = set()
    todo = [REPO / "docs" / "index.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            other = (page.parent / target).resolve()
            if other.is_file():
                todo.append(other)
    lost = [str(page.relative_to(REPO)) for page in (REPO / "docs").rglob("*.md") if page not in seen]
    assert not lost


@pytest.mark.parametrize("name", ["demo-flow.png", "demo-forest.png"])
def test_a_picture_is_there_and_small(name: str) -> None:
    assert 10_000 < (IMAGES / name).stat().st_size <= LARGEST
