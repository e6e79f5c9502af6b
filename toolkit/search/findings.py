"""A remark on a strategy file, with its place."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.search.strategy import Strategy, StrategyLine

__all__ = ["Finding", "finding_at", "finding_in_header"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remark on a strategy.

    Attributes
    ----------
    code : short name of the check
    severity : "error" (the search is not run) or "warning" (shown, and left to the searcher)
    file, row, column : where, counted from 1
    message : what is wrong and what to do
    """

    code: str
    severity: str
    file: str
    row: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.row}:{self.column}: {self.severity}: {self.message} [{self.code}]"


def finding_at(strategy: Strategy, line: StrategyLine, offset: int, code: str, severity: str, message: str) -> Finding:
    """A finding at an offset of a line."""
    row, column = line.place(offset)
    return Finding(code=code, severity=severity, file=strategy.file, row=row, column=column, message=message)


def finding_in_header(strategy: Strategy, key: str, code: str, severity: str, message: str) -> Finding:
    """A finding on a line of the header (``filter`` stands for ``filters`` too)."""
    row = strategy.rows.get(key, strategy.rows.get(f"{key}s", 1))
    return Finding(code=code, severity=severity, file=strategy.file, row=row, column=1, message=message)
