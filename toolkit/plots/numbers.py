"""Numbers as the reader sees them: model scale to display scale, decimals, signs, axis ticks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from toolkit.engine.scales import BACK, back
from toolkit.model.choices import MEASURES

__all__ = [
    "NBSP",
    "Axis",
    "decimals_for",
    "format_count",
    "format_effect",
    "format_interval",
    "format_number",
    "format_p",
    "format_percent",
    "linear_ticks",
    "log_ticks",
    "measure_name",
    "nice_axis",
    "p_value",
    "scale_ticks",
    "short_name",
]

UNKNOWN = "–"
NBSP = "\u00a0"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def measure_name(measure: str) -> str:
    """The measure in words, capitalised ("Odds ratio"); "Effect" for generic input."""
    if measure == "GEN" or measure not in MEASURES:
        return "Effect"
    name = MEASURES[measure].help.split(" (")[0]
    return name[0].upper() + name[1:]


def short_name(measure: str) -> str:
    """The measure as a column title: its abbreviation, or its name where nobody writes one."""
    if measure == "GEN" or measure not in MEASURES:
        return "Effect"
    if MEASURES[measure].groups == 1:
        return measure_name(measure)
    return {"PETO": "Peto OR", "AS": "Arcsine RD", "SMD1": "SMD", "SMDH": "SMD", "ROM_BC": "ROM"}.get(measure, measure)


def format_number(value: float | None, decimals: int) -> str:
    """A number with a true minus sign, never minus zero; a dash for unknown."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= 1e7:
        return _scientific(value)
    text = f"{abs(value):.{decimals}f}"
    return f"−{text}" if value < 0 and float(text) != 0.0 else text


def _scientific(value: float) -> str:
    power = math.floor(math.log10(abs(value)))
    return f"{'−' if value < 0 else ''}{abs(value) / 10.0**power:.1f}×10{str(power).translate(_SUPERSCRIPT)}"


def format_effect(value: float | None, scale: str, decimals: int = 2) -> str:
    """A model-scale effect on the display scale; ratios keep two decimals, those below 0.01 three."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if scale == "identity":
        return format_number(value, decimals)
    if scale != "log":
        return format_number(back(value, scale), decimals)
    if value > math.log(1e5):
        return ">10⁵"
    if value < math.log(0.0005):
        return "<0.001"
    ratio = math.exp(value)
    return f"{ratio:.3f}" if ratio < 0.0095 else f"{ratio:.2f}" if ratio < 99.5 else f"{ratio:.0f}"


def format_interval(y: float | None, low: float | None, high: float | None, scale: str, decimals: int = 2) -> str:
    """ "0.45 (0.20 to 1.00)"; a dash without an estimate; two figures each where fixed decimals would hide all."""
    if y is None:
        return UNKNOWN
    if scale != "identity" and low is not None and high is not None:
        shown = [value for value in (back(each, scale) for each in (y, low, high)) if value is not None]
        if len(shown) == 3 and 0 <= shown[1] < 0.0005 and 0 < shown[2] < 0.0095:
            return "{} ({} to {})".format(*(_scientific(value) if value > 0 else "0" for value in shown))
    bounds = f"({format_effect(low, scale, decimals)} to {format_effect(high, scale, decimals)})"
    return f"{format_effect(y, scale, decimals)} {bounds}"


def p_value(p: float | None) -> str:
    """ "0.060", "<0.001" for a column of p values; a hyphen when unknown."""
    if p is None or math.isnan(p):
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def format_p(p: float | None) -> str:
    """ "p = 0.060", "p < 0.001" with blanks that do not break; empty when unknown."""
    text = p_value(p)
    if text == "-":
        return ""
    return f"p{NBSP}<{NBSP}{text[1:]}" if text.startswith("<") else f"p{NBSP}={NBSP}{text}"


def format_percent(proportion: float | None, decimals: int = 1) -> str:
    """ "77.7 %" with a blank that does not break; empty when unknown."""
    return "" if proportion is None else f"{100 * proportion:.{decimals}f}{NBSP}%"


def format_count(value: float | None) -> str:
    """A count without decimals unless it has them (split arms, corrected cells)."""
    if value is None or math.isnan(value):
        return UNKNOWN
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"


def decimals_for(widths: Iterable[float | None], scale: str) -> int:
    """Decimals that give the typical interval width two or three figures; 2 for ratios, 3 for proportions.

    Widths from 0.2 to 1, as those of standardised differences, get the two decimals that journals print.
    """
    if scale not in ("log", "identity"):
        return 3
    known = sorted(w for w in widths if w is not None and math.isfinite(w) and w > 0)
    if scale == "log" or not known:
        return 2
    width = known[len(known) // 2]
    power = math.floor(math.log10(width))
    return max(0, min(4, (1 if 0.2 <= width < 1 else 2) - power), 1 - power)


def linear_ticks(low: float, high: float, count: int = 6) -> tuple[float, ...]:
    """At most ``count`` + 1 multiples of 1, 2, 2.5 or 5 times a power of ten in [low, high]."""
    span = high - low
    if not (span > 0 and math.isfinite(span)):
        return (low,)
    power = 10.0 ** math.floor(math.log10(span / max(count, 1)))
    step = next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0) if span / (m * power) <= count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(i * step for i in range(first, last + 1))


def log_ticks(low: float, high: float, count: int = 6) -> tuple[float, ...]:
    """Natural logarithms of nice ratios in [low, high], 1 among them when it lies inside.

    Wide axes get powers of ten, middling ones 1-2-5 or 1-3 steps, narrow ones evenly spaced ratios.
    """
    ten = math.log(10.0)
    decades = (high - low) / ten
    even: tuple[float, ...] = ()
    if decades < 0.7:
        even = tuple(math.log(v) for v in linear_ticks(math.exp(low), math.exp(high), count) if v > 0)
    if decades < 0.3:
        return even
    for mantissas in ((1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        ticks = [
            math.log(m) + p * ten
            for p in range(math.floor(low / ten) - 1, math.ceil(high / ten) + 1)
            for m in mantissas
            if low - 1e-9 <= math.log(m) + p * ten <= high + 1e-9
        ]
        if len(ticks) <= count + 1:
            return tuple(ticks) if len(ticks) > 2 else even or tuple(ticks)
    step = math.ceil(decades / count)
    powers = range(math.ceil(low / ten / step) * step, math.floor(high / ten) + 1, step)
    return tuple(p * ten for p in powers)


def scale_ticks(low: float, high: float, scale: str, count: int = 6) -> tuple[float, ...]:
    """Model-scale places of nice displayed values in [low, high], whatever the scale."""
    if scale == "log":
        return log_ticks(low, high, count)
    if scale == "identity":
        return linear_ticks(low, high, count)
    shown = BACK[scale]
    return tuple(_solve(shown, value, low, high) for value in linear_ticks(shown(low), shown(high), count))


def _solve(shown: Callable[[float], float], value: float, low: float, high: float) -> float:
    """Where an increasing function takes ``value`` in [low, high], by bisection (to a 10^-12th of the range)."""
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if shown(middle) < value else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A horizontal axis: model-scale range ``low`` to ``high`` over points ``left`` to ``right``."""

    low: float
    high: float
    left: float
    right: float
    scale: str
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Where ``value`` (model scale) lies, in points; beyond the axis it is the axis' end."""
        inside = min(max(value, self.low), self.high)
        return self.left + (inside - self.low) / (self.high - self.low) * (self.right - self.left)

    def tick_label(self, tick: float) -> str:
        """The tick on the display scale with no more decimals than it needs."""
        if self.scale == "log" and not math.log(0.00095) < tick < math.log(9.9e4):
            return f"10{str(round(tick / math.log(10.0))).translate(_SUPERSCRIPT)}"
        return _shortest(round(BACK[self.scale](tick), 9) if self.scale != "identity" else tick)


