"""A citable version of a review: everything it rests on in one ZIP file, with a manifest of hashes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.analysis.certainty import moved_on
from toolkit.analysis.run import plan
from toolkit.engine import ENGINE_VERSION
from toolkit.exchange.files import export_tables
from toolkit.model.errors import InputError
from toolkit.model.review import Version
from toolkit.project import SETTINGS, Project
from toolkit.records.tables import write_whole
from toolkit.store import views
from toolkit.store.interchange import event_lines

__all__ = ["MANIFEST", "Frozen", "freeze", "verify_frozen"]

MANIFEST = "manifest.json"
# The earliest date a ZIP file can hold: the same content must give the same bytes.
_STAMP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A frozen version: the file, its sha256 (cite this), the version's label and the number of files in it."""

    path: Path
    sha256: str
    label: str
    files: int
    warnings: tuple[str, ...]


def freeze(project: Project, label: str | None = None, target: Path | None = None) -> Frozen:
    """Write ``frozen/<label>.zip``: settings, strategies, searches, decisions, data, results and the report.

    Parameters
    ----------
    label : label of the last closed version (its content must be the present state), or a name of your own
    target : another file to write

    The same state gives the same bytes, so its sha256 can be cited and checked.

    Raises
    ------
    InputError
        if the label is that of an older version, or a frozen file of that name holds something else.
    """
    versions = views.versions(project.store)
    name, warnings = _label(project, versions, label)
    outcomes = plan(project)
    stale = [o.analysis.id for o in outcomes if o.status == "stale"]
    if stale:
        raise InputError(
            f"not computed for the present data: {', '.join(stale)}",
            hint="Run 'evipool analyse' (or 'evipool update') first, so that the version holds its results.",
        )
    files = _content(project, outcomes)
    manifest = _manifest(project, name, versions, files, outcomes)
    files[MANIFEST] = _json(manifest)
    data = _zip(files)
    path = target or project.path("frozen", f"{_file_name(name)}.zip")
    if path.exists() and path.read_bytes() != data:
        raise InputError("a frozen version of this name holds something else", file=path, hint="Choose another label.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_whole(path, data)
    return Frozen(
        path=path, sha256=hashlib.sha256(data).hexdigest(), label=name, files=len(files), warnings=tuple(warnings)
    )


def _label(project: Project, versions: list[Version], label: str | None) -> tuple[str, list[str]]:
    head = project.store.head_hash()[:12]
    last = versions[-1] if versions else None
    closed = last is not None and not moved_on(project, last)
    if label is None:
        if last is not None and closed:
            return last.label, []
        return f"state-{head}", ["no version of the review is closed at this state; it is named after its history"]
    for version in versions:
        if version.label == label and not (closed and version is last):
            raise InputError(
                f"version {label} was closed on {version.at[:10]} and the review has moved on",
                hint="Freeze a version when it is closed; its results stay in results/.",
            )
    return label, []


def _file_name(label: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in label).strip(".") or "version"


def _content(project: Project, outcomes: Any) -> dict[str, bytes]:
    """Name in the ZIP -> bytes."""
    import tempfile

    files = {SETTINGS: project.path(SETTINGS).read_bytes()}
    for folder in ("search_strategies", "extraction", "appraisal"):
        root = project.path(folder)
        for path in sorted(root.rglob("*")) if root.is_dir() else []:
            if path.is_file() and not path.name.startswith("."):
                files[path.relative_to(project.root).as_posix()] = path.read_bytes()
    files["history/events.jsonl"] = "".join(f"{line}\n" for line in event_lines(project.store)).encode("utf-8")
    files["history/searches.json"] = _json(_searches(project))
    with tempfile.TemporaryDirectory() as scratch:
        for path in export_tables(project, Path(scratch)):
            files[f"data/{path.name}"] = path.read_bytes()
    for outcome in outcomes:
        if outcome.payload is not None and outcome.folder is not None:
            for path in sorted(outcome.folder.iterdir()):
                files[f"results/{outcome.analysis.id}/{path.name}"] = path.read_bytes()
    report = project.path("report")
    for path in sorted(report.rglob("*")) if report.is_dir() else []:
        if path.is_file() and not path.name.startswith((".", "~")):
            files[path.relative_to(project.root).as_posix()] = path.read_bytes()
    return files


def _searches(project: Project) -> list[dict[str, Any]]:
    """Every finished search and import: what was asked, when, and the sha256 of every raw body kept for it."""
    return [
        {
            "run": run.id,
            "kind": run.kind,
            "source": run.source,
            "source_kind": run.source_kind,
            "searched_on": run.searched_on,
            "file_name": run.file_name,
            "sha256": run.sha256,
            "detail": dict(run.detail),
            "bodies": [{"what": what, "sha256": digest} for _, what, digest in views.run_bodies(project.store, run.id)],
        }
        for run in views.runs(project.store)
    ]


def _manifest(
    project: Project, label: str, versions: list[Version], files: Mapping[str, bytes], outcomes: Any
) -> dict[str, Any]:
    review = project.config.review
    last = next((v for v in versions if v.label == label), None)
    events = project.store.events()
    return {
        "title": review.title,
        "authors": list(review.authors),
        "version": label,
        "closed": last.at if last is not None else None,
        "last_event": events[-1].at if events else None,
        "evipool_version": __version__,
        "engine_version": ENGINE_VERSION,
        "history": {"events": len(events), "hash_chain": project.store.head_hash()},
        "analyses": {o.analysis.id: o.fingerprint for o in outcomes if o.fingerprint is not None},
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in sorted(files.items())
        },
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode("utf-8") + b"\n"


def _zip(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, date_time=_STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name])
    return stream.getvalue()


def verify_frozen(path: Path) -> list[str]:
    """What does not fit in a frozen version: files missing, added or changed against its manifest; empty if all fit."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if MANIFEST not in names:
                raise InputError("this ZIP file has no manifest.json", file=path)
            stated: dict[str, dict[str, Any]] = json.loads(archive.read(MANIFEST))["files"]
            found = [f"{name}: missing" for name in sorted(set(stated) - names)]
            found += [f"{name}: not in the manifest" for name in sorted(names - set(stated) - {MANIFEST})]
            for name in sorted(set(stated) & names):
                if hashlib.sha256(archive.read(name)).hexdigest() != stated[name]["sha256"]:
                    found.append(f"{name}: changed")
    except zipfile.BadZipFile as error:
        raise InputError("not a readable ZIP file", file=path) from error
    return found
