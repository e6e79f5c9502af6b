"""What every command shares: settings, options, error handling, output."""

from __future__ import annotations

import errno
import gc
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from toolkit.model.errors import ToolkitError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from toolkit.project import Project

__all__ = [
    "AnyCase",
    "Day",
    "Group",
    "Settings",
    "command_line",
    "console",
    "emit",
    "folder_of",
    "form_option",
    "format_option",
    "long_lines",
    "long_table",
    "open_project",
    "project_options",
    "run",
    "table",
    "wrote_form",
]

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.FloatRange):
    """A finite number of an option: "nan" and "inf" are words that float() takes and no setting means."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


@dataclass(frozen=True, slots=True)
class Settings:
    """What the group's options say; ``transport`` is set by the demo and by tests to replay recorded replies."""

    folder: str = "."
    reviewer: str | None = None
    transport: object | None = None

    def with_defaults(self, *, folder: str | None, reviewer: str | None) -> Settings:
        """The same with the command line's own options on top."""
        return replace(self, folder=folder or self.folder, reviewer=reviewer or self.reviewer)


def run(args: Sequence[str], settings: Settings | None = None) -> int:
    """Run one command line and return its exit code: 0, 1, 2, 3 or 130 (docs/reference/exit-codes.md)."""
    from toolkit.cli import cli

    # A large review is a million small objects, none of them in cycles: looking for cycles among them again and again
    # takes a third of the time of a command.
    gc.set_threshold(200_000, 20, 20)
    _utf8_streams()
    stdout = sys.stdout
    try:
        value = cli.main(args=list(args), prog_name="evipool", standalone_mode=False, obj=settings)
        sys.stdout.flush()  # a full disk or a closed pipe is told here, not by the interpreter at its end
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nInterrupted. What was finished is kept; run the same command again to go on.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except ToolkitError as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stdout = _nowhere()
        return 0
    except SystemExit as error:
        # A reader that has seen enough ('| head') ends in a silent exit with 1: click's, which puts another stream in
        # the place of standard output first, or rich's, raised while it handles the error.
        if sys.stdout is not stdout or isinstance(error.__context__, BrokenPipeError):
            return 0
        raise
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {place}{error.strerror or error}. Nothing half-written was kept.", err=True)
        return 2 if error.errno == errno.ENAMETOOLONG else 1
    except Exception as error:
        if os.environ.get("EVIPOOL_TRACEBACK"):
            raise
        _say_fault(error, args)
        return 1
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _say_fault(error: Exception, args: Sequence[str]) -> None:
    """A fault of evipool's own, in words; the traceback goes to a file, which a report of the fault needs."""
    import tempfile
    import traceback

    click.echo(f"Error: this is a fault of evipool, not of your input ({type(error).__name__}: {error}).", err=True)
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="replace", prefix="evipool-fault-", suffix=".txt", delete=False
        ) as stream:
            stream.write(f"evipool {' '.join(args)}\n\n{''.join(traceback.format_exception(error))}")
    except OSError:
        where = "run it again with EVIPOOL_TRACEBACK=1 to see where it happened"
    else:
        where = f"please report it with {stream.name}, which says where it happened"
    click.echo(f"Nothing half-written was kept; {where}.", err=True)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - kept open until exit


def _utf8_streams() -> None:
    """A Windows console and a C locale print Chinese too; where nobody listens (pythonw, >&-) nothing is printed."""
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (getattr(stream, "encoding", "") or "").lower().replace("-", "") != "utf8":
            reconfigure(encoding="utf-8", errors="replace")


def project_options(function: F) -> F:
    """-C DIR and --as NAME after the command name too."""

    def remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is None:
            return
        settings = ctx.obj if isinstance(ctx.obj, Settings) else Settings()
        key = "folder" if param.name == "project_dir" else "reviewer"
        ctx.obj = replace(settings, **{key: value})

    hidden: dict[str, Any] = {"expose_value": False, "callback": remember, "is_eager": True}
    function = click.option("--as", "as_name", metavar="NAME", help="Who acts, as in review.toml.", **hidden)(function)
    return click.option("-C", "--project", "project_dir", metavar="DIR", help="Project folder.", **hidden)(function)


@contextmanager
def open_project(ctx: click.Context) -> Iterator[Project]:
    """The project the command line names, closed afterwards."""
    from toolkit.project import Project

    settings = ctx.find_object(Settings) or Settings()
    with Project.open(settings.folder, reviewer=settings.reviewer) as project:
        yield project


def folder_of(ctx: click.Context) -> Path:
    """The folder that -C names, whether or not it holds a project."""
    from pathlib import Path

    return Path((ctx.find_object(Settings) or Settings()).folder)


def command_line(ctx: click.Context, **instead: str) -> str:
    """The command as typed (for the run log), without folder and person.

    ``instead`` replaces the value of a parameter: a command that takes several files is logged for each.
    """
    words = [ctx.info_name or ""]
    parent = ctx.parent
    while parent is not None and parent.parent is not None:
        words.insert(0, parent.info_name or "")
        parent = parent.parent
    shown = []
    for param in ctx.command.params:
        name = param.name or ""
        if name not in ctx.params or not getattr(param, "expose_value", True):
            continue
        value = instead.get(name, ctx.params[name])
        source = ctx.get_parameter_source(name)
        if value in (None, (), False) or (source is not None and source.name in ("DEFAULT", "DEFAULT_MAP")):
            continue
        values = value if isinstance(value, tuple) else (value,)
        if isinstance(param, click.Argument):
            shown += [_shell(str(v)) for v in values]
        elif value is True:
            shown.append(param.opts[-1])
        else:
            shown += [f"{param.opts[-1]} {_shell(str(v))}" for v in values]
    return os.fsencode(" ".join([*words, *shown])).decode("utf-8", errors="replace")


