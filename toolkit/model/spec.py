"""What an analysis asks for: every choice that changes a number, by name."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from toolkit.model.errors import InputError

__all__ = ["NetworkSpec", "PairwiseSpec", "ZeroCells"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroCells:
    """What is done with zero cells of a two-by-two table.

    Attributes
    ----------
    add : what is added to each cell (0.5 after Gart and Zweifel 1967)
    to : ``"only0"`` studies with a zero cell; ``"all"``; ``"if0all"`` all studies if any has a zero cell; ``"none"``
    drop_double_zero : leave out studies without events in either arm (or with events in everybody)
        where the measure gives them no information (OR, RR); they keep their row and gain a reason
    risk_ratio : ``"events"`` adds to the events alone, so that the total grows by ``add`` (meta, netmeta);
        ``"cells"`` adds to events and non-events, so that it grows by twice that (RevMan, metafor)
    risk_difference : ``"variance"`` keeps the raw difference and corrects only its variance (RevMan, meta,
        netmeta); ``"cells"`` computes both from the corrected cells (metafor)
    arms : ``"equal"`` adds the same to every arm; ``"size"`` adds to each arm in proportion to its size, the mean over
        the arms being ``add`` (treatment-arm correction of Sweeting 2004, where treatment effects are not pulled
        towards none in unbalanced studies)
    """

    add: float = 0.5
    to: str = "only0"
    drop_double_zero: bool = True
    risk_ratio: str = "events"
    risk_difference: str = "variance"
    arms: str = "equal"

    def __post_init__(self) -> None:
        if not (0 <= self.add < inf):
            raise InputError("What is added to zero cells is a number, 0 or more.", value=self.add)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairwiseSpec:
    """A pairwise meta-analysis, resolved or to be resolved.

    Attributes
    ----------
    measure : effect measure, a key of ``choices.MEASURES`` ("OR", "RR", "RD", "MD", "SMD", "GEN" ...)
    treatment, reference : the two treatments; effects are treatment against reference
    tau2 : between-study variance estimator, a key of ``choices.TAU2_METHODS``
    ci : interval of the random-effects estimate, a key of ``choices.INTERVALS``; "auto" is Hartung-Knapp with
        the safeguard from k = 3 and Wald at k = 2 (docs/decisions says why)
    prediction : a key of ``choices.PREDICTION_INTERVALS``
    tau2_ci : interval of tau2, a key of ``choices.TAU2_INTERVALS``
    level : confidence level, a proportion
    zero_cells : policy for zero cells
    model : a key of ``choices.MODELS``: "IV" pools effects by inverse variance, "SSW" and "EQ" by weights of their own;
        the others model the counts
    mantel_haenszel : "raw" takes the counts as they are; "corrected" after the zero-cell correction, no double-zero
        studies (RevMan, meta's default)
    q_around : "IV", or "MH" for DerSimonian-Laird's Q around the Mantel-Haenszel estimate (RevMan 5)
    variance : sampling variance of the effects: "default", or a key of ``choices.VARIANCES`` of the measure
    study_ci : interval in the rows of the studies: "model" (Wald on the model scale), or for proportions a key of
        ``choices.STUDY_CI``
    preset : a key of ``presets.PRESETS`` whose choices stand where none was named (`presets.preset_spec` makes it)
    """

    measure: str
    treatment: str | None = None
    reference: str | None = None
    tau2: str = "REML"
    ci: str = "auto"
    prediction: str = "t_k1"
    tau2_ci: str = "QP"
    level: float = 0.95
    zero_cells: ZeroCells = ZeroCells()
    model: str = "IV"
    mantel_haenszel: str = "raw"
    q_around: str = "IV"
    variance: str = "default"
    study_ci: str = "model"
    preset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A network meta-analysis, resolved or to be resolved.

    Attributes
    ----------
    measure : effect measure, a key of ``choices.MEASURES``
    reference : treatment shown as comparator; None takes the most studied one and says so
    tau2 : a key of ``choices.NETWORK_TAU2_METHODS``: "REML", "ML", "DL" (generalised DerSimonian-Laird), "PM"
        (generalised Paule-Mandel) or "fixed"
    tau2_value : the between-study variance with ``tau2="fixed"``
    tau2_inactive : comparisons with one of these treatments have a between-study variance of their own, all others
        another; with "REML" or "ML"
    tau2_groups : (study, group) pairs, each group with its own between-study variance
    small_values : "good" or "bad" for the patient; None means not told, and then nothing is ranked
    ci : interval of the random-effects estimates, a key of ``choices.NETWORK_INTERVALS``
    level, zero_cells : as in `PairwiseSpec`
    """

    measure: str
    reference: str | None = None
    tau2: str = "REML"
    tau2_value: float | None = None
    tau2_inactive: tuple[str, ...] = ()
    tau2_groups: tuple[tuple[str, str], ...] = ()
    small_values: str | None = None
    ci: str = "Wald"
    level: float = 0.95
    zero_cells: ZeroCells = ZeroCells()
