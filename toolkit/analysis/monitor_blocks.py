"""What the monitoring methods found, as tables and sentences: printed by the command and shown in the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from toolkit.analysis.monitor import Watched
from toolkit.analysis.pairwise.blocks import Block
from toolkit.engine.fragility import Fragility
from toolkit.engine.monitoring import IteratedLogarithm, SequentialResult
from toolkit.engine.monitoring_network import KINDS, SequentialNetwork
from toolkit.model.wording import counted

__all__ = ["monitor_blocks"]


def monitor_blocks(found: Mapping[str, Watched]) -> list[tuple[Block, str]]:
    """Each method's table with its sentences, and the advice that belongs beside it."""
    made: list[tuple[Block, str]] = []
    for one in found.values():
        if isinstance(one, SequentialResult):
            made.append((_sequential(one), one.advice))
        elif isinstance(one, SequentialNetwork):
            made.append((_network(one), one.advice))
        elif isinstance(one, IteratedLogarithm):
            made.append((_lil(one), one.advice))
        else:
            made.append((_fragility(one), ""))
    return made


def _bound(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _sequential(s: SequentialResult) -> Block:
    header = ["study", "participants", "of required", "Z", "boundary", *(["futility"] if s.futility else [])]
    rows = []
    for x in s.looks:
        row = [x.study, f"{x.n:,.0f}", f"{x.fraction:.1%}", f"{x.z:.3f}", _bound(x.boundary)]
        rows.append(tuple(row + ([_bound(x.futility)] if s.futility else [])))
    lines = [
        f"Required: {s.required:,.0f} participants, {s.required_diversity:,.0f} at diversity {s.d2:.1%} "
        f"(alpha {s.alpha:g}, power {s.power:g}; {s.power_of_looks:.1%} is left with these looks). "
        f"Trial sequential analysis: {s.conclusion}."
    ]
    if s.last_boundary is not None:
        lines.append(
            f"If the next look is the last one, at the required information, Z has to exceed {s.last_boundary:.3f}."
        )
    return Block(header=tuple(header), rows=tuple(rows), right=tuple(range(1, len(header))), lines=tuple(lines))


def _network(s: SequentialNetwork) -> Block:
    header = ["evidence", "study", "of planned", "Z", "boundary", *(["futility"] if s.futility else [])]
    rows = []
    for kind in KINDS:
        for x in getattr(s, kind):
            row = [kind, x.study, f"{x.fraction:.1%}", f"{x.z:.3f}", _bound(x.boundary)]
            rows.append(tuple(row + ([_bound(x.futility)] if s.futility else [])))
    lines = [
        f"{s.t1} against {s.t2}, planned information {s.planned:,.1f} (1 / se2; alpha {s.alpha:g}, power {s.power:g}).",
        *(f"{kind}: {s.conclusion(kind)}" for kind in KINDS),
    ]
    return Block(header=tuple(header), rows=tuple(rows), right=tuple(range(2, len(header))), lines=tuple(lines))


def _lil(s: IteratedLogarithm) -> Block:
    rows = tuple((x.study, f"{x.information:.1f}", f"{x.z:.3f}", _bound(x.penalised)) for x in s.looks)
    line = f"Law of the iterated logarithm (lambda {s.factor:g}, alpha {s.alpha:g}): {s.conclusion}."
    return Block(header=("study", "information", "Z", "penalised Z"), rows=rows, right=(1, 2, 3), lines=(line,))


def _fragility(f: Fragility) -> Block:
    state = "significant" if f.significant else "not significant"
    lines = [
        f"Fragility index {f.index}: the result is {state}; "
        f"{counted(f.index, 'changed outcome', 'turns', 'turn')} that round."
    ]
    steps = Counter((step.study, step.arm, step.to) for step in f.steps)
    lines += [f"{study}, {arm}: {counted(n, 'patient')} to {to}" for (study, arm, to), n in steps.items()]
    return Block(lines=tuple(lines))
