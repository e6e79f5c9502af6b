"""Values as databases write them, and what they are read as."""

from __future__ import annotations

import pytest

from toolkit.dedup.chinese import SIMPLIFIED
from toolkit.dedup.journals import ALIKE, DIFFERS, SAME, compare_journals
from toolkit.dedup.names import read_authors, split_authors
from toolkit.dedup.numbers import read_dois, read_issue, read_pages, read_pmid, read_registry, read_volume, read_year
from toolkit.dedup.text import fold
from toolkit.dedup.titles import marker_names, read_title


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("Überleben &amp; β-Blocker", "uberleben beta blocker"),
        ("H<sub>2</sub>O in p<0.05 patients", "h2o in p 0 05 patients"),
        ("Crohn’s disease", "crohns disease"),
        ("ＡＢＣ　股骨头 坏死", "abc 股骨头坏死"),
        ("Ångström Łódź Øre", "angstrom lodz ore"),
        ("プラットフォーム", "プラットフォーム"),
        ("플랫폼 노동시장", "플랫폼 노동시장"),
        ("", ""),
    ],
)
def test_text_is_folded(raw: str, folded: str) -> None:
    assert fold(raw) == folded


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("31 (2) (no pagination)", "31"), ("24 Suppl 3", "24"), ("Volume 14", "14"), ("29A", "29"), ("UNKNOWN", ""),
        ("Japanese journal of clinical medicine. 69", "69"), ("", ""), ("007", "7"),
        ("Conference: 22nd FIGO World Congress of Gynecology. Brazil. 143", "143"),
    ],
)  # fmt: skip
def test_volumes_are_read(text: str, volume: str) -> None:
    assert read_volume(text) == volume


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("1123-9", ("1123", "1129")), ("H1263-H1269", ("1263", "1269")), ("S394-S395", ("394", "395")),
        ("697‐701; discussion 689", ("697", "701")), ("122--152", ("122", "152")), ("e0187442", ("187442", "")),
        ("06-Oct", ("", "")), ("Jan-14", ("", "")), ("", ""), ("CD004692", ("4692", "")),
    ],
)  # fmt: skip
def test_pages_are_read(text: str, pages: tuple[str, str] | str) -> None:
    assert read_pages(text) == (pages or ("", ""))


def test_identifiers_are_taken_out_of_whatever_holds_them() -> None:
    assert read_dois("http://dx.doi.org/10.1016/S0022-2828%2802%2992072-9") == ("10.1016/s0022-2828(02)92072-9",)
    assert read_dois("doi: 10.1000/a1. ", "10.1000/A1") == ("10.1000/a1",)
    assert read_dois("10.1176/appi.x 10.1176/jnp.y") == ("10.1176/appi.x", "10.1176/jnp.y")
    assert read_dois("35001299") == ()
    assert read_pmid("PMID: 18460911") == "18460911"
    assert read_pmid("CN-0123") == ""
    assert read_year("2021/03/05") == 2021
    assert read_issue("", "31 (2)") == "2"
    assert read_issue("MARCH", "") == ""
    assert read_registry("", "see NCT01309620 and ISRCTN 12345678") == ("ISRCTN12345678", "NCT01309620")


def test_author_lists_are_split_however_they_are_written() -> None:
    assert split_authors("Adeli K.Lewis G. F.") == ["Adeli K", "Lewis G. F"]
    assert split_authors("Tan ASchulze AO'Donnell CPF")[:2] == ["Tan A", "Schulze A"]
    assert split_authors("Hapgood Janet P.Kaushic CharuHel Zdenek") == [
        "Hapgood Janet P",
        "Kaushic Charu",
        "Hel Zdenek",
    ]
    assert read_authors("王伟；李静").families == "wang li"
    assert read_authors("Del, Mistro A; Onnis, G L").first == "delmistro"
    assert read_authors("van der Berg L.").first == read_authors("van der Berg, Lisa").first
    assert read_authors("Anonymous").first == ""


