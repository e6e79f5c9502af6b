"""Run declared analyses of a project; results are frozen under their fingerprint and never computed twice."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from toolkit.analysis.figures import draw_figures, is_worded_so, wording
from toolkit.analysis.fit import Fit, fit
from toolkit.analysis.plan import (
    RESULT,
    SEAL,
    AnalysisOutcome,
    mark_of,
    plan,
    read_result,
    refused,
    result_folder,
    selections,
    stored,
)
from toolkit.analysis.select import Selection
from toolkit.analysis.settings import record_settings
from toolkit.config import Analysis
from toolkit.model.errors import InputError, SourceError
from toolkit.model.evidence import RESULTS, TABLES
from toolkit.project import Project
from toolkit.records.tables import write_form

__all__ = ["AnalysisOutcome", "analyse", "plan", "read_result", "result_folder"]

DATA_COLUMNS = ("study", "treatment", "n", "events", "mean", "sd", "time", "months", "unit", "status")
RESULT_COLUMNS = tuple(TABLES[RESULTS].columns)
UNFINISHED = ".unfinished-"


def analyse(
    project: Project, ids: Sequence[str] = (), *, progress: Callable[[str], None] | None = None
) -> list[AnalysisOutcome]:
    """Fit the analyses (all, or those named) whose data, spec or engine changed; keep the others.

    A refused analysis (two studies of the same patients ...) does not stop the rest.
    """
    record_settings(project)
    outcomes = []
    for analysis, selection, problem in selections(project, ids):
        if progress is not None:
            progress(analysis.id)
        outcomes.append(refused(analysis, problem) if selection is None else _fit_or_keep(project, analysis, selection))
    return outcomes


def _fit_or_keep(project: Project, analysis: Analysis, selection: Selection) -> AnalysisOutcome:
    outcome = project.config.outcome(analysis.outcome)
    mark = mark_of(project, analysis, selection)
    folder = result_folder(project, analysis.id, mark)
    words = wording(analysis, outcome, selection)
    kept = payload = read_result(project, analysis.id, mark)
    if payload is None or not is_worded_so(folder, words):
        try:
            fitted = fit(project.config, analysis, selection)
        except InputError as error:
            return refused(analysis, str(error))
        try:
            if payload is None:
                payload = fitted.payload
                _freeze(folder, words, fitted, selection)
            else:
                draw_figures(folder, words, fitted)
        except OSError as error:
            raise SourceError(f"{folder}: the result cannot be written ({error.strerror or error}).") from error
    return AnalysisOutcome(
        analysis=analysis,
        status="fitted" if kept is None else "kept",
        fingerprint=mark,
        folder=folder,
        payload=payload,
        left_out=selection.left_out,
    )


def _data(selection: Selection) -> tuple[tuple[str, ...], list[list[object]]]:
    """Header and rows of data.csv; what else was reported has columns where any arm that enters has it."""
    reported = [dict(arm.reported) for arm in selection.arms]
    further = [name for name in RESULT_COLUMNS if any(name in own for own in reported)]
    words = [name for name in ("score", "reversed", "versus") if any(getattr(a, name) for a in selection.arms)]
    rows: list[list[object]] = [
        [*(getattr(arm, name) for name in DATA_COLUMNS), *(own.get(name) for name in further),
         *(_word(getattr(arm, name)) for name in words)]
        for arm, own in zip(selection.arms, reported, strict=True)
    ]  # fmt: skip
    return (*DATA_COLUMNS, *further, *words), rows


def _word(value: str | bool | None) -> str | None:
    return ("yes" if value else "no") if isinstance(value, bool) else value


def _freeze(folder: Path, words: dict[str, object], fitted: Fit, selection: Selection) -> None:
    """Write a result folder whole or not at all: filled beside its place, then renamed into it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.parent / f"{UNFINISHED}{uuid.uuid4().hex}"
    scratch.mkdir()
    try:
        text = json.dumps(fitted.payload, ensure_ascii=False, indent=1, allow_nan=False).encode("utf-8")
        (scratch / RESULT).write_bytes(text)
        (scratch / SEAL).write_text(f"{hashlib.sha256(text).hexdigest()}\n", encoding="ascii")
        write_form(scratch / "data.csv", *_data(selection))
        draw_figures(scratch, words, fitted)
        damaged = folder.parent / f"{UNFINISHED}{uuid.uuid4().hex}"
        if stored(folder) is None:  # otherwise another process was faster; the content is the same by construction
            if folder.exists():
                folder.rename(damaged)
            scratch.rename(folder)
            shutil.rmtree(damaged, ignore_errors=True)
    finally:
        if scratch.exists():
            shutil.rmtree(scratch, ignore_errors=True)
