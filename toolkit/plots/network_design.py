"""The lines of a network graph by the design of the studies: side by side, each design with its colour and dashes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from toolkit.engine.results import NetworkResult
from toolkit.model.wording import counted
from toolkit.plots.scene import Item, Label, Path
from toolkit.plots.style import BLACK, GREEN, LINE, ORANGE, PURPLE, SMALL

__all__ = ["design_edges", "design_key", "key_rows"]

# Told apart without colour too; a further design, and studies that do not say theirs, share the last one.
STYLES: tuple[tuple[str, tuple[float, ...]], ...] = (
    (BLACK, ()),
    (ORANGE, (6, 3)),
    (PURPLE, (2, 2)),
    (GREEN, (8, 2, 2, 2)),
)
REST: tuple[str, tuple[float, ...]] = (LINE, (1, 3))
NOT_SAID, OTHERS = "design not reported", "other designs"
THICKEST, THINNEST, APART, KEY_ROW = 6.0, 0.9, 1.8, 13.0


def _counts(result: NetworkResult, design: Mapping[str, str]) -> dict[str, int]:
    """Studies of each design, most frequent first; beyond the styles there are they are one."""
    found: dict[str, int] = {}
    for study in result.studies:
        name = design.get(study, "").strip()
        found[name or NOT_SAID] = found.get(name or NOT_SAID, 0) + 1
    named = sorted((n for n in found if n != NOT_SAID), key=lambda n: (-found[n], n))
    counts = {n: found[n] for n in named[: len(STYLES)]}
    rest = sum(found[n] for n in named[len(STYLES) :])
    if rest:
        counts[OTHERS] = rest
    if NOT_SAID in found:
        counts[NOT_SAID] = found[NOT_SAID]
    return counts


def _style(counts: Mapping[str, int], name: str) -> tuple[str, tuple[float, ...]]:
    return REST if name in (OTHERS, NOT_SAID) else STYLES[list(counts).index(name)]


def _name(counts: Mapping[str, int], text: str) -> str:
    """The design under which a study is drawn."""
    own = text.strip()
    return NOT_SAID if not own else own if own in counts else OTHERS


def design_edges(
    result: NetworkResult, place: Mapping[str, tuple[float, float]], design: Mapping[str, str]
) -> list[Item]:
    """Lines between the treatments at `place`, one a design, as wide as it has studies."""
    counts = _counts(result, design)
    drawn: list[tuple[int, Item]] = []
    most = 1
    for comparison in result.comparisons:
        most = max(most, len(comparison.studies))
    for comparison in result.comparisons:
        own: dict[str, int] = dict.fromkeys(counts, 0)
        for study in comparison.studies:
            own[_name(counts, design.get(study, ""))] += 1
        widths = {name: max(THINNEST, THICKEST * k / max(most, THICKEST)) for name, k in own.items() if k}
        (x0, y0), (x1, y1) = place[comparison.t1], place[comparison.t2]
        length = max(math.hypot(x1 - x0, y1 - y0), 1e-9)
        across = (y0 - y1) / length, (x1 - x0) / length
        at = -(sum(widths.values()) + APART * (len(widths) - 1)) / 2
        for name, width in widths.items():
            shift = at + width / 2
            at += width + APART
            dx, dy = across[0] * shift, across[1] * shift
            color, dash = _style(counts, name)
            points = ((x0 + dx, y0 + dy), (x1 + dx, y1 + dy))
            drawn.append((own[name], Path(points=points, color=color, width=width, dash=dash, alpha=0.9, role="edge")))
    return [item for _, item in sorted(drawn, key=lambda pair: -pair[0])]


def design_key(result: NetworkResult, design: Mapping[str, str], shapes: Sequence[Item]) -> list[Item]:
    """A line and its meaning for each design, below everything drawn so far."""
    counts = _counts(result, design)
    left = min(item.box.left for item in shapes)
    y = max(item.box.bottom for item in shapes) + 16.0
    rows = [(f"{name} ({counted(k, 'study')})", *_style(counts, name)) for name, k in counts.items()]
    return key_rows(rows, left, y)


def key_rows(rows: Sequence[tuple[str, str, tuple[float, ...]]], left: float, y: float) -> list[Item]:
    """Lines with their meaning, one a row: (text, colour, dash)."""
    items: list[Item] = []
    for text, color, dash in rows:
        items.append(Path(points=((left, y), (left + 34.0, y)), color=color, width=2.4, dash=dash, role="key"))
        items.append(Label(x=left + 41.0, y=y, text=text, size=SMALL + 0.5, role="key"))
        y += KEY_ROW
    return items
