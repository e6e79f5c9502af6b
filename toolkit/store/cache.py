"""Files that save a command from reading what an earlier one has read; they may be deleted at any time.

Each file names the program's version and carries a checksum, so that a torn or foreign one is as good as none. Whether
its content still holds is for the reader to say: see `toolkit.store.kept`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import Any

from toolkit import __version__

__all__ = ["FOLDER", "Cache"]

FOLDER = ".cache"
_FORMAT = 3  # rises when the same version of the program would write something else under the same name


class Cache:
    """Contents by name, in the folder ``.cache`` of a project.

    Parameters
    ----------
    folder : made when something is first kept; where it cannot be written, nothing is kept and nobody is told
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> dict[str, Any] | None:
        """What was kept under ``name`` by this version of the program; None if there is nothing, or not all of it."""
        try:
            head, _, body = self._path(name).read_bytes().partition(b"\n")
            if head != _head(body):
                return None
            content: dict[str, Any] = json.loads(body)
        except (OSError, ValueError):
            return None
        return content

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Keep ``content`` in place of what was kept under ``name``; a reader sees the one or the other."""
        body = json.dumps(content, separators=(",", ":")).encode("ascii")
        temporary = ""
        try:
            self.folder.mkdir(exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".tmp", dir=self.folder)
            with os.fdopen(handle, "wb") as stream:
                stream.write(_head(body) + b"\n" + body)
            Path(temporary).chmod(0o666 & ~_umask())  # as the database: others may share the folder
            Path(temporary).replace(self._path(name))
        except OSError:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()

    def drop(self) -> None:
        """Delete everything that was kept."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def _head(body: bytes) -> bytes:
    return f"evipool {__version__} cache {_FORMAT} {zlib.crc32(body):08x}".encode("ascii")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
