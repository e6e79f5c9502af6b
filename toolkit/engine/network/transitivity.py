"""Transitivity: are the studies of the different comparisons alike in what modifies the effect?

References
----------
Salanti 2012, Res Synth Methods 3:80-97. doi:10.1002/jrsm.1037
Jansen, Naci 2013, BMC Med 11:159. doi:10.1186/1741-7015-11-159
Kruskal, Wallis 1952, J Am Stat Assoc 47:583-621. doi:10.1080/01621459.1952.10483441
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from toolkit.engine.data import Effects, FloatArray
from toolkit.engine.network.blocks import arms_of_studies
from toolkit.model.errors import InputError

__all__ = ["ModifierRow", "ModifierTable", "modifier_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifierRow:
    """One comparison: how many of its studies report the modifier, and how it is spread.

    ``values`` are the numbers in order; minimum, quartiles and maximum are None without any. ``counts`` are (value,
    studies) of a modifier in words.
    """

    comparison: str
    studies: int
    reported: int
    values: tuple[float, ...]
    minimum: float | None
    lower: float | None
    median: float | None
    upper: float | None
    maximum: float | None
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifierTable:
    """A modifier over the comparisons.

    ``numeric`` tells numbers from words; ``statistic``, ``df`` and ``p`` are Kruskal and Wallis's for numbers (a study
    of several comparisons counts in each, so p is a guide, no test); None with ``reason``. A large p does not prove
    transitivity.
    """

    modifier: str
    numeric: bool
    rows: tuple[ModifierRow, ...]
    statistic: float | None
    df: int | None
    p: float | None
    reason: str | None


def modifier_table(effects: Effects, modifier: str, values: Mapping[str, str]) -> ModifierTable:
    """How an effect modifier is spread over the comparisons of a network.

    Parameters
    ----------
    effects : the data
    modifier : its name
    values : text of each study; numbers where every text that is not empty is one

    Raises
    ------
    InputError
        If no study reports the modifier.
    """
    given = {s: values.get(s, "").strip() for s in effects.studies}
    told = {s: text for s, text in given.items() if text}
    if not told:
        raise InputError("No study has a value of this modifier.", value=modifier)
    numbers = {s: _number(text) for s, text in told.items()}
    numeric = all(x is not None for x in numbers.values())
    members: dict[tuple[int, int], list[str]] = {}
    for study, arms in zip(effects.studies, arms_of_studies(effects), strict=True):
        for i in sorted(arms):
            for j in sorted(arms):
                if i < j:
                    members.setdefault((i, j), []).append(study)
    rows = []
    for (i, j), studies in sorted(members.items()):
        name = f"{effects.treatments[i]} against {effects.treatments[j]}"
        known = [s for s in studies if s in told]
        rows.append(_row(name, len(studies), [numbers[s] for s in known] if numeric else [told[s] for s in known]))
    if not numeric:
        return ModifierTable(
            modifier=modifier, numeric=False, rows=tuple(rows), statistic=None, df=None, p=None, reason="not a number"
        )
    groups = [np.array(r.values) for r in rows if r.values]
    statistic, df, reason = _kruskal_wallis(groups)
    p = None if statistic is None or df is None else float(chdtrc(df, statistic))
    return ModifierTable(
        modifier=modifier, numeric=True, rows=tuple(rows), statistic=statistic, df=df, p=p, reason=reason
    )


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _row(name: str, studies: int, known: list[float | None] | list[str]) -> ModifierRow:
    numbers = sorted(x for x in known if isinstance(x, float))
    words = sorted({x for x in known if isinstance(x, str)})
    five = np.quantile(numbers, [0, 0.25, 0.5, 0.75, 1]).tolist() if numbers else [None] * 5
    return ModifierRow(
        comparison=name,
        studies=studies,
        reported=len(known),
        values=tuple(numbers),
        minimum=five[0],
        lower=five[1],
        median=five[2],
        upper=five[3],
        maximum=five[4],
        counts=tuple((word, sum(x == word for x in known)) for word in words),
    )


def _kruskal_wallis(groups: list[FloatArray]) -> tuple[float | None, int | None, str | None]:
    """H with the correction for ties, its degrees of freedom, and why there is none."""
    if len(groups) < 2:
        return None, None, "fewer than two comparisons report it"
    pooled = np.concatenate(groups)
    n = len(pooled)
    _, inverse, counts = np.unique(pooled, return_inverse=True, return_counts=True)
    if len(counts) == 1:
        return None, None, "every study has the same value"
    last = np.cumsum(counts)
    rank = (last - (counts - 1) / 2)[inverse]
    parts = np.split(rank, np.cumsum([len(g) for g in groups])[:-1])
    h = 12 / (n * (n + 1)) * sum(float(p.sum()) ** 2 / len(p) for p in parts) - 3 * (n + 1)
    ties = 1 - float((counts**3 - counts).sum()) / (n**3 - n)
    return h / ties, len(groups) - 1, None