def test_notes_are_stripped_from_titles_and_markers_are_kept() -> None:
    plain = read_title("Cardiovascular effects of DPP-4 inhibitors").words
    for note in (". [French]", " [Review] [57 refs]", ". FRENCH", " [Erratum in Heart 2010;3:4]", " (vol 360, pg 542)"):
        assert read_title("Cardiovascular effects of DPP-4 inhibitors" + note).words == plain
    assert read_title("[Cardiovascular effects of DPP-4 inhibitors].").is_translated
    assert marker_names(read_title("Erratum: Cardiovascular effects").markers) == ("erratum",)
    assert marker_names(read_title("Effects in women: in reply").markers) == ("reply", "women")
    assert read_title("Oedema of the hip. Part II: imaging").part == "2"
    assert read_title("Arbeit im Wandel der Zeit [Work in changing times]").other == "work in changing times"
    assert read_title("Editor's Comments").is_generic
    assert not read_title("Reply of the bone to mechanical load").is_generic


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        ("n engl j med", "new england journal of medicine", SAME),
        ("proc natl acad sci u s a", "proceedings of the national academy of sciences of the united states of america",
         SAME),
        ("jama", "journal of the american medical association", SAME),
        ("dtsch arztebl int", "deutsches arzteblatt international", SAME),
        ("zhonghua jie he = chinese journal of tuberculosis", "chinese journal of tuberculosis", SAME),
        ("lancet", "lancet oncology", ALIKE),
        ("spine", "thorax", DIFFERS),
        ("journal of clinical oncology", "plos one", DIFFERS),
    ],
)  # fmt: skip
def test_journals_are_compared(a: str, b: str, level: int) -> None:
    assert compare_journals(a, b) == compare_journals(b, a) == level


@pytest.mark.parametrize(
    ("title", "markers"),
    [
        ("Corrigendum to: bone marrow cells", ("erratum",)),
        ("WITHDRAWN: bone marrow cells", ("retraction",)),
        ("Rationale and design of a trial of cells", ("protocol",)),
        ("Long-term results of bone marrow cells", ("follow-up",)),
        ("A post hoc analysis of cells in neonates", ("secondary", "children")),
        ("Re-analysis of a trial", ("secondary",)),
        ("Bone marrow cells revisited: pilot data", ("update", "preliminary")),
        ("骨髓细胞研究方案", ("protocol",)),
        ("Bone marrow cells for osteonecrosis of the hip", ()),
    ],
)
def test_markers_are_found(title: str, markers: tuple[str, ...]) -> None:
    assert marker_names(read_title(title).markers) == markers


def test_traditional_characters_become_simplified_and_no_simplified_one_is_changed() -> None:
    assert fold("缺血性股骨頭壞死的治療進展") == fold("缺血性股骨头坏死的治疗进展")
    assert len(SIMPLIFIED) > 1000
    assert not {chr(code) for code in SIMPLIFIED} & set(SIMPLIFIED.values())
    assert all(len(value) == 1 for value in SIMPLIFIED.values())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("clinicaltrials.gov nct 00821470", "NCT00821470"),
        ("NCT-00821470", "NCT00821470"),
        ("NCT No. 00821470", "NCT00821470"),
        ("试验注册号ChiCTR1800012345。", "CHICTR1800012345"),
        ("ChiCTR 1800012345", "CHICTR1800012345"),
        ("ChiCTR-TRC-12002345", "CHICTRTRC12002345"),
        ("CHICTR TRC 12002345", "CHICTRTRC12002345"),
        ("EudraCT number: 2010-012345-67", "2010-012345-67"),
        ("EUCTR2010-012345-67-GB", "2010-012345-67"),
        ("CTIS 2022-501234-12-00", "2022-501234-12"),
        ("ISRCTN: 12345678", "ISRCTN12345678"),
        ("KCT0001234", "KCT0001234"),
        ("NTR 1234", "NTR1234"),
        ("CTRI/2012/03/002345", "CTRI/2012/03/002345"),
    ],
)
def test_a_registry_number_is_one_number_however_it_is_written(text: str, number: str) -> None:
    assert read_registry("", f"Registered ({text}) before the start.") == (number,)


def test_what_only_looks_like_a_registry_number_is_none() -> None:
    assert read_registry("", "function and distinct grants 2019-123456-12, NCT123, PMID 20100123456") == ()
    assert read_registry("2019-123456-12") == ("2019-123456-12",)
