"""Why an analysis is stale: what its newest stored result rests on, against what the review holds now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from toolkit.analysis.plan import (
    RESULT,
    entered,
    fingerprint,
    further_settings,
    result_folder,
    selections,
    spec_of,
    stored,
)
from toolkit.engine import ENGINE_VERSION
from toolkit.project import Project

__all__ = ["why_stale"]

_MOST = 3  # so many studies or settings are named, more are counted


def why_stale(project: Project, analysis_id: str) -> str:
    """In words, what changed since the newest result of an analysis: version, settings, studies, numbers."""
    # All selections are remembered; asking for one would select its arms anew.
    analysis, selection, problem = next(one for one in selections(project) if one[0].id == analysis_id)
    if selection is None:
        return problem or "refused"
    resolved = spec_of(analysis, project.config.outcome(analysis.outcome), selection.columns)
    folder = result_folder(project, analysis_id, fingerprint(resolved, selection, analysis))
    if (folder / RESULT).is_file() and stored(folder) is None:
        return "its stored result was changed or damaged since it was written"
    newest = _newest(project, analysis_id)
    if newest is None:
        return "never computed"
    spec = json.loads(json.dumps(asdict(resolved)))
    data = json.loads(json.dumps(entered(selection)))
    parts = []
    if newest["engine_version"] != ENGINE_VERSION:
        parts.append(f"version of the engine: {newest['engine_version']} before, {ENGINE_VERSION} now")
    parts += _settings(newest["spec"], spec)
    parts += _settings({"also": newest.get("also")}, {"also": further_settings(analysis).get("also")})
    parts += _studies(newest["selection"], data)
    return "; ".join(parts) or "an older result is the newest one stored"


def _newest(project: Project, analysis_id: str) -> dict[str, Any] | None:
    folder = project.path("results", analysis_id)
    files = sorted(folder.glob(f"*/{RESULT}"), key=lambda p: p.stat().st_mtime_ns) if folder.is_dir() else []
    return next((found for path in reversed(files) if (found := stored(path.parent)) is not None), None)


def _settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return _named("setting", [f"{name} ({before.get(name)!s} before, {now.get(name)!s} now)" for name in changed])


def _studies(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    was, found = _by_study(before), _by_study(now)
    came = [study for study in found if study not in was]
    left = [study for study in was if study not in found]
    numbers = [s for s in found if s in was and found[s]["arms"] != was[s]["arms"]]
    flags = [s for s in found if s in was and s not in numbers and found[s]["flags"] != was[s]["flags"]]
    parts = _named("came in:", came) + _named("left:", left)
    return parts + _named("numbers changed:", numbers) + _named("remarks changed:", flags)


def _by_study(data: Mapping[str, Any]) -> dict[str, dict[str, list[Any]]]:
    studies: dict[str, dict[str, list[Any]]] = {}
    for kind in ("arms", "flags"):
        for row in data[kind]:
            if kind == "arms" or row["study"] in studies:
                studies.setdefault(row["study"], {"arms": [], "flags": []})[kind].append(row)
    return studies


def _named(words: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    more = f" and {len(items) - _MOST} more" if len(items) > _MOST else ""
    return [f"{words} {', '.join(items[:_MOST])}{more}"]
