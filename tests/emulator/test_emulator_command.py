"""``python -m tests.emulator``: a PubMed on this machine, for practice."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.emulator import Emulator
from tests.emulator.__main__ import main


def test_a_csv_of_records_is_served_and_the_variables_to_set_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "records.csv"
    path.write_text("pmid,title,year\n123,Walking for back pain,2020\n,No PMID,2021\n", encoding="utf-8")
    found: list[str] = []

    def ask(emulator: Emulator) -> None:
        with urlopen(f"{emulator.url}esearch.fcgi?db=pubmed&term=walking[ti]&retmode=xml") as reply:
            found.append(reply.read().decode())

    main([str(path), "--port", "0"], wait=ask)
    assert "<Id>123</Id>" in found[0]
    printed = capsys.readouterr().out
    assert printed.startswith("1 record with a PMID served.") and "EVIPOOL_ENTREZ_URL=http://127.0.0.1:" in printed
