"""The network graph: treatments on a circle in a fixed order, comparisons with direct evidence as lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.engine.results import Comparison, NetworkResult
from toolkit.model.wording import counted
from toolkit.plots.contribution import LEVELS
from toolkit.plots.network_design import design_edges, design_key, key_rows
from toolkit.plots.scene import LEADING, Box, Disc, Item, Label, Path, Scene, draw_scene, lines_of, wrap
from toolkit.plots.style import (
    BLUE,
    GREEN,
    GREY,
    LINE,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    SMALL,
    TEXT,
    TITLE,
    VERMILLION,
    text_size,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_network", "network_scene"]

MARGIN, NAME_WIDTH, NAME_GAP = 14.0, 130.0, 3.0
COUNT_LIMIT = 24  # with more lines than this their counts would only cover one another
CROWD = 24
SHADES = (ORANGE, GREEN, PURPLE, SKY, VERMILLION)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A treatment in place: centre, radius, and the direction in which its name stands (-1 left, 1 right, 0 middle)."""

    name: str
    x: float
    y: float
    r: float
    side: int
    lines: tuple[str, ...]


def draw_network(
    result: NetworkResult,
    *,
    title: str | None = None,
    size_by: str = "n",
    unit: str = "patients",
    shade_multi_arm: bool = False,
    counts: bool | None = None,
    width_by: str = "studies",
    level: Mapping[str, str] | None = None,
    design: Mapping[str, str] | None = None,
    footnotes: Sequence[str] = (),
) -> Figure:
    """Network graph: circles by size of a treatment's evidence, lines by number of studies or precision.

    Parameters
    ----------
    result : a fitted network
    title : line above the graph
    size_by : "n" (units; falls back to studies when a treatment's are unknown) or "studies"
    unit : what ``n`` counts, in the plural ("patients", "hips")
    shade_multi_arm : shade the area between the treatments of each multi-arm study
    counts : write the number of studies on each line; None does so while there are few lines
    width_by : "studies" or "precision" (of the direct estimate)
    level : judgement of each study, such as risk of bias; a line takes the colour of most of its studies' level, the
        worse one of two that are as frequent
    design : design of each study, instead of `level`; a comparison gets one line for each, side by side, told apart by
        colour and dashes
    footnotes : sentences below the graph
    """
    return draw_scene(
        network_scene(
            result,
            title=title,
            size_by=size_by,
            unit=unit,
            shade_multi_arm=shade_multi_arm,
            counts=counts,
            width_by=width_by,
            level=level,
            design=design,
            footnotes=footnotes,
        )
    )


def network_scene(
    result: NetworkResult,
    *,
    title: str | None = None,
    size_by: str = "n",
    unit: str = "patients",
    shade_multi_arm: bool = False,
    counts: bool | None = None,
    width_by: str = "studies",
    level: Mapping[str, str] | None = None,
    design: Mapping[str, str] | None = None,
    footnotes: Sequence[str] = (),
) -> Scene:
    """What `draw_network` draws, as data; the same parameters."""
    by_n = size_by == "n" and all(n is not None and n > 0 for n in result.n_per_treatment)
    sizes = [float(n or 0) for n in (result.n_per_treatment if by_n else result.studies_per_treatment)]
    nodes, radius = _nodes(result.treatments, sizes)
    shapes: list[Item] = []
    if shade_multi_arm:
        shapes += _shades(result, nodes)
    if design is None:
        shapes += _edges(result, nodes, width_by, level)
    else:
        shapes += design_edges(result, {n.name: (n.x, n.y) for n in nodes}, design)
    if counts or (counts is None and len(result.comparisons) <= COUNT_LIMIT):
        shapes += _counts(result, nodes)
    shapes += [
        Disc(x=n.x, y=n.y, r=n.r, fill=BLUE if i else VERMILLION, color=PAPER, width=1.0, role="node")
        for i, n in enumerate(nodes)
    ]
    shapes += _names(nodes, radius)
    if design is None and level is not None:
        shapes += _level_key(result, level, shapes)
    if design is not None:
        shapes += design_key(result, design, shapes)
        width_by = "studies"
    legend = (
        f"Circles: area by {f'number of {unit}' if by_n else 'number of studies'}; {result.reference} (reference) in "
        f"orange. Lines: width by {'number of studies' if width_by == 'studies' else 'precision'}"
        f"{_colours(level) if design is None else ', one for each design of studies'}. "
        f"{counted(result.k, 'study')}, "
        f"{counted(len(result.treatments), 'treatment')}, {counted(len(result.comparisons), 'comparison')} with direct "
        "evidence."
    )
    return _page(shapes, title, (legend, *footnotes))


