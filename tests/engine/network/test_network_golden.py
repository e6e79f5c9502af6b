"""Every reference case that has a check, counted; the whole set where the shared folder is present."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import checks_components  # noqa: F401
import checks_contributions  # noqa: F401
import checks_fit  # noqa: F401 - registers its checks
import checks_inconsistency  # noqa: F401
import checks_regression  # noqa: F401
import checks_sparse  # noqa: F401
import checks_studies  # noqa: F401
from network_golden import CHECKS, Dataset, run

OWN = Path(__file__).resolve().parents[2] / "golden" / "nma"

# Cases per call that are checked; a file, a case or a check that disappears changes a number here.
COUNTS_OWN = {
    "decomp.design": 7,
    "discomb": 1,
    "funnel.netmeta+metabias": 3,
    "leave-one-out": 3,
    "netconnection": 1,
    "netcontrib+hatmatrix": 7,
    "netheat": 6,
    "netimpact": 3,
    "netimpact(netmeta)": 1,
    "netleague": 3,
    "netmeta": 17,
    "netmeta:direct": 7,
    "netmeta:estimators": 7,
    "netmeta:pairs": 7,
    "netmetabin": 2,
    "netpairwise": 3,
    "netrank+rankogram": 7,
    "netsplit": 10,
    "stata:network+mvmeta": 7,
}
COUNTS_ALL = {
    "decomp.design": 14,
    "discomb": 1,
    "funnel.netmeta+metabias": 7,
    "leave-one-out": 7,
    "netcomb": 3,
    "netconnection": 2,
    "netcontrib+hatmatrix": 13,
    "netheat": 14,
    "netimpact": 7,
    "netimpact(netmeta)": 1,
    "netleague": 7,
    "netmeta": 28,
    "netmeta:direct": 14,
    "netmeta:estimators": 14,
    "netmeta:pairs": 13,
    "netmetabin": 4,
    "netmetareg": 2,
    "netpairwise": 3,
    "netrank": 1,
    "netrank+rankogram": 13,
    "netsplit": 17,
    "stata:network+mvmeta": 13,
}


def table(folder: Path) -> tuple[dict[str, int], list[str]]:
    """Counts per call over all files of a folder, and the failures; printed as a table."""
    total: dict[str, int] = {}
    failures: list[str] = []
    for path in sorted(folder.glob("*.json")):
        counts, failed = run(Dataset.read(path))
        failures += failed
        for call, n in counts.items():
            total[call] = total.get(call, 0) + n
    total = {call: n for call, n in sorted(total.items()) if n}
    print(f"\n{folder}")
    for call, n in total.items():
        print(f"  {call:28} {n:4} cases, {sum(f.split()[1] == call for f in failures)} failed")
    print(f"  {'total':28} {sum(total.values()):4}")
    return total, failures


def test_reference_values_in_the_repository_are_met() -> None:
    counts, failures = table(OWN)
    assert not failures, "\n".join(failures)
    assert counts == COUNTS_OWN


@pytest.mark.shared
def test_all_reference_values_are_met(shared: Path) -> None:
    counts, failures = table(shared / "golden" / "nma")
    assert not failures, "\n".join(failures)
    assert counts == COUNTS_ALL


@pytest.mark.shared
def test_copied_reference_files_are_the_originals(shared: Path) -> None:
    for path in OWN.glob("*.json"):
        assert path.read_bytes() == (shared / "golden" / "nma" / path.name).read_bytes(), path.name


def test_every_check_has_a_case() -> None:
    assert set(CHECKS) == set(COUNTS_ALL)
