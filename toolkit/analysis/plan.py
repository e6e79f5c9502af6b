"""What is there and what is stale: selections, fingerprints and stored results; nothing heavy is loaded here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.analysis.select import Flag, LeftOut, SelectedArm, Selection, select_arms
from toolkit.config import Analysis, Outcome
from toolkit.engine import ENGINE_VERSION
from toolkit.model.errors import InputError
from toolkit.model.events import EVENT_KINDS
from toolkit.model.pairwise_options import SPEC_OPTIONS, changed_options
from toolkit.model.presets import preset_spec
from toolkit.model.review import FULL_TEXT
from toolkit.model.spec import NetworkSpec, PairwiseSpec, ZeroCells
from toolkit.project import Project
from toolkit.store.evidence import arm_results, study_columns, study_rows
from toolkit.store.kept import kept

__all__ = [
    "RESULT",
    "SEAL",
    "WORDING",
    "AnalysisOutcome",
    "entered",
    "fingerprint",
    "further_settings",
    "mark_of",
    "plan",
    "read_result",
    "refused",
    "result_folder",
    "selections",
    "spec_content",
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
    studies and arms with data on the outcome that do not enter now, and why; ``studies`` are those that enter, where
    `plan` was asked.
    """

    analysis: Analysis
    status: str
    fingerprint: str | None
    folder: Path | None
    payload: dict[str, Any] | None
    problem: str | None = None
    left_out: tuple[LeftOut, ...] = ()
    studies: tuple[str, ...] = ()


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
        if _seal(folder) not in (None, hashlib.sha256(data).hexdigest()):
            return None
        payload: object = json.loads(data)
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) and str(payload.get("fingerprint")).startswith(folder.name) else None


def is_stored(folder: Path) -> bool:
    """Whether the folder holds a whole result, as `stored` would find, told by its seal alone where it has one."""
    try:
        seal = _seal(folder)
        if seal is None:
            return stored(folder) is not None
        return seal == hashlib.sha256((folder / RESULT).read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False


def _seal(folder: Path) -> str | None:
    """The sha256 that a result had when it was written; results of earlier versions have none."""
    seal = folder / SEAL
    return seal.read_text(encoding="ascii").strip() if seal.is_file() else None


def plan(project: Project, ids: Sequence[str] = (), *, read: bool = True) -> list[AnalysisOutcome]:
    """For each analysis whether its result is there ("kept") or must be computed ("stale"); computes nothing.

    Without ``read`` the stored results are not parsed, every ``payload`` is None and ``left_out`` is empty.
    """
    if not read:
        return [_standing(project, mark) for mark in _marks(project) if not ids or mark.analysis in ids]
    outcomes = []
    for analysis, selection, problem in selections(project, ids):
        if selection is None:
            outcomes.append(refused(analysis, problem))
            continue
        mark = mark_of(project, analysis, selection)
        payload = read_result(project, analysis.id, mark)
        outcomes.append(
            AnalysisOutcome(
                analysis=analysis,
                status="stale" if payload is None else "kept",
                fingerprint=mark,
                folder=result_folder(project, analysis.id, mark),
                payload=payload,
                left_out=selection.left_out,
                studies=selection.studies,
            )
        )
    return outcomes


class _Mark(NamedTuple):
    """An analysis with its fingerprint and its studies, or with the reason why it is refused."""

    analysis: str
    fingerprint: str | None
    problem: str | None
    studies: Sequence[str]


def _standing(project: Project, mark: _Mark) -> AnalysisOutcome:
    analysis = project.config.analysis(mark.analysis)
    if mark.fingerprint is None:
        return refused(analysis, mark.problem)
    folder = result_folder(project, analysis.id, mark.fingerprint)
    return AnalysisOutcome(
        analysis=analysis,
        status="kept" if is_stored(folder) else "stale",
        fingerprint=mark.fingerprint,
        folder=folder,
        payload=None,
        studies=tuple(mark.studies),
    )


# Events on which no selection of arms rests: `toolkit.store.evidence` and what it reads know nothing of them.
_BESIDE = frozenset({"screen", "retrieve", "apart", "relate", "remove", "explain", "settings", "version", "note"})


def _marks(project: Project) -> list[_Mark]:
    """What `plan` needs of each analysis, kept until an event comes that may change it."""

    def mark(one: Analysis, selection: Selection | None, problem: str | None) -> _Mark:
        if selection is None:
            return _Mark(one.id, None, problem, ())
        return _Mark(one.id, mark_of(project, one, selection), None, selection.studies)

    kinds = [(kind, None) for kind in EVENT_KINDS if kind not in _BESIDE] + [("screen", FULL_TEXT)]
    settings = f"{ENGINE_VERSION} {project.config.model_dump_json()}"
    depends = hashlib.sha256(settings.encode("utf-8")).hexdigest()
    made = kept(project.store, "analyses", kinds, depends, lambda: [mark(*one) for one in selections(project)])
    return [_Mark(*one) for one in made]


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
        columns=_columns(project, analysis, selection),
        others=tuple(_other(project, other, selected(other)) for other in others),
    )


