"""Records that were read while a file was checked, kept until they are stored, so that none is parsed twice."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from toolkit.store import NewRecord

__all__ = ["Kept"]


class Kept:
    """New records in order, each with a mark, in a nameless file of the system's folder for such files.

    Memory does not grow with their number. Where the disk has no room for them nothing is kept, and whoever asks for
    them is told so.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._count = 0
        with suppress(OSError):
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this object

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def add(self, record: NewRecord, mark: bool) -> None:
        """Put a record behind the others."""
        if self._file is None:
            return
        row = (
            record.id,
            record.ordinal,
            record.external_id,
            record.format,
            record.raw,
            record.fields,
            record.parser_version,
            mark,
        )
        try:
            pickle.dump(row, self._file, pickle.HIGHEST_PROTOCOL)
            self._count += 1
        except OSError:
            self._drop()

    def whole(self) -> bool:
        """Whether every record that was added can be had back."""
        if self._file is None:
            return False
        try:
            self._file.flush()
        except OSError:
            self._drop()
        return self._file is not None

    def records(self) -> Iterator[tuple[NewRecord, bool]]:
        """The records and their marks, in order."""
        if self._file is None:
            return
        self._file.seek(0)
        for _ in range(self._count):
            # Written by this process into a file that has no name.
            identity, ordinal, external, kind, raw, fields, version, mark = pickle.load(self._file)
            record = NewRecord(
                id=identity,
                ordinal=ordinal,
                external_id=external,
                format=kind,
                raw=raw,
                fields=fields,
                parser_version=version,
            )
            yield record, mark

    def _drop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()
