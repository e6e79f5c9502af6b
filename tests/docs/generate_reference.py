"""Write docs/reference/ from the program itself.

    python -m tests.docs.generate_reference

A test holds the committed pages equal to what this writes.
"""

from __future__ import annotations

from pathlib import Path

from tests.docs.reference_commands import command_pages
from tests.docs.reference_tables import table_pages
from toolkit.cli import COMMANDS

__all__ = ["OUT", "pages"]

OUT = Path(__file__).resolve().parents[2] / "docs" / "reference"

TABLES = {
    "review-toml.md": "review.toml: every table and key",
    "forms.md": "forms for screening, full texts and extraction",
    "columns.md": "columns that pairwise and network recognise",
    "choices.md": "measures, estimators and intervals by name",
    "rules.md": "rules of deduplication, of the flow and of strategies",
    "events.md": "kinds of events in the history",
    "exit-codes.md": "exit codes",
}


def pages() -> dict[str, str]:
    """File name -> Markdown of the whole reference."""
    index = ["# Reference", "", "Written by `python -m tests.docs.generate_reference` from the program itself.", ""]
    index += ["## Commands", "", "| command | what it does |", "|---|---|"]
    index += [f"| [evipool {name}]({name}.md) | {text} |" for name, (_, _, text) in COMMANDS.items()]
    index += [
        "",
        "Two options go before or after the command: `-C DIR` names the project folder (default: the present one; also",
        "the environment variable EVIPOOL_PROJECT), `--as NAME` the person who acts (also EVIPOOL_REVIEWER). `evipool",
        "--version` prints the version. `evipool COMMAND --help` prints the same as the pages here.",
        "",
        "## Tables",
        "",
        *(f"- [{text}]({name})" for name, text in TABLES.items()),
    ]
    return {"index.md": "\n".join(index) + "\n", **command_pages(), **table_pages()}


def main() -> None:
    """Write the pages and remove those that no longer exist."""
    OUT.mkdir(parents=True, exist_ok=True)
    found = pages()
    for old in OUT.glob("*.md"):
        if old.name not in found:
            old.unlink()
    for name, text in found.items():
        (OUT / name).write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(found)} pages in {OUT}")


if __name__ == "__main__":
    main()
