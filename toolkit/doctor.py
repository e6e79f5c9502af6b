"""Finding and explaining problems of a machine or a project; each check is a function that returns findings."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.model.errors import InputError, SourceError, ToolkitError
from toolkit.model.wording import counted
from toolkit.store.database import synced_folder

if TYPE_CHECKING:
    from toolkit.config import ReviewFile
    from toolkit.project import Project

__all__ = ["Finding", "Fix", "examine", "machine_checks", "project_checks"]

_NEEDED_PYTHON = (3, 11)
_FORBIDDEN = set(':*?"<>|\\')  # Windows allows none of them in a file name
_LITTLE_SPACE = 500 * 1024 * 1024
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
# Files are written beside their place and renamed into it; an hour later nobody is writing them any more.
_LEFTOVER = re.compile(r"\.unfinished-.*|\..*\.unfinished|\.evipool-.*|\..*\.tmp")
_SURELY_DEAD = 3600
_SEVERITIES = ("error", "warning", "note")

Fix = Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found.

    Attributes
    ----------
    code : short name of the check, stable across versions
    severity : "error" (something will fail), "warning" (something may) or "note"
    message : what is so, in a sentence
    advice : what to do; "" where nothing need be done
    fix : repairs it and returns what was done; None where only a person can
    """

    code: str
    severity: str
    message: str
    advice: str = ""
    fix: Fix | None = None


def examine(folder: Path) -> list[Finding]:
    """Everything that is to be said of this machine and of the review at or above ``folder``, worst first.

    Outside a review only the machine is looked at. A finding with a ``fix`` can be repaired while the project that
    it belongs to is open; `evipool doctor --fix` does that.
    """
    from toolkit.project import find_root

    found = machine_checks()
    try:
        root = find_root(folder)
    except InputError:
        found.append(Finding(code="no-project", severity="note", message=f"{folder} is in no review: machine only"))
        return _sorted(found)
    return _sorted(found + project_checks(root))


def _sorted(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: _SEVERITIES.index(finding.severity))


# ---- the machine ----------------------------------------------------------------------------------------------------


def machine_checks() -> list[Finding]:
    """Python, packages, fonts, network settings and console of this machine."""
    return [
        *check_python(sys.version_info[:2]),
        *check_packages(metadata.requires("evipool") or [], _installed),
        *check_fonts(),
        *check_network(os.environ),
        *check_console(getattr(sys.stdout, "encoding", None), os.environ),
    ]