def _other(
    project: Project, other: Analysis, selection: Selection
) -> tuple[Analysis, NetworkSpec, tuple[SelectedArm, ...]]:
    """Another network with its spec and arms."""
    names = [name for key, name in other.tau2_by.items() if key == "subgroup"]
    columns = study_columns(project.store, names, selection.studies)
    spec = spec_of(other, project.config.outcome(other.outcome), columns)
    assert isinstance(spec, NetworkSpec)
    return other, spec, selection.arms


def _columns(project: Project, analysis: Analysis, selection: Selection) -> dict[str, dict[str, str]]:
    """What is asked of the studies by column: of their form, of the characteristics, or of their rows of results."""
    found = study_columns(project.store, analysis.columns, selection.studies)
    own: dict[str, dict[str, str]] = {"score": {}, "reversed": {}, "study": {}}
    for arm in selection.arms:
        own["study"][arm.study] = arm.study
        if arm.score is not None:
            _agree(own["score"], arm.study, arm.score, "score")
        if arm.reversed is not None:
            _agree(own["reversed"], arm.study, "yes" if arm.reversed else "no", "reversed")
    for name in analysis.columns:
        if name in own and name not in found:
            found[name] = own[name]
        elif name == _PER_PATIENT and name not in found:
            rows = study_rows(project.store)
            ratio = {s: (f.units, f.patients) for s in selection.studies if (f := rows.get(s)) is not None}
            found[name] = {s: f"{units / patients:.6g}" for s, (units, patients) in ratio.items() if units and patients}
    if analysis.kind == "pairwise":
        lost = [name for name in analysis.columns if name not in found]
        if lost:
            raise InputError(
                f"analysis {analysis.id!r}: nothing is known of {lost[0]!r} of any study", value=lost[0],
                allowed=f"a column of the studies form, a characteristic, score, reversed, study, {_PER_PATIENT}",
                hint="Fill it in: evipool extract template --table characteristics FILE",
            )  # fmt: skip
    return found


# Hips of one patient are a cluster: units over patients of the studies form.
_PER_PATIENT = "units_per_patient"


def _agree(column: dict[str, str], study: str, text: str, name: str) -> None:
    if column.setdefault(study, text) != text:
        raise InputError(f"study {study}: its arms differ in {name!r} ({column[study]} and {text})")


def spec_of(
    analysis: Analysis, outcome: Outcome, columns: Mapping[str, Mapping[str, str]] | None = None
) -> PairwiseSpec | NetworkSpec:
    """The engine's spec of a declared analysis; ``columns`` are those of its selection."""
    zero_cells = ZeroCells(
        add=analysis.zero_add, to=analysis.zero_to, drop_double_zero=not analysis.keep_double_zero,
        risk_ratio=analysis.zero_rr, risk_difference=analysis.zero_rd, arms=analysis.zero_arms,
    )  # fmt: skip
    if analysis.kind == "pairwise":
        return _pairwise_spec(analysis, zero_cells)
    small_values = {"lower": "good", "higher": "bad", None: None}[outcome.better]
    named = isinstance(analysis.tau2, str)
    inactive, group = analysis.tau2_by.get("inactive"), analysis.tau2_by.get("subgroup")
    return NetworkSpec(
        measure=analysis.measure,
        reference=analysis.reference,
        tau2=str(analysis.tau2) if named else "fixed",
        tau2_value=None if named else float(analysis.tau2),
        tau2_inactive=() if inactive is None else (inactive,),
        tau2_groups=() if group is None else tuple((columns or {}).get(group, {}).items()),
        small_values=small_values,
        ci="Wald" if analysis.ci == "auto" else analysis.ci,
        level=analysis.level,
        zero_cells=zero_cells,
    )


