"""The database of a review: append-only records and events; the present state is a query."""

from toolkit.store.store import Batch, BatchRow, NewRecord, Store, content_id, utc_now

__all__ = ["Batch", "BatchRow", "NewRecord", "Store", "content_id", "utc_now"]
