"""What is there and what is stale: selections, fingerprints and stored results; nothing heavy is loaded here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from toolkit.analysis.select import Flag, LeftOut, SelectedArm, Selection, select_arms
from toolkit.config import Analysis, Outcome
from toolkit.engine import ENGINE_VERSION
from toolkit.model.errors import InputError
from toolkit.model.presets import preset_spec
from toolkit.model.spec import NetworkSpec, PairwiseSpec, ZeroCells
from toolkit.project import Project
from toolkit.store.evidence import arm_results, study_columns, study_rows

__all__ = [
    "RESULT",
    "SEAL",
    "WORDING",
    "AnalysisOutcome",
    "entered",
    "fingerprint",
    "further_settings",
    "plan",
    "read_result",
    "refused",
    "result_folder",
    "selections",
    "spec_of",
]

RESULT = "result.json"
SEAL = "result.sha256"
WORDING = "figures.json"  # what the figures beside a result say besides its numbers
_ARM, _FLAG = (tuple(field.name for field in fields(kind)) for kind in (SelectedArm, Flag))


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
    """The payload of a stored result; None if it is not there, or damaged so that it must be computed again."""
    return stored(result_folder(project, analysis_id, print_))


def stored(folder: Path) -> dict[str, Any] | None:
    """What the result folder holds, None unless it is whole, belongs there and is what was written (`SEAL`)."""
    try:
        data = (folder / RESULT).read_bytes()
        seal = folder / SEAL  # results of earlier versions have none
        if seal.is_file() and seal.read_text(encoding="ascii").strip() != hashlib.sha256(data).hexdigest():
            return None
        payload: object = json.loads(data)
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) and str(payload.get("fingerprint")).startswith(folder.name) else None


def plan(project: Project, ids: Sequence[str] = (), *, read: bool = True) -> list[AnalysisOutcome]:
    """For each analysis whether its result is there ("kept") or must be computed ("stale"); computes nothing.

    Without ``read`` the stored results are not opened and every ``payload`` is None.
    """
    outcomes = []
    for analysis, selection, problem in selections(project, ids):
        if selection is None:
            outcomes.append(refused(analysis, problem))
            continue
        mark = fingerprint(spec_of(analysis, project.config.outcome(analysis.outcome)), selection, analysis)
        folder = result_folder(project, analysis.id, mark)
        payload = read_result(project, analysis.id, mark) if read else None
        there = payload is not None if read else (folder / RESULT).is_file()
        outcomes.append(
            AnalysisOutcome(
                analysis=analysis,
                status="kept" if there else "stale",
                fingerprint=mark,
                folder=folder,
                payload=payload,
                left_out=selection.left_out,
            )
        )
    return outcomes


def refused(analysis: Analysis, problem: str | None) -> AnalysisOutcome:
    """The outcome of an analysis that cannot be run, with the reason."""
    return AnalysisOutcome(
        analysis=analysis, status="refused", fingerprint=None, folder=None, payload=None, problem=problem
    )


def selections(project: Project, ids: Sequence[str] = ()) -> list[tuple[Analysis, Selection | None, str | None]]:
    """(analysis, its arms, None) of each analysis, or (analysis, None, why it is refused)."""
    key = ("selections", tuple(ids))  # the settings of a project object never change, so events alone count
    return list(project.store.remember(key, lambda: _selections(project, ids)))


def _selections(project: Project, ids: Sequence[str]) -> list[tuple[Analysis, Selection | None, str | None]]:
    config, store = project.config, project.store
    chosen = [config.analysis(i) for i in ids] if ids else list(config.analyses)
    rows, studies, standings = arm_results(store), study_rows(store), project.standings()

    def selected(analysis: Analysis) -> Selection:
        return select_arms(config, analysis, rows, studies, standings)

    found: list[tuple[Analysis, Selection | None, str | None]] = []
    for analysis in chosen:
        try:
            found.append((analysis, _complete(project, analysis, selected(analysis), selected), None))
        except InputError as error:
            found.append((analysis, None, str(error)))
    return found


def _complete(
    project: Project, analysis: Analysis, selection: Selection, selected: Callable[[Analysis], Selection]
) -> Selection:
    """The selection with what further analyses ask of its studies, and the arms of other networks."""
    names = dict.fromkeys(name for one in analysis.further for name in one.options.with_outcome)
    others = [project.config.analysis(name) for name in names]
    if not analysis.columns and not others:
        return selection
    return replace(
        selection,
        columns=study_columns(project.store, analysis.columns, selection.studies),
        others=tuple((other, selected(other).arms) for other in others),
    )


def spec_of(analysis: Analysis, outcome: Outcome) -> PairwiseSpec | NetworkSpec:
    """The engine's spec of a declared analysis."""
    zero_cells = ZeroCells(add=analysis.zero_add, to=analysis.zero_to)
    if analysis.kind == "pairwise":
        return _pairwise_spec(analysis, zero_cells)
    small_values = {"lower": "good", "higher": "bad", None: None}[outcome.better]
    named = isinstance(analysis.tau2, str)
    return NetworkSpec(
        measure=analysis.measure,
        reference=analysis.reference,
        tau2=str(analysis.tau2) if named else "fixed",
        tau2_value=None if named else float(analysis.tau2),
        small_values=small_values,
        ci="Wald" if analysis.ci == "auto" else analysis.ci,
        level=analysis.level,
        zero_cells=zero_cells,
    )


