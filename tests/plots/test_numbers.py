from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.plots.numbers import (
    decimals_for,
    format_effect,
    format_interval,
    format_number,
    format_p,
    format_percent,
    linear_ticks,
    log_ticks,
    nice_axis,
    p_value,
    scale_ticks,
)


def test_ratios_are_shown_on_their_own_scale() -> None:
    assert format_interval(math.log(0.445), math.log(0.198), math.log(1.002), "log") == "0.45 (0.20 to 1.00)"
    assert format_interval(0.0, -1.0, 1.0, "logit", 3) == "0.500 (0.269 to 0.731)"
    assert format_interval(None, None, None, "log") == "–"


def test_rates_and_proportions_below_a_thousandth_keep_their_figures() -> None:
    rate = format_interval(math.log(2.04e-5), math.log(9.1e-6), math.log(4.2e-5), "log")
    assert rate == "2.0×10⁻⁵ (9.1×10⁻⁶ to 4.2×10⁻⁵)"
    assert format_interval(math.log(0.05), math.log(1e-4), math.log(2.0), "log") == "0.05 (<0.001 to 2.00)"
    assert format_interval(0.01, 0.0, 0.02, "square_root", 3) == "1.0×10⁻⁴ (0 to 4.0×10⁻⁴)"
    decimals = decimals_for([1.2e-6], "identity")
    assert format_interval(-1.2e-6, -1.8e-6, -6e-7, "identity", decimals) == "−0.0000012 (−0.0000018 to −0.0000006)"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(math.log(0.004), "0.004"), (-800.0, "<0.001"), (900.0, ">10⁵"), (math.log(1234.4), "1234"), (math.inf, ">10⁵")],
)
def test_extreme_ratios_neither_overflow_nor_vanish(value: float, shown: str) -> None:
    assert format_effect(value, "log") == shown


def test_negative_numbers_carry_a_true_minus_and_zero_carries_none() -> None:
    assert format_number(-1.25, 1) == "−1.2"
    assert format_number(-0.001, 2) == "0.00"
    assert format_number(float("nan"), 2) == "–"


def test_p_values_are_never_zero() -> None:
    assert (format_p(1e-9), p_value(1e-9)) == ("p\u00a0<\u00a00.001", "<0.001")
    assert (format_p(0.0493), p_value(0.0493)) == ("p\u00a0=\u00a00.049", "0.049")
    assert (format_p(1.0), p_value(1.0)) == ("p\u00a0=\u00a01.000", "1.000")
    assert (format_p(None), p_value(None), format_p(math.nan)) == ("", "-", "")


def test_a_percentage_that_is_not_known_is_empty() -> None:
    assert (format_percent(0.7772), format_percent(0.5, 0), format_percent(None)) == ("77.7\u00a0%", "50\u00a0%", "")


def test_decimals_follow_the_width_of_the_intervals() -> None:
    assert decimals_for([12.0, 14.0, 13.0], "identity") == 1
    assert decimals_for([0.12], "identity") == 3
    assert decimals_for([0.6, 0.7, 0.8], "identity") == 2  # a standardised difference as journals print it
    assert decimals_for([700.0], "identity") == 0
    assert decimals_for([700.0], "log") == 2


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 8))
def test_linear_ticks_are_few_inside_and_evenly_spaced(low: float, span: float, count: int) -> None:
    high = low + span
    if high - low < 1e-9 * max(abs(low), 1.0):
        return
    ticks = linear_ticks(low, high, count)
    assert len(ticks) <= count + 1
    slack = 1e-6 * (high - low)
    assert all(low - slack <= t <= high + slack for t in ticks)


@given(st.floats(-12, 0), st.floats(0, 12))
def test_ratio_ticks_include_one_when_it_lies_well_inside(low: float, high: float) -> None:
    if high - low < 0.3 or min(-low, high) < 0.12 * (high - low):
        return
    ticks = log_ticks(low, high, 6)
    assert any(abs(t) < 1e-9 for t in ticks)
    assert len(ticks) <= 8


def test_ticks_of_a_proportion_are_nice_proportions() -> None:
    from toolkit.engine.scales import back

    ticks = scale_ticks(-3.0, 1.0, "logit", 6)
    assert [round(back(t, "logit") or 0.0, 6) for t in ticks] == [0.2, 0.4, 0.6] or len(ticks) > 3


def test_an_enormous_interval_is_cut_and_the_others_stay_legible() -> None:
    intervals = [(-1.0, 0.2), (-0.8, 0.1), (-0.9, 0.3), (-40.0, 40.0)]
    axis = nice_axis([-0.4, -0.35, -0.3, 0.0], intervals, "log", left=0.0, right=200.0)
    assert axis.low > -40 and axis.high < 40
    assert axis.at(0.2) - axis.at(-1.0) > 10


@pytest.mark.parametrize("intervals", [[], [(0.0, 0.0)], [(-math.inf, math.inf)], [(-1e9, 1e9)]])
def test_an_axis_can_be_made_of_anything(intervals: list[tuple[float, float]]) -> None:
    for scale in ("log", "identity"):
        axis = nice_axis([0.0], intervals, scale, left=0.0, right=200.0)
        assert axis.low < axis.high
        assert axis.at(-1e12) == 0.0 and axis.at(1e12) == 200.0
        assert all(axis.tick_label(t) for t in axis.ticks)
