"""Pack the finished onfh demo of a released or earlier evipool as an old project, with what that evipool said of it.

To be run with the program of that time, from a copy of its source (the script itself needs nothing but it):

    git archive COMMIT | tar -x -C /tmp/then
    PYTHONPATH=/tmp/then python tests/old_projects/make_old_project.py COMMIT tests/old_projects
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# Drawn or written from the rest; a project is whole without them.
LEFT_OUT = ("report",)
EXPECTED = "expected.json"


def main(commit: str, target: Path) -> None:
    """Build the demo, note what is known of it, and write ``target``/evipool-VERSION.zip."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "review"
        evipool("demo", str(folder), "--quiet")
        with sqlite3.connect(folder / "evipool.db") as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("PRAGMA journal_mode=DELETE")
        database.close()
        expected = expectations(folder, commit)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and wanted(path.relative_to(folder))]
        with zipfile.ZipFile(target / f"evipool-{expected['evipool']}.zip", "w", zipfile.ZIP_DEFLATED, 9) as packed:
            for path in files:
                packed.write(path, path.relative_to(folder).as_posix())
            packed.writestr(EXPECTED, json.dumps(expected, ensure_ascii=False, indent=1) + "\n")


def evipool(*args: str) -> str:
    """What a command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *args], check=True, capture_output=True, text=True, encoding="utf-8"
    )
    return done.stdout


def wanted(path: Path) -> bool:
    """Whether a file belongs into the package: of results the numbers, not the figures."""
    return path.parts[0] not in LEFT_OUT and (path.parts[0] != "results" or path.name == "result.json")


def expectations(folder: Path, commit: str) -> dict[str, object]:
    """Version, number of events, hash of the last one, studies, the boxes of the flow and the pooled estimates."""
    with sqlite3.connect(folder / "evipool.db") as database:
        migrations = dict(database.execute("SELECT name, evipool_version FROM migration ORDER BY name"))
        events, head = database.execute("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    database.close()
    status = json.loads(evipool("status", "-C", str(folder), "--format", "json"))
    flow = json.loads(evipool("prisma", "-C", str(folder), "--format", "json"))
    report = json.loads((folder / "report" / "results.json").read_text(encoding="utf-8"))
    estimates = {
        analysis: {
            which: [found["result"][which][key] for key in ("estimate", "ci_low", "ci_high")]
            for which in ("common", "random", "mantel_haenszel")
            if found["result"].get(which)
        }
        for analysis, found in report["analyses"].items()
        if found["status"] == "estimated"
    }
    return {
        "evipool": list(migrations.values())[-1],
        "commit": commit,
        "migrations": list(migrations),
        "events": events,
        "head_hash": head,
        "status": {name: status["sections"][name] for name in ("title-abstract", "full texts", "full-text", "studies")},
        "boxes": {name: box["n"] for name, box in flow["boxes"].items()},
        "estimates": estimates,
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
