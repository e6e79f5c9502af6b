"""Accuracy, speed and memory of deduplication on labelled sets, beside exact matching and bib-dedupe.

    python benchmarks/dedup.py [SET ...] [--generated DIR] [--leave-one-out] [--strictness NAME] [--show N] [--json]

Wrong merges and missed ones are counted as score.py of the labelled sets counts them: a cluster of s records that holds
k publications has s - k right merges and k - 1 wrong ones. "linked" are missed merges of records that we link instead
of joining (Cochrane versions, errata, abstracts and their articles); "Cochr." is the part of them within Cochrane
reviews. "asked" pairs are what a person would see, "true" how many are duplicates, "review" the recall once all are
answered; "l. out" (linked out) the same where what is linked is no miss. Exact matching (same DOI, or same title and
year) is run here; bib-dedupe's figures were measured by dedup_peers.py.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from dedup_data import REAL_SETS, LabelledSet, load_set, shared_folder
from dedup_train import compared, fit

from toolkit.dedup.block import likely_pairs
from toolkit.dedup.decide import Weights
from toolkit.dedup.library import read_columns
from toolkit.dedup.normalise import read_values
from toolkit.dedup.pipeline import Matches, default_workers, evidence_of, find_duplicates, match_pairs
from toolkit.dedup.relations import find_relations
from toolkit.dedup.scoring import count_merges, score_matches


class Peer(NamedTuple):
    """What bib-dedupe did on a set, with its defaults, as dedup_peers.py printed it; None: not measured here."""

    wrong: int
    missed: int
    asked: int | None = None
    true: int | None = None
    cpu: float | None = None
    megabytes: int | None = None


BIB_DEDUPE = {
    "diabetes": Peer(0, 0, 797, 14, 11.1, 138),
    "cytology_screening": Peer(0, 1, 204, 3, 9.5, 116),
    "respiratory": Peer(0, 28, 202, 38, 11.9, 99),
    "copper": Peer(0, 1, 6, 1, 3.7, 96),
    "cardiac": Peer(1, 9, 935, 14, 56, 447),  # as the notes on the sets say
    "digital_work": Peer(0, 1, 5398, 1, 47.9, 227),
    "srsr": Peer(0, 68),  # its own published run
    "gen10000": Peer(52, 201, 1317, 493, 62.9, 160),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one set gave."""

    name: str
    records: int
    duplicates: int
    wrong: int
    missed: int
    cochrane: int
    linked: int
    recall: float
    f1: float
    asked: int
    true: int
    after_review: float
    after_linked_out: float
    exact_wrong: int
    exact_missed: int
    seconds: float
    cpu: float
    megabytes: float


def used() -> float:
    """CPU seconds of this process and its children."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def peak() -> float:
    """Peak memory of this process in megabytes; workers, which large sets have, are not counted (dedup_speed.py)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(labelled: LabelledSet, *, strictness: str, weights: Weights | None = None) -> tuple[Row, Matches]:
    """Deduplicate a set and count."""
    wall, cpu = time.perf_counter(), used()
    matches = find_duplicates(labelled.columns, strictness=strictness, weights=weights)
    wall, cpu, megabytes = time.perf_counter() - wall, used() - cpu, peak()
    labels = labelled.labels.tolist()
    score = score_matches(matches, labels)
    linked = linked_misses(labelled, strictness)
    right, wrong = count_merges(exact_clusters(labelled), labels)
    found = score.right + score.found_in_review
    row = Row(
        name=labelled.name, records=score.records, duplicates=score.duplicates, wrong=score.wrong, missed=score.missed,
        cochrane=missed_versions(labelled, matches), linked=linked, recall=score.recall, f1=score.f1,
        asked=score.review, true=score.review_true, after_review=score.recall_after_review,
        after_linked_out=min(1.0, found / max(score.duplicates - linked, 1)), exact_wrong=wrong,
        exact_missed=score.duplicates - right, seconds=wall, cpu=cpu, megabytes=megabytes,
    )  # fmt: skip
    return row, matches


def linked_misses(labelled: LabelledSet, strictness: str) -> int:
    """Missed merges, not asked about either, between reports that are linked."""
    library = read_columns(labelled.columns, workers=default_workers())
    matches = match_pairs(
        tuple(labelled.columns.ids), library.values, likely_pairs(library.keys), strictness=strictness,
        workers=default_workers(),
    )  # fmt: skip
    labels = labelled.labels
    joined = matches.clusters.copy()
    d = matches.decisions
    asked = [(int(d.left[k]), int(d.right[k])) for k in matches.review]
    for i, j in asked:
        if labels[i] == labels[j]:
            joined[joined == joined[j]] = joined[i]
    before = count_merges(joined.tolist(), labels.tolist())[0]
    for relation in find_relations(matches, library.values):
        i, j = relation.first, relation.second
        if labels[i] == labels[j]:
            joined[joined == joined[j]] = joined[i]
    return count_merges(joined.tolist(), labels.tolist())[0] - before


def missed_versions(labelled: LabelledSet, matches: Matches) -> int:
    """Missed merges within Cochrane reviews: the labels call versions (.pub2, .pub3) duplicates, we keep them apart."""
    journal, doi = labelled.columns.journal, labelled.columns.doi
    held: dict[int, list[int]] = {}
    for k, label in enumerate(labelled.labels.tolist()):
        held.setdefault(label, []).append(k)
    return sum(
        len({int(matches.clusters[k]) for k in some}) - 1
        for some in held.values()
        if any("cochrane database" in journal[k].lower() or "14651858" in doi[k] for k in some)
    )


