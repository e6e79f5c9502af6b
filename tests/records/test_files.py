"""Small exports written here in each dialect, and everything that can be wrong with a file."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from toolkit.model.errors import InputError
from toolkit.records.files import open_file, read_file

RIS = "TY  - JOUR\nTI  - {title}\nAU  - Li, Wei\nPY  - 2020\nDO  - 10.1000/{n}\nER  - \n\n"


def ris(count: int = 3) -> str:
    """A RIS text of this many records."""
    return "".join(RIS.format(title=f"Title {n}", n=n) for n in range(count))


def zipped(**members: str) -> bytes:
    """A ZIP file of these members; "__" in a name is a dot."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return stream.getvalue()


def three(text: str) -> str:
    """The text three times, with 0, 1, 2 for "#"."""
    return "".join(text.replace("#", str(n)) for n in range(3))


NUMBERS = range(3)
SMALL = {
    "ris": ris(),
    "nbib": "PMID- 1\nOWN - NLM\nTI  - Title 0\nFAU - Li, Wei\nAU  - Li W\nDP  - 2020 Jan\n\nPMID- 2\n"
    "TI  - Title 1\n\nOWN - ERIC\nTI  - Title 2\n",
    "wos_text": "FN Clarivate\nVR 1.0\nPT J\nAU Li, W\nAF Li, Wei\nTI Title\n   0\nPY 2020\nER\n\n"
    "PT J\nTI Title 1\nER\n\nPT J\nTI Title 2\nER\n\nEF\n",
    "cochrane_text": "".join(
        f"Record #{n} of 3\nID: CD00{n}\nAU: Li Wei\nTI: Title {n}\nYR: 2020\n\n" for n in NUMBERS
    ),
    "ovid": three("<#. >\nVN  - Ovid Technologies\nAU  - Li, Wei.\nTI  - Title #\nYR  - 2020\n\n"),
    "proquest_text": "Report Information from ProQuest\n\n"
    + three("Document # of 3\n\nX\n\nAuthor: Li, Wei\n\nTitle: Title #\n\nPublication year: 2020\n\n"),
    "noteexpress": three("{Reference Type}: Journal Article\n{Title}: Title #\n{Author}: Li, Wei;\n{Year}: 2020\n"),
    "cnki_estudy": three(
        "DataType: 1\nTitle-题名: Title #\nAuthor-作者: Li, Wei;\nYear-年: 2020\nSummary-摘要: a\nMethods: b\n"
    ),
    "refworks": three("RT Journal Article\nA1 Li, Wei\nT1 Title #\nYR 2020\n\n"),
    "refer": three("%0 Journal Article\n%A Li, Wei\n%T Title #\n%D 2020\n"),
    "bibtex": "@string{x = {J}}\n"
    + three("@article{k#, author = {Wei Li}, title = {{Title} #}, year = 2020, month = jan, journal = x}\n"),
    "endnote_xml": "<xml><records>"
    + three(
        "<record><titles><title><style>Title </style><style>#</style></title></titles><contributors><authors>"
        "<author><style>Li, Wei</style></author></authors></contributors><dates><year>2020</year></dates></record>"
    )
    + "</records></xml>",
    "ictrp_xml": "<Trials_downloaded_from_ICTRP>"
    + three(
        "<Trial><TrialID>NCT0000000#\n </TrialID><Public_title>Title #\n</Public_title>"
        "<Date_registration3>20200102</Date_registration3></Trial>"
    )
    + "</Trials_downloaded_from_ICTRP>",
    "clinicaltrials_json": json.dumps({"studies": [
        {"protocolSection": {"identificationModule": {"nctId": f"NCT0000000{n}", "briefTitle": f"Title {n}"},
                             "statusModule": {"studyFirstPostDateStruct": {"date": "2020-01-02"}}}}
        for n in NUMBERS
    ], "nextPageToken": "x"}),
    "openalex_json": json.dumps({"meta": {}, "results": [
        {"id": f"https://openalex.org/W{n}", "title": f"Title {n}", "publication_year": 2020,
         "authorships": [{"author": {"display_name": "Wei Li"}}], "abstract_inverted_index": {"b": [1], "a": [0, 2]}}
        for n in NUMBERS
    ]}),
    "csl_json": json.dumps([
        {"type": "article-journal", "title": f"Title {n}", "author": [{"family": "Li", "given": "Wei"}],
         "issued": {"date-parts": [[2020]]}} for n in NUMBERS
    ]),
    "wos_tab": "PT\tAU\tAF\tTI\tPY\tUT\n" + three("J\tLi, W\tLi, Wei\tTitle #\t2020\tWOS:#\n"),
    "embase_csv": '"SEARCH QUERY","x:ti"\n-----\n\n'
    '"Title","Author Names","Publication Year","Emtree Medical Index Terms"\n'
    + three('"Title #","Li W., Xu B.","2020","a"\n'),
    "csv": "title;authors;year\n" + three('"Title #";"Li, Wei; Xu, B";2020\n'),
}  # fmt: skip


