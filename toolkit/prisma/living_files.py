"""The flow of a living review as files: figure, page, Word, table, JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolkit.model.errors import InputError
from toolkit.plots.living import LIVING_ROWS, LivingContent, layout_living
from toolkit.prisma.html import page_of
from toolkit.prisma.identities import check, require_balanced
from toolkit.prisma.living import LivingColumn, StatusLine, living_content, living_slots
from toolkit.prisma.numbers import flow_json, flow_rows
from toolkit.records.tables import write_form, write_whole

__all__ = ["LIVING_OUTPUTS", "living_json", "living_rows", "write_living"]

LIVING_OUTPUTS = (".svg", ".png", ".pdf", ".html", ".docx", ".json", ".csv")
TITLE = "Flow of a living review"


def living_rows(columns: Sequence[LivingColumn]) -> tuple[list[str], list[list[object]]]:
    """Header and rows: stage, box, name, then one number a column; None where a column has no such box."""
    order: dict[str, tuple[str, str]] = {}
    numbers: list[dict[str, int]] = []
    for one in columns:
        rows = flow_rows(one.flow)
        numbers.append({name: n for _, _, name, n in rows})
        order = _interleaved(order, {name: (stage, label) for stage, label, name, _ in rows})
    header = ["stage", "box", "name", *(one.title for one in columns)]
    return header, [[*order[name], name, *(found.get(name) for found in numbers)] for name in order]


def _interleaved(one: dict[str, tuple[str, str]], other: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """All names of both; a name that only ``other`` has follows the one it follows there."""
    names = list(one)
    last = -1
    for name in other:
        if name in one:
            last = names.index(name)
        else:
            last += 1
            names.insert(last, name)
    both = {**one, **other}
    return {name: both[name] for name in names}


def living_json(columns: Sequence[LivingColumn], status: Sequence[StatusLine]) -> dict[str, Any]:
    """Status lines, and every column with all that `flow_json` tells of its flow."""
    return {
        "status": [asdict(line) for line in status],
        "columns": [
            {"title": one.title, "ended": one.ended or None, "flow": flow_json(one.flow, check(one.flow))}
            for one in columns
        ],
    }


def write_living(
    columns: tuple[LivingColumn, ...],
    status: Sequence[StatusLine],
    targets: Sequence[Path],
    titles: Mapping[str, str],
) -> tuple[str, ...]:
    """Write the flow to files by their suffix (`LIVING_OUTPUTS`); returns warnings in words.

    Raises
    ------
    InputError
        when a column's flow does not balance or a suffix is not known; then nothing is written.
    """
    for one in columns:
        require_balanced(one.flow)
    for target in targets:
        if target.suffix.lower() not in LIVING_OUTPUTS:
            raise InputError(
                f"the flow of a living review cannot be written as {target.suffix or 'a file without a suffix'!r}",
                file=target,
                allowed=", ".join(LIVING_OUTPUTS),
            )
    content = living_content(columns, status)
    warnings: list[str] = []
    for target in targets:
        kind = target.suffix.lower()
        if kind == ".json":
            text = json.dumps(living_json(columns, status), ensure_ascii=False, indent=2, allow_nan=False)
            write_whole(target, f"{text}\n".encode())
        elif kind == ".csv":
            header, rows = living_rows(columns)
            write_form(target, header, [[row[0], str(row[1]).strip(), *row[2:]] for row in rows])
        elif kind == ".docx":
            from toolkit.prisma.docx import living_docx

            write_whole(target, living_docx(content, LIVING_ROWS, [(x.label, x.text, x.source) for x in status]))
        elif kind == ".html":
            page = page_of(living_slots(columns), _svg(content), titles, title=TITLE)
            write_whole(target, page.encode("utf-8"))
        else:
            warnings += _draw(content, target)
    return tuple(warnings)


def _draw(content: LivingContent, target: Path) -> list[str]:
    from toolkit.plots.diagram_draw import draw_diagram
    from toolkit.plots.style import save_figure

    return [warning.text for warning in save_figure(draw_diagram(layout_living(content)), target, title=TITLE)]


def _svg(content: LivingContent) -> str:
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "living.svg"
        _draw(content, drawn)
        return drawn.read_text(encoding="utf-8")