def _nodes(names: tuple[str, ...], sizes: list[float]) -> tuple[list[_Node], float]:
    """Treatments clockwise from the top (two of them side by side); the circle grows with their number."""
    count = len(names)
    wrapped = [wrap(name, NAME_WIDTH, TEXT, lines=3) for name in names]
    stack = sum(_height(lines) for lines in wrapped) / 2
    radius = max(85.0 if count < 8 else 115.0, stack / 2, count * 18.0 / (2 * math.pi))
    spacing = 2 * radius * math.sin(math.pi / count) if count > 1 else 60.0
    largest = min(17.0, 0.42 * spacing)
    top = max([*sizes, 1e-9])
    start = -math.pi / 2 if count != 2 else math.pi
    nodes = []
    for i, (name, size, lines) in enumerate(zip(names, sizes, wrapped, strict=True)):
        angle = start + 2 * math.pi * i / max(count, 1)
        x, y = radius * math.cos(angle), radius * math.sin(angle)
        side = 0 if abs(x) < 1e-6 * radius else 1 if x > 0 else -1
        r = max(2.4, largest * math.sqrt(size / top))
        nodes.append(_Node(name=name, x=x, y=y, r=r, side=side, lines=lines))
    return nodes, radius


def _height(lines: Sequence[str]) -> float:
    return TEXT * LEADING * len(lines) + NAME_GAP


def _colours(level: Mapping[str, str] | None) -> str:
    """What the colours of the lines mean, in words."""
    return "" if level is None else ", colour by the level of most of their studies"


def _level_key(result: NetworkResult, level: Mapping[str, str], shapes: Sequence[Item]) -> list[Item]:
    """A coloured line and its meaning for each level, the lowest first, below everything drawn so far."""
    found = [_level(c, level) for c in result.comparisons]
    known = list(LEVELS)
    names = sorted({n for n in found if n}, key=lambda n: (n.casefold() not in LEVELS, _place(known, n), n))
    rows = [(name, LEVELS.get(name.casefold(), LINE), found.count(name)) for name in names]
    rows += [("not judged", LINE, found.count(None))] if None in found else []
    y = max(item.box.bottom for item in shapes) + 16.0
    left = min(item.box.left for item in shapes)
    return key_rows([(f"{name} ({counted(k, 'comparison')})", color, ()) for name, color, k in rows], left, y)


def _place(known: list[str], name: str) -> int:
    return known.index(name.casefold()) if name.casefold() in known else len(known)


def _level(comparison: Comparison, level: Mapping[str, str]) -> str | None:
    """Level of most studies, the worse of two that are as frequent; None where none is judged."""
    found = [level[s] for s in comparison.studies if level.get(s)]
    known = list(LEVELS)

    def rank(name: str) -> tuple[int, int]:
        return found.count(name), known.index(name.casefold()) if name.casefold() in LEVELS else -1

    return max(found, key=rank) if found else None


def _weights(result: NetworkResult, width_by: str) -> dict[tuple[str, str], float]:
    """What the width of each line stands for, in numbers of studies or scaled to them."""
    count = {(c.t1, c.t2): float(len(c.studies)) for c in result.comparisons}
    if width_by == "studies":
        return count
    precision = {(c.t1, c.t2): 0.0 if c.direct is None else c.direct.se**-2 for c in result.comparisons}
    scale = max(count.values(), default=1.0) / max([*precision.values(), 1e-300])
    return {pair: scale * value for pair, value in precision.items()}


