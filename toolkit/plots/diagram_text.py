"""The words of a flow diagram broken into lines, by width as drawn. Lengths are points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from toolkit.plots.style import TEXT, text_size

__all__ = ["PAD", "Measure", "TextLine", "WrappedLine", "box_lines", "measured", "wrap_text"]

PAD = 7.0  # between the edge of a box and its words
SAFETY = 1.06  # low-resolution hinting and the fonts of SVG viewers make text up to this much wider than measured,
SAFETY_SMALL = 1.12  # and small type more so

Measure = Callable[[str, float, bool], float]
WrappedLine = tuple[str, float, bool]
"""A printed line: text, indent in points, bold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A line of a box before wrapping; ``indent`` counts steps."""

    text: str
    indent: int = 0
    bold: bool = False


def measured(text: str, size: float, bold: bool) -> float:
    """Width of a text in points, with room for viewers that draw it wider."""
    return text_size(text, size, bold=bold)[0] * (SAFETY if size >= TEXT else SAFETY_SMALL)


def wrap_text(text: str, width: float, size: float, *, bold: bool = False, measure: Measure = measured) -> list[str]:
    """``text`` in lines no wider than ``width`` points.

    Breaks at spaces and between Chinese, Japanese and Korean characters, never inside "(n = 12)"; a word wider than a
    line is cut.
    """
    lines: list[str] = []
    line = ""
    for space, token in _tokens(text):
        candidate = line + (" " if space and line else "") + token
        if measure(candidate, size, bold) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        line = token
        while measure(line, size, bold) > width and len(line) > 1:
            cut = next(i for i in range(len(line) - 1, 0, -1) if i == 1 or measure(line[:i], size, bold) <= width)
            lines.append(line[:cut])
            line = line[cut:]
    return [one.replace("\u00a0", " ") for one in [*lines, line]]


_NO_LINE_START = "，。、；：！？）】》」』〉·…,.;:!?)"


def _tokens(text: str) -> list[tuple[bool, str]]:
    """Unbreakable pieces, each with whether a space stood before it."""
    glued = text.replace("(n = ", "(n\u00a0=\u00a0")
    found: list[tuple[bool, str]] = []
    for word in glued.split(" "):
        start = True
        for char in word:
            wide = "\u2e80" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7af" or "\uf900" <= char <= "\uffef"
            previous = found[-1][1][-1] if found and not start else ""
            before = bool(previous) and ("\u2e80" <= previous <= "\u9fff" or "\uac00" <= previous <= "\ud7af")
            if start:
                found.append((True, char))
            elif (wide or before) and char not in _NO_LINE_START:
                found.append((False, char))
            else:
                found[-1] = (found[-1][0], found[-1][1] + char)
            start = False
    return found


def box_lines(lines: tuple[TextLine, ...], width: float, measure: Measure) -> list[WrappedLine]:
    """Printed lines of a box; what runs over is indented further."""
    step, placed = 10.0, []
    for given in lines:
        line = replace(given, text=" ".join(given.text.split()))  # a name typed with two spaces is one name
        first = line.indent * step
        room = width - 2 * PAD - first
        wrapped = wrap_text(line.text, room, TEXT, bold=line.bold, measure=measure)
        if len(wrapped) > 1 and line.indent:
            wrapped = _hang(line, room, step, measure)
        placed += [(t, first + (step if i and line.indent else 0.0), line.bold) for i, t in enumerate(wrapped)]
    return placed


def _hang(line: TextLine, room: float, step: float, measure: Measure) -> list[str]:
    """Wrap with the first line at full width and the rest narrower by ``step``."""
    head = wrap_text(line.text, room, TEXT, bold=line.bold, measure=measure)[0]
    rest = line.text[len(head) :].strip()
    return [head, *wrap_text(rest, room - step, TEXT, bold=line.bold, measure=measure)]
