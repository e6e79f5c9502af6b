"""Writing and reading back gives the same fields."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records.files import read_file
from toolkit.records.normalise import clean
from toolkit.records.write import HELD, WRITERS, write_bibtex, write_csv, write_file, write_nbib, write_ris

LETTERS = st.sampled_from("abcdefghijklmnop QRSTUVéüßøłж中文題목 .,()-:+=@'\"")
# Words a person may write; markup, LaTeX and a leading mark of another field are told apart below.
TEXT = st.text(LETTERS, min_size=1, max_size=40).map(clean).filter(lambda s: s and s[0].isalpha())
WORD = st.text(st.sampled_from("abcdefgéüжßÅ中文"), min_size=2, max_size=8)
LIST = st.lists(TEXT, max_size=3, unique=True).map(tuple)
RECORD = st.builds(
    ParsedRecord,
    title=st.none() | TEXT,
    authors=st.lists(st.builds("{}, {}".format, WORD, WORD), max_size=3, unique=True).map(tuple),
    journal=st.none() | TEXT,
    year=st.none() | st.integers(1900, 2099),
    volume=st.none() | st.integers(1, 999).map(str),
    issue=st.none() | st.integers(1, 99).map(str),
    pages=st.none() | st.tuples(st.integers(100, 499), st.integers(500, 999)).map(lambda p: f"{p[0]}-{p[1]}"),
    abstract=st.none() | st.lists(TEXT, min_size=1, max_size=3, unique=True).map("\n".join),
    doi=st.none() | st.from_regex(r"10\.[0-9]{4,6}/[a-z0-9]{1,8}(\([0-9]{2}\)[0-9]{1,4})?", fullmatch=True),
    pmid=st.none() | st.integers(1, 99_999_999).map(str),
    accession=st.none() | st.from_regex(r"CN-[0-9]{8}", fullmatch=True),
    issn=st.lists(st.from_regex(r"[0-9]{4}-[0-9]{3}[0-9X]", fullmatch=True), max_size=2, unique=True).map(tuple),
    language=st.none() | st.sampled_from(["eng", "chi", "English"]),
    publication_types=st.lists(st.sampled_from(["Journal Article", "Review"]), max_size=2, unique=True).map(tuple),
    keywords=LIST,
    registry_numbers=st.lists(st.from_regex(r"NCT[0-9]{8}", fullmatch=True), max_size=2, unique=True).map(tuple),
    url=st.none() | st.just("https://example.org/a?b=c"),
    original_title=st.none() | TEXT,
)


def shared_fields(record: ParsedRecord, *without: str) -> dict[str, object]:
    """The fields but extra and those named."""
    return {
        field.name: getattr(record, field.name)
        for field in dataclasses.fields(record)
        if field.name not in {"extra", *without}
    }


def filled(record: ParsedRecord) -> bool:
    """Whether the record says anything; an empty one is nobody's record."""
    return record != ParsedRecord()


@settings(max_examples=150, deadline=None)
@given(records=st.lists(RECORD.filter(filled), min_size=1, max_size=4))
def test_ris_round_trip_is_the_identity(records):
    result = read_file(write_ris(records).encode("utf-8"), name="a.ris")
    assert [shared_fields(r) for r in result.parsed] == [shared_fields(r) for r in records]
    assert result.starters == len(records)


@settings(max_examples=80, deadline=None)
@given(records=st.lists(RECORD.filter(lambda r: r.title), min_size=1, max_size=4))
def test_csv_round_trip_is_the_identity(records):
    result = read_file(write_csv(records).encode("utf-8-sig"), name="a.csv")
    assert [shared_fields(r) for r in result.parsed] == [shared_fields(r) for r in records]


@settings(max_examples=80, deadline=None)
@given(records=st.lists(RECORD.filter(lambda r: r.title), min_size=1, max_size=4))
def test_nbib_round_trip_is_the_identity_but_for_paragraphs(records):
    result = read_file(write_nbib(records).encode("utf-8"), name="a.nbib")
    lost = ("abstract", "accession", "url")
    assert [shared_fields(r, *lost) for r in result.parsed] == [shared_fields(r, *lost) for r in records]
    assert [r.abstract for r in result.parsed] == [clean(r.abstract) for r in records]


@pytest.fixture(scope="module")
def samples(shared) -> dict[str, tuple[ParsedRecord, ...]]:
    """The records of every sample of an export that holds any, by the name of its file."""
    found = {path.name: read_file(path).parsed for path in sorted((shared / "samples" / "exports").glob("*/*"))}
    return {name: records for name, records in found.items() if records}


def test_ris_of_every_sample_reads_back_alike(samples):
    for name, before in samples.items():
        after = read_file(write_ris(before).encode("utf-8"), name="a.ris").parsed
        assert [shared_fields(r) for r in after] == [shared_fields(r) for r in before], name


