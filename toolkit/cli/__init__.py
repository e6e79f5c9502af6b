"""The command line: commands are listed in a table and load when called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from toolkit.cli.common import Group, Settings

__all__ = ["COMMANDS", "cli", "main"]

# name -> (module, attribute, one-line help). The help of the group is this table: nothing is imported to show it.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("toolkit.cli.demo", "demo", "Build the bundled review in a new folder and run every step of it."),
    "init": ("toolkit.cli.init", "init", "Start a review: a project folder with a commented review.toml."),
    "status": ("toolkit.cli.status", "status", "Where the review stands, what waits for whom, what to type next."),
    "search": ("toolkit.cli.search", "search", "Run, check and compare database searches."),
    "import": ("toolkit.cli.importing", "import_", "Read database exports (RIS, NBIB, CSV, EndNote, CNKI ...)."),
    "dedup": ("toolkit.cli.dedup", "dedup", "Join records of one report, with the evidence kept."),
    "screen": ("toolkit.cli.screen", "screen", "Title-abstract and full-text decisions, conflicts, agreement."),
    "fulltext": ("toolkit.cli.fulltext", "fulltext", "Full texts: sought, retrieved, not retrieved."),
    "extract": ("toolkit.cli.extract", "extract", "Evidence tables: forms out, filled forms in, checks."),
    "analyse": ("toolkit.cli.analyse", "analyse", "Run the analyses declared in review.toml."),
    "certainty": ("toolkit.cli.certainty", "certainty", "How certain the evidence of an analysis is, rated by people."),
    "prisma": ("toolkit.cli.prisma", "prisma", "The PRISMA 2020 flow, from the decisions themselves."),
    "report": ("toolkit.cli.report", "report", "Write the report: one self-contained HTML file."),
    "update": ("toolkit.cli.update", "update", "Rerun the searches and carry new studies to the estimates."),
    "monitor": ("toolkit.cli.monitor", "monitor", "Sequential methods, fragility, would new patients matter."),
    "export": ("toolkit.cli.export", "export", "Files for R, Stata, RevMan, CINeMA and reference managers."),
    "freeze": ("toolkit.cli.export", "freeze", "A citable version: everything in one ZIP file, with hashes."),
    "pairwise": ("toolkit.cli.pairwise", "pairwise", "Pairwise meta-analysis of a table; no project needed."),
    "network": ("toolkit.cli.network", "network", "Network meta-analysis of a table; no project needed."),
    "swim": ("toolkit.cli.swim", "swim", "Synthesis without meta-analysis of a table; no project needed."),
    "calculate": ("toolkit.cli.calculate", "calculate", "Conversions of what papers print: SDs, ratios, pairs ..."),
    "revman": ("toolkit.cli.export", "revman", "Read RevMan files into tables; no project needed."),
    "dedup-file": ("toolkit.cli.dedup_file", "dedup_file", "Deduplicate reference files; no project needed."),
    "convert": ("toolkit.cli.convert", "convert", "Turn a reference file into another format; no project needed."),
    "log": ("toolkit.cli.log", "log", "Every command that changed the review, and who ran it."),
    "undo": ("toolkit.cli.log", "undo", "Take a command back; the history keeps both."),
    "doctor": ("toolkit.cli.doctor", "doctor", "Find and explain problems of this machine or project."),
}


class LazyGroup(Group):
    """A group whose help is the table above and whose commands load when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("-C", "--project", metavar="DIR", envvar="EVIPOOL_PROJECT", help="Project folder (default: here).")
@click.option("--as", "reviewer", metavar="NAME", envvar="EVIPOOL_REVIEWER", help="Who acts, as in review.toml.")
@click.version_option(package_name="evipool", prog_name="evipool")
@click.pass_context
def cli(ctx: click.Context, project: str | None, reviewer: str | None) -> None:
    """A systematic review from literature search to synthesis, kept alive.

    One project folder holds a review; each command below is one step of it. 'evipool demo my-review' shows them all
    at work; 'evipool status' says what to do next.
    """
    if not isinstance(ctx.obj, Settings):
        ctx.obj = Settings(folder=project or ".", reviewer=reviewer)
    else:
        ctx.obj = ctx.obj.with_defaults(folder=project, reviewer=reviewer)


def main() -> None:
    """Entry point of ``evipool``; ends the process with the exit code of the outcome."""
    from toolkit.cli.common import run

    sys.exit(run(sys.argv[1:]))
