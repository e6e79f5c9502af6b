"""Every number of the report can be followed: analysis, study, report, record, page, person."""

from __future__ import annotations

import re
from pathlib import Path

from lxml import html

from tests.report.conftest import read_page
from toolkit.project import Project
from toolkit.store import views


def section(folder: Path, name: str) -> html.HtmlElement:
    (found,) = html.document_fromstring(read_page(folder)).xpath(f"//section[@id='{name}']")
    return found


def test_every_included_and_excluded_report_leads_to_its_line_in_the_trail(onfh: Path) -> None:
    lines = set(section(onfh, "trail").xpath(".//code/@id"))
    for name in ("studies", "excluded", "unsettled"):
        targets = [href[1:] for href in section(onfh, name).xpath(".//a/@href")]
        assert targets and set(targets) <= lines, name


def test_the_trail_says_where_a_report_was_found_and_who_decided(onfh: Path) -> None:
    rows = {row.xpath("string(td[1])"): [cell.text_content() for cell in row] for row in section(onfh, "trail").xpath(
        ".//tbody/tr")}  # fmt: skip
    with Project.open(onfh) as project:
        full_text = project.decisions("full-text")
        arrived = views.record_runs(project.store)
        members = views.reports(project.store)
        assert len(rows) >= len(full_text)
        for report, decision in full_text.items():
            cells = rows[report[:8]]
            for rid in members[report]:
                assert arrived[rid].source in cells[2] and arrived[rid].searched_on in cells[2]
            assert cells[4].startswith(decision.status)
            assert all(vote.actor in cells[4] for vote in decision.votes)
            if decision.resolved_by:
                assert f"settled by {decision.resolved_by}" in cells[4]


def test_extracted_rows_name_their_page_and_person_and_lead_to_the_study(onfh: Path) -> None:
    evidence = section(onfh, "evidence")
    rows = evidence.xpath(".//tbody/tr")
    assert rows
    assert all(row[-1].text_content() == "AB" for row in rows)
    ids = set(section(onfh, "studies").xpath(".//*[starts-with(@id, 'study-')]/@id"))
    assert {href[1:] for href in evidence.xpath(".//a/@href")} <= ids


def test_studies_awaiting_classification_have_a_table_of_their_own(onfh: Path) -> None:
    found = section(onfh, "unsettled")
    assert "Characteristics of studies awaiting classification" in found.text_content()
    assert re.search(r"Liu2013.*Yamasaki2010", found.text_content(), re.DOTALL)
    assert "Characteristics of ongoing studies" not in found.text_content()
