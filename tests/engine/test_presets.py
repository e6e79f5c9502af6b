"""Presets: every choice is one the engine has, what is named wins, refits follow the preset's estimator."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.engine.data import ArmTable
from toolkit.engine.effects import arm_table, effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.sensitivity import cumulative, leave_one_out
from toolkit.engine.tabulate import result_to_dict
from toolkit.model.errors import InputError
from toolkit.model.presets import PRESETS, preset_spec

EVENTS = [4, 11, 6, 29, 3, 11, 62, 248, 0, 4]
TOTALS = [123, 139, 306, 303, 231, 220, 2000, 1900, 60, 61]


def arms(keep: int = 5) -> ArmTable:
    names = [f"s{i}" for i in range(keep) for _ in (0, 1)]
    return arm_table(names, ["E", "C"] * keep, events=EVENTS[: 2 * keep], n=TOTALS[: 2 * keep])


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_fits_and_its_words_name_every_choice(key: str) -> None:
    result = pairwise(arms(), preset=key, measure="RR", reference="C")
    words = result_to_dict(result)["resolved"]["preset"]
    assert words.startswith(PRESETS[key].help)
    for name, (value, source) in PRESETS[key].fields.items():
        assert getattr(result.spec, name) == value
        assert f"{name} {value} [{source}]" in words
    assert all(source for _, source in PRESETS[key].fields.values()) and PRESETS[key].zero_source


def test_what_is_named_wins_over_the_preset_even_where_it_is_the_default() -> None:
    result = pairwise(arms(), preset="revman5_3", measure="RR", reference="C", tau2="REML")
    assert (result.spec.tau2, result.spec.q_around, result.spec.ci) == ("REML", "IV", "Wald")
    assert "tau2 REML (named; the program has DL)" in result_to_dict(result)["resolved"]["preset"]
    assert preset_spec("metafor5", {"measure": "RR"}, {"add": 0.25}).zero_cells.add == 0.25
    with pytest.raises(InputError, match="Unknown preset"):
        pairwise(arms(), preset="revman", measure="RR", reference="C")


def test_a_refit_without_a_study_is_the_fit_of_the_others_around_their_own_mantel_haenszel_estimate() -> None:
    whole = pairwise(arms(5), preset="revman5_3", measure="RR", reference="C")
    four = pairwise(arms(4), preset="revman5_3", measure="RR", reference="C")
    for refit in (leave_one_out(whole)[4], cumulative(whole)[3]):
        assert refit.random is not None and four.random is not None and four.heterogeneity is not None
        assert refit.random.estimate == pytest.approx(four.random.estimate, rel=1e-12)
        assert refit.heterogeneity is not None and refit.heterogeneity.q == pytest.approx(four.heterogeneity.q)
    around_mean = pairwise(arms(5), preset="revman5_3", measure="RR", reference="C", q_around="IV")
    assert whole.heterogeneity is not None and around_mean.heterogeneity is not None
    assert whole.heterogeneity.q > around_mean.heterogeneity.q  # the mean makes Q least


def test_q_around_mantel_haenszel_is_refused_with_another_estimator() -> None:
    with pytest.raises(InputError, match="belongs to tau2 by DL"):
        pairwise(arms(), measure="RR", reference="C", q_around="MH")


def test_kenward_roger_is_wider_than_wald_and_only_for_reml() -> None:
    y, v = [0.1, 0.9, -0.4, 0.7, 0.3, 1.4], np.array([0.1, 0.2, 0.05, 0.3, 0.15, 0.1])
    result = pairwise(effects_from_estimates(list("abcdef"), y, v=v), ci="KR", prediction="KR")
    assert result.random is not None and result.random_wald is not None and result.prediction is not None
    assert result.random.df is not None
    assert result.random.se > result.random_wald.se and 2 < result.random.df < 5
    assert result.prediction.low < result.random.ci_low
    for wrong in ({"tau2": "DL"}, {"model": "UM.FS"}):
        with pytest.raises(InputError, match=r"Kenward|not defined for a model of counts"):
            pairwise(arms(), measure="OR", reference="C", ci="KR", **wrong)


def test_kenward_roger_on_no_degrees_of_freedom_has_no_bounds_and_says_so() -> None:
    result = pairwise(arms(), measure="RR", reference="C", ci="KR")
    assert result.random is not None and (result.random.ci_low, result.random.ci_high) == (-np.inf, np.inf)
    assert "kr_df" in {warning.code for warning in result.warnings}
    assert result_to_dict(result)["random"]["ci_high"] is None


def test_kenward_roger_approaches_wald_with_many_studies_of_one_size() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal(0.3, 0.5, 400)
    result = pairwise(effects_from_estimates([str(i) for i in range(400)], y, v=np.full(400, 0.05)), ci="KR")
    assert result.random is not None and result.random_wald is not None
    assert result.random.se == pytest.approx(result.random_wald.se, rel=1e-9)  # equal variances: nothing to add
    assert result.random.df == pytest.approx(399, rel=1e-9)
