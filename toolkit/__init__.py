"""evipool: a systematic review from literature search to synthesis, kept alive.

The public names load on first use, so that ``import toolkit`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Project": "toolkit.project",
    "analyse_table": "toolkit.analysis.pairwise.table",
    "pairwise": "toolkit.engine.pairwise",
    "network": "toolkit.engine.network",
    "read_table": "toolkit.engine.tables",
}

__all__ = ["Project", "__version__", "analyse_table", "network", "pairwise", "read_table"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
