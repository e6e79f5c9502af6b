"""Options that take a number take finite ones only, in every command."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from toolkit.cli import COMMANDS, cli
from toolkit.cli.common import Number


def options(command: click.Command, path: str) -> Iterator[tuple[str, click.Parameter]]:
    for param in command.params:
        yield f"{path} {param.name}", param
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from options(child, f"{path} {name}")


def test_no_option_of_any_command_takes_nan_or_infinity() -> None:
    context = click.Context(cli)
    found = 0
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        for where, param in options(command, name):
            if isinstance(param.type, (click.types.FloatParamType, click.FloatRange)):
                assert isinstance(param.type, Number), where
                found += 1
    assert found > 5


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "1e400"])
def test_words_that_float_takes_are_no_numbers(word: str) -> None:
    with pytest.raises(click.BadParameter, match=r"finite|range"):
        Number(min=0).convert(word, None, None)
