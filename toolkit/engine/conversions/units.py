"""Unit of analysis: clusters, hips of one patient, cross-over periods, a control group shared by several arms."""

from __future__ import annotations

import math
from collections.abc import Sequence

from toolkit.engine.conversions.effects import ConvertedEffect
from toolkit.model.errors import InputError

__all__ = [
    "cross_over_mean_difference",
    "cross_over_smd",
    "design_effect",
    "effective_counts",
    "paired_odds_ratio",
    "paired_odds_ratio_of_margins",
    "partly_paired_smd_change",
    "split_control",
]

_BOTH_SIDES = "A marginal odds ratio takes events and non-events on both sides."


def design_effect(size: float, icc: float) -> float:
    """``1 + (size - 1) icc`` of clusters of mean ``size``; hips of one patient are clusters of hips / patients.

    References
    ----------
    Cochrane Handbook 6.5, section 23.1.4. Donner, Klar 2000, Design and Analysis of Cluster Randomization Trials.

    Examples
    --------
    >>> round(design_effect(20.0, 0.02), 10)
    1.38
    """
    if size < 1:
        raise InputError("A cluster has at least one member.", value=size, allowed="1 or more")
    if not 0 <= icc <= 1:
        raise InputError("An intraclass correlation lies between 0 and 1.", value=icc, allowed="0 to 1")
    return 1 + (size - 1) * icc


def effective_counts(events: float | None, n: float, size: float, icc: float) -> tuple[float | None, float]:
    """Events and participants divided by the design effect, not rounded; means and SDs of an arm stay.

    References
    ----------
    Cochrane Handbook 6.5, section 23.1.4.
    """
    effect = design_effect(size, icc)
    return None if events is None else events / effect, n / effect


def paired_odds_ratio(both: float, first: float, second: float, neither: float) -> ConvertedEffect:
    """Marginal log odds ratio of pairs (one hip of a patient in each arm) from the paired table.

    Parameters
    ----------
    both, first, second, neither : pairs with events in both, in the treated alone, in the control alone, in none

    References
    ----------
    Becker, Balagtas 1993, Biometrics 49:997-1009 (marginal odds ratio). doi:10.2307/2532242
    Elbourne, Altman, Higgins, Curtin, Worthington, Vail 2002, Int J Epidemiol 31:140-149. doi:10.1093/ije/31.1.140

    Examples
    --------
    >>> round(paired_odds_ratio(20, 5, 8, 17).y, 6)
    -0.241162
    """
    n = both + first + second + neither
    a, b, c, d = both + first, second + neither, both + second, first + neither
    if min(a, b, c, d) <= 0:
        raise InputError(
            "A marginal odds ratio takes events and non-events on both sides.", value=f"{a:g}/{n:g}, {c:g}/{n:g}"
        )
    covariance = (n * both - a * c) * n / (a * b * c * d)
    v = 1 / a + 1 / b + 1 / c + 1 / d - 2 * covariance
    return ConvertedEffect(y=math.log(a * d / (b * c)), v=v, source="paired table (Becker and Balagtas 1993)")


def paired_odds_ratio_of_margins(
    events1: float, events2: float, n: float, correlations: Sequence[float]
) -> tuple[ConvertedEffect, ...]:
    """The same from the margins alone, for each assumed correlation of the two hips of a patient.

    Notes
    -----
    ``v = 1 / (n p1 q1) + 1 / (n p2 q2) - 2 rho / (n sqrt(p1 q1 p2 q2))``; pairs of 0 and 1 cannot correlate by every
    rho, and one that the margins do not allow is refused.

    References
    ----------
    Elbourne et al. 2002, Int J Epidemiol 31:140-149, section 3. doi:10.1093/ije/31.1.140
    """
    p1, p2 = events1 / n, events2 / n
    q1, q2 = 1 - p1, 1 - p2
    if min(p1, q1, p2, q2) <= 0:
        raise InputError(
            "A marginal odds ratio takes events and non-events on both sides.",
            value=f"{events1:g}, {events2:g} of {n:g}",
        )
    root = math.sqrt(p1 * q1 * p2 * q2)
    highest = (min(p1, p2) - p1 * p2) / root
    lowest = (max(0.0, p1 + p2 - 1) - p1 * p2) / root
    found = []
    for rho in correlations:
        if not lowest - 1e-12 <= rho <= highest + 1e-12:
            raise InputError(
                "These margins do not allow this correlation.", value=rho, allowed=f"{lowest:.3f} to {highest:.3f}"
            )
        v = 1 / (n * p1 * q1) + 1 / (n * p2 * q2) - 2 * rho / (n * root)
        found.append(
            ConvertedEffect(
                y=math.log(p1 * q2 / (q1 * p2)),
                v=v,
                source="margins of pairs (Elbourne 2002)",
                flags=(f"correlation within a patient taken as {rho:g}",),
            )
        )
    return tuple(found)


