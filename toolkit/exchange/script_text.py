"""The text of scripts: R literals, the head with settings and numbers, the templates below it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from toolkit import __version__
from toolkit.exchange.expected import Payload, Row
from toolkit.exchange.script_data import r_string

__all__ = ["NotPossibleError", "Script", "r_script", "template"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One script: file name, text, and how far it was tried ("run", "parsed" or "not run" in our own checks).

    ``not_refitted`` says what of the result it leaves out, and why.
    """

    name: str
    text: str
    tried: str
    not_refitted: tuple[tuple[str, str], ...] = ()


class NotPossibleError(Exception):
    """A program does not have what the analysis asks for."""


def template(name: str) -> str:
    """The text of a file in templates/."""
    return (resources.files("toolkit.exchange") / "templates" / name).read_text(encoding="utf-8")


def _value(value: Any, indent: str = "  ") -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return "NA" if math.isnan(value) else repr(float(value))
    if isinstance(value, Mapping):
        inner = ",\n".join(f"{indent}  {_name(name)} = {_value(one, indent + '  ')}" for name, one in value.items())
        return f"list(\n{inner}\n{indent})"
    if isinstance(value, list | tuple):
        if any(isinstance(one, Mapping | list | tuple) for one in value):
            return f"list({', '.join(_value(one, indent) for one in value)})"
        return f"c({', '.join(_value(one, indent) for one in value)})" if value else "character()"
    return r_string(str(value))


def _name(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else r_string(name)


def _vector(values: Sequence[str]) -> str:
    """R's parser takes strings of many lines better in pieces of c()."""
    lines = ",\n".join(f"    {value}" for value in values)
    return f"c(\n{lines}\n  )"


def r_script(
    payload: Payload,
    title: str,
    settings: Mapping[str, Any],
    rows: Sequence[Row],
    body: Sequence[str],
    *,
    not_refitted: Sequence[tuple[str, str]] = (),
    designs: Sequence[str] = (),
    partly: bool = False,
) -> str:
    """A whole script: what it is, settings, the numbers to be found, then the templates in ``body``.

    With ``partly`` a number that the templates do not find is listed at the end, not an error.
    """
    fields = ",\n".join(f"  {_name(name)} = {_value(value)}" for name, value in settings.items())
    said = [f"{what}: {why}" for what, why in not_refitted]
    head = (
        f"# {title}\n"
        f"# Analysis {r_string(payload['analysis'])}, result {payload['fingerprint']}; written by evipool "
        f"{__version__}.\n"
        "# Rscript runs it where the CSV files lie beside it. It prints each number of evipool beside the one found\n"
        "# here, and ends with an error if they differ by more than allowed. Numbers are on the model scale.\n"
    )
    head += "".join(f"# Not refitted here: {_ascii(line)}.\n" for line in said)
    head += f"settings <- list(\n{fields}\n)\n"
    head += f"not_refitted <- c({', '.join(r_string(line) for line in said)})\n"
    head += (
        "expected <- data.frame(\n"
        f"  what = {_vector([r_string(row.what) for row in rows])},\n"
        f"  evipool = {_vector([repr(row.value) for row in rows])},\n"
        f"  allowed = {_vector([f'{row.allowed:.3g}' for row in rows])},\n"
        "  stringsAsFactors = FALSE\n)\n\n"
    )
    parts = [head, template("common.R"), "".join(designs), *(template(name) for name in body)]
    end = "compare_numbers(expected, partly = TRUE)" if partly else "compare_numbers(expected)"
    return "\n".join(part for part in parts if part) + f"\n{end}\n"


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")
