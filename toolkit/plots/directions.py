"""Figures of results that cannot be pooled: the effect-direction plot and the albatross plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from toolkit.engine.directions import Counted, Finding, StudyDirection, count_directions, size_at, study_directions
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.wording import counted
from toolkit.plots.chart import Frame, left_axis
from toolkit.plots.numbers import format_count, format_effect, format_p, log_ticks
from toolkit.plots.page import MARGIN, notes_below, title_above
from toolkit.plots.scene import Box, Disc, Item, Label, Path, Scene, draw_scene, rectangle, wrap
from toolkit.plots.style import BLUE, FAINT, GREY, LINE, SMALL, TEXT, VERMILLION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["albatross_scene", "directions_scene", "draw_albatross", "draw_directions"]

ROW, CELL, NAME = 15.0, 84.0, 190.0
# Half the height of an arrow for up to 50, up to 300, and more participants (Boon and Thomson 2021).
SIZES = ((50.0, 2.6), (300.0, 4.0), (math.inf, 5.6))
ALBATROSS_WIDTH, ALBATROSS_HEIGHT = 440.0, 280.0
P_TICKS = (1.0, 0.2, 0.05, 0.01, 0.001, 1e-4, 1e-6, 1e-8, 1e-12, 1e-16)


def draw_directions(findings: Sequence[Finding], *, title: str | None = None, level: float = 0.95) -> Figure:
    """Effect-direction plot: an arrow for each study and outcome, its size by participants; sign tests below.

    References
    ----------
    Hilton Boon, Thomson 2021, Res Synth Methods 12:29-33. doi:10.1002/jrsm.1458
    """
    return draw_scene(directions_scene(findings, title=title, level=level))


def directions_scene(findings: Sequence[Finding], *, title: str | None = None, level: float = 0.95) -> Scene:
    """What `draw_directions` draws, as data."""
    if not findings:
        raise NotEstimable("There is no finding to draw.")
    cells = {(one.study, one.outcome): one for one in study_directions(findings)}
    studies = list(dict.fromkeys(one.study for one in findings))
    outcomes = list(dict.fromkeys(one.outcome for one in findings))
    quality = {one.study: one.quality for one in findings if one.quality}
    beside = 70.0 if quality else 0.0
    left = MARGIN + NAME + beside
    width = max(left + CELL * len(outcomes) + MARGIN, 330.0)
    items, top = title_above(title, width)
    heads = [wrap(name or "Direction", CELL - 6, TEXT, bold=True, lines=3) for name in outcomes]
    deep = max(len(lines) for lines in heads)
    y = top + 10
    bottom_of_heads = y + (deep - 1) * TEXT * 1.3
    items.append(Label(x=MARGIN, y=bottom_of_heads, text="Study", bold=True, role="head"))
    if quality:
        items.append(Label(x=MARGIN + NAME, y=bottom_of_heads, text="Quality", bold=True, role="head"))
    for i, lines in enumerate(heads):
        for j, text in enumerate(lines):
            at = bottom_of_heads - (len(lines) - 1 - j) * TEXT * 1.3
            items.append(Label(x=left + CELL * (i + 0.5), y=at, text=text, bold=True, align="center", role="head"))
    y = bottom_of_heads + 10
    right = left + CELL * len(outcomes)
    items.append(Path(points=((MARGIN, y), (right, y)), color=LINE, role="rule"))
    for at, study in enumerate(studies):
        middle = y + ROW * (at + 0.5)
        if at % 2:
            items.append(rectangle(MARGIN - 4, middle - ROW / 2, right + 4, middle + ROW / 2, fill=FAINT, role="band"))
        items.append(Label(x=MARGIN, y=middle, text=wrap(study, NAME - 8, lines=1)[0], role="study"))
        if study in quality:
            own = wrap(quality[study] or "", beside - 6, SMALL + 0.5, lines=1)[0]
            items.append(Label(x=MARGIN + NAME, y=middle, text=own, size=SMALL + 0.5, color=GREY, role="quality"))
        for i, outcome in enumerate(outcomes):
            cell = cells.get((study, outcome))
            if cell is not None:
                items += _arrow(left + CELL * (i + 0.5), middle, cell)
    y += ROW * len(studies) + 4
    items.append(Path(points=((MARGIN, y), (right, y)), color=LINE, role="rule"))
    items += _tests(count_directions(findings, level=level), y, left)
    below, height = notes_below(_notes(findings, level), y + 58, width)
    return Scene(width=width, height=height, items=(*items, *below))


def _radius(n: float | None) -> float:
    return SIZES[1][1] if n is None else next(r for most, r in SIZES if n <= most)


def _arrow(x: float, y: float, cell: StudyDirection) -> list[Item]:
    """A triangle up or down, two sideways for neither; hollow where the participants are unknown."""
    r = _radius(cell.n)
    color = {1: BLUE, -1: VERMILLION, 0: GREY}[cell.direction]
    fill = color if cell.n is not None else "#FFFFFF"
    shapes = {
        1: (((x, y - r), (x + r, y + r), (x - r, y + r)),),
        -1: (((x, y + r), (x + r, y - r), (x - r, y - r)),),
        0: (
            ((x - 1, y - r * 0.8), (x - 1, y + r * 0.8), (x - 1 - 1.4 * r, y)),
            ((x + 1, y - r * 0.8), (x + 1, y + r * 0.8), (x + 1 + 1.4 * r, y)),
        ),
    }[cell.direction]
    role = {1: "up", -1: "down", 0: "neither"}[cell.direction]
    items: list[Item] = [Path(points=p, fill=fill, color=color, closed=True, role=role) for p in shapes]
    if cell.results > 1:
        items.append(
            Label(x=x + 2 * r + 2, y=y + 2, text=str(cell.results), size=SMALL - 0.5, color=GREY, role="results")
        )
    return items


def _tests(rows: Sequence[Counted], y: float, left: float) -> list[Item]:
    """Below each column how many point up, their share with its interval, and the sign test."""
    words = ("Up of up and down", "Share", "Sign test, exact")
    items: list[Item] = [
        Label(x=MARGIN, y=y + 10 + 15 * i, text=text, size=SMALL + 0.5, color=GREY, role="test-name")
        for i, text in enumerate(words)
    ]
    for i, one in enumerate(rows):
        x = left + CELL * (i + 0.5)
        texts = [f"{one.up} of {one.up + one.down}", "", ""]
        if one.share is not None and one.ci_low is not None and one.ci_high is not None:
            bounds = f"({100 * one.ci_low:.0f} to {100 * one.ci_high:.0f})"
            texts = [texts[0], f"{100 * one.share:.0f} % {bounds}", format_p(one.p)]
        items += [
            Label(x=x, y=y + 10 + 15 * j, text=text, size=SMALL + 0.5, align="center", role="test")
            for j, text in enumerate(texts)
            if text
        ]
    return items


def _notes(findings: Sequence[Finding], level: float) -> tuple[str, ...]:
    known = any(one.n is not None for one in findings)
    size = "Small arrows: up to 50 participants; middle: up to 300; large: more" if known else ""
    hollow = "hollow: number unknown" if any(one.n is None for one in findings) else ""
    first = "; ".join(part for part in (size, hollow) if part)
    notes = [f"{first[0].upper()}{first[1:]}."] if first else []
    notes.append(
        "Arrows up: benefit (or above no effect). Two arrows sideways: neither direction has 70 % of the study's "
        f"results. Share with {100 * level:g} % Wilson interval. Directions say nothing of the size of an effect."
    )
    return tuple(notes)


def draw_albatross(
    findings: Sequence[Finding],
    *,
    measure: str = "SMD",
    effects: Sequence[float] = (),
    ratio: float = 1.0,
    risk: float | None = None,
    title: str | None = None,
) -> Figure:
    """Albatross plot: participants against p by direction, with contours of effect sizes.

    References
    ----------
    Harrison, Jones, Martin, Davey Smith, Higgins, Sterne 2017, Res Synth Methods 8:281-289. doi:10.1002/jrsm.1239
    """
    return draw_scene(albatross_scene(findings, measure=measure, effects=effects, ratio=ratio, risk=risk, title=title))


_LADDER = {
    "SMD": (0.1, 0.2, 0.5, 0.8, 1.2, 2.0, 3.0),
    "OR": tuple(math.log(x) for x in (1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)),
    "RR": tuple(math.log(x) for x in (1.05, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)),
    "RD": (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5),
}


def _usual(points: Sequence[tuple[float, float]], measure: str, ratio: float, risk: float | None) -> tuple[float, ...]:
    """Round effects at the quarter, the half and the nine tenths of those that the points imply."""
    ladder = []
    for effect in _LADDER[measure]:
        try:
            size_at(-effect, np.array([0.05]), measure, ratio=ratio, risk=risk)
            size_at(effect, np.array([0.05]), measure, ratio=ratio, risk=risk)
        except InputError:  # impossible at this risk
            break
        ladder.append(effect)
    if not ladder:
        raise NotEstimable("No contour is possible at this risk.")
    small = ladder[0]
    one = float(size_at(small, np.array([0.05]), measure, ratio=ratio, risk=risk)[0])
    unit = one * (small / float(ndtri(0.975))) ** 2  # variance of the effect in a study of one participant
    implied = [float(-ndtri(10.0 ** -abs(x) / 2)) * math.sqrt(unit / n) for x, n in points]
    chosen = {next((e for e in ladder if e >= q), ladder[-1]) for q in np.quantile(implied, [0.25, 0.5, 0.9])}
    return tuple(sorted(chosen))


def albatross_scene(
    findings: Sequence[Finding],
    *,
    measure: str = "SMD",
    effects: Sequence[float] = (),
    ratio: float = 1.0,
    risk: float | None = None,
    title: str | None = None,
) -> Scene:
    """What `draw_albatross` draws, as data; ``effects`` (model scale) default to those that the studies imply."""
    known = [one for one in findings if one.p is not None and one.n is not None and one.direction != 0]
    if not known:
        raise NotEstimable("An albatross plot needs studies with direction, p value and number of participants.")
    points = [(_place(one.p or 1e-16, one.direction), float(one.n or 1)) for one in known]
    reach = max(3.0, 1.12 * max(abs(x) for x, _ in points))
    low, high = math.log(min(n for _, n in points) / 1.6), math.log(max(n for _, n in points) * 1.6)
    short = max(0.0, math.log(30.0) - (high - low)) / 2  # few studies of one size: room for the contours
    low, high = low - short, high + short
    width = ALBATROSS_WIDTH
    items, top = title_above(title, width)
    frame = Frame(left=MARGIN + 52, top=top + 14, right=width - MARGIN - 6, bottom=top + 14 + ALBATROSS_HEIGHT,
                  at_bottom=low, at_top=high)  # fmt: skip

    def across(x: float) -> float:
        return (frame.left + frame.right) / 2 + x / reach * (frame.right - frame.left) / 2

    middle = across(0.0)
    items.append(Path(points=((middle, frame.top), (middle, frame.bottom)), color=LINE, width=0.6, role="null-line"))
    contours = tuple(effects) or _usual(points, measure, ratio, risk)
    marks: list[Label] = []
    for at, effect in enumerate(contours):
        for sign in (-1, 1):
            made, label = _contour(frame, across, reach, sign * abs(effect), measure, ratio, risk, at, marks)
            items += made
            if label is not None:
                marks.append(label)
    items += [
        Disc(x=across(x), y=frame.y(math.log(n)), r=3.0, fill=BLUE, color="#FFFFFF", width=0.6, role="study")
        for x, n in points
    ]
    items += marks
    items += _p_axis(frame, across, reach)
    ticks = tuple(t for t in log_ticks(low, high, 5) if low <= t <= high)
    items += left_axis(frame, ticks, lambda t: format_count(round(math.exp(t))), "Participants")
    below, height = notes_below(_albatross_notes(findings, known, measure, ratio, risk), frame.bottom + 36, width)
    return Scene(width=width, height=height, items=(*items, *below))


def _place(p: float, direction: int) -> float:
    return direction * -math.log10(max(p, 1e-16))


def _contour(
    frame: Frame,
    across: object,
    reach: float,
    effect: float,
    measure: str,
    ratio: float,
    risk: float | None,
    at: int,
    taken: Sequence[Label],
) -> tuple[list[Item], Label | None]:
    """The curve of one effect inside the frame, and its label where the curve leaves it."""
    assert callable(across)
    sign = 1 if effect > 0 else -1
    logs = np.linspace(0.002, reach, 900)
    n = size_at(effect, 10.0**-logs, measure, ratio=ratio, risk=risk)
    inside = (np.log(n) >= frame.at_bottom) & (np.log(n) <= frame.at_top)
    if inside.sum() < 2:
        return [], None
    points = tuple(
        (float(across(sign * x)), float(frame.y(math.log(size))))
        for x, size in zip(logs[inside], n[inside], strict=True)
    )
    dash = ((), (4, 2), (1.5, 1.5), (6, 2, 1.5, 2))[at % 4]
    path = Path(points=points, color=GREY, width=0.8, dash=dash, role="contour")
    scale = "log" if measure in ("OR", "RR") else "identity"
    end = points[-1]
    text = format_effect(effect, scale)
    top = end[1] <= frame.top + 8
    label = Label(
        x=end[0] if top else end[0] - sign * 4, y=frame.top - 6 if top else end[1] - 6, text=text, size=SMALL,
        align="center" if top else ("right" if sign > 0 else "left"), color=GREY, role="contour-label", halo=True,
    )  # fmt: skip
    crowded = any(_near(label.box, other.box) for other in taken)
    return [path], None if crowded else label


def _near(a: Box, b: Box) -> bool:
    return a.overlaps(b, -2.0)


def _p_axis(frame: Frame, across: object, reach: float) -> list[Item]:
    """Two-sided p values to both sides of 1, and what each side is."""
    assert callable(across)
    items: list[Item] = [Path(points=((frame.left, frame.bottom), (frame.right, frame.bottom)), role="axis")]
    boxes: list[Box] = []
    for p in P_TICKS:
        for sign in (1, -1) if p < 1 else (1,):
            x = _place(p, sign)
            if abs(x) > reach or (p >= 1e-3 and p not in (1.0, 0.05) and reach > 8):
                continue
            items.append(Path(points=((across(x), frame.bottom), (across(x), frame.bottom + 3)), role="tick"))
            text = f"{p:g}" if p >= 1e-3 else f"10{str(round(math.log10(p))).translate(_SUPERSCRIPT)}"
            label = Label(x=across(x), y=frame.bottom + 9, text=text, size=SMALL + 0.5, align="center", role="tick")
            if not any(label.box.overlaps(box, -2.0) for box in boxes):
                items.append(label)
                boxes.append(label.box)
    for side, text in ((-1, "← below no effect"), (1, "above no effect →")):
        at = frame.left if side < 0 else frame.right
        items.append(Label(x=at, y=frame.bottom + 23, text=text, size=SMALL + 0.5, color=GREY,
                           align="left" if side < 0 else "right", role="side"))  # fmt: skip
    title = "p, two-sided"
    items.append(Label(x=(frame.left + frame.right) / 2, y=frame.bottom + 23, text=title, size=SMALL + 1,
                       align="center", role="axis-title"))  # fmt: skip
    return items


_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def _albatross_notes(
    findings: Sequence[Finding], known: Sequence[Finding], measure: str, ratio: float, risk: float | None
) -> tuple[str, ...]:
    arms = "arms of one size" if ratio == 1 else f"{ratio:g} treated for each of the reference"
    base = "" if risk is None else f", risk of the reference {risk:.2g}"
    note = f"Contours: {measure} of equal size in studies with {arms}{base}."
    left = len(findings) - len(known)
    more = f" {counted(left, 'finding')} without direction, p or participants not shown." if left else ""
    return (note + more,)
