"""Learn the weights of the duplicate score and write toolkit/dedup/weights.json.

    python benchmarks/dedup_train.py [--generated DIR] [--write]

Method: ridge-penalised logistic regression on the pairs that survive blocking and the first comparison. The signs are
declared, not learnt: agreement never counts against a pair and disagreement never for it, so that each weight can be
read. Each set counts at most as 4,000 pairs, so that a large set does not outweigh the others.
Data: labelled sets of the folder named in dedup_data (records of the evaluations of ASySD, of the Systematic Review
Assistant, of Bond University and of Wagner 2021, labels as corrected by the bib-dedupe project; licences in their
READMEs) and, with --generated, a set made by make_large.py (10,000 records, seed 1).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from dedup_data import REAL_SETS, LabelledSet, load_set, shared_folder
from scipy.optimize import minimize

from toolkit.dedup.block import likely_pairs
from toolkit.dedup.compare import Comparison, compare
from toolkit.dedup.decide import Weights, design
from toolkit.dedup.keys import read_keys
from toolkit.dedup.normalise import encode, read_values

RIDGE = 1.0
GENERIC_AT_MOST = -3.0  # declared: most sets have no generic titles to learn from
LARGEST_SET = 4000  # pairs
_FOR = frozenset({"same", "nearly the same", "long", "middle", "other spelling", "same, other initial"})
_AGAINST = frozenset(
    {"different", "partly alike", "words replaced", "generic", "one side only", "two or three apart", "farther apart",
     "other version", "one apart"}
)  # fmt: skip
Floats = npt.NDArray[np.float64]


def compared(labelled: LabelledSet) -> tuple[Comparison, npt.NDArray[np.bool_]]:
    """Compared pairs of a set and whether each is one publication."""
    values = read_values(labelled.columns)
    comparison = compare(encode(values, len(labelled.columns)), *likely_pairs(read_keys(values)))
    return comparison, labelled.labels[comparison.left] == labelled.labels[comparison.right]


def fit(sets: list[tuple[Comparison, npt.NDArray[np.bool_]]]) -> Weights:
    """Weights with the smallest penalised loss over all sets."""
    designs = [design(comparison) for comparison, _ in sets]
    names = designs[0][1]
    x = np.vstack([d[0] for d in designs])
    x = np.column_stack((np.ones(len(x)), x))
    sign = np.where(np.concatenate([truth for _, truth in sets]), 1.0, -1.0)
    weight = np.concatenate([np.full(len(t), min(1.0, LARGEST_SET / max(len(t), 1))) for _, t in sets])

    def loss(beta: Floats) -> tuple[float, Floats]:
        margin = sign * (x @ beta)
        slope = -(weight * sign) * np.exp(-np.logaddexp(0, margin))
        penalty = RIDGE / 2 * (beta[1:] ** 2).sum()
        gradient = x.T @ slope
        gradient[1:] += RIDGE * beta[1:]
        return float((weight * np.logaddexp(0, -margin)).sum() + penalty), gradient

    bounds = [(None, None)] + [_bounds(*name) for name in names]
    beta = minimize(loss, np.zeros(x.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 3000}).x
    levels: dict[str, dict[str, float]] = {}
    combinations: dict[str, float] = {}
    for (field, level), value in zip(names, beta[1:], strict=True):
        if field == "combination":
            combinations[level] = round(float(value), 3)
        else:
            levels.setdefault(field, {})[level] = round(float(value), 3)
    return Weights(intercept=round(float(beta[0]), 3), levels=levels, combinations=combinations)


def _bounds(field: str, level: str) -> tuple[float | None, float | None]:
    if field == "combination" or level in _FOR:
        return 0.0, None
    if level == "generic":
        return None, GENERIC_AT_MOST
    if level in _AGAINST:
        return None, 0.0
    return None, None


def load_all(generated: Path | None, names: tuple[str, ...] = REAL_SETS) -> list[LabelledSet]:
    """All labelled sets, and the generated one where named."""
    sets = [load_set(shared_folder() / "bench" / "dedup" / name) for name in names]
    return sets + ([load_set(generated)] if generated else [])


def main() -> None:
    """Train on all sets; print the weights, or write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generated", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    sets = load_all(arguments.generated)
    weights = fit([compared(s) for s in sets])
    content = {
        "about": "Log-odds added by each level of each field. Method: benchmarks/dedup_train.py.",
        "trained_on": [s.name for s in sets],
        "ridge": RIDGE,
        "intercept": weights.intercept,
        "levels": weights.levels,
        "combinations": weights.combinations,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    if arguments.write:
        target = Path(__file__).resolve().parents[1] / "toolkit" / "dedup" / "weights.json"
        target.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
