"""Pages of the reference about commands, written from the Click commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

import click

from toolkit.cli import COMMANDS, cli
from toolkit.demo.steps import REVIEWS

__all__ = ["EXTRA_EXAMPLES", "command_pages", "walk"]

# What a command can end with besides 0 (done), 1 (the outside world failed) and 2 (the input or call is wrong).
EXITS: dict[str, tuple[str, ...]] = {
    "search run": ("3: PubMed did something other than the strategy says, and a person signs it off",),
    "search check": ("2: a strategy has errors (with `--strict` also for warnings)",),
    "analyse": ("2: an analysis was refused, the others were run",),
    "prisma": ("2: an identity of the flow does not hold in a finished version, nothing is written",),
    "update": ("3: everything a program can do is done and a person's work waits",),
    "doctor": ("1: something on this machine or in this project will fail",),
    "demo": ("1: a step ended otherwise than foreseen",),
}
EXTRA_EXAMPLES: dict[str, tuple[str, ...]] = {
    "pairwise": ("pairwise data/onfh/tha.csv --measure OR --reference CD --tau2 DL --format json",),
    "network": ("network data/diabetes/diabetes.csv --measure OR --reference Diuretic --tau2 DL --format json",),
    "demo": ("demo demo-review", "demo diabetes --review diabetes --quiet"),
    "init": ("init my-review",),
}


def walk() -> Iterator[tuple[str, click.Command]]:
    """Every command with its words after ``evipool``, groups before their members."""
    context = click.Context(cli, info_name="evipool")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None, name
        yield name, command
        if isinstance(command, click.Group):
            for inner, member in sorted(command.commands.items()):
                yield f"{name} {inner}", member


def command_pages() -> dict[str, str]:
    """File name -> Markdown, one page for each entry of `COMMANDS`."""
    pages: dict[str, str] = {}
    everything = dict(walk())
    for name, (_, _, summary) in COMMANDS.items():
        members = [(words, c) for words, c in everything.items() if words == name or words.startswith(f"{name} ")]
        lines = [f"# evipool {name}", "", summary, ""]
        if len(members) > 1:
            lines += ["Commands of the group:", ""]
            lines += [f"- [{words}](#{_anchor(words)}): {_first(c)}" for words, c in members if words != name]
            lines.append("")
        for words, command in members:
            if words != name:
                lines += [f"## evipool {words}", ""]
            lines += _one(words, command)
        pages[f"{name}.md"] = "\n".join(lines).rstrip() + "\n"
    return pages


def _anchor(words: str) -> str:
    return f"evipool {words}".replace(" ", "-")


def _first(command: click.Command) -> str:
    return " ".join(_help(command)[0])


def _help(command: click.Command) -> list[list[str]]:
    """The paragraphs of the help text; a paragraph that keeps its line breaks begins with an empty line."""
    text = inspect.cleandoc(command.help or "").replace("\r", "")
    return [block.split("\n") for block in text.split("\n\n")]


def _one(words: str, command: click.Command) -> list[str]:
    group = isinstance(command, click.Group)
    tail = [_argument(p) for p in command.params if isinstance(p, click.Argument)]
    usage = " ".join(["evipool", words, "[OPTIONS]", *tail, *(["COMMAND [ARGS]"] if group else [])])
    lines = ["```text", usage, "```", ""]
    examples: list[str] = []
    for block in _help(command):
        if block[0] == "\b":
            examples += [line.strip() for line in block[1:]]
        else:
            lines += [_escaped(" ".join(line.strip() for line in block)), ""]
    options = [p for p in command.params if isinstance(p, click.Option)]
    if options:
        lines += ["| option | what it does | default |", "|---|---|---|"]
        lines += [f"| {_names(p)} | {_escaped(p.help or '')}{_notes(p)} | {_default(p)} |" for p in options]
        lines.append("")
    if not group or getattr(command, "invoke_without_command", False):
        special = "".join(f"; {text}" for text in EXITS.get(words, ()))
        lines += [f"Exit codes: [those of every command](exit-codes.md){special}.", ""]
    examples += [f"evipool {one}" for one in (*EXTRA_EXAMPLES.get(words, ()), *_demo_examples(words))]
    if examples:
        lines += ["Examples:", "", "```text", *dict.fromkeys(examples), "```", ""]
    return lines


def _demo_examples(words: str) -> Sequence[str]:
    """The first two of the demo's own commands: what is printed here is run there."""
    found = [
        step.command
        for review in REVIEWS.values()
        for step in review.steps
        if step.command == words or step.command.startswith(f"{words} ")
    ]
    if words == "dedup":
        found = [command for command in found if command == "dedup"]
    return found[:2]


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _argument(param: click.Argument) -> str:
    if isinstance(param.type, click.Choice):
        name = "{" + "|".join(str(c) for c in param.type.choices) + "}"
    else:
        name = param.metavar or (param.name or "").upper()
    many = name if name.endswith("...") or param.nargs != -1 else f"{name}..."
    return many if param.required else f"[{many}]"


def _names(param: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in param.opts)
    if param.secondary_opts:
        names += " / " + ", ".join(f"`{name}`" for name in param.secondary_opts)
    if param.is_flag or param.count:
        return names
    return f"{names} {_escaped(_value(param))}"


def _value(param: click.Option) -> str:
    if param.metavar:
        return param.metavar
    kind = param.type
    if isinstance(kind, click.Choice):
        return " , ".join(str(c) for c in kind.choices).replace(" ,", ",")
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        ends = [
            f"from {kind.min:g}" if kind.min is not None else "",
            f"to {kind.max:g}" if kind.max is not None else "",
        ]
        return " ".join(["NUMBER", *(end for end in ends if end)])
    if isinstance(kind, click.DateTime):
        return "YYYY-MM-DD"
    if isinstance(kind, click.Path):
        return "FILE" if kind.file_okay else "DIR"
    return {"text": "TEXT", "integer": "NUMBER", "float": "NUMBER"}.get(kind.name, kind.name.upper())


def _notes(param: click.Option) -> str:
    notes = []
    if param.required:
        notes.append("Required.")
    if param.multiple and "epeatable" not in (param.help or ""):
        notes.append("Repeatable.")
    if param.envvar:
        notes.append(f"Environment: {param.envvar}.")
    return "".join(f" {note}" for note in notes)


def _default(param: click.Option) -> str:
    value = param.default
    if param.is_flag or param.required or not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return ""
    return f"`{value}`"
