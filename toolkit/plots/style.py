"""How every figure looks, which fonts draw its text, and how it becomes a file.

Lengths are points (1/72 inch). matplotlib is imported inside the functions, so importing this module is cheap.
"""

from __future__ import annotations

import io
import logging
import os
import re
import tempfile
import threading
import warnings
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.engine.results import Warning_
from toolkit.model.errors import InputError, SourceError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

__all__ = [
    "BASE_FAMILY",
    "BLACK",
    "BLUE",
    "CJK_FAMILIES",
    "FAINT",
    "FORMATS",
    "GREEN",
    "GREY",
    "INK",
    "LINE",
    "ORANGE",
    "PAPER",
    "PURPLE",
    "SKY",
    "SMALL",
    "TEXT",
    "TITLE",
    "VERMILLION",
    "YELLOW",
    "figure_texts",
    "font_families",
    "font_properties",
    "glyph_warning",
    "missing_glyphs",
    "new_figure",
    "save_figure",
    "text_size",
]

# Type sizes in points. A figure 180 mm wide printed in a journal keeps 7 pt and more legible.
TITLE, TEXT, SMALL = 11.0, 8.5, 7.0

# Okabe and Ito 2008, "Color Universal Design" (https://jfly.uni-koeln.de/color/): told apart by colour-blind readers.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
INK, GREY, LINE, FAINT, PAPER = "#1A1A1A", "#5F6368", "#9AA0A6", "#E8EAED", "#FFFFFF"

# DejaVu comes with matplotlib: Latin, Greek, Cyrillic and the symbols used here look alike on every machine.
BASE_FAMILY = "DejaVu Sans"

# Looked for in this order; simplified Chinese first, then fonts of the other CJK scripts, which hold most characters.
CJK_FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "STHeiti",
    "DengXian",
    "SimHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Noto Sans CJK TC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Microsoft JhengHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Arial Unicode MS",
    "Droid Sans Fallback",
    "SimSun",
    "NSimSun",
)

# File names of those families: a font installed after matplotlib made its list of fonts is found by its file.
_CJK_FILES = (
    "notosanscjk", "notosanssc", "sourcehansans", "msyh", "pingfang", "hiragino", "stheiti", "deng", "simhei",
    "wqy", "msjh", "yugoth", "malgun", "applesdgothicneo", "arialuni", "droidsansfallback", "simsun",
)  # fmt: skip

FORMATS = (".svg", ".png", ".pdf")
_LONGEST_SIDE = 30_000.0  # pixels
_DRAWING = threading.Lock()  # rcParams and warning filters belong to the process; two threads must not interleave them


@lru_cache(maxsize=1)
def font_families() -> tuple[str, ...]:
    """Families that draw a figure's text, in order of fall-back: the bundled one, then installed CJK fonts."""
    from matplotlib import font_manager

    # It logs a warning for each CJK font that has no "normal" weight under that name, and draws it well all the same.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    manager = font_manager.fontManager
    known = {entry.name for entry in manager.ttflist}
    found = [family for family in CJK_FAMILIES if family in known]
    if not found:
        for path in font_manager.findSystemFonts():
            if Path(path).name.lower().replace("-", "").startswith(_CJK_FILES):
                _add_font(path)
        known = {entry.name for entry in manager.ttflist}
        found = [family for family in CJK_FAMILIES if family in known]
    return (BASE_FAMILY, *found[:3])


def _add_font(path: str) -> None:
    from matplotlib import font_manager

    try:
        font_manager.fontManager.addfont(path)
    except (OSError, RuntimeError) as error:  # a damaged font file: the others may still serve
        logging.getLogger(__name__).info("font %s cannot be read: %s", path, error)


def font_properties(size: float = TEXT, *, bold: bool = False, italic: bool = False) -> FontProperties:
    """A matplotlib FontProperties with the fall-back families of `font_families`; ``size`` in points."""
    from matplotlib.font_manager import FontProperties

    return FontProperties(
        family=list(font_families()),
        size=size,
        weight="bold" if bold else "normal",
        style="italic" if italic else "normal",
    )


@lru_cache(maxsize=1)
def _covered() -> frozenset[int]:
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    codes: set[int] = set()
    for family in font_families():
        codes.update(FT2Font(font_manager.findfont(family)).get_charmap())
    return frozenset(codes)


def missing_glyphs(texts: Iterable[str]) -> str:
    """Characters of ``texts`` that no font of `font_families` can draw, sorted, each once ("" when all can)."""
    covered = _covered()
    return "".join(sorted({c for text in texts for c in text if ord(c) not in covered and not c.isspace()}))


def glyph_warning(texts: Iterable[str]) -> Warning_ | None:
    """What to tell a user when text to draw has characters that no installed font has: which ones, what to install."""
    missing = missing_glyphs(texts)
    if not missing:
        return None
    shown = missing if len(missing) <= 20 else f"{missing[:20]} and {len(missing) - 20} more"
    return Warning_(
        code="missing-glyphs",
        text=(
            f"No installed font can draw: {shown}. They appear as boxes in PNG and PDF files; SVG files keep the text. "
            "Install a font for Chinese, Japanese and Korean, such as Noto Sans CJK SC (Debian and Ubuntu: "
            "fonts-noto-cjk), Source Han Sans, WenQuanYi Zen Hei (fonts-wqy-zenhei), Microsoft YaHei (Windows) or "
            "PingFang SC (macOS)."
        ),
    )