def check_python(version: tuple[int, int]) -> list[Finding]:
    """Whether this Python is new enough."""
    needed = ".".join(str(n) for n in _NEEDED_PYTHON)
    if version >= _NEEDED_PYTHON:
        return []
    here = ".".join(str(n) for n in version)
    return [
        Finding(
            code="python",
            severity="error",
            message=f"Python {here} is too old",
            advice=f"Install Python {needed} or newer and evipool in it.",
        )
    ]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_packages(requirements: Iterable[str], installed: Callable[[str], str | None]) -> list[Finding]:
    """Packages that evipool needs and that are missing or older than it needs; extras are not looked at.

    Parameters
    ----------
    requirements : as in the metadata of the distribution, such as "click>=8.1"
    installed : the version of a package, None if it is not there
    """
    found = []
    for requirement in requirements:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[\s<>=!~;\[(]", requirement, maxsplit=1)[0]
        least = re.search(r">=\s*([\d.]+)", requirement)
        version = installed(name)
        if version is None:
            text = f"the package {name} is missing"
        elif least is not None and _numbers(version) < _numbers(least.group(1)):
            text = f"{name} {version} is older than the {least.group(1)} that evipool needs"
        else:
            continue
        found.append(
            Finding(code="package", severity="error", message=text, advice=f'python -m pip install "{requirement}"')
        )
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


def check_fonts() -> list[Finding]:
    """Whether figures can show Chinese."""
    from toolkit.plots.style import BASE_FAMILY, CJK_FAMILIES, font_families

    if any(family != BASE_FAMILY for family in font_families()):
        return []
    return [
        Finding(
            code="cjk-font",
            severity="warning",
            message="no font for Chinese, Japanese and Korean was found: PNG and PDF figures show boxes in place of it",
            advice=f"Install one, such as {CJK_FAMILIES[0]} (package fonts-noto-cjk). SVG figures keep the text.",
        )
    ]


def check_network(environment: Mapping[str, str]) -> list[Finding]:
    """Settings of certificates and proxies that cannot work."""
    found = []
    for name in _CA_VARIABLES:
        value = environment.get(name)
        if value and not Path(value).exists():
            found.append(
                Finding(
                    code="ca-bundle",
                    severity="error",
                    message=f"{name} names a file that does not exist: {value}",
                    advice="Every search will fail. Correct it, or remove it from the environment.",
                )
            )
    for name in _PROXY_VARIABLES:
        value = environment.get(name)
        if value and not re.fullmatch(r"(?:(?:https?|socks[45]h?)://)?[^\s/]+(?::\d+)?/?", value):
            found.append(
                Finding(
                    code="proxy",
                    severity="warning",
                    message=f"{name} does not look like the address of a proxy",
                    advice="It should read http://host:port.",
                )
            )
    return found


def check_console(encoding: str | None, environment: Mapping[str, str]) -> list[Finding]:
    """Whether what evipool prints, and other programs print for it, can hold Chinese."""
    name = (encoding or "").lower().replace("-", "").replace("_", "")
    if name in ("utf8", "cp65001", ""):
        return []
    return [
        Finding(
            code="console",
            severity="note",
            message=f"this console writes {encoding}; evipool writes UTF-8 all the same",
            advice="If letters look wrong: chcp 65001 on Windows, or set PYTHONUTF8=1."
            if environment.get("PYTHONUTF8") != "1"
            else "",
        )
    ]


# ---- the project ----------------------------------------------------------------------------------------------------


def project_checks(root: Path) -> list[Finding]:
    """Folder, settings, database and forms of the review in ``root``."""
    from toolkit.config import load_review
    from toolkit.project import SETTINGS, Project

    found = [*check_folder(root), *check_space(shutil.disk_usage(root).free, root), *check_names(root)]
    found += check_leftovers(root, time.time())
    try:
        settings = load_review(root / SETTINGS)
    except ToolkitError as error:
        found.append(Finding(code="review-toml", severity="error", message=str(error)))
        settings = None
    if settings is not None:
        found += check_strategies(root, settings)
    found += check_extraction(root)
    try:
        project = Project.open(root)
    except ToolkitError as error:
        found.append(Finding(code="database", severity="error", message=str(error)))
        return found
    with project:
        return found + check_database(project) + check_kept(project) + check_runs(project) + check_parsed(project)


def check_folder(root: Path) -> list[Finding]:
    """Synced or network folders, and copies of the database kept by migrations."""
    found = []
    danger = synced_folder(root)
    if danger is not None:
        found.append(
            Finding(
                code="synced-folder",
                severity="warning",
                message=f"the review is in {danger}: two machines that open it at once can spoil the database",
                advice="Work on one machine at a time and let it finish syncing, or move the folder to a local disk.",
            )
        )
    copies = sorted(root.glob("evipool.db.before-*"))
    if copies:
        size = sum(copy.stat().st_size for copy in copies) / 1e6
        found.append(
            Finding(
                code="backup",
                severity="note",
                message=f"{counted(len(copies), 'copy')} of the database from before updates ({size:,.0f} MB): "
                f"{copies[-1].name}",
                advice="They may be deleted once you are content with the update.",
            )
        )
    return found


def check_space(free: int, root: Path) -> list[Finding]:
    """Whether there is room to go on; ``free`` in bytes."""
    if free >= _LITTLE_SPACE:
        return []
    return [
        Finding(
            code="disk-space",
            severity="warning",
            message=f"only {free / 1e6:,.0f} MB are free where {root} lies",
            advice="Free some space before the next import.",
        )
    ]


def check_names(root: Path) -> list[Finding]:
    """File names that a Windows machine cannot hold."""
    bad = [
        path.relative_to(root)
        for path in sorted(root.rglob("*"))
        if set(path.name) & _FORBIDDEN or path.name != path.name.rstrip(" .")
    ]
    if not bad:
        return []
    shown = ", ".join(str(path) for path in bad[:3])
    return [
        Finding(
            code="file-name",
            severity="warning",
            message=f"{len(bad)} file names cannot exist on Windows ({shown})",
            advice='Rename them without : * ? " < > | \\ and without a blank or point at the end.',
        )
    ]


def check_leftovers(root: Path, now: float) -> list[Finding]:
    """What a command that was killed had begun to write; ``now`` in seconds as `time.time` gives them."""
    left = [
        path
        for path in sorted(root.rglob(".*"))
        if _LEFTOVER.fullmatch(path.name) and now - path.lstat().st_mtime > _SURELY_DEAD
    ]
    if not left:
        return []

    def remove() -> str:
        for path in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return f"removed {counted(len(left), 'leftover')}"

    return [
        Finding(
            code="leftover",
            severity="note",
            message=f"{counted(len(left), 'unfinished file')} of a command that was killed "
            f"({left[0].relative_to(root)})",
            advice="They count nowhere and may be deleted: evipool doctor --fix",
            fix=remove,
        )
    ]


def check_strategies(root: Path, settings: ReviewFile) -> list[Finding]:
    """Strategy files that review.toml names and the folder lacks."""
    found = []
    for source in settings.sources:
        if source.strategy and not (root / source.strategy).is_file():
            found.append(
                Finding(
                    code="strategy",
                    severity="error",
                    message=f"the strategy of {source.name} is missing: {source.strategy}",
                    advice="Put the file there, or correct [[sources]] in review.toml.",
                )
            )
    return found


def check_extraction(root: Path) -> list[Finding]:
    """Forms that a spreadsheet program has changed."""
    from toolkit.records.tables import is_mangled_date, read_form

    found = []
    for path in sorted([*(root / "extraction").glob("*.csv"), *(root / "extraction").glob("*.xlsx")]):
        if path.name.startswith(("~$", ".")):
            continue
        try:
            form = read_form(path)
        except (InputError, SourceError) as error:
            found.append(Finding(code="form", severity="error", message=str(error)))
            continue
        cells = [(row.row, name) for row in form.rows for name, text in row.values.items() if is_mangled_date(text)]
        if cells:
            row, column = cells[0]
            found.append(
                Finding(
                    code="mangled-date",
                    severity="warning",
                    message=f"extraction/{path.name}: {counted(len(cells), 'cell', 'was', 'were')} turned into dates "
                    f"by a spreadsheet (first: row {row}, column {column!r})",
                    advice="Type what the report says again, with the column formatted as text.",
                )
            )
    return found


def check_database(project: Project) -> list[Finding]:
    """Whether the database is whole, untouched, and can be written."""
    from toolkit.store.maintenance import damage, write_obstacle

    found = []
    broken = damage(project.store)
    if broken is not None:
        return [
            Finding(
                code="damaged",
                severity="error",
                message=f"the database is damaged: {broken}",
                advice="Copy the folder away, then restore evipool.db from a backup.",
            )
        ]
    event = project.store.verify_chain()
    if event is not None:
        found.append(
            Finding(
                code="hash-chain",
                severity="error",
                message=f"the history was changed by something other than evipool, first at event {event}",
                advice="Compare with a backup or a colleague's copy; what was decided since cannot be vouched for.",
            )
        )
    obstacle = write_obstacle(project.store)
    if obstacle is not None:
        found.append(Finding(code="not-writable", severity="error", message=obstacle))
    return found


def check_kept(project: Project) -> list[Finding]:
    """What commands keep for each other, against the history that it was read from."""
    from toolkit.store.maintenance import kept_differs

    cache = project.store.cache
    if cache is None or not cache.folder.is_dir() or not kept_differs(project.store):
        return []

    def drop() -> str:
        cache.drop()
        return f"{cache.folder.name} deleted; the next command makes it anew"

    return [
        Finding(
            code="kept",
            severity="error",
            message=f"what is kept in {cache.folder.name}/ differs from the history",
            advice="'evipool doctor --fix' deletes it; nothing of the review is in it.",
            fix=drop,
        )
    ]


def check_runs(project: Project) -> list[Finding]:
    """Searches and imports that were cut off."""
    from toolkit.store import views

    return [
        Finding(
            code="open-run",
            severity="note",
            message=f"the {run.kind} of {run.file_name} under {run.source} ({run.started_at[:10]}) was cut off; "
            "nothing of it counts",
            advice="Run the same command again to finish it.",
        )
        for run in views.runs(project.store, include_open=True)
        if run.completed_at is None and not run.taken_back
    ]


def check_parsed(project: Project) -> list[Finding]:
    """Records whose fields were read by an older version of evipool, or are missing."""
    from toolkit.records import PARSER_VERSION
    from toolkit.store.maintenance import outdated_records

    outdated = outdated_records(project.store, PARSER_VERSION)
    if not outdated:
        return []
    root = project.root
    return [
        Finding(
            code="parsed",
            severity="warning",
            message=f"the fields of {counted(sum(outdated.values()), 'record')} were read by an older evipool, "
            "or are missing",
            advice="'evipool doctor --fix' reads them anew from the stored files; no decision changes.",
            fix=lambda: _reread(root, outdated),
        )
    ]


def _reread(root: Path, outdated: Mapping[str, int]) -> str:
    from toolkit.project import Project
    from toolkit.records import PARSER_VERSION
    from toolkit.search.importing import reparse
    from toolkit.store import views
    from toolkit.store.maintenance import replace_parsed

    count = 0
    with Project.open(root) as project:
        for run in views.runs(project.store, include_open=True):
            if run.id in outdated:
                count += replace_parsed(project.store, reparse(project, run), PARSER_VERSION)
    return counted(count, "record", "was", "were") + " read anew"
