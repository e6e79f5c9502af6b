"""Small reviews for the tests of analyses, reports and updates."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.cli.common import run
from toolkit.config import Analysis, Outcome, Review, ReviewFile, Treatment
from toolkit.model.evidence import ArmResult, StudyFacts, study_facts
from toolkit.model.review import Standing

SETTINGS = """
[review]
title = "股骨头坏死的细胞治疗"
[screening]
title_abstract = 1
full_text = 1
[[reviewers]]
name = "AB"
[[sources]]
name = "Lists"
kind = "citation"
[[outcomes]]
id = "tha"
name = "conversion"
type = "binary"
better = "lower"
rule = "latest"
[[analyses]]
id = "main"
title = "Conversion"
kind = "pairwise"
outcome = "tha"
measure = "OR"
treatment = "细胞"
reference = "减压"
"""

# Study -> ((treatment, n, events) ...): made up.
TRIALS: dict[str, tuple[tuple[str, int, int], ...]] = {
    "王伟2004": (("细胞", 20, 4), ("减压", 20, 9)),
    "Li2010": (("细胞", 30, 6), ("减压", 31, 10)),
    "Ng2015": (("细胞", 25, 5), ("减压", 24, 11)),
}


def evipool(folder: Path, *args: str) -> int:
    """Run one command in the review."""
    return run(["-C", str(folder), *args])


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """A form as people save it."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def make_review(folder: Path, *, settings: str = SETTINGS, trials: Any = None, titles: Any = None) -> Path:
    """A review whose studies are found, included, linked and extracted; analyses are not run."""
    folder.mkdir(parents=True)
    (folder / "review.toml").write_text(settings, encoding="utf-8")
    add_trials(folder, TRIALS if trials is None else trials, titles=titles or {})
    return folder


def add_trials(folder: Path, trials: Any, *, titles: Any = None, name: str = "lists") -> None:
    """Bring in studies from a list, include them and extract their arms."""
    titles = titles or {}
    ris = "".join(f"TY  - JOUR\nTI  - {titles.get(s, f'Report of {s}')}\nID  - {s}\nER  - \n\n" for s in trials)
    path = folder.parent / f"{name}.ris"
    path.write_text(ris, encoding="utf-8")
    forms = folder.parent
    steps = [
        ("import", str(path), "--database", "Lists", "--date", "2026-01-15"),
        ("dedup",),
        ("fulltext", "import", str(_fulltext(forms, trials)), "--as", "AB"),
        ("screen", "import", str(_votes(forms, trials)), "--stage", "full-text", "--as", "AB"),
        ("extract", "import", str(results_form(forms, trials)), "--as", "AB"),
    ]
    for step in steps:
        assert evipool(folder, *step) == 0, step


def _fulltext(forms: Path, trials: Any) -> Path:
    return write_csv(forms / "ft.csv", ["report", "status", "study"], [[s, "retrieved", s] for s in trials])


def _votes(forms: Path, trials: Any) -> Path:
    return write_csv(forms / "votes.csv", ["report", "verdict"], [[s, "include"] for s in trials])


def results_form(forms: Path, trials: Any) -> Path:
    """The results form of these trials."""
    header = ["study", "arm", "treatment", "outcome", "months", "n", "events"]
    rows = [[s, f"A{i}", t, "tha", 24, n, e] for s, arms in trials.items() for i, (t, n, e) in enumerate(arms)]
    return write_csv(forms / "results.csv", header, rows)


# ---- plain data for the selection -----------------------------------------------------------------------------------

OUTCOME = Outcome(id="tha", name="conversion", type="binary", labels=("tha_conversion",), rule="latest", better="lower")
ANALYSIS = Analysis(id="main", kind="pairwise", outcome="tha", measure="OR", treatment="C", reference="D")


def review(outcome: Outcome = OUTCOME, analysis: Analysis = ANALYSIS, treatments: Any = ()) -> ReviewFile:
    """The settings of a review with one outcome and one analysis."""
    nodes = tuple(Treatment(**t) for t in treatments)
    return ReviewFile(review=Review(title="t"), outcomes=(outcome,), analyses=(analysis,), treatments=nodes)


_ROW = ArmResult(
    study="S", arm="1", treatment="C", outcome="tha", months=24.0, unit="hips", n=20, events=5, mean=None, sd=None,
    time=None, status="reported", source=None, note=None,
)  # fmt: skip


def row(study: str, arm: str, treatment: str | None, **facts: Any) -> ArmResult:
    """An arm of a study: 5 events among 20 hips at 24 months unless said otherwise."""
    return replace(_ROW, study=study, arm=arm, treatment=treatment, **facts)


def pair(study: str, **facts: Any) -> list[ArmResult]:
    """Both arms of a study."""
    return [row(study, "1", "C", **facts), row(study, "2", "D", **facts)]


def facts(study: str, **known: str) -> StudyFacts:
    """A row of the studies table."""
    return study_facts(study, dict(known))


def included(*studies: str) -> dict[str, Standing]:
    """Standings of studies that are in the review."""
    return {
        s: Standing(study=s, status="included", reason=None, reports=("r",), included_reports=("r",)) for s in studies
    }
