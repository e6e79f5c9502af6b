"""One at a time: a lock on a file that the system gives back when the process ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.model.errors import SourceError

__all__ = ["only_one"]


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` while ``what`` runs.

    The file stays there and says who held it last; it is the system's lock on it that counts, so a process that was
    killed holds nothing.

    Raises
    ------
    SourceError
        if another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _lock(descriptor):
            holder = os.pread(descriptor, 200, 0).decode("ascii", errors="replace").strip() if _POSIX else ""
            raise SourceError(
                f"another {what} of this review is running{f' (process {holder})' if holder else ''}; "
                "nothing was done. Try again when it has finished."
            )
        if _POSIX:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)


_POSIX = sys.platform != "win32"

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
