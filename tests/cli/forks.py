"""Commands in a child of the test's own process: quick to start, and free to be killed or kept from writing."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from toolkit.cli.common import run

resource: ModuleType | None
if sys.platform != "win32":
    import resource
else:
    resource = None

__all__ = ["Ended", "ends", "full_disk", "unprivileged"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code (None if it was killed) and what it said on standard error."""

    code: int | None
    told: str


def ends(
    folder: Path, words: Sequence[str], *, before: Callable[[], None] | None = None, kill_after: float | None = None
) -> Ended:
    """Run one command in the review, in a child process.

    Parameters
    ----------
    before : what the child does to itself first
    kill_after : seconds after which it is killed (SIGKILL), if it still runs
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.dup2(writer, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", encoding="utf-8")
            if before is not None:
                before()
            code = run(["-C", str(folder), *words])
            sys.stderr.flush()
        finally:
            os._exit(code)
    os.close(writer)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as stream:
        told = stream.read()
    _, status = os.waitpid(child, 0)
    return Ended(os.WEXITSTATUS(status) if os.WIFEXITED(status) else None, told)


def full_disk(size: int) -> Callable[[], None]:
    """No file may be written beyond this many bytes, as if the disk had no more room for it."""

    def limit() -> None:
        assert resource is not None
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def unprivileged() -> None:
    """Give up what root may do beyond the rights of files (Linux); others have none of it."""
    if os.geteuid() != 0:
        return
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    none = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset")