def _edges(result: NetworkResult, nodes: list[_Node], width_by: str, level: Mapping[str, str] | None) -> list[Item]:
    at = {node.name: node for node in nodes}
    weights = _weights(result, width_by)
    most = max(weights.values(), default=1.0)
    thickest = 8.0 if len(nodes) <= 12 else 5.0 if len(nodes) <= 30 else 3.5
    edges: list[Item] = []
    for comparison in sorted(result.comparisons, key=lambda c: -weights[c.t1, c.t2]):
        a, b = at[comparison.t1], at[comparison.t2]
        width = max(0.7, thickest * weights[comparison.t1, comparison.t2] / max(most, thickest))
        own = None if level is None else _level(comparison, level)
        color = LEVELS.get(own.casefold(), LINE) if own else LINE
        edges.append(Path(points=((a.x, a.y), (b.x, b.y)), color=color, width=width, alpha=0.85, role="edge"))
    return edges


def _shades(result: NetworkResult, nodes: list[_Node]) -> list[Item]:
    """One polygon for each set of three or more treatments that studies compare together."""
    treatments: dict[str, set[str]] = {}
    for comparison in result.comparisons:
        for study in comparison.studies:
            treatments.setdefault(study, set()).update((comparison.t1, comparison.t2))
    designs = sorted({tuple(n.name for n in nodes if n.name in arms) for arms in treatments.values() if len(arms) > 2})
    at = {node.name: node for node in nodes}
    return [
        Path(
            points=tuple((at[name].x, at[name].y) for name in design),
            fill=SHADES[i % len(SHADES)],
            color=None,
            alpha=0.16,
            closed=True,
            role="multi-arm",
        )
        for i, design in enumerate(designs)
    ]


def _counts(result: NetworkResult, nodes: list[_Node]) -> list[Item]:
    """The number of studies on each line, moved along it until it stands clear of nodes, other lines and counts."""
    at = {node.name: node for node in nodes}
    segments = [(c, at[c.t1], at[c.t2]) for c in result.comparisons]
    taken: list[Box] = [Disc(x=n.x, y=n.y, r=n.r).box for n in nodes]
    labels: list[Item] = []
    for comparison, a, b in segments:
        others = [(p, q) for c, p, q in segments if c is not comparison]
        best: tuple[float, Label] | None = None
        for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8):
            x, y = a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)
            text = str(len(comparison.studies))
            label = Label(x=x, y=y, text=text, size=SMALL + 0.5, align="center", halo=True, role="count")
            if any(label.box.overlaps(box) for box in taken):
                continue
            clear = min((_distance(x, y, p, q) for p, q in others), default=99.0)
            score = min(clear, 12.0) - 6.0 * abs(share - 0.5)
            if best is None or score > best[0]:
                best = (score, label)
        if best is not None:
            taken.append(best[1].box)
            labels.append(best[1])
    return labels


def _distance(x: float, y: float, a: _Node, b: _Node) -> float:
    """From a point to the segment between two nodes."""
    dx, dy = b.x - a.x, b.y - a.y
    length = dx * dx + dy * dy
    share = 0.0 if length == 0 else min(1.0, max(0.0, ((x - a.x) * dx + (y - a.y) * dy) / length))
    return math.hypot(x - a.x - share * dx, y - a.y - share * dy)


def _names(nodes: list[_Node], radius: float) -> list[Item]:
    """Names outside the circle, each side in a column whose members never touch; a thin line leads to a moved name."""
    items: list[Item] = []
    limits = {-1: -math.inf, 1: math.inf}
    for node in nodes:
        if node.side == 0:
            away = -1 if node.y <= 0 else 1
            half = max(text_size(line)[0] for line in node.lines) / 2
            near = [abs(n.y) + n.r for n in nodes if abs(n.x) < half + n.r and n.y * away >= 0]
            limits[away] = away * (max(near) + 4.0)
            items += _name(node, 0.0, limits[away] + away * _height(node.lines) / 2, "center")
    for side in (-1, 1):
        column = sorted((n for n in nodes if n.side == side), key=lambda n: n.y)
        heights = [_height(n.lines) for n in column]
        wanted = [n.y * (1 + (n.r + 4) / radius) for n in column]
        places = _spread(wanted, heights, limits[-1], limits[1])
        for node, middle, height in zip(column, places, heights, strict=True):
            # In a crowd names keep away from the circle, and a line tells whose name each is.
            crowded = len(nodes) > CROWD
            rim = radius + (14.0 if crowded else 0.0)
            x = side * _clear_x(nodes, side, middle - height / 2, middle + height / 2, rim)
            items += _leader(node, x - side, middle, 0.0 if crowded else 12.0)
            items += _name(node, x, middle, "left" if side > 0 else "right")
    return items