@pytest.mark.parametrize("kind", SMALL)
def test_each_format_is_recognised_by_its_content_and_read(kind):
    result = read_file(SMALL[kind].encode("utf-8"), name="export.dat")
    assert result.format == kind
    assert result.starters == len(result.parsed) == 3
    assert [(r.title or "").split()[0] for r in result.parsed] == ["Title"] * 3
    assert result.parsed[0].year == 2020
    if "ictrp" not in kind and "clinical" not in kind:
        assert result.parsed[0].authors[0] in {"Li, Wei", "Li, W."}
    assert any("the name ends in .dat" in note for note in result.notes)


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_make_no_difference(kind, ends):
    text = SMALL[kind]
    same = read_file(text.replace("\n", ends).encode("utf-8"), name="a.txt")
    assert same.parsed == read_file(text.encode("utf-8"), name="a.txt").parsed


# JSON is escaped here, and XML names its encoding itself: neither comes in GB18030.
ENCODED = [(kind, codec) for kind in SMALL for codec in ("utf-8-sig", "utf-16")]
ENCODED += [(kind, "gb18030") for kind in SMALL if not kind.endswith(("json", "xml"))]


@pytest.mark.parametrize(("kind", "codec"), ENCODED)
def test_encodings_make_no_difference(kind, codec):
    text = SMALL[kind].replace("Title", "Title 髓芯减压联合干细胞移植治疗股骨头坏死的随机对照试验")
    result = read_file(text.encode(codec), name="a.txt")
    plain = read_file(text.encode("utf-8"), name="a.txt")
    assert result.parsed == plain.parsed
    assert result.replacements == 0
    assert codec != "gb18030" or any("GB18030" in note for note in result.notes)


def test_latin_1_is_read_and_said():
    result = read_file(ris(1).replace("Title", "Müller café").encode("latin-1"), name="a.ris")
    assert result.parsed[0].title == "Müller café 0"
    assert any("Windows-1252" in note for note in result.notes)


def test_lost_characters_are_counted():
    result = read_file(ris(1).replace("Title", "M\ufffdller").encode("utf-8"), name="a.ris")
    assert result.replacements == 1
    assert any("U+FFFD" in note for note in result.notes)
    good = "é" * 40
    damaged = ris(1).replace("Title", good).encode("utf-8").replace(b"Li, Wei", b"L\xff, Wei")
    assert read_file(damaged, name="a.ris").replacements == 1


def test_tags_before_ty_belong_to_the_record_that_follows():
    text = "ID  - 1\nTY  - JOUR\nTI  - A\nER  - \nID  - 2\nTY  - JOUR\nTI  - B\nER  - \n"
    result = read_file(text.encode(), name="a.ris")
    assert [r.title for r in result.parsed] == ["A", "B"]
    assert [r.extra["ID"] for r in result.parsed] == [("1",), ("2",)]