def exact_clusters(labelled: LabelledSet) -> list[int]:
    """Exact matching: records of the same DOI, or of the same folded title and year, and what these chain together."""
    values = read_values(labelled.columns)
    parent = list(range(len(labelled.columns)))

    def find(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    seen: dict[tuple[str, object], int] = {}
    for k in range(len(parent)):
        keys: list[tuple[str, object]] = [(doi, "doi") for doi in values["dois"][k][:1]]
        if values["title"][k]:
            keys.append((values["title"][k], values["year"][k]))
        for key in keys:
            parent[find(k)] = find(seen.setdefault(key, k))
    return [find(k) for k in range(len(parent))]


def show_errors(labelled: LabelledSet, matches: Matches, limit: int) -> None:
    """Print wrong merges, missed pairs and false questions, with the evidence."""
    d, labels, c = matches.decisions, labelled.labels, labelled.columns
    same = labels[d.left] == labels[d.right]
    joined = matches.clusters[d.left] == matches.clusters[d.right]
    asked = np.zeros(len(d.left), dtype=bool)
    asked[matches.review] = True
    kinds = {
        "WRONG": ~same & joined & (d.band == 2),
        "MISSED": same & ~joined,
        "ASKED, FALSE": asked & ~same,
    }
    for kind, where in kinds.items():
        for k in np.flatnonzero(where)[:limit].tolist():
            evidence = evidence_of(matches, k)
            print(f"--- {kind} {labelled.name} score {evidence.score:.1f} rule {evidence.rule}")
            for r in (d.left[k], d.right[k]):
                print("   ", c.ids[r], [str(getattr(c, f)[r])[:90] for f in (
                    "title", "authors", "year", "journal", "volume", "issue", "pages", "doi", "pmid")])  # fmt: skip
            print("    ", {f: v for f, v in evidence.fields.items() if v not in ("same", "long")})


def print_table(rows: Sequence[Row]) -> None:
    """The table, one set per line."""
    names = ("set", "records", "dupl.", "wrong", "missed", "Cochr.", "linked", "recall", "F1", "asked", "true",
             "review", "l. out", "seconds", "CPU s", "MB")  # fmt: skip
    widths = (18, 8, 7, 6, 7, 7, 7, 8, 7, 6, 5, 7, 7, 8, 6, 5)
    print_line(names, widths)
    for r in rows:
        cells = (r.name, r.records, r.duplicates, r.wrong, r.missed, r.cochrane, r.linked, f"{r.recall:.4f}",
                 f"{r.f1:.4f}", r.asked, r.true, f"{r.after_review:.4f}", f"{r.after_linked_out:.4f}",
                 f"{r.seconds:.2f}", f"{r.cpu:.2f}", f"{r.megabytes:.0f}")  # fmt: skip
        print_line(cells, widths)


def print_peers(rows: Sequence[Row]) -> None:
    """Beside exact matching and bib-dedupe, one set per line."""
    names = ("set", "wrong", "missed", "asked", "true", "CPU s", "MB", "exact: wrong", "missed", "bib-dedupe: wrong",
             "missed", "asked", "true", "CPU s", "MB")  # fmt: skip
    widths = (18, 6, 7, 6, 5, 6, 4, 14, 7, 19, 7, 6, 5, 6, 4)
    print_line(names, widths)
    for r in rows:
        peer = BIB_DEDUPE.get(r.name)
        theirs = [None] * 6 if peer is None else peer
        own = (r.name, r.wrong, r.missed, r.asked, r.true, f"{r.cpu:.1f}", f"{r.megabytes:.0f}")
        print_line((*own, r.exact_wrong, r.exact_missed, *("-" if x is None else x for x in theirs)), widths)


def print_line(cells: Sequence[object], widths: Sequence[int]) -> None:
    """One line of a table, the first cell to the left."""
    parts = [f"{c!s:>{w}}" if k else f"{c!s:{w}}" for k, (c, w) in enumerate(zip(cells, widths, strict=True))]
    print("".join(parts).rstrip())


def main() -> None:
    """Measure the named sets (default: all real ones)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(REAL_SETS))
    parser.add_argument("--generated", type=Path, action="append", default=[])
    parser.add_argument("--leave-one-out", action="store_true", help="weights learnt without the set measured")
    parser.add_argument("--strictness", default="balanced")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print up to N errors of each kind")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    a = parser.parse_args()
    base = shared_folder() / "bench" / "dedup"
    sets = [load_set(folder) for folder in [base / name for name in a.sets if name] + a.generated]
    pairs = [compared(s) for s in sets] if a.leave_one_out else []
    rows = []
    for k, labelled in enumerate(sets):
        weights = fit(pairs[:k] + pairs[k + 1 :]) if a.leave_one_out else None
        row, matches = measure(labelled, strictness=a.strictness, weights=weights)
        rows.append(row)
        if a.show:
            show_errors(labelled, matches, a.show)
    if a.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        print_table(rows)
        print()
        print_peers(rows)


if __name__ == "__main__":
    main()
