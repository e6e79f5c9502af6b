"""The few exceptions of evipool, each with the exit code it ends a command with."""

from __future__ import annotations

from typing import ClassVar, Self

__all__ = ["ConvergenceError", "InputError", "NotEstimable", "SourceError", "ToolkitError", "WaitingForPeople"]


class ToolkitError(Exception):
    """Base of every error that evipool raises on purpose; its text is written for the user."""

    exit_code: ClassVar[int] = 1


class InputError(ToolkitError):
    """The input or the call is wrong; nothing was written.

    Parameters
    ----------
    message : what is wrong, in one sentence
    file, row, column : where it was found (row counts as the user's program counts: the header is row 1)
    value : the value found there
    allowed : what would be accepted
    hint : what to type or do next
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        message: str,
        *,
        file: object = None,
        line: int | None = None,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
        allowed: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.message, self.file, self.line = message, file, line
        self.row, self.column = row, column
        self.value, self.allowed, self.hint = value, allowed, hint
        super().__init__(self._text())

    def within(self, file: object, *, column: str | None = None) -> Self:
        """The same error with the file it is about, where whoever found it did not know; and the user's column name."""
        return type(self)(
            self.message,
            file=file if self.file is None else self.file,
            line=self.line,
            row=self.row,
            column=column or self.column,
            value=self.value,
            allowed=self.allowed,
            hint=self.hint,
        )

    def _text(self) -> str:
        where = ", ".join(
            part
            for part in (
                str(self.file) if self.file is not None else "",
                f"line {self.line}" if self.line is not None else "",
                f"row {self.row}" if self.row is not None else "",
                f"column {self.column!r}" if self.column is not None else "",
            )
            if part
        )
        text = f"{where}: {self.message}" if where else self.message
        if text and text[-1] not in ".!?:" and (self.value is not None or self.allowed is not None or self.hint):
            text += "."
        if self.value is not None:
            text += f" Found: {str(self.value)[:200]!r}."
        if self.allowed is not None:
            text += f" Allowed: {self.allowed}."
        if self.hint is not None:
            text += f" {self.hint}"
        return text


class NotEstimable(ToolkitError):  # noqa: N818 - the field says "not estimable"
    """The data do not determine the quantity asked for; the text says why."""

    exit_code: ClassVar[int] = 2


class ConvergenceError(ToolkitError):
    """An iterative method did not reach its tolerance."""

    exit_code: ClassVar[int] = 1


class SourceError(ToolkitError):
    """The outside world failed: network, database service, disk, a locked file."""

    exit_code: ClassVar[int] = 1


class WaitingForPeople(ToolkitError):  # noqa: N818
    """Everything a machine can do is done; a person's work is waiting."""

    exit_code: ClassVar[int] = 3
