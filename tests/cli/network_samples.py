"""What the tests of `evipool network` share: the example, a small table of trials and cohorts, a call."""

from __future__ import annotations

from pathlib import Path

from toolkit.cli.common import run

__all__ = ["DIABETES", "ERRATUM", "MIXED", "call", "write"]

DIABETES = Path(__file__).resolve().parents[2] / "data" / "diabetes" / "diabetes.csv"

# Odds ratios against a diuretic with 95 % limits: Elliott and Meyer 2007, erratum (doi 10.1016/S0140-6736(07)60108-1).
ERRATUM = {
    "ARB": (0.62, 0.51, 0.77),
    "ACE inhibitor": (0.67, 0.57, 0.79),
    "Placebo": (0.75, 0.63, 0.89),
    "CCB": (0.79, 0.67, 0.92),
    "Beta blocker": (0.93, 0.78, 1.11),
}

MIXED = """study,treatment,events,n,design,age,rob
A,usual,14,60,RCT,52,low
A,nurse,9,61,RCT,52,low
B,usual,18,80,cohort,61,high
B,app,15,78,cohort,61,high
C,nurse,11,70,RCT,55,some concerns
C,app,13,70,RCT,55,some concerns
D,usual,21,90,RCT,,low
D,nurse,12,88,RCT,,low
E,usual,16,75,cohort,66,high
E,app,9,76,cohort,66,high
"""


def call(*args: str) -> int:
    """Run the command."""
    return run(["network", *args])


def write(path: Path, text: str) -> str:
    """A table on disk; its path as text."""
    path.write_text(text, encoding="utf-8")
    return str(path)