def _pairwise_spec(analysis: Analysis, zero_cells: ZeroCells) -> PairwiseSpec:
    """With a preset, what review.toml names itself stands on top of it."""
    names = ("measure", "treatment", "reference", "model", "tau2", "ci", "prediction", "level", "tau2_ci")
    asked = analysis.named_options
    own = {name: asked[name] for name in SPEC_OPTIONS if name in asked}
    if analysis.preset is None:
        return PairwiseSpec(zero_cells=zero_cells, **{name: getattr(analysis, name) for name in names}, **own)
    named = {name: getattr(analysis, name) for name in names if name in analysis.model_fields_set}
    zero = {"zero_add": "add", "zero_to": "to", "zero_rr": "risk_ratio", "zero_rd": "risk_difference",
            "zero_arms": "arms"}  # fmt: skip
    cells = {field: getattr(analysis, name) for name, field in zero.items() if name in analysis.model_fields_set}
    if "keep_double_zero" in analysis.model_fields_set:
        cells["drop_double_zero"] = not analysis.keep_double_zero
    return preset_spec(analysis.preset, {**named, **own}, cells)


def mark_of(project: Project, analysis: Analysis, selection: Selection) -> str:
    """The fingerprint of an analysis on its selection."""
    spec = spec_of(analysis, project.config.outcome(analysis.outcome), selection.columns)
    return fingerprint(spec, selection, analysis)


def fingerprint(spec: PairwiseSpec | NetworkSpec, selection: Selection, analysis: Analysis | None = None) -> str:
    """sha256 over spec, further analyses, data (numbers and flags) and engine version: the address of a result.

    What was left out is not in it: a study that does not enter changes no number.
    """
    told = spec_content(asdict(spec))
    content: dict[str, Any] = {"spec": told, "selection": entered(selection), "engine": ENGINE_VERSION}
    if analysis is not None:
        content |= further_settings(analysis)
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


# Choices that came after results were stored without them: as nobody chose them then, they count where they are chosen.
_LATER = {"variance": "default", "study_ci": "model"}
_LATER_ZERO_CELLS = {"arms": "equal"}


def spec_content(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A spec as plain data, without choices that no earlier version knew and that this one does not make either."""
    found = _chosen(spec, _LATER)
    if "zero_cells" in found:
        found["zero_cells"] = _chosen(found["zero_cells"], _LATER_ZERO_CELLS)
    return found


def _chosen(choices: Mapping[str, Any], later: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in choices.items() if name not in later or value != later[name]}


def entered(selection: Selection) -> dict[str, Any]:
    """The arms that enter and their flags, as plain data."""
    # Both hold plain values only; asdict would copy every one of them, which is most of the time of a plan.
    flags = [{name: getattr(flag, name) for name in _FLAG} for flag in selection.flags]
    found: dict[str, Any] = {"arms": _plain_arms(selection.arms), "flags": flags}
    if selection.columns:
        found["columns"] = {name: dict(values) for name, values in selection.columns.items()}
    if selection.others:
        found["others"] = {
            a.id: {"spec": spec_content(asdict(spec)), "largest": a.largest, "arms": _plain_arms(arms)}
            for a, spec, arms in selection.others
        }
    return found


_WHERE_ASKED = frozenset({"reported", "score", "reversed", "versus"})


def _plain_arms(arms: Sequence[SelectedArm]) -> list[dict[str, Any]]:
    found = [{name: getattr(arm, name) for name in _ARM} for arm in arms]
    for row in found:
        for name in _WHERE_ASKED:
            if not row[name]:
                del row[name]
    return found


def further_settings(analysis: Analysis) -> dict[str, Any]:
    """What an analysis asks for besides its spec, as plain data; empty for one that asks for nothing."""
    found: dict[str, Any] = {}
    if analysis.also:
        found["also"] = [{"name": one.name, **_lists(one.settings)} for one in analysis.further]
    if analysis.largest:
        found["largest"] = True
    options = changed_options(analysis.named_options)
    options = {name: value for name, value in options.items() if name not in SPEC_OPTIONS}
    if options:
        found["options"] = options
    return found


def _lists(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