def _shortest(value: float) -> str:
    if value != 0 and (abs(value) >= 1e6 or abs(value) < 1e-4):
        return _scientific(value)
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text.replace("-", "−") if text not in ("-0", "") else "0"


def nice_axis(
    estimates: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    scale: str,
    *,
    left: float,
    right: float,
    null: float | None = 0.0,
) -> Axis:
    """An axis that shows all estimates and most intervals; the few enormous intervals are cut and get arrows.

    Notes
    -----
    It reaches 1.5 times the upper quartile of the half widths beyond the outermost estimates, no further than the
    outermost interval, and on the log scale no further than 1,000-fold unless an estimate lies there.
    """
    points = [e for e in estimates if math.isfinite(e)] + ([null] if null is not None else [])
    bounds = [b for pair in intervals for b in pair if math.isfinite(b)]
    halves = sorted((b - a) / 2 for a, b in intervals if math.isfinite(b - a))
    points = points or [0.0]
    reach = 1.5 * halves[(3 * len(halves)) // 4 if len(halves) > 3 else len(halves) // 2] if halves else 0.0
    low, high = min(points) - reach, max(points) + reach
    if len(bounds) == 2 * len(intervals):  # a bound at infinity is no reason to stop short
        low, high = max(low, min([*bounds, *points])), min(high, max([*bounds, *points]))
    near = 0.15 * (high - low)  # an interval that all but fits is shown whole
    low = min([low, *(b for b in bounds if low - near <= b < low)])
    high = max([high, *(b for b in bounds if high < b <= high + near)])
    if scale == "log":
        cap = math.log(1000.0)
        low, high = max(low, min(-cap, min(points) - 1.0)), min(high, max(cap, max(points) + 1.0))
    shortest = math.log(1.5) if scale == "log" else max(1e-6, 1e-3 * max(abs(p) for p in points))
    if high - low < shortest:
        middle = (high + low) / 2
        low, high = middle - shortest / 2, middle + shortest / 2
    pad = 0.04 * (high - low)
    low, high = low - pad, high + pad
    room = max(2, int((right - left) // 34))
    ticks = scale_ticks(low, high, scale, room)
    return Axis(low=low, high=high, left=left, right=right, scale=scale, ticks=ticks)
