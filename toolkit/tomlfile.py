"""A settings file in TOML: read with errors that name the line, and the lines of its keys found again."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.model.errors import InputError, SourceError

__all__ = ["line_of", "line_of_reference", "read_toml"]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of the file and what it says.

    Raises
    ------
    InputError
        naming the line, if it is absent, not UTF-8, not TOML, or holds control characters.
    SourceError
        if it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            "there is no review.toml here", file=path, hint="Start a review with 'evipool init'."
        ) from error
    except OSError as error:
        raise SourceError(f"{path}: it cannot be read ({error.strerror}). Nothing was changed.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            "this is not UTF-8 text", file=path, line=line, hint="Save it as UTF-8 and try again."
        ) from error
    try:
        data = tomllib.loads(text)
    except RecursionError as error:
        raise InputError("not valid TOML: brackets are nested too deep", file=path) from error
    except ValueError as error:  # TOMLDecodeError, and numbers of thousands of digits
        raise InputError(f"not valid TOML: {error}", file=path, hint="Mend that line and try again.") from error
    for where, value in _strings((), data):
        if bad := _CONTROL.search(value):
            raise InputError(
                f"{'.'.join(str(part) for part in where)}: a control character, which no document can show",
                file=path,
                line=line_of(text, where),
                value=f"\\u{ord(bad.group()):04x}",
                hint="Take it out.",
            )
    return text, data


def _strings(where: tuple[int | str, ...], value: object) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Every text of the file, keys too, with its place."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield (*where, key), key
            yield from _strings((*where, key), inner)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _strings((*where, at), inner)


def line_of_reference(text: str, message: str) -> int | None:
    """The line of a reference that fails: "analysis 'A' asks for outcome 'B' ..." is at 'B' in the table of 'A'."""
    names = re.findall(r"'([^']+)'", message)
    if names and (of := re.match(r"\[\[\w+\]\]", message)):
        return _last_line_with(text, of.group(), names[0])
    if not names or not message.startswith("analysis"):
        return None
    table, found = "", None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("["):
            if found is not None:
                break
            table = line.strip()
        elif table == "[[analyses]]":
            key, _, value = line.partition("=")
            if key.strip() == "id" and value.split("#")[0].strip().strip("\"'") == names[0]:
                found = number
            elif found is not None and any(mark + names[-1] + mark in line for mark in ('"', "'")):
                return number
    return found


def _last_line_with(text: str, table: str, name: str) -> int | None:
    """The last line in tables of this name on which the text stands in quotation marks."""
    inside, found = False, None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("["):
            inside = line.strip().startswith(table)
        elif inside and any(mark + name + mark in line for mark in ('"', "'")):
            found = number
    return found


def line_of(text: str, where: tuple[int | str, ...]) -> int | None:
    """The line (from 1) of a key path such as ("analyses", 2, "measure"); the nearest table if the key is absent."""
    if not where:
        return None
    header, index = str(where[0]), where[1] if len(where) > 1 and isinstance(where[1], int) else None
    key = next((str(part) for part in where[1:] if isinstance(part, str)), None)
    seen, found, inside = -1, None, header is None
    for number, line in enumerate(text.splitlines(), start=1):
        table = re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?", line)
        if table:
            name = table.group(1).split(".")[0].strip('"')
            seen += name == header and line.strip().startswith("[[") and "." not in table.group(1)
            inside = name == header and (index is None or seen == index)
            if inside and found is None:
                found = number
            continue
        if inside and key is not None and re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line):
            return number
    return found
