"""Serve records as PubMed would, on this machine alone, until Ctrl+C.

    python -m tests.emulator RECORDS [--port 8642]

RECORDS is PubMed XML, or a CSV with the columns pmid, title, authors, journal, year, volume, issue, pages, doi (and
abstract), as ``evipool convert`` writes it; rows without a PMID are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.emulator.articles import articles_from_csv, articles_from_xml
from tests.emulator.server import Emulator
from toolkit.model.wording import counted


def main(arguments: Sequence[str] | None = None, wait: Callable[[Emulator], object] | None = None) -> None:
    """Start the server, say how it is used, and ``wait`` (without end, unless told otherwise)."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulator", description=__doc__.splitlines()[0])
    parser.add_argument("records", type=Path, help="PubMed XML, or CSV with a column pmid")
    parser.add_argument("--port", type=int, default=8642)
    told = parser.parse_args(arguments)
    is_xml = told.records.suffix.lower() == ".xml"
    articles = articles_from_xml(told.records.read_bytes()) if is_xml else articles_from_csv(told.records)
    with Emulator(articles, port=told.port) as emulator:
        print(f"{counted(len(articles), 'record')} with a PMID served. In another terminal:", flush=True)
        print(f"  export EVIPOOL_ENTREZ_URL={emulator.url} EVIPOOL_EMAIL=me@example.org", flush=True)
        print("Ctrl+C ends it.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            (wait or (lambda _: threading.Event().wait()))(emulator)


if __name__ == "__main__":
    main()
