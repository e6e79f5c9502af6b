from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from toolkit.model.errors import InputError, SourceError
from toolkit.plots import style
from toolkit.plots.scene import Label, Scene, draw_scene
from toolkit.plots.style import figure_texts, glyph_warning, missing_glyphs, new_figure, save_figure, text_size


def figure(text: str = "Zhao 2012, τ² = 0.98, I² ≤ 77.7%") -> Figure:
    return draw_scene(Scene(width=240, height=40, items=(Label(x=10, y=20, text=text),)))


@pytest.fixture
def bundled_font_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without any CJK font."""
    monkeypatch.setattr(style, "font_families", lambda: (style.BASE_FAMILY,))
    style._covered.cache_clear()
    text_size.cache_clear()
    yield
    style._covered.cache_clear()
    text_size.cache_clear()


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    save_figure(figure(), first, title="Forest")
    save_figure(figure(), second, title="Forest")
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) > 500


@pytest.mark.parametrize("name", ["forest.jpg", "forest", "forest.svgz"])
def test_another_suffix_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.svg, \.png, \.pdf"):
        save_figure(figure(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_a_failed_write_keeps_the_old_file_and_leaves_no_part(tmp_path: Path, kind: str) -> None:
    import resource

    target = tmp_path / f"forest.{kind}"
    target.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(SourceError, match="could not be written"):
            save_figure(figure(), target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    save_figure(figure(), tmp_path / "结果" / "森林图.svg")
    assert (tmp_path / "结果" / "森林图.svg").stat().st_size > 0


def test_svg_keeps_chinese_text_as_text_and_names_fonts_of_every_system(tmp_path: Path) -> None:
    warnings = save_figure(figure("赵德伟 2012 髓芯减压"), tmp_path / "a.svg")
    drawing = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "赵德伟 2012 髓芯减压" in drawing
    assert warnings == ()
    for family in ("Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Zen Hei", "sans-serif"):
        assert family in drawing


@pytest.mark.usefixtures("bundled_font_only")
def test_without_a_cjk_font_the_warning_names_the_characters_and_fonts_to_install(tmp_path: Path) -> None:
    assert missing_glyphs(["赵 Zhao", "赵伟 τ²"]) == "伟赵"
    (warning,) = save_figure(figure("赵伟"), tmp_path / "a.png")
    assert warning.code == "missing-glyphs"
    assert "伟赵" in warning.text
    for font in ("Noto Sans CJK SC", "Microsoft YaHei", "fonts-noto-cjk"):
        assert font in warning.text
    assert save_figure(figure("赵伟"), tmp_path / "a.svg") == ()


@pytest.mark.usefixtures("bundled_font_only")
def test_a_character_without_a_glyph_is_given_the_room_of_one_em() -> None:
    assert text_size("赵伟", 10)[0] == pytest.approx(20)


@pytest.mark.usefixtures("bundled_font_only")
def test_many_missing_characters_are_counted_not_listed() -> None:
    warning = glyph_warning(["".join(chr(0x4E00 + i) for i in range(50))])
    assert warning is not None
    assert "and 30 more" in warning.text


def test_text_is_drawn_no_wider_than_measured() -> None:
    text = "Heterogeneity: τ² = 0.98 (REML), I² = 77.7%, Q = 31.42 (7 df), P < 0.001"
    fig = figure(text)
    for dpi in (72, 110, 200):
        fig.set_dpi(dpi)
        with mpl.rc_context(style._neutral_rc()):
            (drawn,) = [t for t in fig.axes[0].texts if t.get_text() == text]
            width = drawn.get_window_extent(FigureCanvasAgg(fig).get_renderer()).width * 72 / dpi
        assert width == pytest.approx(text_size(text)[0], rel=0.03)


def test_dollar_signs_are_text_not_formulas(tmp_path: Path) -> None:
    fig = figure("cost $5 and $x_2$")
    save_figure(fig, tmp_path / "a.svg")
    assert "$x_2$" in (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert figure_texts(fig) == ("cost $5 and $x_2$",)


def test_a_very_tall_figure_becomes_a_png_that_viewers_open(tmp_path: Path) -> None:
    save_figure(new_figure(20, 14_400), tmp_path / "a.png", dpi=300)
    header = (tmp_path / "a.png").read_bytes()[16:24]
    assert int.from_bytes(header[4:], "big") <= 30_000
