"""What a forest plot may have beside its numbers: columns of one's own, risk-of-bias dots, the manner of a journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from toolkit.plots.forest_layout import ForestColumn, ForestRow, ForestTable
from toolkit.plots.style import BLUE, INK

__all__ = ["STYLES", "ForestStyle", "styled", "with_columns", "with_dots"]

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestStyle:
    """Where weight and effect stand, how an interval is written, and two colours."""

    effect: Literal["left", "right"]
    weight: Literal["left", "right"]
    brackets: tuple[str, str, str]
    square: str
    diamond: str
    help: str


STYLES: dict[str, ForestStyle] = {
    "bmj": ForestStyle(
        effect="right", weight="right", brackets=("(", " to ", ")"), square=BLUE, diamond=BLUE,
        help="BMJ: weight and effect right of the plot, 0.45 (0.20 to 1.00)",
    ),
    "revman": ForestStyle(
        effect="left", weight="left", brackets=("[", ", ", "]"), square=BLUE, diamond=INK,
        help="Review Manager: weight and effect left of the plot, 0.45 [0.20, 1.00], black diamonds",
    ),
    "jama": ForestStyle(
        effect="left", weight="right", brackets=("(", "-", ")"), square=INK, diamond=INK,
        help="JAMA: effect left and weight right of the plot, 0.45 (0.20-1.00), black",
    ),
}  # fmt: skip


def styled(table: ForestTable, style: ForestStyle) -> ForestTable:
    """The table in the manner of ``style``; its last two columns are weight and effect."""
    at = len(table.columns) - 1
    columns = list(table.columns)
    columns[at] = replace(columns[at], side=style.effect, title=_rewritten(columns[at].title, style, title=True))
    columns[at - 1] = replace(columns[at - 1], side=style.weight)
    rows = []
    for row in table.rows:
        cells = row.cells
        if len(cells) > at:
            cells = (*cells[:at], _rewritten(cells[at], style), *cells[at + 1 :])
        color = style.square if row.kind == "study" else style.diamond if row.kind in ("pooled", "light") else row.color
        rows.append(replace(row, cells=cells, color=color))
    return replace(table, columns=tuple(columns), rows=tuple(rows))


def _rewritten(text: str, style: ForestStyle, *, title: bool = False) -> str:
    """ "0.45 (0.20 to 1.00)" with the brackets of the style; a minus keeps the word between the bounds."""
    first, between, last = style.brackets
    if "(" not in text:
        return text
    head, _, inner = text.rpartition("(")
    inner = inner.rstrip(")")
    negative = "−" in inner and between == "-"
    inner = inner if title or negative else inner.replace(" to ", between)
    return f"{head}{first}{inner}{last}"


def with_columns(table: ForestTable, columns: Mapping[str, Values]) -> ForestTable:
    """Text columns after the names of the studies: title -> {study: text}."""
    own = [(ForestColumn(title=title, align="left"), values) for title, values in columns.items()]
    return _joined(table, own, first=True)


def with_dots(table: ForestTable, domains: Mapping[str, Values]) -> ForestTable:
    """Risk-of-bias judgements as dots right of everything, under letters that a note explains."""
    if not domains:
        return table
    letters = [chr(ord("A") + i) if i < 26 else str(i + 1) for i in range(len(domains))]
    own = [
        (ForestColumn(title=letter, group="Risk of bias", side="right", align="center", dots=True), values)
        for letter, values in zip(letters, domains.values(), strict=True)
    ]
    key = "; ".join(f"{letter}: {name}" for letter, name in zip(letters, domains, strict=True))
    note = f"Risk of bias: {key}. + low, ? some concerns or unclear, − high; empty: not judged."
    return replace(_joined(table, own), footnotes=(*table.footnotes, note))


def _joined(table: ForestTable, own: Sequence[tuple[ForestColumn, Values]], *, first: bool = False) -> ForestTable:
    """The table with further columns, ``first`` before its own or after them."""
    if not own:
        return table
    base, blank = len(table.columns), ("",) * len(own)
    added = tuple(column for column, _ in own)
    rows: list[ForestRow] = []
    for row in table.rows:
        if row.kind not in ("study", "excluded"):
            rows.append(replace(row, cells=(*blank, *row.cells)) if first and row.cells else row)
            continue
        texts = [
            # the sentence of an excluded study stands where its dots would be
            "" if row.kind == "excluded" and column.side == "right" else values.get(row.label, "")
            for column, values in own
        ]
        padded = (*row.cells, *[""] * (base - len(row.cells)))
        cells = (*texts, *row.cells) if first else (*padded, *texts)
        rows.append(replace(row, cells=cells) if any(texts) or (first and row.cells) else row)
    columns = (*added, *table.columns) if first else (*table.columns, *added)
    return replace(table, columns=columns, rows=tuple(rows))
