"""Files that are not whole: cut in a record, in a character, between records; the number a file states of itself."""

from __future__ import annotations

import pytest

from toolkit.model.errors import InputError
from toolkit.records.files import read_file

NBIB = "".join(f"PMID- {n}\nTI  - Title {n}\nAB  - Long\n      text\nSO  - J Test. 2001\n\n" for n in range(1, 6))
ENW = "".join(f"%0 Journal Article\n%T 标题 {n}\n%J 杂志\n%W CNKI\n\n" for n in range(1, 6))
OVID = "".join(f"<{n}>\nUnique Identifier\n  {n}\nTitle\n  Title {n}\nSource\n  J Test. 2001\n\n" for n in range(1, 3))
COCHRANE = "".join(f"Record #{n} of 5\nID: CN-{n}\nTI: Title {n}\nUS: http://x/{n}\n\n" for n in range(1, 6))
WOS = "FN Clarivate\nVR 1.0\n" + "".join(f"PT J\nTI Title {n}\nER\n\n" for n in range(1, 4)) + "EF\n"
ROWS = "".join(f"{n},Title {n},J Test,2001,en\n" for n in range(1, 6))
TABLE = "id,title,journal,year,language\n" + ROWS


@pytest.mark.parametrize(
    "text", [NBIB, ENW, OVID, COCHRANE, WOS, TABLE], ids=["nbib", "enw", "ovid", "cochrane", "wos", "csv"]
)
def test_whole_files_are_called_whole(text):
    found = read_file(text.encode())
    assert found.incomplete is None
    assert found.stated in (None, len(found.parsed))


def test_a_last_record_that_stops_before_the_field_that_closes_all_others():
    found = read_file(NBIB[: NBIB.rindex("AB  - ") + 8].encode())
    assert found.incomplete == "the last record ends at AB, the 4 before it at SO; the file may be cut off"


def test_a_value_that_goes_on_over_lines_is_not_the_last_field():
    assert read_file((NBIB.rstrip() + "\n      and more\n").encode()).incomplete is None


def test_two_records_tell_nothing_about_how_records_end():
    assert read_file(b"PMID- 1\nTI  - A\nSO  - J\n\nPMID- 2\nTI  - B\n").incomplete is None


def test_a_file_that_ends_inside_a_character():
    data = ENW.encode()
    cut = data[: data.rindex("志".encode()) + 1]
    assert "cut off" in (read_file(cut).incomplete or "")
    one = "%0 Journal Article\n%T 标题".encode()
    assert read_file(one[:-1]).incomplete == "the file ends inside a character; it was cut off"
    assert read_file(one).incomplete is None


def test_a_file_cut_between_records_is_known_by_the_number_it_states():
    found = read_file(COCHRANE[: COCHRANE.index("Record #4")].encode())
    assert (found.stated, len(found.parsed), found.incomplete) == (5, 3, None)


def test_web_of_science_without_its_end_mark():
    assert "EF" in (read_file(WOS.replace("EF\n", "").encode()).incomplete or "")


@pytest.mark.parametrize("stop", ["2001", "J Test", "Title 5"])
def test_a_row_with_fewer_cells_than_any_before_it(stop):
    found = read_file(TABLE[: TABLE.rindex(stop) + len(stop)].encode())
    assert found.starters == 5
    assert len(found.parsed) == 4
    assert "cut off" in found.unread[0].reason


def test_a_page_of_results_says_how_many_there_are():
    page = b'{"hitCount": 812, "resultList": {"result": [{"id": "1", "title": "A", "authorString": "B C"}]}}'
    assert read_file(page).stated == 812


def test_a_page_that_names_a_next_page_is_not_the_whole():
    study = '{"protocolSection": {"identificationModule": {"nctId": "NCT00000001", "briefTitle": "A"}}}'
    page = f'{{"studies": [{study}], "nextPageToken": "abc"}}'
    assert "next page" in (read_file(page.encode()).incomplete or "")
    assert read_file(f'{{"studies": [{study}]}}'.encode()).incomplete is None


@pytest.mark.parametrize("name", ["export.ris", "export.nbib", "export.csv", "export.bib"])
def test_an_error_page_saved_as_an_export_is_refused(name):
    page = b"\n<!DOCTYPE html><html><body><h1>503 Service Unavailable</h1>TY  - none</body></html>"
    with pytest.raises(InputError, match=r"web page \(HTML\)"):
        read_file(page, name=name)


@pytest.mark.shared
def test_real_files_cut_anywhere_never_read_as_more_than_they_hold(shared):
    """Cut after half its bytes a real file gives fewer records than whole, and each that is given was in the whole."""
    folder = shared / "samples" / "exports"
    for name in (
        "pubmed/revtools_restoration.nbib",
        "cochrane/citation-export_part.txt",
        "wos/revtools_restoration.ciw",
        "scopus/revtools_restoration_scopus.ris",
    ):
        data = (folder / name).read_bytes()
        whole, half = read_file(data), read_file(data[: len(data) // 2])
        said = half.incomplete or (half.stated not in (None, len(half.parsed)))
        assert said, name
        assert len(half.parsed) < len(whole.parsed)
        assert [r.title for r in half.parsed][:-1] == [r.title for r in whole.parsed][: len(half.parsed) - 1]


CHINESE = "TY  - JOUR\nTI  - 股骨头坏死研究\nAU  - 王伟\nER  - \n\n"


@pytest.mark.parametrize(
    ("codec", "title"), [("latin-1", "Müllers Café"), ("cp1252", "“Hip” – a review"), ("gb18030", "髋关节置换术的随访")]
)
def test_a_file_joined_of_two_encodings_is_read_in_both(codec, title):
    text = f"TY  - JOUR\r\nTI  - {title}\r\nER  - \r\n\r\n"
    found = read_file(text.encode(codec) + 3 * CHINESE.encode())
    assert [r.title for r in found.parsed] == [title, *["股骨头坏死研究"] * 3]
    assert "joined of parts in two encodings: 1 line that is" in found.notes[0]
    assert found.replacements == 0


@pytest.mark.parametrize("codec", ["gb18030", "cp1252"])
def test_a_file_in_one_encoding_is_not_taken_for_joined(codec):
    text = "TY  - JOUR\nTI  - {}\nER  - \n\n"
    titles = ["联通", "股骨头坏死研究"] if codec == "gb18030" else ["Café", "Müller"]
    found = read_file("".join(text.format(title) for title in titles).encode(codec))
    assert found.encoding == codec
    assert [r.title for r in found.parsed] == titles


def test_two_kinds_of_records_in_one_file_are_seen():
    found = read_file((CHINESE + NBIB).encode())
    assert found.format == "ris"
    assert found.incomplete == "records of another kind begin in it (5 of nbib); save each kind in a file of its own"
