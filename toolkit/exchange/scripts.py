"""Scripts in R and Stata that load the data of an analysis, fit it again and compare with our numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.analysis.run import AnalysisOutcome, plan
from toolkit.exchange.expected import Payload, require_estimate
from toolkit.exchange.script_data import contrasts_table, studies_table
from toolkit.exchange.script_meta import meta_script
from toolkit.exchange.script_metafor import metafor_network, metafor_pairwise, network_rests_on_arms
from toolkit.exchange.script_stata import stata_network, stata_pairwise
from toolkit.exchange.script_text import NotPossibleError, Script
from toolkit.model.errors import InputError
from toolkit.project import Project
from toolkit.records.tables import write_form, write_whole

__all__ = ["Script", "ScriptsOutcome", "analysis_scripts", "write_data", "write_scripts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptsOutcome:
    """What was written for one analysis; ``left_out`` says which script could not be made, and why."""

    analysis: str
    files: tuple[Path, ...]
    left_out: tuple[tuple[str, str], ...]


def write_scripts(project: Project, ids: Sequence[str], folder: Path) -> list[ScriptsOutcome]:
    """A folder for each analysis (all, or those named) with its data, its scripts and nothing else.

    Raises
    ------
    InputError
        if a named analysis has no result for the present data.
    """
    outcomes = []
    for outcome in plan(project, ids):
        problem = _problem(outcome)
        if problem is not None and ids:
            raise InputError(problem, hint="Run 'evipool analyse' first.")
        if problem is not None:
            outcomes.append(ScriptsOutcome(analysis=outcome.analysis.id, files=(), left_out=(("all", problem),)))
            continue
        assert outcome.payload is not None and outcome.folder is not None
        scripts, left_out = analysis_scripts(outcome.payload)
        target = folder / outcome.analysis.id
        files = write_data(outcome.payload, (outcome.folder / "data.csv").read_bytes(), target)
        for script in scripts:
            write_whole(target / script.name, script.text.encode("utf-8"))
            files.append(target / script.name)
        outcomes.append(ScriptsOutcome(analysis=outcome.analysis.id, files=tuple(files), left_out=left_out))
    return outcomes


def write_data(payload: Payload, arms: bytes, target: Path) -> list[Path]:
    """data.csv with the arms that entered; studies.csv, or contrasts.csv of a network, where a script reads them."""
    target.mkdir(parents=True, exist_ok=True)
    files = [target / "data.csv"]
    write_whole(files[0], arms)
    if payload["kind"] == "pairwise":
        files.append(target / "studies.csv")
        write_form(files[1], *studies_table(payload))
    elif not network_rests_on_arms(payload):
        files.append(target / "contrasts.csv")
        write_form(files[1], *contrasts_table(payload))
    return files


def _problem(outcome: AnalysisOutcome) -> str | None:
    name = outcome.analysis.id
    if outcome.problem is not None:
        return f"analysis {name!r} was not run: {outcome.problem}"
    if outcome.payload is None:
        return f"analysis {name!r} is not computed for the present data"
    if outcome.payload["result"] is None:
        return f"analysis {name!r} is not estimable: {outcome.payload['reason']}"
    return None


def analysis_scripts(payload: Payload) -> tuple[tuple[Script, ...], tuple[tuple[str, str], ...]]:
    """The scripts of one result, and (name, reason) of those that its packages cannot do."""
    require_estimate(payload)
    makers: dict[str, Callable[[Payload], Script]]
    if payload["kind"] == "pairwise":
        makers = {"metafor.R": metafor_pairwise, "meta.R": meta_script, "stata.do": stata_pairwise}
    else:
        makers = {"metafor.R": metafor_network, "netmeta.R": meta_script, "stata.do": stata_network}
    made, left_out = [], []
    for name, make in makers.items():
        try:
            made.append(make(payload))
        except NotPossibleError as error:
            left_out.append((name, str(error)))
    return tuple(made), tuple(left_out)
