"""The checker of the documentation catches what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import Block, Session, blocks_of, commands_of, missing_lines, numbers, prose_of

PAGE = """# Title

Text with 12 and `13` and [a link](page14.md).

<!-- exit: 2 -->
```sh
# a comment
evipool search check \\
  nothing.txt
```

<!-- file: a/b.csv -->
```csv
x,y
```

```toml
lonely = true
```
"""


def test_blocks_are_read_with_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    sh, csv, toml = blocks_of(page)
    assert (sh.marks, commands_of(sh)) == ({"exit": "2"}, ["evipool search check nothing.txt"])
    assert (csv.marks, csv.text, toml.marks) == ({"file": "a/b.csv"}, "x,y\n", {})
    assert set().union(*(numbers(text) for _, text in prose_of(page))) == {"12"}
    session = Session(tmp_path)
    assert "nothing.txt" in session.do(sh)
    session.do(csv)
    assert (tmp_path / "a/b.csv").read_text(encoding="utf-8") == "x,y\n"
    with pytest.raises(AssertionError, match="needs a mark"):
        session.do(toml)


def test_a_command_that_ends_otherwise_than_the_page_says_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ended with 2, not 0"):
        Session(tmp_path).do(Block(language="sh", text="evipool status\n", line=1))


def test_a_quotation_has_the_lines_of_the_output_in_their_order() -> None:
    printed = "one   1\ntwo 2\nthree 3\n"
    assert missing_lines("one 1\n...\nthree 3", printed) == []
    assert missing_lines("three 3\none 1", printed) == ["one 1"]
    assert missing_lines("two 3", printed) == ["two 3"]


def test_numbers_are_found_as_written() -> None:
    assert numbers("1,234 records; OR 0.432 (-1.5 to 2), 95 %") == {"1234", "0.432", "1.5", "2", "95"}