def _shell(word: str) -> str:
    return f'"{word}"' if any(c in word for c in " ;&|<>()$*?'") else word


class AnyCase(click.Choice[str]):
    """A choice that is shown as it is written ("REML", "HK_adhoc") and understood in upper and lower case."""

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__(choices, case_sensitive=False)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """The names between brackets, in their own spelling."""
        return f"[{'|'.join(self.choices)}]"

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        """What was typed, and all that is allowed."""
        return f"{value!r} is not one of {', '.join(self.choices)}."

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """All that is allowed, in one line."""
        return f"Choose from {', '.join(self.choices)}."


class Group(click.Group):
    """Commands of one subject: each with its whole first sentence in the help, and a misspelt name with the nearest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            if near:
                raise click.UsageError(f"No such command {args[0]!r}. Did you mean {near[0]!r}?", ctx) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(limit=1000)) for name, one in commands if one])


class Day(click.DateTime):
    """A day as YYYY-MM-DD."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """How it is written."""
        return "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The day; what is written otherwise is named with an example."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a day written as YYYY-MM-DD, such as 2026-01-31.", param, ctx)


def format_option(
    *choices: str, default: str = "table", help_text: str = "How to print the result."
) -> Callable[[F], F]:
    """--format table|json|csv."""
    return click.option(
        "--format", "output_format", type=click.Choice(choices or ("table", "json", "csv")), default=default,
        show_default=True, help=help_text,
    )  # fmt: skip


def form_option(function: F) -> F:
    """--output FILE for a list that comes back filled in."""
    return click.option(
        "--output", type=click.Path(dir_okay=False), help="Write it as a form to FILE (.csv or .xlsx) instead."
    )(function)


def wrote_form(
    path: str, header: Sequence[str], rows: Sequence[Sequence[object] | Mapping[str, object]], next_command: str
) -> None:
    """Write a form and say what to type when it is filled in; ``{file}`` in the command becomes its name."""
    from pathlib import Path

    from toolkit.model.errors import InputError
    from toolkit.model.wording import counted
    from toolkit.records.tables import write_form

    if not path.lower().endswith((".csv", ".xlsx")):
        raise InputError("a form is written as one of two kinds of file", value=path, allowed=".csv, .xlsx")
    keep_forms(Path(path))
    write_form(path, header, rows)
    click.echo(f"{counted(len(rows), 'report')} -> {path}")
    if rows:
        click.echo(f"When it is filled in: {next_command.format(file=path)}")


def keep_forms(path: Path, *, force: bool | None = None) -> None:
    """Refuse to write over ``path``, which may be filled in; ``force`` is None for a command without --force."""
    from toolkit.model.errors import InputError

    if path.exists() and not force:
        hint = "Give another name." if force is None else "Give another name, or add --force to overwrite it."
        is_form = path.suffix.lower() in (".csv", ".xlsx", ".toml")
        says = "the file exists, and may be filled in already" if is_form else "the file exists"
        raise InputError(says, file=path, hint=hint)


def console(*, stderr: bool = False) -> Console:
    """A rich console of sensible width; colours only on a terminal."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 110
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def emit(value: object) -> None:
    """Print JSON: UTF-8, no NaN."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def table(
    header: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None, right: Sequence[int] = ()
) -> None:
    """Print a plain table; columns numbered in ``right`` are right-aligned."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for i, name in enumerate(header):
        shown.add_column(name, justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console().print(shown)


# A table longer than this is no reading matter, and laying out each cell of it takes minutes.
MOST_ROWS, MOST_LINES, FIRST_ROWS, LAST_ROWS = 400, 120, 25, 10


def long_table(
    header: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = (), everything: str
) -> None:
    """Print a table; of a very long one its beginning and end, and where all of it is."""
    if len(rows) <= MOST_ROWS:
        table(header, rows, right=right)
        return
    gap = ["..."] + [""] * (len(header) - 1)
    table(header, [*rows[:FIRST_ROWS], gap, *rows[-LAST_ROWS:]], right=right)
    click.echo(
        f"{len(rows) - FIRST_ROWS - LAST_ROWS:,} of {len(rows):,} rows are not shown: {everything} has them all."
    )


def long_lines(lines: Sequence[str], *, everything: str) -> None:
    """Print lines; of very many the first ones, and where all of them are."""
    out = console()
    for line in lines[: FIRST_ROWS if len(lines) > MOST_LINES else None]:
        out.print(line, markup=False)
    if len(lines) > MOST_LINES:
        click.echo(f"  ... and {len(lines) - FIRST_ROWS:,} more lines like these: {everything} has them all.")


def csv_text(header: Sequence[str], rows: Sequence[Sequence[object] | Mapping[str, object]]) -> str:
    """CSV for standard output (no BOM: a pipe is not Excel)."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([row.get(name) for name in header] if isinstance(row, Mapping) else row)
    return out.getvalue()
