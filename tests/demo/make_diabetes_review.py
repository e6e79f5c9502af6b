"""Make data/diabetes-review/ from data/diabetes/diabetes.csv.

    python -m tests.demo.make_diabetes_review

The trials have no bibliographic records in the data, so each enters the review under the name the table gives it.
`review.toml` and README.md of the folder are written by hand and left alone.
"""

from __future__ import annotations

import csv

from tests.demo.make_onfh_review import REPO

FACTS, OUT = REPO / "data" / "diabetes" / "diabetes.csv", REPO / "data" / "diabetes-review"


def main() -> None:
    """Write the list of trials and the forms."""
    with FACTS.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    trials = list(dict.fromkeys(row["study"] for row in rows))
    lines: list[str] = []
    for name in trials:
        lines += ["TY  - JOUR", f"TI  - {name}", f"ID  - {name}", "N1  - Trial as named in the table.", "ER  - ", ""]
    OUT.mkdir(exist_ok=True)
    (OUT / "trials.ris").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    _form("fulltext.csv", ["report", "status", "study"], [[name, "retrieved", name] for name in trials])
    _form("full-text.csv", ["report", "verdict"], [[name, "include"] for name in trials])
    _form("studies.csv", ["study", "design"], [[name, "RCT"] for name in trials])
    source = "Elliott and Meyer 2007, as distributed with NICE DSU TSD 2"
    arms = []
    for row in rows:
        months = f"{12 * float(row['years']):g}"
        arm = [row["study"], row["treatment"], row["treatment"], "diabetes", months, row["n"], row["events"], source]
        arms.append(arm)
    _form("results.csv", ["study", "arm", "treatment", "outcome", "months", "n", "events", "source"], arms)


def _form(name: str, header: list[str], lines: list[list[str]]) -> None:
    with (OUT / name).open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(lines)


if __name__ == "__main__":
    main()
