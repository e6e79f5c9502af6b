"""Tables, append-only triggers and the constants of the database file."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

__all__ = [
    "APPEND_ONLY",
    "batch",
    "blob",
    "event",
    "hit",
    "metadata",
    "migration",
    "parsed",
    "record",
    "run",
    "run_body",
    "supersedes",
    "trigger_statements",
]

metadata = MetaData()

migration = Table(
    "migration",
    metadata,
    Column("name", Text, primary_key=True),
    Column("applied_at", Text, nullable=False),
    Column("evipool_version", Text, nullable=False),
)

# Raw material, compressed with zlib, addressed by the sha256 of the uncompressed bytes.
blob = Table(
    "blob",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# One row for each command that wrote something: the run log.
batch = Table(
    "batch",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("evipool_version", Text, nullable=False),
    Column("undoes", Text, ForeignKey("batch.id")),
)

# A search or an import. It counts once a run event says that it is complete.
run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # search | import
    Column("source", Text, nullable=False),  # PubMed, Embase, ...
    Column("source_kind", Text, nullable=False),  # database | register | other
    Column("file_name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("searched_on", Text, nullable=False),  # the day the database was asked, YYYY-MM-DD
    Column("started_at", Text, nullable=False),
    Column("batch_id", Text, ForeignKey("batch.id"), nullable=False),
    Column("detail", Text, nullable=False),  # JSON: query as sent, translation, count, window, format ...
)

run_body = Table(
    "run_body",
    metadata,
    Column("run_id", Text, ForeignKey("run.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("what", Text, nullable=False),  # esearch, efetch, file
    Column("sha256", Text, ForeignKey("blob.sha256"), nullable=False),
    PrimaryKeyConstraint("run_id", "ordinal"),
)

record = Table(
    "record",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("run.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("external_id", Text, nullable=False),  # the source's own id, "" if it has none
    Column("format", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Index("record_by_run", "run_id", "ordinal", unique=True),
)

# Which ids a search returned, known ones among them; record_id is the record that holds the content.
hit = Table(
    "hit",
    metadata,
    Column("run_id", Text, ForeignKey("run.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("external_id", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "ordinal"),
)

# Rebuildable: what a parser made of a record's bytes. The only table that may be emptied.
parsed = Table(
    "parsed",
    metadata,
    Column("record_id", Text, ForeignKey("record.id"), primary_key=True),
    Column("parser_version", Integer, nullable=False),
    Column("title", Text),
    Column("year", Integer),
    Column("doi", Text),
    Column("pmid", Text),
    Column("fields", Text, nullable=False),  # JSON of every ParsedRecord field that is not empty
)

event = Table(
    "event",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("batch_id", Text, ForeignKey("batch.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("value", Text),
    Column("payload", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("void", Boolean, nullable=False),
    Column("hash", Text, nullable=False),
    Index("event_by_kind", "kind", "stage"),
    Index("event_by_slot", "slot"),
    Index("event_by_batch", "batch_id"),
)

supersedes = Table(
    "supersedes",
    metadata,
    Column("target", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    PrimaryKeyConstraint("target", "event_id"),
)

APPEND_ONLY = ("blob", "batch", "run", "run_body", "record", "hit", "event", "supersedes")


def trigger_statements() -> list[str]:
    """SQL that makes the append-only tables refuse UPDATE and DELETE (SQLite)."""
    return [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} refused'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ]
