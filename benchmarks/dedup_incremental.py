"""New records against a large library: CPU seconds of the deduplication step, by the project's own events and index.

    python benchmarks/dedup_incremental.py GENERATED WORK [--new 1000] [--json]

GENERATED is a folder of make_large.py (100,000 records and more). All but the last ``--new`` of its shuffled records
become a project in WORK, deduplicated once; then the others are imported, and the step is timed in a process of its
own, start of Python and imports apart.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

from dedup_data import read_rows

from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.store import NewRecord, content_id

_SETTINGS = '[review]\ntitle = "A large library"\n[[sources]]\nname = "{}"\n'
_TEXT = ("title", "journal", "volume", "issue", "pages", "abstract", "doi", "pmid", "language")
_STEP = """
import gc, json, resource, sys, time
gc.set_threshold(200_000, 20, 20)  # as the command line sets it
from toolkit.dedup.run import dedup
from toolkit.project import Project
def used():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
project = Project.open(sys.argv[1])
cpu, wall = used(), time.perf_counter()
outcome = dedup(project)
print(json.dumps({"compared": outcome.compared, "merged": outcome.merged, "waiting": outcome.waiting,
    "cpu": used() - cpu, "wall": time.perf_counter() - wall,
    "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def fields_of(row: dict[str, str]) -> dict[str, object]:
    """The fields of a record as an import stores them."""
    fields: dict[str, object] = {name: row[name] for name in _TEXT if row.get(name)}
    if row.get("authors"):
        fields["authors"] = [name.strip() for name in row["authors"].split(";")]
    if row.get("year", "").isdigit():
        fields["year"] = int(row["year"])
    return fields


def add(project: Project, rows: list[dict[str, str]], source: str) -> None:
    """One finished import."""
    run = content_id("run", source)
    records = [
        NewRecord(id=content_id(run, n), ordinal=n, external_id="", format="ris", raw=b"x", fields=fields_of(row))
        for n, row in enumerate(rows)
    ]
    with project.writing(f"import {source}") as batch:
        batch.add_run(
            run_id=run, kind="import", source=source, source_kind="database", file_name="a.ris", sha256=run,
            searched_on="2026-01-01", detail={},
        )  # fmt: skip
        batch.add_records(run, records)
        batch.append([NewEvent(kind="run", subject=run, value="complete")])


def step(folder: Path) -> dict[str, float]:
    """One deduplication in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _STEP, str(folder)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Build, deduplicate, add, deduplicate again; print both steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generated", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--new", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print the steps as one JSON object")
    options = parser.parse_args()
    steps: dict[str, dict[str, float]] = {}
    rows = list(read_rows(options.generated / "records.csv"))
    random.Random(1).shuffle(rows)
    old, new = rows[: -options.new], rows[-options.new :]
    library = options.work / f"library-{len(old)}"
    if not (library / "evipool.db").exists():
        library.mkdir(parents=True)
        (library / "review.toml").write_text(_SETTINGS.format("Old"), encoding="utf-8")
        with Project.open(library) as project:
            add(project, old, "Old")
        steps["first"] = step(library)
    copy = options.work / "updated"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(library, copy)
    with Project.open(copy) as project:
        add(project, new, "New")
    steps["new"] = step(copy)
    steps["nothing new"] = step(copy)
    if options.json:
        print(json.dumps(steps))
        return
    for name, found in steps.items():
        facts = ", ".join(f"{key} {value:,.2f}".removesuffix(".00") for key, value in found.items())
        print(f"{name}: {facts}")


if __name__ == "__main__":
    main()
