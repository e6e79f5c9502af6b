"""The section on risk of bias: what people judged of each included study, domain by domain, and how often."""

from __future__ import annotations

from collections import Counter

from toolkit.model.wording import counted
from toolkit.plots.forest_layout import JUDGEMENTS
from toolkit.report.context import Context
from toolkit.report.html import Markup, join, paragraph, table

__all__ = ["risk_of_bias"]

_NOT_JUDGED = "not judged"


def risk_of_bias(c: Context) -> Markup:
    """Judgements of the included studies in the columns that analyses name under ``rob``; nothing if none does.

    The words are the reviewers' own (RoB 2, ROBINS-I, RoB 1 ...); a sign stands beside those of these tools. A cell on
    which two extractors differ counts as not judged.
    """
    studies = sorted(study for study, standing in c.standings.items() if standing.status == "included")
    if not c.risk_of_bias or not studies:
        return Markup("")
    rows = [
        [study, *(_judged(values.get(study, _NOT_JUDGED)) for values in c.risk_of_bias.values())] for study in studies
    ]
    spelling: dict[str, str] = {}  # "Low" and "low" are one judgement
    counts = {
        domain: Counter(spelling.setdefault(word.strip().casefold(), word.strip())
                        for word in (values.get(study, _NOT_JUDGED) for study in studies))
        for domain, values in c.risk_of_bias.items()
    }  # fmt: skip
    words = sorted(spelling.values(), key=_order)
    shares = [[domain, *(found[word] for word in words)] for domain, found in counts.items()]
    shown = f"{counted(len(studies), 'included study', 'included studies')}, "
    shown += f"{counted(len(c.risk_of_bias), 'domain')}; the words are the reviewers'."
    return join(
        [
            paragraph(shown),
            table(["study", *c.risk_of_bias], rows),
            table(["domain", *words], shares, caption="Number of studies.", numeric=range(1, len(words) + 1)),
        ]
    )


def _judged(word: str) -> Markup:
    if word == _NOT_JUDGED:
        return Markup('<span class="small">{}</span>').format(word)
    color, sign = JUDGEMENTS.get(word.strip().casefold(), ("", ""))
    if not sign:
        return Markup("{}").format(word)
    dot = Markup('<span class="dot" style="background:{}">{}</span> {}')
    return dot.format(color, sign.replace("-", "−"), word)


def _order(word: str) -> tuple[int, str]:
    """From low to high risk, then words that are no judgement of these tools, then what nobody judged."""
    if word == _NOT_JUDGED:
        return len(JUDGEMENTS) + 1, word
    known = list(JUDGEMENTS)
    key = word.strip().casefold()
    return (known.index(key) if key in known else len(known)), word