def test_ris_keeps_the_other_tags_of_a_ris_record():
    text = "TY  - CHAP\nTI  - A\nDB  - Embase\nU3  - 2024-05-28\nN1  - a note\nN1  - another\nER  - \n\n"
    (record,) = read_file(text.encode(), name="a.ris").parsed
    assert record.extra == {"TY": ("CHAP",), "DB": ("Embase",), "U3": ("2024-05-28",), "N1": ("a note", "another")}
    (again,) = read_file(write_ris([record]).encode(), name="a.ris").parsed
    assert again == record


def test_an_abstract_line_that_looks_like_a_tag_does_not_break_the_record():
    record = ParsedRecord(title="T", abstract="First.\nER  - second\nTY  - third")
    result = read_file(write_ris([record, record]).encode(), name="a.ris")
    assert (result.starters, len(result.parsed)) == (2, 2)
    assert clean(result.parsed[0].abstract) == clean(record.abstract)


def test_rispy_reads_what_we_write():
    import rispy

    record = ParsedRecord(title="中文 title", authors=("Li, Wei",), year=2020, doi="10.1000/a", keywords=("a", "b"))
    (entry,) = rispy.loads(write_ris([record]))
    assert (entry["title"], entry["authors"], entry["year"]) == ("中文 title", ["Li, Wei"], "2020")
    assert entry["keywords"] == ["a", "b"]


def test_bio_medline_reads_what_we_write():
    from Bio import Medline

    record = ParsedRecord(title="word " * 40 + "end", authors=("Li, Wei",), pmid="123", year=2020)
    (entry,) = Medline.parse(write_nbib([record]).splitlines(keepends=True))
    assert (entry["PMID"], entry["FAU"]) == ("123", ["Li, Wei"])
    assert entry["TI"] == record.title


def test_bibtex_keeps_names_and_special_characters():
    record = ParsedRecord(
        title="50% of A & B_c #1 in Müller's {x}",
        authors=("van der Berg, Jan", "The Test Group and Friends", "Flakes, Johnny H., III"),
        journal="J & K",
        year=2020,
        doi="10.1000/a_b",
        pages="1-9",
    )
    text = write_bibtex([record, record])
    first, second = read_file(text.encode(), name="a.bib").parsed
    assert first == dataclasses.replace(record, title="50% of A & B_c #1 in Müller's x", extra=first.extra)
    assert shared_fields(first) == shared_fields(second)
    assert "@article{vanderberg2020m" in text and "_2," in text


def test_csv_opens_in_a_spreadsheet_without_formulas_and_without_dates():
    text = write_csv([ParsedRecord(title="=1+1", pages="6-10")])
    row = text.splitlines()[1]
    assert row.startswith("'=1+1,") and "6–10" in row
    assert read_file(text.encode("utf-8-sig"), name="a.csv").parsed[0].pages == "6-10"


def test_files_are_written_by_their_suffix(tmp_path):
    record = ParsedRecord(title="标题", year=2020)
    for name, (_, suffix) in WRITERS.items():
        path = tmp_path / f"a{suffix}"
        write_file(path, [record])
        assert read_file(path).format == name
        assert read_file(path).parsed[0].title == "标题"
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with pytest.raises(InputError, match=r"ris \(\.ris\), csv \(\.csv\), nbib \(\.nbib\), bibtex \(\.bib\)"):
        write_file(tmp_path / "a.docx", [record])


def held(record: ParsedRecord, format: str) -> dict[str, object]:
    """The fields that a format has a place for; MEDLINE runs the paragraphs of an abstract together."""
    found = {name: getattr(record, name) for name in HELD[format]}
    return found | {"abstract": clean(record.abstract)} if format == "nbib" else found


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(RECORD.filter(lambda r: r.title), min_size=1, max_size=3),
    format=st.sampled_from(["endnote_xml", "csl_json"]),
)
def test_endnote_xml_and_csl_json_round_trips_are_the_identity(records, format):
    text = WRITERS[format][0](records)
    result = read_file(text.encode("utf-8"), name=f"a{WRITERS[format][1]}")
    assert result.format == format
    assert [held(r, format) for r in result.parsed] == [held(r, format) for r in records]


# (field, records at most) that cannot come back, in 2,400 real ones: keywords and names that hold the separator of the
# list, and braces in BibTeX.
KNOWN_CHANGES = {"csv": {"authors": 2, "keywords": 2}, "bibtex": {"authors": 1, "keywords": 2, "abstract": 3}}


@pytest.mark.parametrize("format", [name for name in WRITERS if name != "ris"])
def test_every_sample_reads_back_alike_in_every_format(samples, format):
    different: dict[str, list[str]] = {}
    for source, before in samples.items():
        text = WRITERS[format][0](before)
        after = read_file(text.encode("utf-8"), name=f"a{WRITERS[format][1]}", format=format).parsed
        assert len(after) == len(before), source
        for old, new in zip(before, after, strict=True):
            for name, value in held(old, format).items():
                if held(new, format)[name] != value:
                    different.setdefault(name, []).append(f"{source}: {value!r} -> {getattr(new, name)!r}")
    allowed = KNOWN_CHANGES.get(format, {})
    surplus = {name: found[:3] for name, found in different.items() if len(found) > allowed.get(name, 0)}
    assert not surplus