def test_a_record_without_ty_is_listed_with_its_bytes():
    text = ris(1) + "TI  - Lost\nAU  - X, Y\nER  - \n\n" + ris(1)
    result = read_file(text.encode(), name="a.ris")
    assert (result.starters, len(result.parsed)) == (2, 2)
    (unread,) = result.unread
    assert "TY" in unread.reason and b"Lost" in unread.raw and unread.ordinal == 1


def test_a_line_of_text_between_records_is_no_record():
    text = "Provider: X\nDatabase: Y\n\n1.\n" + ris(1) + "2.\nsearch: a and b\n" + ris(1)
    result = read_file(text.encode(), name="a.ris")
    assert len(result.parsed) == 2 and not result.unread
    assert b"search" not in b"".join(r.raw.raw for r in result.records)


@pytest.mark.parametrize("cut", range(20, 230, 7))
def test_a_ris_file_cut_anywhere_says_so_or_lost_only_blanks(cut):
    data = ris(3).encode()
    result = read_file(data[:cut], name="a.ris") if cut > 12 else None
    assert result is not None
    whole = data[:cut].count(b"ER  -")
    if data[:cut].count(b"TY  - ") > whole:
        assert result.incomplete is not None
    assert len(result.parsed) >= whole


def test_cut_json_csv_bibtex_and_xml_are_seen():
    for kind in ("csl_json", "clinicaltrials_json", "bibtex", "endnote_xml", "ictrp_xml"):
        text = SMALL[kind]
        result = read_file(text[: len(text) * 2 // 3].encode("utf-8"), name="a.txt", format=kind)
        assert result.unread, kind
        assert all(unread.reason for unread in result.unread)
    result = read_file(b'title,year\n"A",2020\n"B is cut he', name="a.csv")
    assert result.incomplete is not None and len(result.unread) == 1


def test_missing_end_marks_in_the_middle_are_noted():
    result = read_file(ris(3).replace("ER  - \n", "", 1).encode(), name="a.ris")
    assert len(result.parsed) == 3 and result.incomplete is None
    assert any("no end mark" in note for note in result.notes)


def test_zip_and_gzip_with_one_file_are_read():
    for data in (zipped(export__ris=ris(2)), gzip.compress(ris(2).encode())):
        result = read_file(data, name="export.zip")
        assert len(result.parsed) == 2
        assert any("unpacked" in note for note in result.notes)


def test_zip_with_several_files_lists_them():
    with pytest.raises(InputError, match=r"2 files.*a\.ris, b\.ris"):
        read_file(zipped(a__ris=ris(1), b__ris=ris(1)), name="x.zip")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"%PDF-1.7\n1 0 obj", "PDF"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old Excel"),
        (b"\x89PNG\r\n\x1a\n", "image"),
        (b"Just some prose that is no export.\nAnd more of it.\n", "no export"),
        (b"a,b,c\n1,2,3\n", "title column"),
        (b"<?xml version='1.0'?><feed/>", "XML is of no kind"),
        (b'{"error": "API rate limit exceeded"}', "JSON is of no kind"),
        (b"<PubmedArticleSet></PubmedArticleSet>", "no record"),
        (b"title,year\n", "no record"),
        (b"PK\x03\x04 damaged", "damaged"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><xml><records><record/></records></xml>', "XML bombs"),
    ],
)
def test_what_is_no_export_is_refused_in_one_sentence(data, message):
    with pytest.raises(InputError, match=message):
        read_file(data, name="file.ris")


def test_absent_file_folder_and_unknown_format_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_file(tmp_path / "absent.ris")
    with pytest.raises(InputError, match="folder"):
        read_file(tmp_path)
    with pytest.raises(InputError, match="no such format"):
        read_file(ris().encode(), format="word")


def test_nbib_named_ris_is_read_as_nbib_with_a_note():
    result = read_file(SMALL["nbib"].encode(), name="export.ris")
    assert result.format == "nbib"
    assert any("the name ends in .ris" in note for note in result.notes)


def test_opening_parses_nothing_and_records_can_be_read_twice(tmp_path):
    path = tmp_path / "a.ris"
    path.write_text(ris(5), encoding="utf-8", newline="\n")
    opened = open_file(path)
    assert opened.starters == 5
    assert list(opened.records()) == list(opened.records())
    assert [r.raw.ordinal for r in opened.records()] == [0, 1, 2, 3, 4]


def test_large_files_are_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.records.files._MAPPED_FROM", 10)
    for kind in SMALL:
        path = tmp_path / f"{kind}.txt"
        path.write_bytes(SMALL[kind].encode("utf-8-sig"))
        assert read_file(path).parsed == read_file(SMALL[kind].encode()).parsed


@pytest.mark.parametrize("text", ["[" * 100_000, '[{"title": ' + "[" * 100_000])
def test_json_nested_too_deep_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deep.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"deep\.json"):
        read_file(path)


