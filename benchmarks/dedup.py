"""Accuracy, speed and memory of deduplication on the labelled sets, beside bib-dedupe's and exact matching's figures.

    python benchmarks/dedup.py [SET ...] [--generated DIR] [--leave-one-out] [--strictness NAME] [--show N]

Wrong merges and missed ones are counted as score.py of the labelled sets counts them: a cluster of s records that holds
k publications has s - k right merges and k - 1 wrong ones. Review pairs are what a person would be asked; "found in
review" counts the links that true answers add.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from dedup_data import REAL_SETS, LabelledSet, load_set, shared_folder
from dedup_train import compared, fit

from toolkit.dedup.decide import Weights
from toolkit.dedup.pipeline import Matches, evidence_of, find_duplicates
from toolkit.dedup.scoring import Score, score_matches

# bib-dedupe 2025-10 (wrong, missed), measured once with its defaults: shared notes on deduplication
BIB_DEDUPE = {
    "diabetes": (0, 0), "cytology_screening": (0, 1), "respiratory": (0, 28), "copper": (0, 1), "cardiac": (1, 9),
    "digital_work": (0, 1), "srsr": (0, 68), "gen10k": (52, 201),
}  # fmt: skip


def measure(labelled: LabelledSet, *, strictness: str, weights: Weights | None = None) -> tuple[Score, Matches, float]:
    """Deduplicate a set; its score, what was found, and the seconds it took."""
    start = time.perf_counter()
    matches = find_duplicates(labelled.columns, strictness=strictness, weights=weights)
    seconds = time.perf_counter() - start
    return score_matches(matches, labelled.labels.tolist()), matches, seconds


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


def print_table(rows: list[tuple[str, Score, int, float, float]]) -> None:
    """The table, one set per line: name, score, missed Cochrane versions, seconds, megabytes."""
    names = ("set", "records", "dupl.", "wrong", "missed", "Cochr.", "recall", "F1", "review", "true", "after review",
             "bib-dedupe w/m", "seconds", "MB")  # fmt: skip
    widths = (20, 8, 7, 6, 7, 7, 8, 8, 7, 5, 13, 15, 8, 6)
    print(
        "".join(f"{name:>{w}}" if k else f"{name:{w}}" for k, (name, w) in enumerate(zip(names, widths, strict=True)))
    )
    for name, r, versions, seconds, megabytes in rows:
        peer = "/".join(map(str, BIB_DEDUPE[name])) if name in BIB_DEDUPE else "-"
        cells = (name, r.records, r.duplicates, r.wrong, r.missed, versions, f"{r.recall:.4f}", f"{r.f1:.4f}", r.review,
                 r.review_true, f"{r.recall_after_review:.4f}", peer, f"{seconds:.2f}", f"{megabytes:.0f}")  # fmt: skip
        print("".join(f"{c:>{w}}" if k else f"{c:{w}}" for k, (c, w) in enumerate(zip(cells, widths, strict=True))))


def main() -> None:
    """Measure the named sets (default: all real ones); each in a process of its own where memory is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(REAL_SETS))
    parser.add_argument("--generated", type=Path, action="append", default=[])
    parser.add_argument("--leave-one-out", action="store_true", help="weights learnt without the set measured")
    parser.add_argument("--strictness", default="balanced")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print up to N errors of each kind")
    parser.add_argument("--memory", action="store_true", help="peak memory, each set in a process of its own")
    a = parser.parse_args()
    base = shared_folder() / "bench" / "dedup"
    folders = [base / name for name in a.sets if name] + a.generated
    if a.memory and len(folders) > 1:
        for folder in folders:
            where = [folder.name] if folder.parent == base else ["", "--generated", str(folder)]
            subprocess.run([sys.executable, __file__, *where, "--memory", "--strictness", a.strictness], check=True)
        return
    sets = [load_set(folder) for folder in folders]
    pairs = [compared(s) for s in sets] if a.leave_one_out else []
    rows = []
    for k, labelled in enumerate(sets):
        weights = fit(pairs[:k] + pairs[k + 1 :]) if a.leave_one_out else None
        found, matches, seconds = measure(labelled, strictness=a.strictness, weights=weights)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append((labelled.name, found, missed_versions(labelled, matches), seconds, peak))
        if a.show:
            show_errors(labelled, matches, a.show)
    print_table(rows)


if __name__ == "__main__":
    main()
