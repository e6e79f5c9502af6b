"""Labelled sets for deduplication: where they are and how they are read."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from toolkit.dedup.columns import RecordColumns

REAL_SETS = ("diabetes", "cytology_screening", "respiratory", "copper", "cardiac", "digital_work", "srsr")
csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """Records of a set and the number of the publication each belongs to."""

    name: str
    columns: RecordColumns
    labels: npt.NDArray[np.int64]


def shared_folder() -> Path:
    """The folder with ``bench/dedup`` (EVIPOOL_SHARED, or ../shared beside the repository)."""
    named = os.environ.get("EVIPOOL_SHARED")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared"


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a CSV file, or of its compressed form, one by one."""
    packed = path.with_name(path.name + ".gz")
    opener = gzip.open if packed.exists() else open
    with opener(packed if packed.exists() else path, "rt", encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


def load_set(folder: Path) -> LabelledSet:
    """The labelled set in ``folder`` (records.csv and clusters.csv, compressed or not)."""
    columns = RecordColumns.from_rows(read_rows(folder / "records.csv"))
    truth = {row["id"]: row["cluster_id"] for row in read_rows(folder / "clusters.csv")}
    labels = np.unique([truth[i] for i in columns.ids], return_inverse=True)[1].astype(np.int64)
    return LabelledSet(name=folder.name, columns=columns, labels=labels)
