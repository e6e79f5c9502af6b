"""New records against an existing index: the same as from scratch, whatever the order, and nothing decided is lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import fields as fields_of
from pathlib import Path

import numpy as np
import pytest

from tests.dedup.conftest import ABSTRACTED, ARTICLE, DOUBTFUL, OTHER, SETTINGS, AddRecords, Fields
from toolkit.dedup.block import MAX_BLOCK, candidate_pairs
from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.index import INDEX_FILE, Index, extend_index, load_index, save_index
from toolkit.dedup.judge import keep_apart, merge
from toolkit.dedup.keys import joined, read_keys
from toolkit.dedup.normalise import read_values
from toolkit.dedup.run import dedup, questions
from toolkit.dedup.scope import find_scope, rebuild_index
from toolkit.project import Project
from toolkit.store import views

PLACES: tuple[Fields, ...] = (
    ARTICLE, ABSTRACTED, DOUBTFUL, OTHER,
    {**OTHER, "title": "Iloprost for bone marrow edema of the knee", "pages": "1-9", "doi": "10.1000/iloprost"},
    {**ARTICLE, "title": f"Erratum: {ARTICLE['title']}", "pages": "2401"},
    {"title": "干细胞移植治疗股骨头坏死的临床研究", "authors": ["王伟"], "year": 2012, "journal": "中华骨科杂志"},
    {"title": "干细胞移植治疗股骨头坏死的临床研究", "authors": ["王伟"], "year": 2012, "journal": "中华骨科杂志"},
    {**OTHER, "title": "Zoledronate in hip osteonecrosis: part 1", "pages": "20-29", "doi": "10.1000/z1"},
    {**OTHER, "title": "Zoledronate in hip osteonecrosis: part 2", "pages": "30-39", "doi": "10.1000/z2"},
    {**OTHER, "title": "Zoledronate in hip osteonecrosis: part 2", "pages": "30-9", "doi": "10.1000/z2", "year": 2006},
    {"title": "Zoledronate in hip osteonecrosis"},
)  # fmt: skip


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[str], Project]]:
    opened: list[Project] = []

    def make(name: str) -> Project:
        root = tmp_path / name
        root.mkdir()
        (root / "review.toml").write_text(SETTINGS, encoding="utf-8")
        opened.append(Project.open(root, reviewer="AB"))
        return opened[-1]

    yield make
    for project in opened:
        project.close()


def titles(project: Project) -> tuple[list[list[int]], set[frozenset[int]]]:
    """Reports as lists of the numbers that records carry in ``accession``, and the questions as pairs of them."""
    stored = views.records(project.store)
    number = {rid: int(record.fields.accession or 0) for rid, record in stored.items()}
    reports = sorted(sorted(number[rid] for rid in some) for some in views.reports(project.store).values())
    return reports, {frozenset((number[q.first], number[q.second])) for q in questions(project)}


@pytest.mark.parametrize("seed", range(6))
def test_piece_by_piece_gives_the_same_reports_as_all_at_once(
    fresh: Callable[[str], Project], adding: Callable[[Project], AddRecords], seed: int
) -> None:
    numbered = [{**record, "accession": str(k)} for k, record in enumerate(PLACES, start=1)]
    whole, pieces = fresh("whole"), fresh("pieces")
    adding(whole)(numbered)
    dedup(whole)
    shuffled = random.Random(seed).sample(numbered, len(numbered))
    first = 8  # so that later pieces are small parts of the library and go by the index
    adding(pieces)(shuffled[:first])
    dedup(pieces)
    for record in shuffled[first:]:
        adding(pieces)([record], source="Embase")
        dedup(pieces)
    (reports, asked), (expected, expected_asked) = titles(pieces), titles(whole)
    assert reports == expected

    def places(pairs: set[frozenset[int]]) -> set[frozenset[int]]:
        return {frozenset(next(k for k, some in enumerate(reports) if n in some) for n in pair) for pair in pairs}

    assert places(asked) == places(expected_asked)


def test_the_index_holds_what_a_fresh_computation_holds(project: Project, add: AddRecords) -> None:
    add(PLACES[:8])
    dedup(project)
    add(PLACES[8:], source="Embase")
    dedup(project)
    kept, computed = load_index(project.root), rebuild_index(project)
    assert kept is not None
    assert kept.ids == computed.ids
    assert kept.keys.titles[:] == computed.keys.titles[:]
    assert all((kept.keys.codes[name] == codes).all() for name, codes in computed.keys.codes.items())
    assert (kept.keys.words == computed.keys.words).all()
    assert (kept.keys.starts == computed.keys.starts).all()


def test_a_new_record_is_compared_with_what_shares_a_key_and_nothing_else(project: Project, add: AddRecords) -> None:
    first, _ = add([ARTICLE, OTHER])
    dedup(project)
    (third,) = add([ABSTRACTED], source="Embase")
    order = list(views.record_runs(project.store))
    scope = find_scope(project, order, frozenset([third]))
    assert scope.ids == (first, third)
    assert (scope.left.tolist(), scope.right.tolist()) == ([0], [1])


@pytest.mark.parametrize("damage", ["missing", "cut", "older"])
def test_without_a_usable_index_everything_is_read_again(project: Project, add: AddRecords, damage: str) -> None:
    first, other = add([ARTICLE, OTHER])
    dedup(project)
    path = project.root / INDEX_FILE
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:200])
    else:
        with np.load(path) as stored:
            np.savez(path, **{**stored, "version": np.array([0, 0])})
    assert load_index(project.root) is None
    (second,) = add([ABSTRACTED], source="Embase")
    assert dedup(project).merged == 1
    assert views.assignments(project.store) == {first: first, other: other, second: first}
    assert load_index(project.root) is not None


def test_a_run_taken_back_leaves_no_trace_in_later_comparisons(project: Project, add: AddRecords) -> None:
    add([OTHER, PLACES[6]])
    imported = add([ARTICLE])
    dedup(project)
    runs = [b for b in project.store.batches() if b.command == "import"]
    project.store.undo(runs[-1].id, actor="AB", command="undo")
    (again,) = add([ABSTRACTED], source="Embase")
    assert dedup(project).merged == 0
    assert imported[0] not in views.assignments(project.store)
    assert views.assignments(project.store)[again] == again


def test_answers_carry_over_to_new_copies(project: Project, add: AddRecords) -> None:
    first, second = add([ARTICLE, DOUBTFUL])
    dedup(project)
    keep_apart(project, first, second)
    add([OTHER, PLACES[6]], source="Embase")
    (third,) = add([{**DOUBTFUL, "accession": "E7"}], source="CNKI")
    dedup(project)
    assert questions(project) == []
    assert views.assignments(project.store)[third] == second
    assert merge(project, [first, second]).report == first
    add([{**DOUBTFUL, "accession": "E8"}], source="Embase")
    dedup(project)
    assert len(views.reports(project.store)) == 3


def test_keys_added_are_the_keys_of_all(project: Project) -> None:
    rows = [{"id": str(k), **{n: str(v) for n, v in r.items() if isinstance(v, str)}} for k, r in enumerate(PLACES)]
    columns = RecordColumns.from_rows(rows)
    values = read_values(columns)
    cut = {f.name: getattr(columns, f.name) for f in fields_of(columns)}
    head, tail = (RecordColumns(**{n: v[part] for n, v in cut.items()}) for part in (slice(5), slice(5, None)))
    whole, both = read_keys(values), joined([read_keys(read_values(head)), read_keys(read_values(tail))])
    assert (whole.words == both.words).all()
    some = np.array([7, 2, 4])
    taken = whole.take(some)
    assert taken.titles == [whole.titles[k] for k in some]
    assert taken.words.tolist() == [
        word for k in some for word in whole.words[whole.starts[k] : whole.starts[k + 1]].tolist()
    ]
    assert both.titles[:] == whole.titles
    start = Index(ids=tuple(columns.ids[:5]), keys=read_keys(read_values(head)))
    grown = extend_index(start, columns.ids[5:], read_keys(read_values(tail)))
    assert grown.ids == tuple(columns.ids)


def test_an_index_survives_the_file(tmp_path: Path) -> None:
    row = {"id": "a\u3000b", "title": "Iloprost [干细胞]", "authors": "Li, W"}
    columns = RecordColumns.from_rows([row, {"id": "c", "title": ""}])
    index = Index(ids=tuple(columns.ids), keys=read_keys(read_values(columns)))
    save_index(tmp_path, index)
    back = load_index(tmp_path)
    assert back is not None
    assert (back.ids, back.keys.titles[:]) == (index.ids, index.keys.titles)
    assert (tmp_path / INDEX_FILE).exists()


def test_a_large_block_gives_the_same_pairs_in_any_order() -> None:
    size = 2 * MAX_BLOCK
    rows = [{"id": f"r{k:03d}", "title": "Editorial notes", "url": f"x{k}", "pmid": str(k + 1)} for k in range(size)]
    names = [row["id"] for row in rows]
    left, right = candidate_pairs(read_keys(read_values(RecordColumns.from_rows(rows))))
    order = random.Random(1).sample(range(size), size)
    shuffled = RecordColumns.from_rows([rows[k] for k in order])
    other_left, other_right = candidate_pairs(read_keys(read_values(shuffled)))
    pairs = {frozenset((names[i], names[j])) for i, j in zip(left, right, strict=True)}
    others = {frozenset((shuffled.ids[i], shuffled.ids[j])) for i, j in zip(other_left, other_right, strict=True)}
    assert pairs == others
    assert 0 < len(pairs) <= 3 * size


def test_the_pairs_that_wait_are_counted_as_the_list_shows_them(project: Project, add: AddRecords) -> None:
    first, second = add([ARTICLE, DOUBTFUL])
    told = dedup(project, dry_run=True)
    assert (told.waiting, dedup(project).waiting, len(questions(project))) == (1, 1, 1)
    add([{**DOUBTFUL, "accession": "E9"}, ABSTRACTED], source="Embase")
    assert dedup(project).waiting == len(questions(project)) == 1
    merge(project, [first, second])
    add([OTHER], source="CNKI")
    assert dedup(project).waiting == len(questions(project)) == 0