def cross_over_mean_difference(
    mean1: float, sd1: float, mean2: float, sd2: float, n: float, correlation: float
) -> ConvertedEffect:
    """Mean difference of a cross-over trial with the paired standard error, from an assumed correlation.

    References
    ----------
    Elbourne et al. 2002, Int J Epidemiol 31:140-149. doi:10.1093/ije/31.1.140; Cochrane Handbook 6.5, section 23.2.7.2.
    """
    v = (sd1**2 + sd2**2 - 2 * correlation * sd1 * sd2) / n
    flags = (f"correlation of the periods taken as {correlation:g}",)
    return ConvertedEffect(y=mean1 - mean2, v=v, source="cross-over means (Handbook 23.2.7)", flags=flags)


def cross_over_smd(mean1: float, sd1: float, mean2: float, sd2: float, n: float, correlation: float) -> ConvertedEffect:
    """Standardised difference of a cross-over trial by the SD of a period: ``v = (1/n + d^2 / 2n) 2 (1 - r)``.

    References
    ----------
    Cochrane Handbook 6.5, section 23.2.7.2. Becker 1988, Br J Math Stat Psychol 41:257-278.
    """
    d = (mean1 - mean2) / math.sqrt((sd1**2 + sd2**2) / 2)
    v = (1 / n + d**2 / (2 * n)) * 2 * (1 - correlation)
    flags = (f"correlation of the periods taken as {correlation:g}",)
    return ConvertedEffect(y=d, v=v, source="cross-over means (Handbook 23.2.7)", flags=flags)


def partly_paired_smd_change(d: float, pairs: float, n1: float, n2: float, correlation: float) -> float:
    """What the variance of a standardised difference gains where some people are in both arms: below 0 for r above 0.

    Parameters
    ----------
    d : standardised difference by the pooled SD of both arms, all people in it
    pairs : people who are in both arms, of the n1 and n2 in each
    correlation : within a person

    Notes
    -----
    ``-2 r m / (n1 n2) + r^2 m d^2 / (n1 + n2)^2``: the covariance of the two means, and that of the two variances in
    the pooled SD, by the delta method. With everybody in both arms ``1/n1 + 1/n2 + d^2 / 2 (n1 + n2)`` becomes
    ``2 (1 - r) / n + d^2 (1 + r^2) / 4n``, Bonett's variance of equal SDs.

    References
    ----------
    Derrick, Russ, Toher, White 2017, J Mod Appl Stat Methods 16:137-157 (means). doi:10.22237/jmasm/1493597280
    Bonett 2009, Psychol Methods 14:225-238 (everybody in both arms). doi:10.1037/a0016619

    Examples
    --------
    >>> round(partly_paired_smd_change(0.5, 20, 40, 40, 0.6), 6)
    -0.014719
    """
    r, total = correlation, n1 + n2
    return -2 * r * pairs / (n1 * n2) + r**2 * pairs * d**2 / total**2


def split_control(events: float | None, n: float, parts: int) -> tuple[float | None, float]:
    """Events and participants of a control group shared by ``parts`` arms, for each of them; means and SDs stay.

    References
    ----------
    Cochrane Handbook 6.5, section 23.3.4.
    """
    if parts < 1:
        raise InputError("A control group is shared by at least one arm.", value=parts, allowed="1 or more")
    return None if events is None else events / parts, n / parts
