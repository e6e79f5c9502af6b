"""Frozen outcomes of a fit; everything is on the model scale (log for ratios) unless a name says otherwise.

A quantity that cannot be estimated is None, and ``warnings`` or a ``reason`` says why; never a quiet NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.engine.data import Between, Correction, Excluded, FloatArray
from toolkit.model.spec import NetworkSpec, PairwiseSpec

__all__ = [
    "Comparison",
    "Estimate",
    "Heterogeneity",
    "Inconsistency",
    "Interval",
    "NetworkResult",
    "PairwiseResult",
    "Ranking",
    "StudyRow",
    "Tau2",
    "Warning_",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning_:  # noqa: N801 - "Warning" is a builtin
    """Something a reader must know about a result: a stable code and a sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A lower and an upper bound with the method that made them."""

    low: float
    high: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A pooled effect. ``df`` is None for a normal-based interval; ``statistic`` is z or t; ``p`` is two-sided."""

    estimate: float
    se: float
    ci_low: float
    ci_high: float
    statistic: float
    p: float
    df: float | None
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tau2:
    """Between-study variance: value, its interval, and how it was found."""

    value: float
    method: str
    boundary: bool
    converged: bool
    iterations: int
    se: float | None = None
    ci: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Cochran's Q and what is derived from it; I2 from Q (Higgins 2002) and from tau2 are different numbers.

    ``test`` is "Cochran", or "likelihood ratio" of a model of counts; ``p`` is None where there is no test.
    """

    q: float
    df: int
    p: float | None
    i2_q: float
    i2_tau2: float
    h2: float
    test: str = "Cochran"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One study of a pairwise analysis; an excluded one keeps its row and gains ``excluded``.

    Weights are proportions of the common- and random-effects weight. Arm data are (treatment, reference).
    """

    study: str
    y: float | None
    se: float | None
    ci_low: float | None
    ci_high: float | None
    weight_common: float | None
    weight_random: float | None
    n: tuple[float | None, float | None] = (None, None)
    events: tuple[float | None, float | None] = (None, None)
    mean: tuple[float | None, float | None] = (None, None)
    sd: tuple[float | None, float | None] = (None, None)
    excluded: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairwiseResult:
    """A pairwise meta-analysis.

    ``common`` is inverse variance, ``mantel_haenszel`` beside it where the measure has one. With one study
    ``common`` is that study, and ``random``, ``tau2`` and ``prediction`` are None with a warning that says why.
    """

    spec: PairwiseSpec
    scale: str
    k: int
    treatment: str
    reference: str
    common: Estimate | None
    mantel_haenszel: Estimate | None
    random: Estimate | None
    random_wald: Estimate | None
    tau2: Tau2 | None
    heterogeneity: Heterogeneity | None
    prediction: Interval | None
    studies: tuple[StudyRow, ...]
    excluded: tuple[Excluded, ...] = ()
    corrections: tuple[Correction, ...] = ()
    warnings: tuple[Warning_, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Direct evidence of one comparison, treatment ``t1`` against ``t2``."""

    t1: str
    t2: str
    studies: tuple[str, ...]
    n: float | None
    direct: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inconsistency:
    """Q of the whole network split into heterogeneity within designs and inconsistency between them.

    ``interaction`` is the design-by-treatment interaction Wald test at the REML between-study variance of the
    inconsistency model (Higgins 2012; White 2012). Statistics are None with ``reason`` where there is no closed loop.
    """

    q_total: float
    df_total: int
    p_total: float | None
    q_within: float | None
    df_within: int
    p_within: float | None
    q_between: float | None
    df_between: int
    p_between: float | None
    interaction_chi2: float | None
    interaction_df: int
    interaction_p: float | None
    interaction_tau2: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """P-scores, which equal SUCRA exactly in the joint normal (Ruecker and Schwarzer 2015); order of ``treatments``."""

    small_values: str
    p_score_common: FloatArray
    p_score_random: FloatArray | None
    caution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkResult:
    """A network meta-analysis; matrices are (T, T), entry [i, j] is treatment i against treatment j.

    ``treatments`` has the reference first, then alphabetical order.
    ``tau2_contrasts`` is the between-study variance of each contrast in a new study (None where that depends on the
    group of the study), ``between`` tells several variances apart; ``tau2`` is then the largest of them.
    ``random`` matrices are None when tau2 is not estimable (one study, or no degrees of freedom). ``random_se`` is the
    Wald standard error; intervals of random effects multiply its square by ``ci_factor`` and take the t quantile with
    ``ci_df`` degrees of freedom (None: the normal one), by the spec's ``ci``.
    """

    spec: NetworkSpec
    scale: str
    k: int
    treatments: tuple[str, ...]
    reference: str
    common: FloatArray
    common_se: FloatArray
    random: FloatArray | None
    random_se: FloatArray | None
    tau2: Tau2 | None
    i2: float | None
    prediction_low: FloatArray | None
    prediction_high: FloatArray | None
    prediction_df: float | None
    inconsistency: Inconsistency
    ranking: Ranking | None
    comparisons: tuple[Comparison, ...]
    n_per_treatment: tuple[float | None, ...]
    studies_per_treatment: tuple[int, ...]
    studies: tuple[str, ...]
    ci_factor: float = 1.0
    ci_df: int | None = None
    tau2_contrasts: FloatArray | None = None
    between: Between | None = None
    excluded: tuple[Excluded, ...] = ()
    corrections: tuple[Correction, ...] = ()
    warnings: tuple[Warning_, ...] = ()
