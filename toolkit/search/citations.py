"""Citation searching from known reports through OpenAlex: what they cite, and what cites them.

The run has the class of the source it is stored under, which PRISMA counts under other methods when review.toml calls
it ``kind = "citation"``. Reports that OpenAlex does not know are named, never passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from toolkit.model.errors import InputError
from toolkit.project import Project
from toolkit.search.recall import Seed
from toolkit.search.runs import SearchOutcome
from toolkit.search.services import SERVICES
from toolkit.search.transport import Transport
from toolkit.search.web_run import Part, Progress, WebSearch, run_web_search
from toolkit.store import views

__all__ = ["DIRECTIONS", "CitationOutcome", "chase", "included_seeds"]

DIRECTIONS = {"backward": "works that the known reports cite", "forward": "works that cite the known reports"}
_AT_ONCE = 50  # values joined by | in one filter


@dataclass(frozen=True, slots=True, kw_only=True)
class CitationOutcome:
    """What citation searching brought.

    Attributes
    ----------
    search : the outcome of the run, None if the known reports cite nothing that is recorded
    works : OpenAlex ids of the known reports
    unknown : names of known reports that OpenAlex does not hold, or that have neither DOI nor PMID
    """

    search: SearchOutcome | None
    works: tuple[str, ...]
    unknown: tuple[str, ...]


def included_seeds(project: Project) -> tuple[Seed, ...]:
    """The reports included at full text, by DOI and PMID of their records."""
    config = project.config
    decided = views.decisions(
        project.store, "full-text", votes_needed=config.screening.full_text,
        reason_order=config.eligibility.exclusion_reasons,
    )  # fmt: skip
    members = views.reports(project.store)
    found = []
    for report, ids in members.items():
        if report not in decided or decided[report].status != "include":
            continue
        records = [r.fields for r in views.records(project.store, ids).values()]
        doi = next((r.doi for r in records if r.doi), None)
        pmid = next((r.pmid for r in records if r.pmid), None)
        title = next((r.title for r in records if r.title), report)
        found.append(Seed(name=title[:100], pmid=pmid, doi=doi))
    return tuple(found)


def citation_source(project: Project, name: str | None) -> tuple[str, str]:
    """Name and class of the source the run is stored under: the one named, or the only one of kind "citation"."""
    if name is not None:
        source = project.config.source(name)
        return source.name, source.column
    found = [s for s in project.config.sources if s.kind == "citation"]
    if len(found) != 1:
        raise InputError(
            "review.toml does not say under which source citation searching counts.",
            value=", ".join(s.name for s in found) or None,
            hint='Add [[sources]] with kind = "citation", or name one with --source.',
        )
    return found[0].name, found[0].column


def chase(
    project: Project,
    seeds: Sequence[Seed],
    direction: str,
    *,
    transport: Transport,
    source: str | None = None,
    day: date | None = None,
    accept_warnings: bool = False,
    progress: Progress | None = None,
    command: str = "search citations",
) -> CitationOutcome:
    """Find and store the works on one side of the known reports.

    Raises
    ------
    InputError
        no known reports, none of them in OpenAlex, an unknown direction, or no source to count them under.
    WebError
        OpenAlex failed; running again goes on where it stopped.
    """
    if direction not in DIRECTIONS:
        raise InputError("unknown direction", value=direction, allowed=", ".join(DIRECTIONS))
    if not seeds:
        raise InputError(
            "There are no known reports to start from.", hint="Include reports first, or give --seeds FILE."
        )
    name, kind = citation_source(project, source)
    works, unknown = _resolve(transport, seeds)
    if not works:
        raise InputError("OpenAlex knows none of these reports.", value="; ".join(unknown)[:300])
    if direction == "backward":
        cited = tuple(dict.fromkeys(one for references in works.values() for one in references))
        parts = [Part((("filter", f"openalex:{'|'.join(some)}"),), tuple(some)) for some in _batches(cited)]
    else:
        parts = [Part((("filter", f"cites:{'|'.join(some)}"),)) for some in _batches(tuple(works))]
    if not parts:
        return CitationOutcome(search=None, works=tuple(works), unknown=unknown)
    query = f"{direction}: {DIRECTIONS[direction]} ({', '.join(works)})"
    search = WebSearch(
        service=SERVICES["openalex"],
        source=name,
        source_kind=kind,
        name=f"citations-{direction}",
        query=query,
        parts=tuple(parts),
        detail={"citations": direction, "works": list(works), "unknown": list(unknown), "header": []},
        text=f"# database: OpenAlex\n# method: citation searching, {direction}\n\n{query}\n",
    )
    outcome = run_web_search(
        project, search, transport=transport, day=day, accept_warnings=accept_warnings, progress=progress,
        command=command,
    )  # fmt: skip
    return CitationOutcome(search=outcome, works=tuple(works), unknown=unknown)


def _resolve(transport: Transport, seeds: Sequence[Seed]) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """OpenAlex id -> ids of the works it cites, for each seed that OpenAlex holds; and the names of the others."""
    service = SERVICES["openalex"]
    client = transport.web(service.name)
    settings = transport.settings
    works: dict[str, tuple[str, ...]] = {}
    held: set[str] = set()
    for field, values in (("doi", [s.doi for s in seeds if s.doi]), ("pmid", [s.pmid for s in seeds if s.pmid])):
        wanted = [v for v in dict.fromkeys(values) if v and "|" not in v and "," not in v]
        for some in _batches(tuple(wanted)):
            params = {"filter": f"{field}:{'|'.join(some)}", service.size[0]: str(service.size[1])}
            params |= {"select": "id,doi,ids,referenced_works"}
            params |= {service.mail: settings.email} if settings.email else {}
            params |= {service.key: settings.openalex_key} if settings.openalex_key else {}
            content, _ = client.get(service.name, service.url, params, interval=service.interval)
            for item in content.get("results") or []:
                ids = item.get("ids") or {}
                held.add(str(item.get("doi") or "").lower().removeprefix("https://doi.org/"))
                held.add(str(ids.get("pmid") or "").rpartition("/")[2])
                references = [str(one).rpartition("/")[2] for one in item.get("referenced_works") or []]
                works[str(item.get("id", "")).rpartition("/")[2]] = tuple(references)
    unknown = tuple(s.name for s in seeds if not ({s.doi, s.pmid} - {None}) & held)
    return works, unknown


def _batches(values: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
