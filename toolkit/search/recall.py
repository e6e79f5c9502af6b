"""Which known studies a PubMed strategy finds, by which of its lines, and which it misses.

Relative recall (Sampson et al. 2006, BMC Med Res Methodol 6:33): a strategy is tried on studies already known to
belong. PubMed is asked for each line joined by AND with the known numbers, so that nothing is fetched or stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records.files import read_file
from toolkit.records.normalise import find_doi, find_pmid
from toolkit.search import pubmed
from toolkit.search.lint import check_strategy
from toolkit.search.strategy import Strategy, query_of
from toolkit.search.transport import Transport

__all__ = ["Recall", "Seed", "read_seeds", "recall_of"]

_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A known study: its PMID and DOI where known, and a name for messages."""

    name: str
    pmid: str | None = None
    doi: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What a strategy finds of the seeds.

    Attributes
    ----------
    seeds : (seed, PMID in PubMed or None)
    found, missed : PMIDs among them that the whole strategy finds, or not
    by_line : (line number, PMIDs it finds)
    absent : names of seeds that PubMed does not hold: no strategy there finds them
    unknown : names of seeds with neither PMID nor DOI, which PubMed cannot be asked about
    share : found / (found + missed); None without a seed in PubMed
    """

    strategy: str
    seeds: tuple[tuple[Seed, str | None], ...]
    found: tuple[str, ...]
    missed: tuple[str, ...]
    by_line: tuple[tuple[int, tuple[str, ...]], ...]
    absent: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def share(self) -> float | None:
        """The share of the seeds in PubMed that are found."""
        held = len(self.found) + len(self.missed)
        return len(self.found) / held if held else None

    def name_of(self, pmid: str) -> str:
        """The seed behind a PMID, as its file names it."""
        return next((seed.name for seed, own in self.seeds if own == pmid), pmid)


def read_seeds(path: str | Path) -> tuple[Seed, ...]:
    """Known studies from a list of PMIDs and DOIs, one a line, or from any reference file.

    Raises
    ------
    InputError
        a line is neither, or the file holds nothing.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError("There is no such file.", file=path) from None
    except UnicodeDecodeError:
        text = ""
    lines = [(n, line.split("#")[0].strip()) for n, line in enumerate(text.splitlines(), start=1)]
    lines = [(n, line) for n, line in lines if line]
    if lines and all(_number_of(line) != (None, None) for _, line in lines):
        return tuple(dict.fromkeys(Seed(name=line, pmid=p, doi=d) for _, line in lines for p, d in [_number_of(line)]))
    if lines and _number_of(lines[0][1]) != (None, None):
        n, line = next((n, line) for n, line in lines if _number_of(line) == (None, None))
        raise InputError("This line is neither a PMID nor a DOI.", file=path, line=n, value=line)
    records = read_file(path).parsed
    return tuple(Seed(name=_named(r, i)[:100], pmid=r.pmid, doi=r.doi) for i, r in enumerate(records, start=1))


def _named(record: ParsedRecord, place: int) -> str:
    """The title, or what else a reader knows the study by."""
    cited = ", ".join(str(part) for part in (*record.authors[:1], record.journal, record.year) if part)
    return record.title or cited or record.doi or record.pmid or f"record {place} of the file"


def _number_of(line: str) -> tuple[str | None, str | None]:
    pmid = find_pmid(line, bare=True) if re.fullmatch(r"(?:PMID:?\s*)?\d{1,9}", line, re.IGNORECASE) else None
    doi = find_doi(line) if pmid is None and " " not in line.replace("doi: ", "") else None
    return pmid, doi


def recall_of(transport: Transport, strategy: Strategy, seeds: Sequence[Seed]) -> Recall:
    """Ask PubMed which of the seeds the strategy and each of its lines find.

    Raises
    ------
    InputError
        the strategy has errors or is not for PubMed, or no seed has a PMID or DOI.
    EntrezError
        PubMed failed.
    """
    if strategy.platform != "pubmed":
        raise InputError("Recall is tried on PubMed strategies.", file=strategy.file, value=strategy.platform)
    wrong = [finding for finding in check_strategy(strategy) if finding.severity == "error"]
    if wrong:
        raise InputError(f"The strategy cannot be tried: {wrong[0].message}.", file=wrong[0].file, row=wrong[0].row)
    if not seeds:
        raise InputError("There are no known studies to try the strategy on.")
    unknown = tuple(seed.name for seed in seeds if not seed.pmid and not seed.doi)
    if len(unknown) == len(seeds):
        raise InputError(
            "None of the known studies has a PMID or a DOI, by which PubMed could be asked.",
            value="; ".join(unknown[:3]),
            hint="Write their PMIDs or DOIs into a text file, one a line.",
        )
    resolved = tuple((seed, seed.pmid or _by_doi(transport, seed.doi)) for seed in seeds)
    wanted = tuple(dict.fromkeys(pmid for _, pmid in resolved if pmid))
    held = set(_among(transport, None, wanted))
    absent = tuple(s.name for s, pmid in resolved if (s.pmid or s.doi) and (pmid is None or pmid not in held))
    wanted = tuple(pmid for pmid in wanted if pmid in held)
    found = set(_among(transport, query_of(strategy), wanted))
    by_line = tuple(
        (line.number, _among(transport, query_of(strategy, line.number), wanted))
        for line in strategy.lines
        if line.number is not None
    )
    return Recall(
        strategy=strategy.name,
        seeds=resolved,
        found=tuple(pmid for pmid in wanted if pmid in found),
        missed=tuple(pmid for pmid in wanted if pmid not in found),
        by_line=by_line,
        absent=absent,
        unknown=unknown,
    )


def _by_doi(transport: Transport, doi: str | None) -> str | None:
    """The one record with this DOI, or None."""
    if doi is None:
        return None
    answer = pubmed.esearch(transport, f'"{doi}"[aid]', retmax=2)
    exact = not any(warning.kind in ("PhraseNotFound", "QuotedPhraseNotFound") for warning in answer.warnings)
    return answer.ids[0] if exact and answer.count == 1 else None


def _among(transport: Transport, query: str | None, pmids: Sequence[str]) -> tuple[str, ...]:
    """Those of the PMIDs that match the query, or that PubMed holds at all."""
    found: list[str] = []
    for batch in _batches(pmids):
        numbers = " OR ".join(f"{pmid}[uid]" for pmid in batch)
        asked = f"({query}) AND ({numbers})" if query else numbers
        answer = pubmed.esearch(transport, asked, retmax=len(batch))
        found += [pmid for pmid in answer.ids if pmid in set(batch)]
    order = {pmid: n for n, pmid in enumerate(pmids)}
    return tuple(sorted(dict.fromkeys(found), key=lambda pmid: order[pmid]))


def _batches(pmids: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(pmids), _AT_ONCE):
        yield pmids[start : start + _AT_ONCE]
