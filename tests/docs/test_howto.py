"""Every block of the guides runs, and prints what the guide says it prints."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.docs.blocks import Session, blocks_of, missing_lines

PAGES = sorted((REPO / "docs" / "how-to").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_block_of_a_guide_does_what_the_guide_says(page: Path, reader: Session) -> None:
    for name in ("onfh", "diabetes"):
        shutil.copytree(REPO / "data" / name, reader.folder / "data" / name)
    for block, said in reader.page(page):
        assert not missing_lines(block.text, said), f"{page.name} line {block.line}, printed was:\n{said}"


def test_the_first_look_of_the_readme_works(reader: Session) -> None:
    for name in ("onfh", "diabetes"):
        shutil.copytree(REPO / "data" / name, reader.folder / "data" / name)
    blocks = blocks_of(REPO / "README.md")
    look = [b for b in blocks if b.language == "python" or (b.language == "sh" and b.text.startswith("evipool"))]
    assert len(look) == 2
    said = [reader.do(block) for block in look]
    assert round(float(said[1]), 2) == 0.44