def test_half_a_character_in_json_becomes_the_replacement_mark(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    path.write_text('[{"type": "article-journal", "title": "a\\ud800b \\ud83d\\ude00", "id": "1"}]', encoding="utf-8")
    (record,) = read_file(path).parsed
    assert record.title == "a\ufffdb \U0001f600"
    record.title.encode("utf-8")


def test_a_quoted_cell_of_a_csv_that_never_closes_is_an_error_of_that_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('Title,Authors,Year\n"A trial,Smith,2020\nB trial,X,2021\n', encoding="utf-8")
    read = read_file(path)
    assert read.parsed == ()
    assert "never closes" in read.unread[0].reason
    path.write_text('Title,Authors,Year\nA 5" nail,Smith,2020\nB trial,X,2021\n', encoding="utf-8")
    assert [record.title for record in read_file(path).parsed] == ['A 5" nail', "B trial"]


def test_an_xml_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text('<!DOCTYPE a [<!ENTITY a "x">]><PubmedArticleSet><PubmedArticle/></PubmedArticleSet>')
    with pytest.raises(InputError, match=r"bomb\.xml.*entities"):
        read_file(path)


CNKI_LABELLED = """SrcDatabase-来源库: 期刊
Title-题名: 针刺治疗失眠
Author-作者: 王伟;李娜;
Source-文献来源: 中国针灸
Summary-摘要: 目的:观察疗效。
Methods: random allocation
PubTime-发表时间: 2020-05-01
FirstDuty-第一责任人: 王伟
Volume-卷: 40

SrcDatabase-来源库: 硕士
Title-题名: 第二篇论文
PubTime-发表时间: 2021
"""


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_cnki_labelled_text_is_read_without_a_datatype_line(encoding, line_end):
    read = read_file(CNKI_LABELLED.replace("\n", line_end).encode(encoding), name="cnki.txt")
    first, second = read.parsed
    assert (read.starters, first.authors, first.year, first.volume) == (2, ("王伟", "李娜"), 2020, "40")
    assert first.extra["FirstDuty"] == ("王伟",)
    assert first.abstract == "目的:观察疗效。\nMethods: random allocation"
    assert (second.title, second.year) == ("第二篇论文", 2021)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_authors_in_short_and_in_full_are_the_same_people(order):
    """Scopus has written both columns since 2022; the second one added each author again."""
    columns = [
        ("Authors", "Smith J.; Doe A."),
        ("Author full names", "Smith, John (57202138757); Doe, Ann (7402220509)"),
    ]
    names = [columns[n] for n in order]
    header = ",".join([*(name for name, _ in names), "Title", "Year", "Source title", "EID"])
    row = ",".join([*(f'"{value}"' for _, value in names), "T,2023,J,2-s2.0-1"])
    (record,) = read_file(f"{header}\n{row}\n".encode(), name="scopus.csv").parsed
    assert record.authors == ("Smith, J.", "Doe, A.")
    assert record.extra["Author full names"] == (columns[1][1],)


def test_full_names_serve_where_no_others_are_given():
    text = 'Author full names,Title,Source title,EID\n"Smith, John (57202138757); Doe, Ann (7402220509)",T,J,2-s2.0-1\n'
    (record,) = read_file(text.encode(), name="scopus.csv").parsed
    assert record.authors == ("Smith, John", "Doe, Ann")