def _clear_x(nodes: list[_Node], side: int, top: float, bottom: float, radius: float) -> float:
    """How far from the middle a name between ``top`` and ``bottom`` clears the circle and every node."""
    nearest = min(max(0.0, top), bottom) if top <= 0 <= bottom else min(abs(top), abs(bottom))
    x = math.sqrt(max(radius**2 - nearest**2, 0.0)) + 3.0
    for node in nodes:
        gap = max(top - node.y, node.y - bottom, 0.0)
        if node.side != -side and gap < node.r + 3.0:
            x = max(x, abs(node.x) + math.sqrt((node.r + 4.0) ** 2 - gap**2))
    return x


def _leader(node: _Node, x: float, y: float, near: float) -> list[Item]:
    """A thin line from the rim of a node to its name, where the two stand more than ``near`` points apart."""
    length = math.hypot(x - node.x, y - node.y)
    if length <= node.r + near:
        return []
    share = (node.r + 1.0) / length
    rim = (node.x + share * (x - node.x), node.y + share * (y - node.y))
    return [Path(points=(rim, (x, y)), color=LINE, width=0.5, role="leader")]


def _name(node: _Node, x: float, middle: float, align: str) -> tuple[Label, ...]:
    base = Label(x=x, y=middle, text="", role="name")
    aligned = replace(base, align="left" if align == "left" else "right" if align == "right" else "center")
    return lines_of(aligned, node.lines, middle=True)


def _spread(wanted: list[float], heights: list[float], top: float, bottom: float) -> list[float]:
    """Positions nearest to ``wanted`` (least squares) at which boxes of these heights do not touch.

    Pool-adjacent-violators on the positions less the room that the boxes above take up; then held between top and
    bottom, which keeps the order.
    """
    offsets, room = [], 0.0
    for i, height in enumerate(heights):
        room += height / 2 + (heights[i - 1] / 2 if i else 0.0)
        offsets.append(room)
    blocks: list[tuple[float, int]] = []  # mean, members
    for value, offset in zip(wanted, offsets, strict=True):
        blocks.append((value - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, m), (b, n) = blocks[-2], blocks[-1]
            blocks[-2:] = [((a * m + b * n) / (m + n), m + n)]
    level = [mean for mean, members in blocks for _ in range(members)]
    highest = bottom - (offsets[-1] + heights[-1] / 2 if offsets else 0.0)
    level = [max(min(value, highest), top) for value in level]
    return [value + offset for value, offset in zip(level, offsets, strict=True)]


def _page(shapes: list[Item], title: str | None, notes: Sequence[str]) -> Scene:
    """Everything moved onto a page with the title above and the notes below."""
    boxes = [item.box for item in shapes]
    left, right = min(b.left for b in boxes) - MARGIN, max(b.right for b in boxes) + MARGIN
    width = max(right - left, 300.0)
    left -= (width - (right - left)) / 2
    items: list[Item] = []
    y = MARGIN
    if title:
        lines = wrap(title, width - 2 * MARGIN, TITLE, bold=True)
        items += lines_of(Label(x=MARGIN, y=y + TITLE / 2, text="", size=TITLE, bold=True, role="title"), lines)
        y += TITLE * LEADING * len(lines) + 8
    down = y - min(b.top for b in boxes)
    items += [_moved(item, -left, down) for item in shapes]
    y = max(b.bottom for b in boxes) + down + 10
    for note in notes:
        lines = wrap(note, width - 2 * MARGIN, SMALL, lines=5)
        items += lines_of(Label(x=MARGIN, y=y + 4, text="", size=SMALL, color=GREY, role="footnote"), lines)
        y += SMALL * LEADING * len(lines) + 2
    return Scene(width=width, height=y + MARGIN * 0.6, items=tuple(items))


def _moved(item: Item, dx: float, dy: float) -> Item:
    if isinstance(item, Path):
        return replace(item, points=tuple((x + dx, y + dy) for x, y in item.points))
    return replace(item, x=item.x + dx, y=item.y + dy)
