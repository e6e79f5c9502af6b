"""What the commands around duplicates share: options, and a record in one line."""

from __future__ import annotations

import click

__all__ = ["STRICTNESS", "force_option", "line_of", "note_option"]

STRICTNESS = click.Choice(["strict", "balanced", "sensitive"])
note_option = click.option("--note", help="A remark kept with the judgement.")
force_option = click.option("--force", is_flag=True, help="Overwrite files that exist.")


def line_of(*parts: object) -> str:
    """What is known of a record (title, year, journal ...) in one line."""
    return " | ".join(str(part) for part in parts if part)