def _pairwise_spec(analysis: Analysis, zero_cells: ZeroCells) -> PairwiseSpec:
    """With a preset, what review.toml names itself stands on top of it."""
    names = ("measure", "treatment", "reference", "model", "tau2", "ci", "prediction", "level")
    if analysis.preset is None:
        return PairwiseSpec(zero_cells=zero_cells, **{name: getattr(analysis, name) for name in names})
    named = {name: getattr(analysis, name) for name in names if name in analysis.model_fields_set}
    zero = {"zero_add": "add", "zero_to": "to"}
    cells = {own: getattr(analysis, name) for name, own in zero.items() if name in analysis.model_fields_set}
    return preset_spec(analysis.preset, named, cells)


def fingerprint(spec: PairwiseSpec | NetworkSpec, selection: Selection, analysis: Analysis | None = None) -> str:
    """sha256 over spec, further analyses, data (numbers and flags) and engine version: the address of a result.

    What was left out is not in it: a study that does not enter changes no number.
    """
    content: dict[str, Any] = {"spec": asdict(spec), "selection": entered(selection), "engine": ENGINE_VERSION}
    if analysis is not None:
        content |= further_settings(analysis)
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def entered(selection: Selection) -> dict[str, Any]:
    """The arms that enter and their flags, as plain data."""
    # Both hold plain values only; asdict would copy every one of them, which is most of the time of a plan.
    flags = [{name: getattr(flag, name) for name in _FLAG} for flag in selection.flags]
    found: dict[str, Any] = {"arms": _plain_arms(selection.arms), "flags": flags}
    if selection.columns:
        found["columns"] = {name: dict(values) for name, values in selection.columns.items()}
    if selection.others:
        found["others"] = {
            a.id: {"measure": a.measure, "reference": a.reference, "tau2": a.tau2, "arms": _plain_arms(arms)}
            for a, arms in selection.others
        }
    return found


def _plain_arms(arms: Sequence[SelectedArm]) -> list[dict[str, Any]]:
    return [{name: getattr(arm, name) for name in _ARM} for arm in arms]


def further_settings(analysis: Analysis) -> dict[str, Any]:
    """What an analysis asks for besides its spec, as plain data; empty for one that asks for nothing."""
    found: dict[str, Any] = {}
    if analysis.also:
        found["also"] = [{"name": one.name, **_lists(one.settings)} for one in analysis.further]
    if analysis.largest:
        found["largest"] = True
    return found


def _lists(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
