"""The report in other formats: Word, a workbook, and every table as CSV; all made from the page and its context."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from toolkit import __version__
from toolkit.analysis.figures import draw_figures, wording
from toolkit.analysis.fit import fit
from toolkit.analysis.plan import selections
from toolkit.model.errors import InputError
from toolkit.prisma.living_files import write_living
from toolkit.project import SETTINGS, Project
from toolkit.records.tables import write_form, write_whole
from toolkit.report.blocks import Heading, Picture, Section, Table, report_sections, table_grid
from toolkit.report.change_sections import draw_updates
from toolkit.report.context import Context, gather
from toolkit.report.docx import picture_key, report_docx
from toolkit.report.monitoring import draw_monitoring, monitoring_sheets
from toolkit.report.state import REPORT, state_of
from toolkit.report.xlsx import report_sheets, report_xlsx

__all__ = ["FORMATS", "write_formats"]

FORMATS = ("html", "docx", "xlsx", "csv")
_TABLES = "tables"


def write_formats(project: Project, formats: Sequence[str]) -> tuple[Path, ...]:
    """Write report.docx, report.xlsx and tables/*.csv beside report.html, as far as ``formats`` names them.

    report.html must be there and fresh: the other formats say what it says.

    Raises
    ------
    InputError
        for an unknown format.
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError("unknown format of a report", value=name, allowed=", ".join(FORMATS))
    folder = project.path("report")
    sections = report_sections((folder / REPORT).read_text(encoding="utf-8"))
    files: list[Path] = []
    settings = hashlib.sha256(project.path(SETTINGS).read_bytes()).hexdigest()
    context = gather(project, settings_sha=settings) if {"docx", "xlsx"} & set(formats) else None
    if context is not None and "docx" in formats:
        review = project.config.review
        footer = f"{review.title}. evipool {__version__}, state {state_of(project)[:12]}"
        pictures = _pictures(project, context, sections)
        data = report_docx(
            sections, pictures, author=", ".join(review.authors), footer=footer, language=review.language
        )
        files.append(folder / "report.docx")
        write_whole(files[-1], data)
    if context is not None and "xlsx" in formats:
        files.append(folder / "report.xlsx")
        write_whole(files[-1], report_xlsx((*report_sheets(context), *monitoring_sheets(context))))
    if "csv" in formats:
        files += _write_tables(folder / _TABLES, sections)
    return tuple(files)


def _pictures(project: Project, context: Context, sections: Sequence[Section]) -> dict[str, bytes]:
    """PNG of every SVG on the page, by the sha256 of the SVG."""
    wanted = {picture_key(b.data) for s in sections for b in s.blocks if isinstance(b, Picture) and b.kind == "svg"}
    found: dict[str, bytes] = {}
    flow = project.path("report", "prisma-flow.svg")
    if flow.is_file() and flow.with_suffix(".png").is_file():
        found[picture_key(flow.read_bytes())] = flow.with_suffix(".png").read_bytes()
    with tempfile.TemporaryDirectory() as scratch:
        found |= _own_pictures(context, project.path("report"), Path(scratch))
        for analysis, selection, _ in selections(project, ()):
            stored = {
                picture_key(path.read_bytes()): path.stem
                for path in sorted(project.path("results", analysis.id).glob("*/*.svg"))
            }
            names = {stem: key for key, stem in stored.items() if key in wanted}
            if selection is None or not names:
                continue
            target = Path(scratch) / analysis.id
            target.mkdir()
            words = wording(analysis, project.config.outcome(analysis.outcome), selection)
            draw_figures(target, words, fit(project.config, analysis, selection), kind="png")
            for stem, key in names.items():
                drawn = target / f"{stem}.png"
                if drawn.is_file():
                    found[key] = drawn.read_bytes()
    return found


def _own_pictures(context: Context, folder: Path, scratch: Path) -> dict[str, bytes]:
    """The figures that the report draws itself, beside their SVG in its folder."""
    drawn = [*draw_updates(context, scratch, kind="png"), *draw_monitoring(context, scratch, kind="png")]
    if context.living:
        drawn.append(scratch / "prisma-living.png")
        write_living(context.living, context.status, drawn[-1:], {})
    pairs = [(folder / path.with_suffix(".svg").name, path) for path in drawn]
    return {picture_key(svg.read_bytes()): png.read_bytes() for svg, png in pairs if svg.is_file()}


def _write_tables(folder: Path, sections: Sequence[Section]) -> list[Path]:
    """One CSV a table; the folder is replaced as a whole, so that no table of an older report stays in it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.parent / f".unfinished-{uuid.uuid4().hex}"
    scratch.mkdir()
    names: list[str] = []
    try:
        for section in sections:
            number, heading = 0, section.title
            for block in section.blocks:
                if isinstance(block, Heading):
                    heading = block.text
                if not isinstance(block, Table) or not block.columns:
                    continue
                number += 1
                names.append(f"{section.id or 'title'}-{number:02d}{_words(heading)}.csv")
                _write_csv(scratch / names[-1], *table_grid(block))
        if folder.exists():
            shutil.rmtree(folder)
        scratch.rename(folder)
    finally:
        if scratch.exists():
            shutil.rmtree(scratch, ignore_errors=True)
    return [folder / name for name in names]


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    width = max((len(row) for row in rows), default=len(header))
    names = [*header, *[""] * (width - len(header))]
    write_form(path, names, [[*row, *[""] * (width - len(row))] for row in rows])


def _words(heading: str) -> str:
    """The first words of a heading for a file name."""
    words = re.findall(r"\w+", heading.casefold())[:5]
    return "".join(f"-{word}" for word in words)[:60]
