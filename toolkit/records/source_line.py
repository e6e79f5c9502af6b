"""Journal, volume, issue, pages and year out of the one source line that some exports give instead of fields."""

from __future__ import annotations

import re

from toolkit.records.fields import Pairs
from toolkit.records.normalise import clean, find_year

__all__ = ["parse_source"]

_YEAR = r"(?P<YR>(?:18|19|20)\d\d)"
_ISSUE = r"(?:\s?\((?P<IP>[^()]{1,25})\))?"
_PAGES = r"(?P<PG>[A-Za-z]?\d+(?:[-–][A-Za-z]?\d+)?)(?![\d(])"
_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December|Winter|Spring|Summer|Fall"
)
_DATE = rf"(?:(?:(?:{_MONTHS}|[A-Z][a-z]{{2}})\.?[/ -]?)+(?:\d{{1,2}},? )?)"
# The first that fits counts; each names an example.
_FORMS = tuple(
    re.compile(form)
    for form in (
        # Embase: Endoscopic Ultrasound (2014) 3:3 (152-160). Date of Publication: 2014
        rf"^(?P<JN>.+?) \({_YEAR}\)(?: (?P<VO>\w+)(?::(?P<IP>[\w-]+))?)?(?: \((?P<PG>[\w.-]+)\))?",
        # BVS: J Psychiatr Res;139(2): 179-184, 2021 07.
        rf"^(?P<JN>[^;]+);\s*(?P<VO>\d+){_ISSUE}:\s*(?P<PG>[\w-]+),\s*{_YEAR}",
        # PubMed: Eur J Med Genet. 2020 Feb;63(2):103640. doi: 10.1016/j.ejmg.2019.03.004.
        rf"^(?P<JN>.+?)\. {_YEAR}[^;:]*;(?P<VO>\w+){_ISSUE}:(?P<PG>[\w-]+)",
        # Ovid, PsycINFO: Behavioural and Cognitive Psychotherapy. Vol.43(5), Sep 2015, pp. 623-634.
        rf"^(?P<JN>.+?)\.?\s+Vol\.?\s*(?P<VO>\d+){_ISSUE},.*?pp?\.\s*{_PAGES}",
        # Journal of Political Studies 12, Winter 2007: 7-14.
        rf"^(?P<JN>.+?)\s+(?P<VO>\d{{1,3}}){_ISSUE}, {_DATE}?{_YEAR}: {_PAGES}",
        # Ovid: Ecohydrology.   8(6):1048-1064, September 2015.
        rf"^(?P<JN>.+?)(?:\.| {_DATE}?{_YEAR};)\s*(?P<VO>\d{{1,4}}){_ISSUE}:\s*{_PAGES}",
        # Official Gazette of the Patent Office. 1288(3), Nov. 16, 2004.
        rf"^(?P<JN>.+?)\.\s+(?P<VO>\d{{1,4}}){_ISSUE}(?:[,\s(]|$)",
    )
)


def parse_source(text: str) -> Pairs:
    """Pairs under the tags JN, VO, IP, PG, YR; what cannot be told apart is not given.

    Examples
    --------
    >>> dict(parse_source("Acta Chir Belg November/December 2010;6:611-613"))
    {'JN': 'Acta Chir Belg', 'YR': '2010', 'VO': '6', 'PG': '611-613'}
    """
    line = clean(text) or ""
    for form in _FORMS:
        match = form.match(line)
        if match:
            found = {tag: value for tag, value in match.groupdict().items() if value}
            break
    else:
        found = {"JN": re.split(r"[.;]\s|\s(?:18|19|20)\d\d\b", line)[0].strip(" .,;")}
    found["JN"] = re.split(r"\.\s+(?=[A-Z][a-z]+:)", found["JN"])[0]
    if "YR" not in found and (year := find_year(line)):
        found["YR"] = str(year)
    return list(found.items())
