"""Reference values of R (metafor, meta) inside their tolerances, with the counts asserted."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import tests.engine.pairwise.golden_bias  # fills the table of checkers
import tests.engine.pairwise.golden_conversions
import tests.engine.pairwise.golden_glmm
import tests.engine.pairwise.golden_metareg
import tests.engine.pairwise.golden_more
import tests.engine.pairwise.golden_multilevel
import tests.engine.pairwise.golden_options
import tests.engine.pairwise.golden_pooled
import tests.engine.pairwise.golden_publication
import tests.engine.pairwise.golden_sensitivity
import tests.engine.pairwise.golden_subgroups  # noqa: F401
from tests.engine.pairwise.golden import R_IS_OFF, Report, run_folder

HERE = Path(__file__).resolve().parents[2] / "golden" / "pairwise"


@cache
def report_of(folder: Path) -> Report:
    return run_folder(folder)


def assert_all_hold(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n" + report.table())
        for name, ours, theirs in report.smaller_score:
            print(f"{name}: distance from the optimum (score, or log-likelihood), ours {ours:.2g}, R {theirs:.2g}")
    assert report.failures == []
    for name, ours, theirs in report.smaller_score:
        assert ours < theirs, name


def test_cases_in_the_repository_are_inside_the_tolerances(capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(HERE)
    assert_all_hold(report, capsys)
    least = {
        "escalc OR": 73, "escalc RR": 73, "escalc RD": 64, "rma.uni OR": 148, "rma.uni RR": 148, "rma.uni RD": 133,
        "rma.uni GEN": 201, "rma.uni MD": 15, "rma.uni SMD": 15, "rma.mh OR": 27, "rma.mh RR": 18, "rma.mh RD": 18,
        "metabin RR": 24, "metabin-pi OR": 12, "revman5 OR": 12, "revmanweb RD": 3, "escalc PETO": 8,
        "rma.uni PLO": 15, "rma.uni IRR": 15, "rma.uni ROM": 10, "escalc VR": 1, "escalc ZCOR": 1, "rma.mh IRR": 1,
    }  # fmt: skip
    assert {name: report.run[name] for name, count in least.items() if report.run[name] < count} == {}
    assert report.checks > 18_000


def test_all_cases_of_the_full_set_are_inside_the_tolerances(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(shared / "golden" / "pairwise")
    assert_all_hold(report, capsys)
    least = {
        "escalc OR": 177, "escalc RR": 177, "escalc RD": 155, "escalc MD": 4, "escalc SMD": 4, "rma.uni OR": 356,
        "rma.uni RR": 356, "rma.uni RD": 338, "rma.uni GEN": 330, "rma.uni MD": 30, "rma.uni SMD": 45,
        "rma.mh OR": 66, "rma.mh RR": 44, "rma.mh RD": 44, "metabin OR": 29, "metabin RR": 74, "metabin RD": 29,
        "metabin-pi OR": 60, "revman5 OR": 59, "revmanweb OR": 15, "revman5 SMD": 9, "revmanweb SMD": 3,
        "metabin-kr OR": 15, "metagen-kr GEN": 3, "rma.peto PETO": 21, "escalc PETO": 23,
        "rma.uni ROM": 45, "rma.uni IRR": 21, "rma.uni PR": 34, "rma.uni PLO": 34, "rma.uni PAS": 34,
        "rma.uni PFT": 34, "rma.uni COR": 18, "rma.uni UCOR": 18, "rma.uni ZCOR": 42, "rma.mh IRD": 1,
        "metainc IRR": 1, "metacont ROM": 3, "leave1out OR": 26, "leave1out GEN": 20, "cumul GEN": 9,
        "influence OR": 26, "metabias OR": 105, "metabias SMD": 6, "regtest OR": 143, "regtest GEN": 46,
        "ranktest OR": 24, "trimfill OR": 128, "trimfill GEN": 77, "baujat GEN": 17, "residuals OR": 26,
        "subgroup-separate-tau2 OR": 8, "subgroup-common-tau2 OR": 8, "metareg OR": 50, "metareg GEN": 52,
        "rma.mv GEN": 8, "rma.mv-t GEN": 2, "rma.mv-mods GEN": 2, "rma.mv-confint GEN": 2, "robust GEN": 4,
        "robust RR": 1,
        "robust-mods GEN": 4, "vcalc-che GEN": 4, "vcalc-che-robust GEN": 4, "aggregate GEN": 2, "ml-I2 GEN": 2,
        "location-scale RR": 1,
        "pet OR": 12, "peese GEN": 8, "fsn OR": 48, "fsn GEN": 32, "tes OR": 12, "tes GEN": 8, "selmodel GEN": 35,
        "selmodel OR": 36, "selmodel RR": 12, "weightr OR": 3, "weightr GEN": 3,
        "rma.glmm OR": 58, "rma.glmm IRR": 6, "rma.glmm PLO": 4, "escalc PHI": 9, "escalc YUQ": 9, "escalc YUY": 9,
        "escalc OR2DN": 9, "escalc RPB": 4, "escalc RBIS": 4, "fsn SMD": 12, "metacont SMD": 9,
        "metaprop-studyci PR": 14, "hc GEN": 3, "genq RR": 1,
    }  # fmt: skip
    assert {name: report.run[name] for name, count in least.items() if report.run[name] < count} == {}
    assert report.checks > 131_000
    assert report.unchecked == []
    cases = sum(report.run.values())
    with capsys.disabled():
        share = 100 * len(R_IS_OFF) / cases
        print(f"{len(R_IS_OFF)} cases where R is off ({share:.2f} %): {', '.join(sorted(R_IS_OFF))}")
    assert cases >= 4_814
    assert len(R_IS_OFF) <= 17  # 0.35 %; none may come in unseen, and never more than 0.5 %
