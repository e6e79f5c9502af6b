"""Further analyses of a declared network: they reach its result, its figures and the report, and count as settings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.builders import evipool, make_review, write_csv
from tests.analysis.test_network_run import LOOP, NETWORK, settings
from toolkit.analysis.plan import plan
from toolkit.cli.common import run
from toolkit.config import load_review
from toolkit.model.errors import InputError
from toolkit.model.further import NETWORK_FURTHER, SETTINGS, asked
from toolkit.project import Project

# Every further analysis, each with what it needs; "net2" is another outcome's network.
ALSO: list[Any] = [
    *(name for name, one in NETWORK_FURTHER.items() if not one.needs and not one.needs_one_of),
    {"name": "funnel", "order": ["Core", "Graft", "Cells"]},
    {"name": "margin", "margin": 1.1},
    {"name": "outcomes", "with_outcome": ["net2"]},
    {"name": "variances", "inactive": "Core"},
    {"name": "transitivity", "modifier": ["year", "mean age", "risk of bias"]},
    {"name": "design-adjusted", "design": "design"},
    {"name": "regression", "covariate": "mean age"},
    {"name": "regression", "covariate": "year", "interaction": "independent"},
    {"name": "subgroups", "subgroup": "design"},
    {"name": "contributions", "rob": "risk of bias"},
    {"name": "absolute", "baseline_risk": [0.1, 0.2]},
]


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return json.dumps(value)


def net(also: list[Any], more: str = "") -> str:
    """A review with the network "net" and what it asks for, and a second network that tells outcomes apart."""
    first = NETWORK.replace('tau2 = "PM"', 'tau2 = "REML"').replace('ci = "HK_adhoc"', "")
    second = first.replace('"net"', '"net2"').replace('"OR"', '"RR"')
    return settings(f"{first}also = {toml(also)}\n{more}{second}")


def describe(folder: Path) -> None:
    """The studies and their characteristics, extracted."""
    design = dict(zip(LOOP, ["RCT", "RCT", "RCT", "cohort", "RCT"], strict=True))
    facts = [[s, s[-4:], design[s]] for s in LOOP]
    age = [[s, "mean age", 50 + i * i] for i, s in enumerate(LOOP)]
    rob = [[s, "risk of bias", ["low", "high", "low", "some concerns", "low"][i]] for i, s in enumerate(LOOP)]
    forms = (
        write_csv(folder.parent / "studies.csv", ["study", "year", "design"], facts),
        write_csv(folder.parent / "more.csv", ["study", "characteristic", "value"], [*age, *rob]),
    )
    for form in forms:
        assert evipool(folder, "extract", "import", str(form), "--as", "AB") == 0


def stored(folder: Path) -> dict[str, Any]:
    """The only stored result of the network."""
    (only,) = (folder / "results" / "net").iterdir()
    found: dict[str, Any] = json.loads((only / "result.json").read_text(encoding="utf-8"))
    return found


def test_every_further_analysis_can_be_declared_and_stands_in_result_figures_and_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_review(tmp_path / "r", settings=net(ALSO), trials=LOOP)
    describe(folder)
    capsys.readouterr()
    assert evipool(folder, "analyse") == 0
    said = capsys.readouterr().out
    payload = stored(folder)
    further = {one["key"]: one for one in payload["further"]}
    assert {one["name"] for one in payload["further"]} == set(NETWORK_FURTHER)
    assert further["regression-2"]["settings"] == {"covariate": "year", "interaction": "independent"}
    assert {key: one["reason"] for key, one in further.items() if one["reason"] is not None} == {}
    assert all(one["title"] and one["header"] and len(one["rows"][0]) == len(one["header"])
               for one in further.values() if one["rows"])  # fmt: skip
    (only,) = (folder / "results" / "net").iterdir()
    drawn = {p.stem for p in only.glob("*.svg")}
    named = {figure for one in further.values() for figure in one["figures"]}
    assert {"funnel", "modifier-mean-age", "modifier-year", "modifier-risk-of-bias", "rank-heat", "hasse",
            "contributions-rob-2", "network-rob-2", "network-design"} == named <= drawn  # fmt: skip
    assert "also regression: Network meta-regression on mean age" in said
    assert evipool(folder, "report") == 0
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    for one in further.values():
        assert one["title"].split(":")[0] in page, one["key"]
    assert "Effect modifier by comparison: mean-age" in page
    assert "Further analyses of networks, as declared: net: side-split, sidde" in page


def test_a_changed_further_analysis_makes_the_result_stale_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_review(tmp_path / "r", settings=net(["impact"]), trials=LOOP)
    assert evipool(folder, "analyse") == 0
    (folder / "review.toml").write_text(net(["impact", "heat"]), encoding="utf-8")
    capsys.readouterr()
    assert evipool(folder, "update", "--plan") in (0, 3)
    assert "also" in capsys.readouterr().out


def test_a_characteristic_that_changes_makes_only_the_network_stale_that_asks_for_it(tmp_path: Path) -> None:
    text = net([{"name": "regression", "covariate": "mean age"}])
    folder = make_review(tmp_path / "r", settings=text, trials=LOOP)
    describe(folder)
    assert evipool(folder, "analyse") == 0
    form = write_csv(tmp_path / "age.csv", ["study", "characteristic", "value"], [["Ann2001", "mean age", "71"]])
    assert evipool(folder, "extract", "import", str(form), "--as", "AB") == 0
    assert evipool(folder, "analyse") == 0
    assert len(list((folder / "results" / "net").iterdir())) == 2
    assert len(list((folder / "results" / "net2").iterdir())) == 1


def test_what_no_study_has_is_said_where_the_table_would_stand(tmp_path: Path) -> None:
    text = net([{"name": "regression", "covariate": "dose"}, {"name": "funnel", "order": ["Core", "Cells"]}])
    folder = make_review(tmp_path / "r", settings=text, trials=LOOP)
    assert evipool(folder, "analyse") == 0
    regression, funnel = stored(folder)["further"]
    assert "dose" in regression["reason"] and "Graft" in funnel["reason"]
    assert evipool(folder, "report") == 0
    assert "no study has a value" in (folder / "report" / "report.html").read_text(encoding="utf-8")


def test_components_bridge_a_declared_network_in_pieces(tmp_path: Path) -> None:
    trials = {
        "Ann2001": [("none", 60, 12), ("drug", 60, 7)],
        "Bea2004": [("diet", 60, 11), ("diet+drug", 60, 6)],
        "Cat2009": [("none", 60, 14), ("drug", 60, 9)],
    }
    text = net([{"name": "components", "inactive": "none"}, "heat"]).replace('reference = "Core"\n', "")
    folder = make_review(tmp_path / "r", settings=text, trials=trials)
    assert evipool(folder, "analyse") == 0
    payload = stored(folder)
    assert payload["status"] == "not estimable" and payload["result"] is None
    components, heat = payload["further"]
    assert components["data"]["components"] == ["diet", "drug"] and "only components" in heat["reason"]


def test_the_largest_piece_can_be_declared(tmp_path: Path) -> None:
    trials = {**LOOP, "Far2020": [("Laser", 40, 4), ("Sham", 40, 9)]}
    folder = make_review(tmp_path / "r", settings=net(["heat"], "largest = true\n"), trials=trials)
    assert evipool(folder, "analyse") == 0
    result = stored(folder)["result"]
    assert result["k"] == 5 and [e["study"] for e in result["excluded"]] == ["Far2020"]


def test_several_variances_can_be_declared_by_treatment_and_by_group(tmp_path: Path) -> None:
    trials = {f"{s}{i}": arms for i in range(2) for s, arms in LOOP.items()}
    folder = make_review(tmp_path / "r", settings=net([], 'tau2_by = { inactive = "Core" }\n'), trials=trials)
    assert evipool(folder, "analyse") == 0
    result = stored(folder)["result"]
    assert [t["studies"] for t in result["heterogeneity"]["tau2_by_type"]] == [8, 4]
    assert result["spec"]["tau2_inactive"] == ["Core"]
    design = [[s, "design", "cohort" if i % 3 else "RCT"] for i, s in enumerate(trials)]
    form = write_csv(tmp_path / "d.csv", ["study", "characteristic", "value"], design)
    assert evipool(folder, "extract", "import", str(form), "--as", "AB") == 0
    (folder / "review.toml").write_text(net([], 'tau2_by = { subgroup = "design" }\n'), encoding="utf-8")
    shutil.rmtree(folder / "results")
    assert evipool(folder, "analyse") == 0
    with Project.open(folder) as project:
        assert {o.status for o in plan(project)} == {"kept"}
    result = stored(folder)["result"]
    assert [t["name"] for t in result["heterogeneity"]["tau2_by_type"]] == ["RCT", "cohort"]
    assert result["effects"][0]["prediction"] is None


def test_a_network_of_hazard_ratios_as_published_can_be_declared(tmp_path: Path) -> None:
    text = net(["heat", {"name": "absolute", "baseline_risk": 0.2}]).replace('type = "binary"', 'type = "effect"')
    folder = make_review(tmp_path / "r", settings=text, trials=dict.fromkeys(LOOP, ()))
    header = ["study", "arm", "treatment", "versus", "outcome", "months", "effect", "effect_low", "effect_high"]
    pairs = [
        ("Ann2001", "A", "Cells", "Core", 0.80, 0.55, 1.16), ("Bea2004", "A", "Cells", "Core", 0.72, 0.50, 1.04),
        ("Cat2009", "A", "Graft", "Core", 0.90, 0.61, 1.33), ("Dee2011", "A", "Cells", "Graft", 0.85, 0.55, 1.31),
        ("Eva2015", "A", "Cells", "Core", 0.70, 0.473, 1.036), ("Eva2015", "B", "Graft", "Core", 0.95, 0.642, 1.406),
        ("Eva2015", "C", "Cells", "Graft", 0.737, 0.498, 1.091),
    ]  # fmt: skip
    rows = [[s, arm, t, v, "tha", 24, *numbers] for s, arm, t, v, *numbers in pairs]
    form = write_csv(tmp_path / "hr.csv", header, rows)
    assert evipool(folder, "extract", "import", str(form), "--as", "AB") == 0
    assert evipool(folder, "analyse") == 0
    payload = stored(folder)
    table = tmp_path / "t.csv"
    lines = ["study,treat1,treat2,hr,lower,upper", *(",".join(map(str, (s, t, v, *n))) for s, _, t, v, *n in pairs)]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path / "o.json"
    args = ["network", str(table), "--measure", "OR", "--reference", "Core", "--format", "json", "--output", str(out)]
    assert run([*args, "--columns", "ratio=hr,ci_low=lower,ci_high=upper"]) == 0
    alone = json.loads(out.read_text(encoding="utf-8"))
    assert payload["result"]["k"] == 5 and len(payload["selection"]["arms"]) == 7
    ours, theirs = (
        [e["random"]["model"]["estimate"] for e in found["effects"]] for found in (payload["result"], alone)
    )
    assert ours == pytest.approx(theirs, abs=1e-12)
    assert [one["reason"] for one in payload["further"]] == [None, None]


def test_corrections_of_zero_cells_reach_a_declared_network(tmp_path: Path) -> None:
    trials = {**LOOP, "Zed2020": [("Cells", 40, 0), ("Core", 40, 4)]}
    more = 'zero_rr = "cells"\nkeep_double_zero = true\n'
    folder = make_review(tmp_path / "r", settings=net([], more), trials=trials)
    assert evipool(folder, "analyse") == 0
    spec = stored(folder)["result"]["spec"]["zero_cells"]
    assert spec["risk_ratio"] == "cells" and spec["drop_double_zero"] is False


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("rank", "allowed: side-split"),
        ({"name": "heat", "order": ["a"]}, "it takes no settings"),
        ({"name": "regression"}, "needs covariate"),
        ({"name": "regression", "covariate": "year", "interaction": "none"}, "independent"),
        ({"name": "variances", "inactive": "a", "subgroup": "b"}, "one of them"),
        ({"name": "margin", "margin": "1.1"}, "is a number"),
        ({"name": "ranks", "draws": 0}, "above zero"),
        ({"name": "outcomes", "with_outcome": "pain"}, "no other network"),
        ({"name": "outcomes", "with_outcome": "net"}, "no other network"),
    ],
)
def test_a_mistaken_entry_is_refused_with_what_is_allowed(entry: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "review.toml"
    path.write_text(net([entry]), encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        load_review(path)
    assert words in str(refusal.value) and refusal.value.line is not None


def test_ranks_of_an_outcome_without_a_direction_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "review.toml"
    path.write_text(net(["threshold"]).replace('better = "lower"\n', ""), encoding="utf-8")
    with pytest.raises(InputError, match='has no "better"'):
        load_review(path)


def test_every_setting_is_taken_by_an_analysis_and_each_analysis_takes_known_settings() -> None:
    taken = {name for one in NETWORK_FURTHER.values() for name in one.takes}
    assert taken == set(SETTINGS)
    assert all(set(one.needs) | set(one.needs_one_of) <= set(one.takes) for one in NETWORK_FURTHER.values())
    assert asked({"name": "absolute", "baseline_risk": 0.2}).options.baseline_risk == (0.2,)
