"""Opening the database file: connections, pragmas, triggers, migrations, and errors in words."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, inspect, select, text
from sqlalchemy import event as sa_event
from sqlalchemy.exc import DBAPIError

from toolkit import __version__
from toolkit.model.errors import InputError, SourceError
from toolkit.store import schema

__all__ = ["MIGRATIONS", "connect", "database_errors", "migrate", "synced_folder"]

Migration = Callable[[Connection], None]

BUSY_SECONDS = 10.0


def _create_all(connection: Connection) -> None:
    schema.metadata.create_all(connection)


# Ordered; a name that is in the file but not here means the file is newer than this program.
MIGRATIONS: dict[str, Migration] = {"0001_first_schema": _create_all}

_SYNC_NAMES = (
    "onedrive",
    "dropbox",
    "google drive",
    "googledrive",
    "icloud",
    "mobile documents",
    "nextcloud",
    "box sync",
)
_NETWORK_FILESYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afpfs", "vboxsf", "fuse.rclone")


def synced_folder(path: Path) -> str | None:
    """Why SQLite's write-ahead log is unsafe at ``path`` (a synced or network folder), or None."""
    full = path.resolve()
    if str(full).startswith(("\\\\", "//")):
        return "a network share"
    for part in full.parts:
        for name in _SYNC_NAMES:
            if name in part.lower():
                return f"a folder that {part} synchronises"
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    best, kind = "", ""
    for line in mounts:
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        inside = str(full) == point or str(full).startswith(point.rstrip("/") + "/")
        if inside and len(point) > len(best):
            best, kind = point, fields[2]
    return f"a network file system ({kind})" if kind in _NETWORK_FILESYSTEMS else None


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn the driver's errors into one sentence that says what to do."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        original = getattr(error, "orig", None) or error
        words = str(original)
        low = words.lower()
        if "locked" in low or "busy" in low:
            raise SourceError(
                f"{path}: another program is writing to this review (waited {BUSY_SECONDS:.0f} s). "
                "Nothing was changed. Let it finish, then run the command again."
            ) from error
        if "readonly" in low or "read-only" in low or "unable to open" in low:
            raise SourceError(
                f"{path}: the database cannot be written ({words}). Nothing was changed. "
                "Check that you own the file and its folder and that the disk is not mounted read-only."
            ) from error
        if "full" in low or "disk i/o" in low:
            raise SourceError(
                f"{path}: the disk is full or failing ({words}). Nothing was changed. Free some space, then run again."
            ) from error
        if "not a database" in low or "malformed" in low or "file is encrypted" in low:
            raise SourceError(
                f"{path}: this is not an intact evipool database ({words}). Run 'evipool doctor', or restore a copy."
            ) from error
        if "append-only" in low:
            raise SourceError(f"{path}: refused, the history of a review is append-only ({words}).") from error
        raise


def _pragmas(path: Path, *, writable: bool) -> Callable[[Any, Any], None]:
    journal = "DELETE" if synced_folder(path.parent) else "WAL"

    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun by hand: BEGIN IMMEDIATE for writers
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        # Without it INSERT OR REPLACE deletes rows and the triggers never see it.
        cursor.execute("PRAGMA recursive_triggers=ON")
        cursor.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        if writable:
            cursor.execute(f"PRAGMA journal_mode={journal}")
            cursor.execute("PRAGMA synchronous=" + ("NORMAL" if journal == "WAL" else "FULL"))
            limit = os.environ.get("EVIPOOL_MAX_PAGES")  # lets a test, or an administrator, bound the file
            if limit and limit.isdigit():
                cursor.execute(f"PRAGMA max_page_count={limit}")
        cursor.close()

    return set_pragmas


def connect(path: Path) -> Engine:
    """An engine for the SQLite file at ``path``; a folder without write permission is opened for reading."""
    writable = os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
    if writable:
        url = f"file:{_quoted(path)}?mode=rwc&uri=true"
    else:
        url = f"file:{_quoted(path)}?mode=ro&immutable=1&uri=true"
    engine = create_engine(f"sqlite:///{url}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    sa_event.listen(engine, "connect", _pragmas(path, writable=writable))
    return engine


def _quoted(path: Path) -> str:
    text_path = path.resolve().as_posix()
    for char, code in (("%", "%25"), ("?", "%3f"), ("#", "%23")):
        text_path = text_path.replace(char, code)
    return text_path


@contextmanager
def immediate(engine: Engine) -> Iterator[Connection]:
    """A connection inside BEGIN IMMEDIATE; commits at the end, rolls back on any exception."""
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise
        raw.execute("COMMIT")


def migrate(engine: Engine, path: Path, *, now: str) -> list[str]:
    """Bring the file to the present schema; returns the names of the migrations applied.

    An older file is copied to ``<name>.before-<migration>`` first; a newer one is refused with the version it needs.
    """
    if not _pending(engine, path):
        return []
    # Asked again inside the transaction: of two programs that open one file, the second finds the work done.
    with immediate(engine) as connection:
        applied = _applied(connection, path)
        pending = [name for name in MIGRATIONS if name not in applied]
        if applied and pending:
            _backup(path, pending[0])
        for name in _triggers(connection) if pending else ():
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        for name in pending:
            MIGRATIONS[name](connection)
            connection.execute(schema.migration.insert().values(name=name, applied_at=now, evipool_version=__version__))
        for statement in schema.trigger_statements() if pending else ():
            connection.execute(text(statement))
        if connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
            raise SourceError(f"{path}: the migration left broken references; nothing was changed")
    return pending


def _pending(engine: Engine, path: Path) -> list[str]:
    """Migrations that the file lacks; a file that this program must not touch is refused."""
    with engine.connect() as connection:
        applied = _applied(connection, path)
    unknown = [name for name in applied if name not in MIGRATIONS]
    if unknown:
        newest = max((applied[name] for name in unknown), key=_version_order)
        raise InputError(
            f"this project was written by a newer evipool: it needs version {newest} or later, this is {__version__}.",
            file=path,
            hint="Install the newer version: pip install --upgrade evipool",
        )
    return [name for name in MIGRATIONS if name not in applied]


def _applied(connection: Connection, path: Path) -> dict[str, str]:
    """Migration -> the version of evipool that applied it; none in an empty file."""
    present = set(inspect(connection).get_table_names())
    if "migration" in present:
        rows = connection.execute(select(schema.migration.c.name, schema.migration.c.evipool_version))
        return {row.name: row.evipool_version for row in rows}
    if present:
        raise InputError("this SQLite file is not an evipool database", file=path)
    return {}


def _version_order(version: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", version))


def _triggers(connection: Connection) -> list[str]:
    rows = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    return [row.name for row in rows]


def _backup(path: Path, migration: str) -> None:
    """Copy the file as it was committed last, through SQLite, so that what its log still holds is in the copy."""
    target = path.with_name(f"{path.name}.before-{migration}")
    if target.exists():
        return
    part = target.with_name(f"{target.name}.part")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as copy:
        source.backup(copy)
    part.replace(target)
