"""Priors of the between-study standard deviation tau, by name and parameters in one word: ``half-normal:0.5``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from toolkit.engine.bayes.predictive import MEASURES, predictive_prior
from toolkit.engine.data import FloatArray
from toolkit.model.errors import InputError

__all__ = ["PRIORS", "Prior", "parse_prior", "sum_by_study"]

_CELLS = 1_000_000
Density = Callable[[FloatArray, FloatArray, tuple[float, ...]], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Log density (up to a constant) of tau given the variances; tail and propriety decide what is estimable.

    ``tail`` is the power with which the density falls (infinite if faster than any); ``proper`` whether it integrates;
    ``stretch`` is above 1 where it is spread over many orders of magnitude.
    """

    log_density: Density
    parameters: tuple[str, ...]
    tail: float
    proper: bool
    help: str
    stretch: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """A prior of tau with its parameters; ``measures`` are those that an empirical one is of, empty for any."""

    text: str
    kind: str
    parameters: tuple[float, ...]
    measures: tuple[str, ...] = ()

    def log_density(self, tau: FloatArray, v: FloatArray) -> FloatArray:
        """Log density of each tau, up to a constant."""
        with np.errstate(divide="ignore"):
            return PRIORS[self.kind].log_density(tau, v, self.parameters)


def sum_by_study(tau: FloatArray, v: FloatArray, term: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Sum over the studies of a term of tau (T, 1), in blocks that keep memory flat."""
    rows = max(1, _CELLS // v.size)
    return np.concatenate([term(tau[at : at + rows, None]).sum(axis=1) for at in range(0, tau.size, rows)])


def _half_normal(tau: FloatArray, v: FloatArray, p: tuple[float, ...]) -> FloatArray:
    value: FloatArray = -((tau / p[0]) ** 2) / 2 + np.log(2 / (p[0] * np.sqrt(2 * np.pi)))
    return value


def _half_cauchy(tau: FloatArray, v: FloatArray, p: tuple[float, ...]) -> FloatArray:
    value: FloatArray = np.log(2 / (np.pi * p[0])) - np.log1p((tau / p[0]) ** 2)
    return value


def _log_normal(tau: FloatArray, v: FloatArray, p: tuple[float, ...]) -> FloatArray:
    """tau2 is log-normal (mean, SD), so tau is with half of both."""
    mean, sd = p[0] / 2, p[1] / 2
    log = np.log(np.maximum(tau, 1e-300))
    value: FloatArray = -((log - mean) ** 2) / (2 * sd**2) - log - np.log(sd * np.sqrt(2 * np.pi))
    return value


def _log_t(tau: FloatArray, v: FloatArray, p: tuple[float, ...]) -> FloatArray:
    """log tau2 has a t distribution with 5 df (location, scale)."""
    log = np.log(np.maximum(tau, 1e-300))
    constant = float(gammaln(3.0) - gammaln(2.5) - 0.5 * np.log(5 * np.pi)) + np.log(2 / p[1])
    value: FloatArray = constant - 3 * np.log1p(((2 * log - p[0]) / p[1]) ** 2 / 5) - log
    return value


def _jeffreys(tau: FloatArray, v: FloatArray, p: tuple[float, ...]) -> FloatArray:
    value: FloatArray = 0.5 * np.log(sum_by_study(tau, v, lambda t: (t / (v + t**2)) ** 2))
    return value


def _dumouchel(tau: FloatArray, v: FloatArray, p: tuple[float, ...]) -> FloatArray:
    s = np.sqrt(v.size / (1 / v).sum())
    value: FloatArray = np.log(s) - 2 * np.log(s + tau)
    return value


def _uniform_shrinkage(tau: FloatArray, v: FloatArray, p: tuple[float, ...]) -> FloatArray:
    s2 = v.size / (1 / v).sum()
    value: FloatArray = np.log(2 * s2 * tau) - 2 * np.log(s2 + tau**2)
    return value


PRIORS: dict[str, _Kind] = {
    "half-normal": _Kind(
        log_density=_half_normal, parameters=("scale",), tail=np.inf, proper=True, help="half-normal:SCALE"
    ),
    "half-cauchy": _Kind(
        log_density=_half_cauchy, parameters=("scale",), tail=2.0, proper=True, help="half-cauchy:SCALE"
    ),
    "log-normal": _Kind(
        log_density=_log_normal, parameters=("mean", "sd"), tail=np.inf, proper=True,
        help="log-normal:MEAN,SD of log tau2",
    ),
    "log-t": _Kind(
        log_density=_log_t, parameters=("location", "scale"), tail=1.0, proper=True, stretch=8.0,
        help="log-t:LOCATION,SCALE of log tau2, t with 5 df",
    ),
    "uniform": _Kind(
        log_density=lambda tau, v, p: np.zeros_like(tau), parameters=(), tail=0.0, proper=False, help="uniform on tau"
    ),
    "jeffreys": _Kind(log_density=_jeffreys, parameters=(), tail=1.0, proper=False, help="jeffreys"),
    "dumouchel": _Kind(log_density=_dumouchel, parameters=(), tail=2.0, proper=True, help="dumouchel"),
    "uniform-shrinkage": _Kind(
        log_density=_uniform_shrinkage, parameters=(), tail=3.0, proper=True, help="uniform-shrinkage"
    ),
}  # fmt: skip


def parse_prior(text: str) -> Prior:
    """A prior from its name and parameters.

    Examples
    --------
    >>> parse_prior("half-normal:0.5").parameters, parse_prior("log-normal:-2.49,1.52").parameters
    ((0.5,), (-2.49, 1.52))
    """
    kind, _, rest = text.strip().lower().partition(":")
    if kind in MEASURES:
        own, cell = predictive_prior(kind, tuple(word.strip() for word in rest.split(",")))
        return Prior(text=f"{text} ({own}:{cell[0]:g},{cell[1]:g})", kind=own, parameters=cell, measures=MEASURES[kind])
    if kind not in PRIORS:
        allowed = "; ".join(
            [*(k.help for k in PRIORS.values()), *(f"{table}:OUTCOME,COMPARISON" for table in MEASURES)]
        )
        raise InputError("Unknown prior of tau.", value=text, allowed=allowed)
    try:
        parameters = tuple(float(part) for part in rest.split(",") if part.strip())
    except ValueError as error:
        raise InputError("The parameters of a prior are numbers.", value=text, allowed=PRIORS[kind].help) from error
    if len(parameters) != len(PRIORS[kind].parameters) or not all(np.isfinite(parameters)):
        raise InputError("This prior takes other parameters.", value=text, allowed=PRIORS[kind].help)
    if parameters and parameters[-1] <= 0:
        raise InputError("The scale of a prior is above 0.", value=text, allowed=PRIORS[kind].help)
    return Prior(text=text, kind=kind, parameters=parameters)
