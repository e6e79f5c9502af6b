"""evipool convert: one format into another, losses named, nothing half-written."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from toolkit.cli.common import run
from toolkit.model.errors import InputError
from toolkit.records.convert import convert_file
from toolkit.records.files import read_file
from toolkit.records.write import HELD, WRITERS

RIS = (
    "TY  - JOUR\nTI  - 髓芯减压治疗股骨头坏死\nAU  - 王, 芳\nAU  - van der Berg, Jan\nPY  - 2021\nJF  - 中华骨科杂志\n"
    "DO  - 10.1000/abc\nN1  - PMID: 123456\nKW  - Kidney, Diseases\nUR  - https://example.org/1\nER  - \n\n"
    "TY  - JOUR\nTI  - Second & <i>last</i>\nAU  - Li, Wei\nPY  - 2020\nER  - \n"
)


@pytest.fixture
def ris(tmp_path: Path) -> Path:
    path = tmp_path / "文献.ris"
    path.write_text(RIS, encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", [end for _, end in WRITERS.values()])
def test_a_chain_of_formats_ends_with_the_fields_it_began_with(ris: Path, tmp_path: Path, ending: str):
    middle = tmp_path / f"middle{ending}"
    there = convert_file(ris, middle)
    convert_file(middle, tmp_path / "back.ris")
    before, after = read_file(ris).parsed, read_file(tmp_path / "back.ris").parsed
    for old, new in zip(before, after, strict=True):
        for name in HELD[there.target_format]:
            assert getattr(new, name) == getattr(old, name), name
    assert dict(there.lost) == ({"url": 1} if ending == ".nbib" else {})


def test_pages_of_the_world_read_the_same_from_chinese_exports(shared: Path, tmp_path: Path):
    source = shared / "samples" / "exports" / "cnki" / "derived_cnki_refer_gbk.enw"
    done = convert_file(source, tmp_path / "cnki.json")
    assert (done.source_format, done.target_format, done.records) == ("refer", "csl_json", 5)
    items = json.loads((tmp_path / "cnki.json").read_text(encoding="utf-8"))
    assert [item["title"] for item in items] == [record.title for record in read_file(source).parsed]
    assert any("\u4e00" <= c <= "\u9fff" for c in items[0]["title"])


def test_what_cannot_be_read_stops_the_conversion_and_writes_nothing(ris: Path, tmp_path: Path):
    ris.write_text(RIS + "\nAU  - Lost, A\nTI  - No type\nER  - \n", encoding="utf-8")
    with pytest.raises(InputError, match="without a TY line"):
        convert_file(ris, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    done = convert_file(ris, tmp_path / "out.csv", accept_loss=True)
    assert (done.records, [number for number, _ in done.unread]) == (2, [3])


def test_a_file_is_not_replaced_by_its_own_conversion(ris: Path):
    with pytest.raises(InputError, match="another name"):
        convert_file(ris, ris, target_as="csv")
    assert ris.read_text(encoding="utf-8") == RIS


def test_the_command_names_what_is_lost(ris: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    target = tmp_path / "out.nbib"
    assert run(["convert", str(ris), str(target)]) == 0
    shown = capsys.readouterr().out
    assert "2 records" in shown
    assert "No place in this format for: url (1)." in shown
    assert run(["convert", str(ris), str(tmp_path / "out.docx")]) == 2
    assert ".bib" in capsys.readouterr().err
    assert run(["convert", str(ris), str(tmp_path / "t.csv"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 2
    rows = list(csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8-sig")))
    assert rows[0]["title"] == "髓芯减压治疗股骨头坏死"


def test_tags_that_only_the_source_has_are_named_with_their_counts(tmp_path: Path, capsys):
    """Citations, funders and the like were left out without a word."""
    source = tmp_path / "scopus.csv"
    source.write_text("Title,Source title,EID,Cited by,Funding Details\nA,J,2-1,3,NIH\nB,J,2-2,4,\n", encoding="utf-8")
    done = convert_file(source, tmp_path / "new.ris")
    assert done.tags == (("Cited by", 2), ("Funding Details", 1))
    assert run(["convert", str(source), str(tmp_path / "new.bib")]) == 0
    assert "Tags of the source alone, not written: Cited by (2), Funding Details (1)." in capsys.readouterr().out


def test_tags_of_ris_go_into_ris(tmp_path: Path):
    source = tmp_path / "a.ris"
    source.write_text("TY  - JOUR\nTI  - A\nC1  - kept\nER  - \n", encoding="utf-8")
    assert convert_file(source, tmp_path / "b.ris").tags == ()
    assert "C1  - kept" in (tmp_path / "b.ris").read_text(encoding="utf-8")


MEDLINE = """PMID- 900000001
OWN - NLM
STAT- MEDLINE
TI  - Drilling of the hip.
AB  - Words.
FAU - Li, Hua
AU  - Li H
AD  - Department of Orthopaedics, Beijing.
LA  - eng
GR  - 81000001/National Natural Science Foundation
PT  - Journal Article
JT  - Bone J
RN  - 0 (Antigens)
MH  - *Femur Head Necrosis/surgery
MH  - Humans
PMC - PMC1000001
DP  - 2019 Mar
AID - S0000-0001 [pii]

