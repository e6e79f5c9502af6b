"""A project of 100,000 records, 250,000 events and 40 analyses: how long commands take, and how much memory.

    python benchmarks/scale.py DIR [--records 100000] [--repeat 3]

Builds the project in DIR (once; it is used again), fits its analyses, then times each command in a process of its
own, warm: in each column the best of the repeats. "user" is the processor time of that process, which other work on
the machine disturbs less than the clock. Memory is the peak of the process, read from /proc (Linux).
In the rows with ", anew" nothing of what the command told last can be told again, as after a change.
Targets: status 1 s, PRISMA counts 2 s, update --plan 3 s, 1 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.store.cache import FOLDER
from toolkit.store.store import NewRecord, content_id

SOURCES = ("PubMed", "Embase", "CENTRAL", "Web of Science", "CNKI")
OUTCOMES = ("death", "relapse", "pain", "function")
ANEW = {"status, anew": "overview", "prisma, anew": "flow"}  # row -> what is kept of the command's last answer
COMMANDS = {
    "status": (["status"], 1.0),
    "status, anew": (["status"], None),
    "prisma counts": (["prisma", "--format", "json"], 2.0),
    "prisma, anew": (["prisma", "--format", "json"], None),
    "update --plan": (["update", "--plan"], 3.0),
    "screen progress": (["screen", "progress"], None),
    "analyse --plan": (["analyse", "--plan"], None),
}
STUDIES = 300


def settings() -> str:
    """review.toml with five sources, four outcomes and forty analyses."""
    parts = ['[review]\ntitle = "A large review"\n[eligibility]\nexclusion_reasons = ["population", "design"]\n']
    parts.append("[screening]\ntitle_abstract = 2\nfull_text = 2\n")
    parts += [f'[[reviewers]]\nname = "{name}"\n' for name in ("AB", "CD")]
    parts += [f'[[sources]]\nname = "{name}"\n' for name in SOURCES]
    for outcome in OUTCOMES:
        parts.append(f'[[outcomes]]\nid = "{outcome}"\nname = "{outcome}"\ntype = "binary"\nbetter = "lower"\n')
    for i in range(40):
        outcome = OUTCOMES[i % 4]
        body = (
            f'id = "a{i:02d}"\noutcome = "{outcome}"\nmeasure = "{("OR", "RR", "RD")[i % 3]}"\nreference = "control"\n'
        )
        if i % 5 == 4:
            parts.append(f'[[analyses]]\n{body}kind = "network"\n')
        else:
            tau2 = ("REML", "DL", "PM", "ML")[(i // 4) % 4]
            parts.append(f'[[analyses]]\n{body}kind = "pairwise"\ntreatment = "drug {"AB"[i % 2]}"\ntau2 = "{tau2}"\n')
    return "".join(parts)


def events(records: list[str], rng: random.Random) -> Iterator[NewEvent]:
    """About 2.5 events a record: duplicates joined, two votes a report, full texts, studies and their data."""
    reports: list[str] = []
    for i, record in enumerate(records):
        report = record if i % 4 or not reports else reports[rng.randrange(len(reports))]
        if report == record:
            reports.append(record)
        yield NewEvent(kind="assign", subject=record, value=report, payload={"rule": "doi"}, actor="rule:dedup")
    chosen = set(rng.sample(reports, min(len(reports) // 10, 5 * STUDIES)))
    for report in reports[: len(reports) * 9 // 10]:
        verdict = "include" if report in chosen else "exclude"
        for who in ("AB", "CD"):
            yield NewEvent(kind="screen", stage="title-abstract", subject=report, value=verdict, actor=who)
    taken = [r for r in reports[: len(reports) * 9 // 10] if r in chosen]
    for i, report in enumerate(taken):
        yield NewEvent(kind="retrieve", subject=report, value="retrieved" if i % 20 else "not_retrieved", actor="AB")
        if i % 20 == 0:
            continue
        for who in ("AB", "CD"):
            inside = i % 4 == 1 and i // 4 < STUDIES
            payload = {} if inside else {"reason": "design"}
            value = "include" if inside else "exclude"
            yield NewEvent(kind="screen", stage="full-text", subject=report, value=value, actor=who, payload=payload)
        if i % 4 == 1 and i // 4 < STUDIES:
            yield from study(f"S{i // 4:03d}", report, rng)


def study(name: str, report: str, rng: random.Random) -> Iterator[NewEvent]:
    """Link, facts and the results of two or three arms on four outcomes."""
    yield NewEvent(kind="link", subject=report, field=name, value="primary", actor="AB")
    facts = {"design": "RCT", "year": str(rng.randrange(1990, 2026)), "country": "CN", "patients": "200"}
    for column, value in facts.items():
        yield NewEvent(kind="extract", stage="studies", subject=name, field=column, value=value, actor="AB")
    arms = ["control", "drug A", "drug B"] if rng.random() < 0.1 else ["control", f"drug {rng.choice('AB')}"]
    for outcome in OUTCOMES:
        for arm in arms:
            cells = {
                "treatment": arm,
                "n": str(rng.randrange(60, 140)),
                "events": str(rng.randrange(3, 50)),
                "status": "reported",
            }
            for column, value in cells.items():
                key = f"{name}|{arm}|{outcome}|12"
                yield NewEvent(kind="extract", stage="results", subject=key, field=column, value=value, actor="AB")


def build(folder: Path, size: int) -> None:
    """The project, written through the store as the commands do."""
    folder.mkdir(parents=True)
    (folder / "review.toml").write_text(settings(), encoding="utf-8")
    rng = random.Random(7)
    with Project.open(folder) as project:
        ids: list[str] = []
        for number, source in enumerate(SOURCES):
            run, own = content_id("run", source), []
            for i in range(size // len(SOURCES)):
                at = number * (size // len(SOURCES)) + i
                fields = {
                    "title": f"Trial {at} of a drug in a disease",
                    "year": 1990 + at % 36,
                    "doi": f"10.1000/x.{at}",
                }
                fields |= {"authors": [f"Author{at % 997}, A"], "abstract": "Background. " * 60 + str(at)}
                raw = f"TI  - {fields['title']}\nID  - {at}\n".encode()
                own.append(
                    NewRecord(id=content_id(run, i), ordinal=i, external_id="", format="ris", raw=raw, fields=fields)
                )
            with project.writing(f"import {source}", actor="AB") as batch:
                batch.add_run(
                    run_id=run, kind="import", source=source, source_kind="database", file_name=f"{source}.ris",
                    sha256=run, searched_on="2026-01-15", detail={"records": len(own)},
                )  # fmt: skip
                batch.add_records(run, own)
                batch.append([NewEvent(kind="run", subject=run, value="complete")])
            ids += [r.id for r in own]
        pending: list[NewEvent] = []
        for event in events(ids, rng):
            pending.append(event)
            if len(pending) == 20_000:
                flush(project, pending)
        flush(project, pending)


def flush(project: Project, pending: list[NewEvent]) -> None:
    """One batch of events."""
    with project.writing("judge", actor="AB") as batch:
        batch.append(pending)
    pending.clear()


def measure(folder: Path, words: list[str]) -> tuple[float, float, float, int]:
    """Seconds of wall clock and of processor, peak memory in MB and exit code of one command in its own process."""
    code = (
        "import os, re, sys, json; from toolkit.cli.common import run; code = run(sys.argv[1:]); sys.stdout.flush();"
        "peak = int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]);"
        "heavy = [m for m in ('numpy', 'pandas', 'matplotlib') if m in sys.modules];"
        "t = os.times(); print(json.dumps([peak, code, heavy, t.user + t.system]), file=sys.stderr)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, "-C", str(folder), *words], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )  # fmt: skip
    seconds = time.perf_counter() - start
    peak, exit_code, heavy, used = json.loads(done.stderr.strip().splitlines()[-1])
    if words == ["status"] and heavy:
        print(f"status imports {', '.join(heavy)}", file=sys.stderr)
    return seconds, used, peak / 1024, exit_code


def main() -> None:
    """Build if needed, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    if not (options.folder / "evipool.db").is_file():
        start = time.perf_counter()
        build(options.folder, options.records)
        print(f"built in {time.perf_counter() - start:.0f} s")
        start = time.perf_counter()
        measure(options.folder, ["analyse"])
        print(f"analyses fitted and drawn in {time.perf_counter() - start:.0f} s")
    with Project.open(options.folder) as project:
        n = len(project.store.events())
    print(f"{options.records} records, {n} events, 40 analyses; best of {options.repeat}")
    print(f"{'command':<18}{'seconds':>9}{'user':>7}{'target':>9}{'MB':>7}{'exit':>6}")
    for name, (words, target) in COMMANDS.items():
        runs = []
        for _ in range(options.repeat):
            if name in ANEW:
                (options.folder / FOLDER / f"{ANEW[name]}.json").unlink(missing_ok=True)
            runs.append(measure(options.folder, words))
        seconds, used, memory, code = map(min, zip(*runs, strict=True))
        bar = "" if target is None else f"{target:.0f}"
        print(f"{name:<18}{seconds:>9.2f}{used:>7.2f}{bar:>9}{memory:>7.0f}{code:>6}")


if __name__ == "__main__":
    main()