@lru_cache(maxsize=1)
def _measuring_renderer() -> Any:
    from matplotlib.backends.backend_agg import RendererAgg

    make_renderer: Any = RendererAgg
    return make_renderer(8, 8, _MEASURE_DPI)


_MEASURE_DPI = 288.0  # four times the point grid: hinting rounds widths to pixels, so measure on small pixels


@lru_cache(maxsize=20_000)
def text_size(text: str, size: float = TEXT, *, bold: bool = False, italic: bool = False) -> tuple[float, float]:
    """Width and height in points of one or more lines of text as `new_figure` text would be drawn.

    A character without a glyph counts one em, the width it has where a font for it is installed.
    """
    lines = text.split("\n")
    prop = font_properties(size, bold=bold, italic=italic)
    widest = 0.0
    for line in lines:
        missing = set(missing_glyphs([line]))
        drawn = "".join(c for c in line if c not in missing)
        width = 0.0
        if drawn:
            with _DRAWING:
                pixels = _measuring_renderer().get_text_width_height_descent(drawn, prop, ismath=False)[0]
            width = float(pixels) * 72.0 / _MEASURE_DPI
        widest = max(widest, width + size * sum(c in missing for c in line))
    return widest, size * 1.25 * len(lines)


def new_figure(width: float, height: float) -> Figure:
    """An empty white Figure of ``width`` by ``height`` points, made without pyplot and its global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / 72.0, height / 72.0), facecolor=PAPER)


def figure_texts(fig: Figure) -> tuple[str, ...]:
    """Every visible text in ``fig``, in drawing order."""
    from matplotlib.text import Text

    return tuple(t.get_text() for t in fig.findobj(Text) if isinstance(t, Text) and t.get_text() and t.get_visible())


def _neutral_rc() -> Any:
    """matplotlib's own defaults, whatever the user's matplotlibrc says, plus what makes files repeatable."""
    import matplotlib as mpl

    keep = {
        "backend",
        "backend_fallback",
        "interactive",
        "toolbar",
        "timezone",
        "webagg.port",
        "datapath",
        "tk.window_focus",
    }
    neutral: dict[str, Any] = {key: value for key, value in mpl.rcParamsDefault.items() if key not in keep}
    ours = {
        "text.hinting": "no_hinting",  # hinted letters are up to 5 % wider at screen resolution than `text_size` says
        "svg.fonttype": "none",
        "svg.hashsalt": "evipool",
        "pdf.fonttype": 42,
        "font.family": list(font_families()),
    }
    return neutral | ours


def save_figure(
    fig: Figure, path: str | os.PathLike[str], *, dpi: float = 200.0, title: str | None = None
) -> tuple[Warning_, ...]:
    """Write ``fig`` by the suffix of ``path`` (.svg, .png, .pdf); the same figure gives the same bytes.

    The file appears whole or not at all. Text stays text in SVG, so that the reader's own fonts draw it.

    Parameters
    ----------
    fig : the figure
    path : target file; its folder is made when it is not there
    dpi : pixels per inch of a PNG, fewer where the picture would exceed what viewers open (30,000 pixels a side)
    title : title in the file's metadata

    Returns
    -------
    tuple of Warning_
        Characters that no font can draw (never for SVG); empty when all is well.

    Raises
    ------
    InputError
        for another suffix
    SourceError
        when the file cannot be written
    """
    target = Path(path)
    kind = target.suffix.lower()
    if kind not in FORMATS:
        raise InputError(
            f"A figure cannot be written as {target.suffix or 'a file without a suffix'!r}.",
            file=target,
            allowed=", ".join(FORMATS),
        )
    warning = None if kind == ".svg" else glyph_warning(figure_texts(fig))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        picture = _drawn(fig, kind, dpi, title)
        handle, name = tempfile.mkstemp(prefix=".evipool-", suffix=kind, dir=target.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(picture)
            part.chmod(0o644)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise SourceError(f"{target}: the figure could not be written ({error.strerror or error}).") from error
    return (warning,) if warning else ()


def _drawn(fig: Figure, kind: str, dpi: float, title: str | None) -> bytes:
    """The picture's bytes. Drawn in memory: on a full disk matplotlib's writers end in errors of their own."""
    import matplotlib as mpl

    metadata: dict[str, dict[str, Any]] = {
        ".svg": {"Date": None, "Creator": "evipool", "Title": title},
        ".png": {"Software": "evipool", "Title": title},
        ".pdf": {"CreationDate": None, "Creator": "evipool", "Producer": None, "Title": title},
    }
    picture = io.BytesIO()
    with _DRAWING, mpl.rc_context(_neutral_rc()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # told by glyph_warning, with a remedy
        given = {key: value for key, value in metadata[kind].items() if not (key == "Title" and value is None)}
        dpi = min(dpi, _LONGEST_SIDE / max(fig.get_size_inches()))
        fig.savefig(picture, format=kind[1:], dpi=dpi, metadata=given, facecolor=PAPER)
    return _name_all_fonts(picture.getvalue()) if kind == ".svg" else picture.getvalue()


def _name_all_fonts(drawing: bytes) -> bytes:
    """Name every family we know of in an SVG, so that it does not depend on the fonts of the machine that wrote it."""
    families = ", ".join(f"'{family}'" for family in (BASE_FAMILY, *CJK_FAMILIES)) + ", sans-serif"
    text = re.sub(rf"'{BASE_FAMILY}'(?:, [^;\"]*)?(?=[;\"])", families, drawing.decode("utf-8"))
    return text.replace("\r\n", "\n").encode("utf-8")
