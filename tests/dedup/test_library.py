"""A library read in parts, in one process or several, is the library read at once."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from tests.dedup.test_pipeline import columns_of
from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.keys import read_keys
from toolkit.dedup.library import cut, read_library
from toolkit.dedup.normalise import CODED, Normalised, encode, read_values
from toolkit.dedup.texts import Texts, taken

ROWS = [
    {
        "title": f"Iloprost {'股骨头' * (k % 3)} for bone marrow oedema of the knee, part {k % 4}",
        "original_title": "Iloprost bei Knochenmarködem" if k % 5 == 0 else "",
        "authors": ("Müller, A; Li, Wei", "李伟", "")[k % 3],
        "year": str(2000 + k % 7),
        "journal": f"Journal {k % 6}",
        "volume": str(k % 9),
        "pages": f"{k}-{k + 9}",
        "doi": ("", f"10.1000/ab.{k % 8}", f"10.1000/AB-{k % 8}", f"10.1000/x.pub{2 + k // 4}")[k % 4],
        "pmid": str(k % 10 or ""),
        "issn": ("0000-0001", "0000-0002 0000-000X", "")[k % 3],
        "abstract": "Trial registration: NCT0082147" + str(k % 10) if k % 2 else "",
    }
    for k in range(31)
]


def same(columns: RecordColumns) -> RecordColumns:
    return columns


@pytest.mark.parametrize("workers", [1, 2])
def test_parts_give_the_same_keys_and_values_as_the_whole(workers: int) -> None:
    columns = columns_of(ROWS)
    lists = read_values(columns)
    keys, values = read_keys(lists), encode(lists, len(columns))
    library = read_library(list(cut(columns, 7)), same, workers=workers)
    assert library.keys.titles == keys.titles
    assert all((library.keys.codes[name] == codes).all() for name, codes in keys.codes.items())
    assert (library.keys.words == keys.words).all()
    assert (library.keys.starts == keys.starts).all()
    coded = {name: book for book, names in CODED.items() for name in names}
    for name in (f.name for f in fields(Normalised) if f.name not in ("books", "doi_work")):
        found, expected = getattr(library.values, name), getattr(values, name)
        if name in coded:  # equal texts, whatever their numbers
            found, expected = (np.array(v.books[coded[name]])[getattr(v, name)] for v in (library.values, values))
        assert np.array_equal(found, expected) if isinstance(expected, np.ndarray) else found[:] == expected, name
    works = [len(set(v.doi_work.tolist())) for v in (library.values, values)]
    assert works[0] == works[1] < len(values.books["doi"])


def test_no_record_is_a_library_too() -> None:
    library = read_library(list(cut(columns_of([]), 7)), same)
    assert (len(library.keys), len(library.values)) == (0, 0)


def test_strings_come_out_of_one_piece_as_they_went_in() -> None:
    some = ["hip", "", "股骨头", "lone \ud800 surrogate", "é"]
    texts = Texts.joined([Texts.of(some[:2]), Texts.of([]), Texts.of(some[2:])])
    assert texts[:] == some
    assert texts[-1] == "é"
    assert taken(texts, np.array([3, 0])) == taken(some, np.array([3, 0])) == [some[3], some[0]]
    with pytest.raises(IndexError):
        texts[5]
