"""Run declared analyses of a project; results are frozen under their fingerprint and never computed twice."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.analysis.fit import Fitted, favours, fingerprint, fit, spec_of
from toolkit.analysis.select import LeftOut, Selection, select_arms
from toolkit.config import Analysis
from toolkit.engine.results import NetworkResult, PairwiseResult
from toolkit.model.errors import InputError
from toolkit.project import Project
from toolkit.records.tables import write_form
from toolkit.store.evidence import arm_results, study_rows, study_standings

__all__ = ["AnalysisOutcome", "analyse", "plan", "read_result", "result_folder"]

RESULT = "result.json"
DATA_COLUMNS = ("study", "treatment", "n", "events", "mean", "sd", "time", "months", "unit", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisOutcome:
    """What became of one analysis.

    ``status`` is "fitted" (computed now), "kept" (same fingerprint, nothing to do), "stale" (only from `plan`), or
    "refused" with the reason in ``problem``; ``payload`` is the content of its result.json; ``left_out`` are the
    studies and arms with data on the outcome that do not enter now, and why.
    """

    analysis: Analysis
    status: str
    fingerprint: str | None
    folder: Path | None
    payload: dict[str, Any] | None
    problem: str | None = None
    left_out: tuple[LeftOut, ...] = ()


def result_folder(project: Project, analysis_id: str, print_: str) -> Path:
    """Where the result with this fingerprint lives."""
    return project.path("results", analysis_id, print_[:16])


def read_result(project: Project, analysis_id: str, print_: str) -> dict[str, Any] | None:
    """The payload of a stored result, None if it is not there."""
    path = result_folder(project, analysis_id, print_) / RESULT
    if not path.is_file():
        return None
    payload: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return payload


def plan(project: Project, ids: Sequence[str] = ()) -> list[AnalysisOutcome]:
    """For each analysis whether its result is there ("kept") or must be computed ("stale"); computes nothing."""
    outcomes = []
    for analysis, selection, problem in _selections(project, ids):
        if selection is None:
            outcomes.append(_refused(analysis, problem))
            continue
        mark = fingerprint(spec_of(analysis, project.config.outcome(analysis.outcome)), selection)
        payload = read_result(project, analysis.id, mark)
        folder = result_folder(project, analysis.id, mark)
        status = "stale" if payload is None else "kept"
        outcomes.append(
            AnalysisOutcome(
                analysis=analysis,
                status=status,
                fingerprint=mark,
                folder=folder,
                payload=payload,
                left_out=selection.left_out,
            )
        )
    return outcomes


def analyse(
    project: Project, ids: Sequence[str] = (), *, progress: Callable[[str], None] | None = None
) -> list[AnalysisOutcome]:
    """Fit the analyses (all, or those named) whose data, spec or engine changed; keep the others.

    A refused analysis (two studies of the same patients ...) does not stop the rest.
    """
    outcomes = []
    for analysis, selection, problem in _selections(project, ids):
        if progress is not None:
            progress(analysis.id)
        outcomes.append(
            _refused(analysis, problem) if selection is None else _fit_or_keep(project, analysis, selection)
        )
    return outcomes


def _refused(analysis: Analysis, problem: str | None) -> AnalysisOutcome:
    return AnalysisOutcome(
        analysis=analysis, status="refused", fingerprint=None, folder=None, payload=None, problem=problem
    )


def _selections(project: Project, ids: Sequence[str]) -> list[tuple[Analysis, Selection | None, str | None]]:
    config, store = project.config, project.store
    chosen = [config.analysis(i) for i in ids] if ids else list(config.analyses)
    rows, studies = arm_results(store), study_rows(store)
    standings = study_standings(
        store, votes_needed=config.screening.full_text, reason_order=config.eligibility.exclusion_reasons
    )
    found: list[tuple[Analysis, Selection | None, str | None]] = []
    for analysis in chosen:
        try:
            found.append((analysis, select_arms(config, analysis, rows, studies, standings), None))
        except InputError as error:
            found.append((analysis, None, str(error)))
    return found


def _fit_or_keep(project: Project, analysis: Analysis, selection: Selection) -> AnalysisOutcome:
    outcome = project.config.outcome(analysis.outcome)
    mark = fingerprint(spec_of(analysis, outcome), selection)
    folder = result_folder(project, analysis.id, mark)
    kept = read_result(project, analysis.id, mark)
    payload = kept
    if payload is None:
        try:
            result, payload = fit(project.config, analysis, selection)
        except InputError as error:
            return _refused(analysis, str(error))
        _freeze(project, analysis, folder, result, payload, selection)
    return AnalysisOutcome(
        analysis=analysis,
        status="fitted" if kept is None else "kept",
        fingerprint=mark,
        folder=folder,
        payload=payload,
        left_out=selection.left_out,
    )


def _freeze(
    project: Project,
    analysis: Analysis,
    folder: Path,
    result: Fitted | None,
    payload: dict[str, Any],
    selection: Selection,
) -> None:
    """Write a result folder whole or not at all: filled beside its place, then renamed into it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.parent / f".unfinished-{uuid.uuid4().hex}"
    scratch.mkdir()
    try:
        text = json.dumps(payload, ensure_ascii=False, indent=1, allow_nan=False)
        (scratch / RESULT).write_text(text, encoding="utf-8")
        rows = [[getattr(arm, name) for name in DATA_COLUMNS] for arm in selection.arms]
        write_form(scratch / "data.csv", DATA_COLUMNS, rows)
        if result is not None:
            _draw(project, analysis, scratch, result)
        if folder.exists():  # another process was faster: the content is the same by construction
            return
        scratch.rename(folder)
    finally:
        if scratch.exists():
            shutil.rmtree(scratch, ignore_errors=True)


def _draw(project: Project, analysis: Analysis, folder: Path, result: Fitted) -> None:
    from toolkit.plots.forest import draw_forest
    from toolkit.plots.forest_network import draw_network_forest
    from toolkit.plots.funnel import draw_funnel
    from toolkit.plots.network import draw_network
    from toolkit.plots.style import save_figure

    title = analysis.title or analysis.id
    outcome = project.config.outcome(analysis.outcome)
    if isinstance(result, PairwiseResult):
        save_figure(draw_forest(result, title=title, favours=favours(analysis, outcome)), folder / "forest.svg")
        if result.k >= 3:
            save_figure(draw_funnel(result, title=title), folder / "funnel.svg")
    elif isinstance(result, NetworkResult):
        save_figure(draw_network(result, title=title), folder / "network.svg")
        save_figure(draw_network_forest(result, title=title), folder / "forest.svg")
