"""bib-dedupe on labelled sets, by an interpreter that has it; needs nothing of this package.

    python -m venv PEERS && PEERS/bin/pip install bib-dedupe
    PEERS/bin/python benchmarks/dedup_peers.py [--json] DIR [DIR ...]

Defaults of bib-dedupe, its own clusters from the pairs it calls duplicates; pairs it calls "maybe" are counted as
asked. Counted as in dedup.py, which runs it by --peers PEERS/bin/python of dedup_targets.py.
"""

from __future__ import annotations

import csv
import gzip
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file or of its compressed form."""
    packed = path.with_name(path.name + ".gz")
    opener = gzip.open if packed.exists() else open
    with opener(packed if packed.exists() else path, "rt", encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def used() -> float:
    """CPU seconds of this process and its children."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def main() -> None:
    """One line per set."""
    import pandas as pd
    from bib_dedupe.bib_dedupe import block, cluster, match, prep

    csv.field_size_limit(2**31 - 1)
    as_json = "--json" in sys.argv
    for folder in (Path(word) for word in sys.argv[1:] if word != "--json"):
        rows = read(folder / "records.csv")
        labels = {row["id"]: row["cluster_id"] for row in read(folder / "clusters.csv")}
        names = {"authors": "author", "issue": "number", "id": "ID"}
        kept = ("id", "title", "authors", "year", "journal", "volume", "issue", "pages", "doi", "abstract", "isbn")
        frame = pd.DataFrame([{names.get(n, n): row.get(n) or "" for n in kept} for row in rows])
        frame["ENTRYTYPE"], frame["search_set"] = "article", ""
        wall, cpu = time.perf_counter(), used()
        matched = match(block(prep(frame, verbosity_level=0), verbosity_level=0), verbosity_level=0)
        groups = cluster(matched[matched["duplicate_label"] == "duplicate"], verbosity_level=0)
        wall, cpu = time.perf_counter() - wall, used() - cpu
        held: dict[str, int] = {}
        for number, group in enumerate(groups):
            held |= dict.fromkeys(group, number)
        counts: dict[object, Counter[str]] = {}
        for rid, label in labels.items():
            counts.setdefault(held.get(rid, rid), Counter())[label] += 1
        right = sum(sum(c.values()) - len(c) for c in counts.values())
        wrong = sum(len(c) - 1 for c in counts.values())
        duplicates = len(labels) - len(set(labels.values()))
        maybe = matched[matched["duplicate_label"] == "maybe"]
        true = sum(int(labels[a] == labels[b]) for a, b in zip(maybe["ID_1"], maybe["ID_2"], strict=True))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if as_json:
            facts = (wrong, duplicates - right, len(maybe), true, round(cpu, 1), round(memory))
            print(json.dumps({"name": folder.name, "facts": facts}))
            continue
        print(
            f"{folder.name:20} wrong {wrong} missed {duplicates - right} asked {len(maybe)} true {true} "
            f"{wall:.1f} s wall {cpu:.1f} s CPU {memory:.0f} MB"
        )


if __name__ == "__main__":
    main()
