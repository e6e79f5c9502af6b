"""Write the report of a project: report.html and the flow's files, whole or not at all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.analysis.settings import record_settings
from toolkit.prisma.living_files import write_living
from toolkit.prisma.run import titles_of, titles_of_boxes, write_flow
from toolkit.project import SETTINGS, Project
from toolkit.records.tables import write_whole
from toolkit.report import change_sections, evidence_sections, review_sections, synthesis_sections
from toolkit.report.changes import numbers_of
from toolkit.report.context import Context, gather
from toolkit.report.html import Markup
from toolkit.report.monitoring import draw_monitoring, monitoring, monitoring_json
from toolkit.report.protocol import differences_section
from toolkit.report.risk_of_bias import risk_of_bias
from toolkit.report.state import REPORT, is_fresh, state_of

__all__ = ["ReportOutcome", "write_report"]

FLOW_FILES = ("svg", "pdf", "png", "json", "csv", "html", "docx")
LIVING_FILES = ("svg", "html", "docx", "csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOutcome:
    """The files of a report; ``written`` is False when the present one already tells the present state."""

    path: Path
    flow: tuple[Path, ...]
    results: Path
    written: bool
    warnings: tuple[str, ...]


def write_report(project: Project, *, force: bool = False) -> ReportOutcome:
    """Write report/report.html, the flow in all its formats, and results.json."""
    record_settings(project)
    folder = project.path("report")
    flow_files = tuple(folder / f"prisma-flow.{kind}" for kind in FLOW_FILES)
    path, results = folder / REPORT, folder / "results.json"
    if not force and is_fresh(project) and all(f.is_file() for f in (*flow_files, results)):
        return ReportOutcome(path=path, flow=flow_files, results=results, written=False, warnings=())
    folder.mkdir(parents=True, exist_ok=True)
    state = state_of(project)
    settings_sha = hashlib.sha256(project.path(SETTINGS).read_bytes()).hexdigest()
    context = gather(project, settings_sha=settings_sha)
    _, warnings = write_flow(context.flow, flow_files, titles=titles_of(project, context.flow))
    warnings += _write_living(project, context, folder)
    write_whole(results, json.dumps(_results(context), ensure_ascii=False, indent=1).encode("utf-8"))
    change_sections.draw_updates(context, folder)
    draw_monitoring(context, folder)
    page = render(context, state=state, flow_svg=flow_files[0])
    write_whole(path, page.encode("utf-8"))
    return ReportOutcome(path=path, flow=flow_files, results=results, written=True, warnings=warnings)


def _write_living(project: Project, context: Context, folder: Path) -> tuple[str, ...]:
    """The flow version beside version, once there are several; nothing old is left when there are not (any more)."""
    files = [folder / f"prisma-living.{kind}" for kind in LIVING_FILES]
    if not context.living:
        for file in files:
            file.unlink(missing_ok=True)
        return ()
    titles = titles_of_boxes(project, (box for one in context.living for _, box in one.flow.named_boxes()))
    return write_living(context.living, context.status, files, titles)


def _results(context: Context) -> dict[str, Any]:
    """Every result and every count as JSON: what a program reads instead of the page."""
    from toolkit.prisma.numbers import flow_json

    return {
        "evipool_version": __version__,
        "title": context.config.review.title,
        "flow": flow_json(context.flow, context.flow_findings),
        "analyses": {o.analysis.id: o.payload for o in context.analyses},
        "left_out": {
            o.analysis.id: [{"study": x.study, "arm": x.arm, "reason": x.reason} for x in o.left_out]
            for o in context.analyses
        },
        "certainty": [{**asdict(one), "stale": one in context.stale_ratings} for one in context.ratings],
        "monitoring": monitoring_json(context),
        "since_version": None if context.since is None else context.since.label,
        "studies_changed": [asdict(one) for one in context.turns],
        "news": [asdict(one) for one in context.news],
        "changes": [
            {
                "analysis": x.analysis,
                "status": x.status,
                "came": [m.study for m in x.came],
                "left": [{"study": m.study, "reason": m.reason} for m in x.left],
                "settings": list(x.settings),
                "data": list(x.data),
                "before": numbers_of(x.before),
                "now": numbers_of(x.after),
                "looks": x.looks,
                "sentence": x.sentence,
                "moved_most": x.mover or None,
                "certainty": list(x.certainty),
            }
            for x in context.changes
        ],
    }


def render(context: Context, *, state: str, flow_svg: Path) -> str:
    """The page as text."""
    from jinja2 import Environment, StrictUndefined

    templates = resources.files("toolkit.report") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string((templates / "page.html.j2").read_text(encoding="utf-8"))
    review = context.config.review
    subtitle = _subtitle(context)
    return template.render(
        language=review.language,
        version=__version__,
        state=state,
        title=review.title,
        question=review.question,
        subtitle=subtitle,
        css=Markup((templates / "report.css").read_text(encoding="utf-8")),
        sections=[s for s in _sections(context, flow_svg) if s["body"]],
        footer=f"Made by evipool {__version__} from the project's own record of searches, decisions and data.",
    )


def _subtitle(c: Context) -> str:
    """Which version this is, and by whom."""
    if not c.versions:
        text = "Work in progress: no version is completed yet"
    elif c.since == c.versions[-1]:
        text = f"Work in progress after version {c.versions[-1].label}"
    else:
        last = c.versions[-1]
        text = f"Version {last.label}, completed on {last.payload.get('closed_on', last.at[:10])}"
    authors = ", ".join(c.config.review.authors)
    return f"{authors}. {text}" if authors else text


def _sections(c: Context, flow_svg: Path) -> list[dict[str, Any]]:
    review, synthesis = review_sections, synthesis_sections
    found: list[tuple[str, str, Markup]] = [
        ("summary", "Summary", review.summary(c)),
        ("changes", "What changed", change_sections.changes(c, flow_svg.parent)),
        ("status", "Status of this living review", review.status(c)),
        ("question", "Question and eligibility", review.question(c)),
        ("searches", "Searches", review.searches(c)),
        ("flow", "Flow of records, reports and studies", review.flow(c, flow_svg)),
        ("studies", "Included studies", evidence_sections.studies(c)),
        ("risk-of-bias", "Risk of bias", risk_of_bias(c)),
        ("excluded", "Excluded at full text", evidence_sections.excluded(c)),
        ("unsettled", "Studies neither included nor excluded", evidence_sections.unsettled(c)),
        ("analyses", "Analyses", synthesis.analyses(c)),
        ("sensitivity", "Sensitivity analyses", synthesis.sensitivity(c)),
        ("monitoring", "Monitoring of declared analyses", monitoring(c, flow_svg.parent)),
        ("evidence", "Extracted data", evidence_sections.evidence(c)),
        ("methods", "Methods", synthesis.methods(c)),
        ("protocol", "Differences from protocol", differences_section(c.protocol)),
        ("trail", "From numbers to records and people", evidence_sections.trail(c)),
        ("reproduce", "To check this report", synthesis.reproduce(c)),
    ]
    return [{"id": name, "title": title, "body": body} for name, title, body in found]
