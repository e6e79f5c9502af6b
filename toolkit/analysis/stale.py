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
    spec_content,
    spec_of,
    stored,
)
from toolkit.engine import ENGINE_VERSION
from toolkit.project import Project

__all__ = ["data_changes", "setting_changes", "why_stale"]

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
    content = {"spec": asdict(resolved), "selection": entered(selection), **further_settings(analysis)}
    now = {"engine_version": ENGINE_VERSION, **json.loads(json.dumps(content))}
    parts = setting_changes(newest, now) + _moves(newest["selection"], now["selection"]) + data_changes(newest, now)
    return "; ".join(parts) or "an older result is the newest one stored"


def setting_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In words, what of the settings and the engine differs between two results; at most three settings are named."""
    parts = []
    if before["engine_version"] != now["engine_version"]:
        parts.append(f"version of the engine: {before['engine_version']} before, {now['engine_version']} now")
    return parts + _settings(_asked(before), _asked(now))


def _asked(result: Mapping[str, Any]) -> dict[str, Any]:
    """Spec, further analyses and options of a result, by name."""
    own = {name: result[name] for name in ("also", "largest") if name in result}
    return {**spec_content(result["spec"]), **own, **result.get("options", {})}


def data_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In words, in which studies of both results the numbers or remarks differ."""
    was, found = _by_study(before["selection"]), _by_study(now["selection"])
    numbers = [s for s in found if s in was and found[s]["arms"] != was[s]["arms"]]
    flags = [s for s in found if s in was and s not in numbers and found[s]["flags"] != was[s]["flags"]]
    other = [name for name in ("columns", "others") if _other(before, name, found) != _other(now, name, was)]
    words = {"columns": "characteristics changed", "others": "data of other outcomes changed"}
    return _named("numbers changed:", numbers) + _named("remarks changed:", flags) + [words[name] for name in other]


def _other(result: Mapping[str, Any], name: str, shared: Mapping[str, Any]) -> Any:
    """What a selection holds besides its arms; of characteristics those of studies that the other result has too."""
    found = result["selection"].get(name, {})
    if name != "columns":
        return found
    return {key: {s: x for s, x in values.items() if s in shared} for key, values in found.items()}


def _newest(project: Project, analysis_id: str) -> dict[str, Any] | None:
    folder = project.path("results", analysis_id)
    files = sorted(folder.glob(f"*/{RESULT}"), key=lambda p: p.stat().st_mtime_ns) if folder.is_dir() else []
    return next((found for path in reversed(files) if (found := stored(path.parent)) is not None), None)


def _settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return _named("setting", [f"{name} ({before.get(name)!s} before, {now.get(name)!s} now)" for name in changed])


def _moves(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    was, found = _by_study(before), _by_study(now)
    came = [study for study in found if study not in was]
    left = [study for study in was if study not in found]
    return _named("came in:", came) + _named("left:", left)


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
