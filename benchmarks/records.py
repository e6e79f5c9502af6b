"""Reading PubMed XML beside Bio.Entrez.read, and importing 100,000 RIS and NBIB records into a project.

    python benchmarks/records.py [--records 4000 10000] [--repeats 5] [--import 100000] [--xml FILE ...]

The XML is that of the shared samples (real records, some with reference lists), repeated with new PMIDs. Each
measurement runs in a process of its own. Seconds are CPU seconds (user and system), since the machine may be shared,
from before the reader is imported to after its last record: loading the reader counts on both sides, starting Python
and this script on neither. Ours yields every field of each record beside its bytes; Bio.Entrez.read returns the whole
set. The two readers take turns, and seconds are the median of the repeats, the ratio that of the pairs' ratios.
Megabytes are the most memory of its own that a process held. Targets: 5 times the records per second of
Bio.Entrez.read with flat memory; each import under 60 CPU seconds and 1 GB.
"""

from __future__ import annotations

import argparse
import mmap
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import cast

from toolkit.model.records import ParsedRecord

SAMPLES = ("nlm_pubmedsample_2019_part.xml",)  # older samples use elements that the newer DTDs no longer have
REVIEW = '[review]\ntitle = "Benchmark"\n[[sources]]\nname = "PubMed"\n'


def sample_records(files: list[Path]) -> list[bytes]:
    """The <PubmedArticle> elements of the files."""
    found: list[bytes] = []
    for file in files:
        found += re.findall(rb"<PubmedArticle>.*?</PubmedArticle>", file.read_bytes(), re.DOTALL)
    return found


def write_xml(path: Path, records: list[bytes], count: int) -> None:
    """A PubmedArticleSet of ``count`` records, each with a PMID of its own."""
    head = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, '
        b'1st January 2019//EN" "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_190101.dtd">\n<PubmedArticleSet>\n'
    )
    with path.open("wb") as stream:
        stream.write(head)
        for number in range(count):
            pmid = str(10_000_000 + number).encode()
            stream.write(re.sub(rb"(<PMID[^>]*>)\d+", rb"\g<1>" + pmid, records[number % len(records)], count=1))
            stream.write(b"\n")
        stream.write(b"</PubmedArticleSet>\n")


def write_references(path: Path, parsed: list[ParsedRecord], count: int) -> None:
    """``count`` records as RIS or NBIB by the file's ending, each with a title, PMID and DOI of its own."""
    from dataclasses import replace

    from toolkit.records.write import write_nbib, write_ris

    write = write_ris if path.suffix == ".ris" else write_nbib
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for start in range(0, count, 1000):
            some = []
            for number in range(start, min(start + 1000, count)):
                one = parsed[number % len(parsed)]
                title = f"{one.title or 'Untitled'} {number}"
                some.append(replace(one, title=title, pmid=str(20_000_000 + number), doi=f"10.1000/bench.{number}"))
            stream.write(write(some))


def task_ours(path: str) -> int:
    """Parse with the package's streaming reader, the file mapped as an import maps it; the number of records."""
    from toolkit.records.pubmed_xml import parse_pubmed_xml

    with Path(path).open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return sum(1 for _ in parse_pubmed_xml(cast(bytes, data)))


def task_entrez(path: str) -> int:
    """Parse with Bio.Entrez.read; the number of records."""
    from Bio import Entrez

    with Path(path).open("rb") as stream:
        return len(Entrez.read(stream)["PubmedArticle"])  # type: ignore[no-untyped-call]


def task_import(path: str) -> int:
    """Import a file into a new project; the number of records stored."""
    from toolkit.project import Project
    from toolkit.search.importing import import_file

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "review.toml").write_text(REVIEW, encoding="utf-8")
        with Project.open(folder) as project:
            return import_file(project, path, source="PubMed").new


class Memory:
    """Watches the megabytes this process holds of its own; pages of a mapped file are the system's and not counted."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Memory:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()

    def _sample(self) -> None:
        while True:
            self.peak = max(self.peak, own_megabytes())
            if self._done.wait(0.02):
                return


def own_megabytes() -> float:
    """Anonymous resident memory where the system tells it (Linux), else the largest resident size so far."""
    status = Path("/proc/self/status")
    found = re.search(r"RssAnon:\s+(\d+) kB", status.read_text(encoding="ascii")) if status.is_file() else None
    if found:
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


TASKS = {"ours": task_ours, "entrez": task_entrez, "import": task_import}


def cpu_seconds() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(task: str, path: Path) -> tuple[int, float, float]:
    """Records, CPU seconds and peak megabytes of a task run in a process of its own."""
    command = [sys.executable, __file__, "--task", task, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    records, seconds, megabytes = done.stdout.split()[-3:]
    return int(records), float(seconds), float(megabytes)


def main() -> None:
    """Make the files, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[4_000, 10_000], help="records of PubMed XML")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each reader")
    parser.add_argument("--import", dest="imported", type=int, default=100_000, help="records to import")
    parser.add_argument("--xml", nargs="*", type=Path, help="PubMed XML to repeat, instead of the shared samples")
    parser.add_argument("--task", nargs=2, metavar=("TASK", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        start = cpu_seconds()
        with Memory() as memory:
            count = TASKS[given.task[0]](given.task[1])
        print(count, round(cpu_seconds() - start, 3), round(memory.peak, 1))
        return
    shared = Path(__file__).resolve().parents[2] / "shared" / "samples" / "entrez"
    records = sample_records(given.xml or [shared / name for name in SAMPLES])
    with tempfile.TemporaryDirectory() as folder:
        _compare(Path(folder), records, given.records, given.repeats)
        _imports(Path(folder), records, given.imported)


def _compare(folder: Path, records: list[bytes], sizes: list[int], repeats: int) -> None:
    print(f"{'what':<34}{'records':>9}{'file MB':>9}{'CPU s':>9}{'records/s':>11}{'peak MB':>9}")
    for size in sizes:
        xml = folder / f"{size}.xml"
        write_xml(xml, records, size)
        pairs = [(measure("ours", xml), measure("entrez", xml)) for _ in range(repeats)]
        for side, name in enumerate(("PubMed XML, evipool", "PubMed XML, Bio.Entrez.read")):
            runs = [pair[side] for pair in pairs]
            _line(name, xml, runs[0][0], statistics.median(run[1] for run in runs), max(run[2] for run in runs))
        ratios = sorted(theirs[1] / ours[1] for ours, theirs in pairs)
        print(
            f"evipool reads {statistics.median(ratios):.1f} times as many records a second"
            f" ({ratios[0]:.1f} to {ratios[-1]:.1f} in {repeats} turns)"
        )


def _imports(folder: Path, records: list[bytes], imported: int) -> None:
    from toolkit.records.pubmed_xml import parse_pubmed_article

    parsed = [parse_pubmed_article(record) for record in records]
    for ending in (".ris", ".nbib"):
        path = folder / f"references{ending}"
        write_references(path, parsed, imported)
        _line(f"import of {ending[1:].upper()} into a project", path, *measure("import", path))


def _line(name: str, path: Path, records: int, seconds: float, megabytes: float) -> None:
    rate = records / seconds
    size = path.stat().st_size / 2**20
    print(f"{name:<34}{records:>9,}{size:>9.1f}{seconds:>9.1f}{rate:>11,.0f}{megabytes:>9.0f}", flush=True)


if __name__ == "__main__":
    main()
