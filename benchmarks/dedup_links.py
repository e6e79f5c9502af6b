"""Look-alikes of a generated set: how many were merged (none should be), how many linked.

    python benchmarks/dedup_links.py DIR [--json]

DIR holds records.csv, clusters.csv and relations.csv of make_large.py. "sibling_of" are two studies of one design ("in
men", "in women"); they are not to be linked.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from dedup_data import load_set

from toolkit.dedup.block import likely_pairs
from toolkit.dedup.library import read_columns
from toolkit.dedup.pipeline import default_workers, match_pairs
from toolkit.dedup.relations import find_relations


def main() -> None:
    """Count by relation; print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    labelled = load_set(a.folder)
    library = read_columns(labelled.columns, workers=default_workers())
    values = library.values
    matches = match_pairs(tuple(labelled.columns.ids), values, likely_pairs(library.keys), workers=default_workers())
    place = {rid: k for k, rid in enumerate(matches.ids)}
    labels = labelled.labels.tolist()
    links = {frozenset((labels[r.first], labels[r.second])): r.kind for r in find_relations(matches, values)}
    counts: dict[str, dict[str, int]] = {}
    true = set()
    with (a.folder / "relations.csv").open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            i, j = place[row["id_a"]], place[row["id_b"]]
            some = counts.setdefault(row["relation"], {"pairs": 0, "merged": 0, "linked": 0})
            some["pairs"] += 1
            some["merged"] += int(matches.clusters[i] == matches.clusters[j])
            pair = frozenset((labels[i], labels[j]))
            some["linked"] += pair in links
            true.add(pair)
    other = sum(pair not in true for pair in links)
    if a.json:
        print(json.dumps([{"relation": name, **some} for name, some in sorted(counts.items())]))
        return
    for name, some in sorted(counts.items()):
        print(f"{name:14} {some['pairs']:6} pairs {some['merged']:5} merged {some['linked']:6} linked")
    print(f"{other} of {len(links)} links join other pairs")


if __name__ == "__main__":
    main()
