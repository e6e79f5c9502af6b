"""Formulas and meta-regression."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.metareg import as_numbers, covariates_of, design_matrix, meta_regression
from toolkit.engine.pairwise import pairwise
from toolkit.model.errors import InputError, NotEstimable

Y, V = np.array([0.1, 0.3, 0.2, 0.9, 1.1, 1.3]), np.array([0.04, 0.1, 0.2, 0.02, 0.3, 0.1])
FIT = pairwise(effects_from_estimates("abcdef", Y, v=V))
YEAR = {name: 1990.0 + i for i, name in enumerate("abcdef")}


def test_a_formula_gives_columns_of_numbers_factors_and_products() -> None:
    names, X = design_matrix("x*g", {"x": [1, 2, 3], "g": ["u", "v", "v"]})
    assert names == ("intercept", "x", "g=v", "x:g=v")
    assert X.tolist() == [[1, 1, 0, 0], [1, 2, 1, 2], [1, 3, 1, 3]]
    assert design_matrix("factor(x)", {"x": [3, 1, 3]})[0] == ("intercept", "x=3")


def test_mistakes_in_a_formula_are_named() -> None:
    with pytest.raises(InputError, match="unknown covariate"):
        design_matrix("yaer", {"year": [1, 2]})
    with pytest.raises(InputError, match="cannot be read"):
        design_matrix("log(year)", {"year": [1, 2]})
    with pytest.raises(InputError, match="two levels"):
        design_matrix("g", {"g": ["u", "u"]})


def test_a_shift_of_the_covariate_moves_the_intercept_alone() -> None:
    a = meta_regression(FIT, "year", {"year": YEAR})
    b = meta_regression(FIT, "year", {"year": {k: v - 1990 for k, v in YEAR.items()}})
    slope_a, slope_b = (m.coefficients[1].estimate for m in (a, b))
    assert slope_a.estimate == pytest.approx(slope_b.estimate) and slope_a.se == pytest.approx(slope_b.se)
    assert a.tau2 == pytest.approx(b.tau2, abs=1e-10)
    assert a.predict([1, 1995])[0].estimate == pytest.approx(b.predict([1, 5])[0].estimate)


def test_studies_without_a_value_are_left_out_and_named() -> None:
    found = meta_regression(FIT, "year", {"year": {k: v for k, v in YEAR.items() if k != "c"}})
    assert found.k == 5 and found.excluded == ("c",)


def test_a_constant_covariate_and_too_few_studies_are_not_estimable() -> None:
    with pytest.raises(NotEstimable, match="does not vary"):
        meta_regression(FIT, "year", {"year": dict.fromkeys("abcdef", 1.0)})
    with pytest.raises(NotEstimable, match="does not vary"):
        meta_regression(FIT, "year", {"year": dict.fromkeys("abcdef", 0.0)})
    with pytest.raises(NotEstimable, match="more than 2 studies"):
        meta_regression(pairwise(effects_from_estimates("ab", Y[:2], v=V[:2])), "year", {"year": YEAR})


def test_coefficients_that_follow_from_others_are_named() -> None:
    columns = {"year": YEAR, "twice": {k: 2 * v for k, v in YEAR.items()}}
    with pytest.raises(NotEstimable, match="No coefficient of twice can be told"):
        meta_regression(FIT, "year + twice", columns)
    labels = {"g": dict(zip("abcdef", "uuuvvv", strict=True)), "h": dict(zip("abcdef", "pqpppp", strict=True))}
    with pytest.raises(NotEstimable, match="No coefficient of g=v:h=q can be told"):
        meta_regression(FIT, "g * h", labels)


def test_a_regression_on_a_factor_is_the_subgroup_analysis_with_common_tau2() -> None:
    from toolkit.engine.subgroups import subgroups

    labels = dict(zip("abcdef", ["p"] * 3 + ["q"] * 3, strict=True))
    effects = effects_from_estimates("abcdef", Y, v=V)
    groups = subgroups(effects, labels, variance="common")
    found = meta_regression(FIT, "g", {"g": labels}, ci="Wald")
    difference = groups.groups[1].compared.estimate - groups.groups[0].compared.estimate
    assert found.coefficients[1].estimate.estimate == pytest.approx(difference)
    assert found.q_model == pytest.approx(groups.q_between, rel=1e-7) and found.p_model == pytest.approx(groups.p)


def test_text_becomes_numbers_only_where_all_of_it_is() -> None:
    assert as_numbers({"a": "1", "b": "2,5"}) == {"a": 1.0, "b": 2.5}
    assert as_numbers({"a": "1", "b": "x"}) == {"a": "1", "b": "x"}
    assert covariates_of("a * b + factor(c)") == ("a", "b", "c")
