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
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dedup_data import REAL_SETS, LabelledSet, load_set, shared_folder
from dedup_train import compared, fit

from toolkit.dedup.decide import Weights
from toolkit.dedup.pipeline import Matches, evidence_of, find_duplicates

# bib-dedupe 2025-10 (wrong, missed), measured once with its defaults: shared notes on deduplication
BIB_DEDUPE = {
    "diabetes": (0, 0), "cytology_screening": (0, 1), "respiratory": (0, 28), "copper": (0, 1), "cardiac": (1, 9),
    "digital_work": (0, 1), "srsr": (0, 68), "gen10k": (52, 201),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    records: int
    duplicates: int
    wrong: int
    missed: int
    review: int
    review_true: int
    found_in_review: int
    seconds: float


def measure(labelled: LabelledSet, *, strictness: str, weights: Weights | None = None) -> tuple[Row, Matches]:
    """Deduplicate a set and count."""
    start = time.perf_counter()
    matches = find_duplicates(labelled.columns, strictness=strictness, weights=weights)
    seconds = time.perf_counter() - start
    clusters, labels = matches.clusters, labelled.labels
    right, wrong = _count(clusters, labels)
    duplicates = len(labels) - len(np.unique(labels))
    left, other = matches.decisions.left[matches.review], matches.decisions.right[matches.review]
    true = labels[left] == labels[other]
    answered = _joined(clusters, left[true], other[true])
    return (
        Row(
            name=labelled.name, records=len(labels), duplicates=duplicates, wrong=wrong, missed=duplicates - right,
            review=len(matches.review), review_true=int(true.sum()),
            found_in_review=_count(answered, labels)[0] - right, seconds=seconds,
        ),
        matches,
    )  # fmt: skip


def _count(clusters: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """Right and wrong merges."""
    held: dict[int, Counter[int]] = {}
    for cluster, label in zip(clusters.tolist(), labels.tolist(), strict=True):
        held.setdefault(cluster, Counter())[label] += 1
    return sum(c.total() - len(c) for c in held.values()), sum(len(c) - 1 for c in held.values())


def _joined(clusters: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    out = clusters.copy()
    for i, j in zip(left.tolist(), right.tolist(), strict=True):
        a, b = out[i], out[j]
        if a != b:
            out[out == b] = a
    return out


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


def print_table(rows: list[Row], memory: dict[str, float]) -> None:
    """The table, one set per line."""
    print(f"{'set':20}{'records':>8}{'dupl.':>7}{'wrong':>6}{'missed':>7}{'recall':>8}{'f1':>8}{'review':>7}{'true':>5}"
          f"{'after review':>13}{'bib-dedupe w/m':>15}{'seconds':>8}{'MB':>6}")  # fmt: skip
    for r in rows:
        right = r.duplicates - r.missed
        f1 = 2 * right / max(2 * right + r.wrong + r.missed, 1)
        peer = "/".join(map(str, BIB_DEDUPE[r.name])) if r.name in BIB_DEDUPE else "-"
        recall = right / max(r.duplicates, 1)
        print(f"{r.name:20}{r.records:8}{r.duplicates:7}{r.wrong:6}{r.missed:7}{recall:8.4f}{f1:8.4f}"
              f"{r.review:7}{r.review_true:5}{(right + r.found_in_review) / max(r.duplicates, 1):13.4f}{peer:>15}"
              f"{r.seconds:8.2f}{memory.get(r.name, float('nan')):6.0f}")  # fmt: skip


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
    rows, memory = [], {}
    for k, labelled in enumerate(sets):
        weights = fit(pairs[:k] + pairs[k + 1 :]) if a.leave_one_out else None
        row, matches = measure(labelled, strictness=a.strictness, weights=weights)
        rows.append(row)
        if a.memory:
            memory[labelled.name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if a.show:
            show_errors(labelled, matches, a.show)
    print_table(rows, memory)


if __name__ == "__main__":
    main()
