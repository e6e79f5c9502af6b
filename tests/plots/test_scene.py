from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.plots.scene import Label, Scene, label_overlaps, outside, wrap
from toolkit.plots.style import text_size


@given(st.text(max_size=200), st.floats(30, 300), st.integers(1, 4))
def test_wrapped_lines_fit_and_are_no_more_than_allowed(text: str, width: float, lines: int) -> None:
    wrapped = wrap(text, width, 8.0, lines=lines)
    assert 1 <= len(wrapped) <= lines
    assert all(text_size(line, 8.0)[0] <= width or line == "…" for line in wrapped)


def test_wrapping_keeps_every_word_when_there_is_room() -> None:
    text = "Autologous bone marrow concentrate 与髓芯减压术 in osteonecrosis"
    assert "".join("".join(wrap(text, 90, lines=9)).split()) == "".join(text.split())


def test_a_control_character_becomes_a_blank() -> None:
    assert wrap("Zhao\x0b2012\n(b)", 300) == ("Zhao 2012 (b)",)


def test_a_statement_of_p_is_not_broken() -> None:
    for width in range(40, 200, 7):
        for line in wrap("Q = 31.42 (7\u00a0df), P\u00a0<\u00a00.001.", width, lines=9):
            assert not line.endswith(("P", "<"))


def test_overlaps_and_overhang_are_found() -> None:
    scene = Scene(
        width=100,
        height=40,
        items=(
            Label(x=10, y=10, text="one"),
            Label(x=15, y=12, text="two"),
            Label(x=10, y=30, text="far"),
            Label(x=90, y=30, text="over the edge"),
        ),
    )
    assert label_overlaps(scene) == [("one", "two")]
    assert [item.text for item in outside(scene) if isinstance(item, Label)] == ["over the edge"]