"""


def test_medline_keeps_its_tags_when_written_as_medline(tmp_path: Path):
    source, target = tmp_path / "a.nbib", tmp_path / "b.nbib"
    source.write_text(MEDLINE, encoding="utf-8")
    assert convert_file(source, target).tags == ()
    before, after = (Counter(path.read_text(encoding="utf-8").splitlines()) for path in (source, target))
    assert before - after == Counter({"AU  - Li H": 1})  # the short form of FAU, which the reader passes over
    assert not after - before
    assert read_file(target).parsed == read_file(source).parsed
    convert_file(source, tmp_path / "b.ris")
    assert ("MH", 1) in convert_file(source, tmp_path / "b.ris").tags


@pytest.mark.parametrize(
    ("code", "csl", "bibtex"),
    [
        ("JOUR", "article-journal", "article"),
        ("THES", "thesis", "phdthesis"),
        ("CHAP", "chapter", "incollection"),
        ("CPAPER", "paper-conference", "inproceedings"),
        ("CONF", "paper-conference", "inproceedings"),
        ("BOOK", "book", "book"),
        ("RPRT", "report", "techreport"),
    ],
)
def test_the_kind_of_document_is_kept(tmp_path: Path, code: str, csl: str, bibtex: str):
    source = tmp_path / "a.ris"
    source.write_text(
        f"TY  - {code}\nTI  - A title of words\nAU  - Li, H\nT2  - Whole\nPY  - 2014\nER  - \n", encoding="utf-8"
    )
    for name in ("b.json", "b.bib", "b.xml"):
        done = convert_file(source, tmp_path / name)
        assert "TY" not in dict(done.tags)
        back = convert_file(tmp_path / name, tmp_path / f"{name}.ris")
        assert back.records == 1
        assert (
            (tmp_path / f"{name}.ris")
            .read_text(encoding="utf-8")
            .startswith(f"TY  - {'CPAPER' if code == 'CONF' and name != 'b.xml' else code}")
        ), name
    assert f'"type": "{csl}"' in (tmp_path / "b.json").read_text(encoding="utf-8")
    assert (tmp_path / "b.bib").read_text(encoding="utf-8").startswith(f"@{bibtex}{{")


def test_a_thesis_of_cnki_is_one(tmp_path: Path):
    source = tmp_path / "a.enw"
    source.write_text("%0 Thesis\n%A 王伟\n%T 股骨头坏死研究\n%I 北京大学\n%D 2014\n%W CNKI\n", encoding="utf-8")
    convert_file(source, tmp_path / "b.ris")
    assert (tmp_path / "b.ris").read_text(encoding="utf-8").startswith("TY  - THES")


def test_the_command_overwrites_no_file_unasked(tmp_path: Path):
    source, target = tmp_path / "a.nbib", tmp_path / "b.ris"
    source.write_text(MEDLINE, encoding="utf-8")
    target.write_text("mine", encoding="utf-8")
    assert run(["convert", str(source), str(target)]) == 2
    assert target.read_text(encoding="utf-8") == "mine"
    assert run(["convert", str(source), str(target), "--force"]) == 0
