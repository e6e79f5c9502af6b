"""Every effect measure runs from the form to a stored result in a review; correlations against metafor."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.builders import SETTINGS, evipool, make_review, write_csv
from toolkit.analysis.fit import fit
from toolkit.analysis.pairwise.table import analyse_table
from toolkit.analysis.plan import selections
from toolkit.config import load_review
from toolkit.config_analysis import fits
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError
from toolkit.project import Project

BASE = SETTINGS[: SETTINGS.index("[[outcomes]]")]

# Molloy et al. 2014, Ann Behav Med 47:253-260, as dat.molloy2014 of metadat holds it: study, n, r. Conscientiousness
# and adherence to medication.
MOLLOY = (
    ("Axelsson 2009", 109, 0.187), ("Axelsson 2011", 749, 0.162), ("Bruce 2010", 55, 0.34),
    ("Christensen 1999", 107, 0.32), ("Christensen 1995", 72, 0.27), ("Cohen 2004", 65, 0.0),
    ("Dobbels 2005", 174, 0.175), ("Ediger 2007", 326, 0.05), ("Insel 2006", 58, 0.26), ("Jerant 2011", 771, 0.01),
    ("Moran 1997", 56, -0.09), ("O'Cleirigh 2007", 91, 0.37), ("Penedo 2003", 116, 0.0), ("Quine 2012", 537, 0.15),
    ("Stilley 2004", 158, 0.24), ("Wiebe 1997", 65, 0.04),
)  # fmt: skip

# rma(measure=, ri=ri, ni=ni, data=dat.molloy2014, method="REML", test="knha", control=list(threshold=1e-12)),
# metafor 3.8-1: estimate, standard error, tau2.
METAFOR = {
    "COR": (0.1523733605, 0.0322450957, 0.0085670768),
    "UCOR": (0.1531920353, 0.0324802766, 0.0087632907),
    "ZCOR": (0.1499171485, 0.0327697722, 0.0081095608),
}


def outcome(kind: str) -> str:
    return f'\n[[outcomes]]\nid = "{kind}"\nname = "{kind}"\ntype = "{kind}"\nbetter = "lower"\nrule = "latest"\n'


def analysis(identity: str, kind: str, measure: str, **more: Any) -> str:
    given: dict[str, Any] = {"id": identity, "kind": "pairwise", "outcome": kind, "measure": measure, "treatment": "A"}
    if MEASURES[measure].groups == 2:
        given["reference"] = "B"
    lines = [f"{key} = {json.dumps(value)}" for key, value in (given | more).items()]
    return "\n[[analyses]]\n" + "\n".join(lines) + "\n"


def stored(folder: Path, identity: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    (path,) = (folder / "results" / identity).glob("*/result.json")
    with (path.parent / "data.csv").open(encoding="utf-8-sig", newline="") as stream:
        return json.loads(path.read_text(encoding="utf-8")), list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def correlations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The form that evipool writes, filled in with the correlations, read back and analysed."""
    folder = tmp_path_factory.mktemp("cor") / "review"
    text = BASE + outcome("correlation")
    text += "".join(analysis(measure, "correlation", measure, ci="HK") for measure in METAFOR)
    text += analysis("sensitivity", "correlation", "ZCOR", leave_one_out=True, influence=True, bias="Egger")
    make_review(folder, settings=text, trials={study: () for study, _, _ in MOLLOY})
    path = folder.parent / "form.csv"
    assert evipool(folder, "extract", "template", str(path), "--table", "results", "--as", "AB") == 0
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        header, rows = list(reader.fieldnames or ()), list(reader)
    numbers = {study: (n, r) for study, n, r in MOLLOY}
    assert {row["study"] for row in rows} == set(numbers)
    for row in rows:
        n, r = numbers[row["study"]]
        row |= {"arm": "all", "treatment": "A", "outcome": "correlation", "months": "6", "n": str(n), "r": str(r)}
    filled = write_csv(folder.parent / "filled.csv", header, [[row[name] for name in header] for row in rows])
    assert evipool(folder, "extract", "import", str(filled), "--as", "AB") == 0
    assert evipool(folder, "analyse") == 0
    return folder


@pytest.mark.parametrize("measure", list(METAFOR))
def test_correlations_of_a_review_are_pooled_as_metafor_pools_them(correlations: Path, measure: str) -> None:
    result, rows = stored(correlations, measure)
    random = result["result"]["random"]["model"]
    expected = METAFOR[measure]
    assert (random["estimate"], random["se"]) == pytest.approx(expected[:2], rel=1e-6)
    assert result["result"]["tau2"]["value"] == pytest.approx(expected[2], rel=1e-6)
    assert {(row["study"], float(row["n"]), float(row["r"])) for row in rows} == set(MOLLOY)


def test_the_form_has_the_column_of_correlations_only_where_an_outcome_asks_for_it(tmp_path: Path) -> None:
    for kind, there in (("correlation", True), ("binary", False)):
        folder = make_review(tmp_path / kind, settings=BASE + outcome(kind), trials={"S": ()})
        path = tmp_path / f"{kind}.csv"
        assert evipool(folder, "extract", "template", str(path), "--table", "results", "--as", "AB") == 0
        header = path.read_text(encoding="utf-8-sig").splitlines()[0].split(",")
        assert ("r" in header) is there


def test_correlations_pass_the_checks_and_stand_in_report_workbook_and_export(
    correlations: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    evipool(correlations, "extract", "check", "--format", "json")
    codes = {row["code"] for row in json.loads(capfd.readouterr().out)}
    assert codes == {"no-facts"}
    assert evipool(correlations, "report") == 0
    page = next((correlations / "report").rglob("*.html")).read_text(encoding="utf-8")
    assert "correlation, n" in page and "0.187, 109" in page


@pytest.mark.parametrize("layout", ["revman", "netmeta", "gemtc", "cinema", "stata"])
def test_a_layout_of_arms_refuses_correlations(
    correlations: Path, layout: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evipool(correlations, "export", layout, "ZCOR", str(tmp_path)) == 2
    assert "rests on effects or correlations" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_missing_correlation_is_asked_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = BASE + outcome("correlation") + analysis("z", "correlation", "ZCOR")
    folder = make_review(tmp_path / "r", settings=text, trials={"S": (), "T": ()})
    header = ["study", "arm", "treatment", "outcome", "months", "n", "r"]
    rows = [["S", "all", "A", "correlation", 6, 40, ""], ["T", "all", "A", "correlation", 6, 30, 0.2]]
    path = write_csv(tmp_path / "f.csv", header, rows)
    assert evipool(folder, "extract", "import", str(path), "--as", "AB") == 0
    capfd.readouterr()
    evipool(folder, "extract", "check")
    assert "r not reported" in " ".join(capfd.readouterr().out.split())
    assert evipool(folder, "analyse") == 0
    assert "r not reported" in capfd.readouterr().out


@pytest.mark.parametrize(("value", "said"), [("1.2", "a number from -1 to 1"), ("15", "goes in the column events")])
def test_a_correlation_beyond_1_is_refused(
    tmp_path: Path, value: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = make_review(tmp_path / "r", settings=BASE + outcome("correlation"), trials={"S": ()})
    path = write_csv(tmp_path / "f.csv", ["study", "arm", "outcome", "r"], [["S", "all", "correlation", value]])
    assert evipool(folder, "extract", "import", str(path), "--as", "AB") == 2
    told = capfd.readouterr().err
    assert said in told and value in told


def test_a_column_r_is_refused_where_no_outcome_is_a_correlation(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = make_review(tmp_path / "r", settings=BASE + outcome("binary"), trials={"S": ()})
    path = write_csv(tmp_path / "f.csv", ["study", "arm", "outcome", "n", "r"], [["S", "all", "binary", 9, 1]])
    assert evipool(folder, "extract", "import", str(path), "--as", "AB") == 2
    assert "Counts go in the column events" in capfd.readouterr().err


def test_two_rows_of_one_treatment_are_left_out_with_a_reason_where_they_cannot_be_combined(tmp_path: Path) -> None:
    text = BASE + outcome("correlation") + outcome("effect")
    text += analysis("z", "correlation", "ZCOR") + analysis("hr", "effect", "HR")
    folder = make_review(tmp_path / "r", settings=text, trials={"S": (), "T": ()})
    header = ["study", "arm", "treatment", "outcome", "months", "n", "r", "versus", "effect", "effect_se"]
    rows: list[Sequence[object]] = []
    for study, arms in (("S", ("x", "y")), ("T", ("x",))):
        rows += [[study, arm, "A", "correlation", 6, 40, 0.3, "", "", ""] for arm in arms]
        rows += [[study, arm, "A", "effect", 6, "", "", "B", 0.8, 0.2] for arm in arms]
    path = write_csv(tmp_path / "f.csv", header, rows)
    assert evipool(folder, "extract", "import", str(path), "--as", "AB") == 0
    assert evipool(folder, "analyse") == 0
    for analysis_, selection, _ in selections(Project.open(folder)):
        assert selection is not None and selection.studies == ("T",)
        (left,) = selection.left_out
        assert left.study == "S" and "not combined" in left.reason and "x and y" in left.reason, analysis_.id


def test_a_correlation_outcome_takes_only_measures_of_correlations(tmp_path: Path) -> None:
    path = tmp_path / "review.toml"
    path.write_text(BASE + outcome("correlation") + analysis("m", "correlation", "OR"), encoding="utf-8")
    with pytest.raises(InputError, match="no outcome for 'OR'"):
        load_review(path)


def test_a_table_with_a_column_r_is_read_as_correlations_or_as_events_by_the_measure() -> None:
    import pandas as pd

    frame = pd.DataFrame(MOLLOY, columns=["study", "n", "r"])
    random = analyse_table(frame, measure="ZCOR", ci="HK").result.random
    assert random is not None and (random.estimate, random.se) == pytest.approx(METAFOR["ZCOR"][:2], rel=1e-6)
    counts = pd.DataFrame({"study": ["S", "T"], "n": [40, 50], "r": [4, 9]})
    events = counts.rename(columns={"r": "events"})
    assert analyse_table(counts, measure="PLO").result.studies == analyse_table(events, measure="PLO").result.studies


# ---- every measure ------------------------------------------------------------------------------------------------

ARMS: dict[str, tuple[Any, ...]] = {
    "binary": ("n", "events", ((40, 12, 41, 18), (55, 9, 52, 15), (33, 11, 30, 9), (80, 21, 78, 33))),
    "continuous": (
        "n", "mean", "sd", ((30, 5.1, 1.4, 31, 5.9, 1.5), (25, 4.8, 1.2, 26, 5.4, 1.6), (41, 5.5, 1.1, 40, 5.3, 1.3)),
    ),
    "rate": ("events", "time", ((12, 210.0, 19, 205.0), (9, 150.0, 15, 160.0), (21, 400.0, 20, 390.0))),
    "correlation": ("n", "r", ((40, 0.3), (55, 0.12), (33, -0.1), (80, 0.25))),
}  # fmt: skip
PAIRS = [(m, kind) for m in MEASURES for kind in ARMS if fits(m, kind) and set(MEASURES[m].needs) <= set(ARMS[kind])]


def arms_of(kind: str) -> list[dict[str, Any]]:
    """One row an arm, as both the form and a table of `evipool pairwise` hold it."""
    *names, rows = ARMS[kind]
    found = []
    for at, numbers in enumerate(rows):
        for side, treatment in enumerate("AB"):
            own = numbers[side * len(names) : (side + 1) * len(names)]
            if own:
                found.append({"study": f"S{at + 1}", "treatment": treatment, **dict(zip(names, own, strict=True))})
    return found


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Analysis -> its payload: what `evipool analyse` stores, without the figures."""
    folder = tmp_path_factory.mktemp("families") / "review"
    text = BASE + "".join(outcome(kind) for kind in (*ARMS, "effect"))
    text += "".join(analysis(f"{m}-{kind}", kind, m) for m, kind in PAIRS)
    text += "".join(analysis(f"{m}-effect", "effect", m) for m in MEASURES if fits(m, "effect"))
    make_review(folder, settings=text, trials={f"S{i}": () for i in range(1, 5)})
    header = ["study", "arm", "treatment", "outcome", "months", "n", "events", "mean", "sd", "time", "r"]
    header += ["versus", "effect", "effect_low", "effect_high", "effect_se", "o_minus_e", "logrank_v"]
    rows = [{**row, "arm": row["treatment"], "outcome": kind, "months": 24} for kind in ARMS for row in arms_of(kind)]
    rows += [
        {"study": study, "arm": "A", "treatment": "A", "outcome": "effect", "months": 24, "versus": "B", **own}
        for study, own in (
            ("S1", {"effect": 0.7, "effect_se": 0.2}), ("S2", {"effect": 0.8, "effect_low": 0.5, "effect_high": 1.28}),
        )
    ]  # fmt: skip
    path = write_csv(folder.parent / "f.csv", header, [[row.get(name, "") for name in header] for row in rows])
    assert evipool(folder, "extract", "import", str(path), "--as", "AB") == 0
    project = Project.open(folder)
    return {one.id: fit(project.config, one, chosen).payload for one, chosen, _ in selections(project) if chosen}


@pytest.mark.parametrize(("measure", "kind"), PAIRS, ids=[f"{m}-{k}" for m, k in PAIRS])
def test_a_measure_in_a_review_is_that_of_the_table(
    families: dict[str, dict[str, Any]], measure: str, kind: str
) -> None:
    import pandas as pd

    result = families[f"{measure}-{kind}"]
    rows = [row for row in arms_of(kind) if MEASURES[measure].groups == 2 or row["treatment"] == "A"]
    sides: dict[str, Any] = {"treatment": "A", "reference": "B"} if MEASURES[measure].groups == 2 else {}
    table = analyse_table(pd.DataFrame(rows), measure=measure, **sides).result.random
    assert table is not None
    got = result["result"]["random"]["model"]
    assert (got["estimate"], got["se"]) == pytest.approx((table.estimate, table.se), rel=1e-9)


def test_every_measure_was_tried(families: dict[str, dict[str, Any]]) -> None:
    tried = {m for m, _ in PAIRS} | {m for m in MEASURES if fits(m, "effect")}
    assert tried == set(MEASURES)
    for measure in (m for m in MEASURES if fits(m, "effect")):
        assert families[f"{measure}-effect"]["status"] == "estimated"


# Paired tables (both, first only, second only, neither), and scores before and after: n, before, after, correlation.
MATCHED = ((20, 5, 8, 17), (12, 3, 6, 10), (31, 9, 15, 40))
BEFORE = (
    (20, (30.6, 15.0), (38.5, 11.6), 0.47),
    (50, (23.5, 3.1), (26.8, 4.1), 0.64),
    (10, (53.4, 14.5), (75.9, 4.4), 0.89),
)
# metafor 3.8-1: rma of escalc("MPRR", ai, bi, ci, di) by REML; of escalc("SMCC", m1i, m2i, sd1i, sd2i, ni, ri) by DL.
MATCHED_POOLED, BEFORE_POOLED = (-0.13884898855, 0.07893055143), (1.0016196784, 0.2831808816)


def test_matched_pairs_and_scores_before_and_after_enter_a_review_by_the_calculator(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = BASE + outcome("effect").replace("effect", "pairs", 2) + outcome("effect").replace("effect", "change", 2)
    text += analysis("mprr", "pairs", "RR", ci="Wald") + analysis("smcc", "change", "GEN", tau2="DL", ci="Wald")
    folder = make_review(tmp_path / "r", settings=text, trials={"S1": (), "S2": (), "S3": ()})
    rows = []
    for i, (table, (n, before, after, r)) in enumerate(zip(MATCHED, BEFORE, strict=True), start=1):
        cells = [f"{k}={v}" for k, v in zip(("both", "first", "second", "neither"), table, strict=True)]
        scores = [f"n={n}", f"before={before[0]},{before[1]}", f"after={after[0]},{after[1]}", f"correlation={r}"]
        capfd.readouterr()
        assert evipool(folder, "calculate", "matched-pairs", "measure=MPRR", *cells, "--format", "json") == 0
        pairs = json.loads(capfd.readouterr().out)["found"]
        assert evipool(folder, "calculate", "before-after", "measure=SMCC", *scores, "--format", "json") == 0
        change = json.loads(capfd.readouterr().out)["found"]
        rows.append([f"S{i}", "A", "A", "pairs", 6, "B", pairs["ratio"], pairs["se"]])
        rows.append([f"S{i}", "A", "A", "change", 6, "B", change["y"], change["se"]])
    header = ["study", "arm", "treatment", "outcome", "months", "versus", "effect", "effect_se"]
    path = write_csv(tmp_path / "f.csv", header, rows)
    assert evipool(folder, "extract", "import", str(path), "--as", "AB") == 0
    assert evipool(folder, "analyse") == 0
    for identity, expected in (("mprr", MATCHED_POOLED), ("smcc", BEFORE_POOLED)):
        found = stored(folder, identity)[0]["result"]["random"]["model"]
        assert (found["estimate"], found["se"]) == pytest.approx(expected, rel=1e-6), identity
