"""The flow as one HTML file that opens offline: click a box, see what was counted in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from toolkit.prisma.boxes import Box, Column, Flow

__all__ = ["flow_html", "page_of", "slot_boxes"]

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font-family: "DejaVu Sans", Verdana, "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif;
  margin: 1.5rem; color: #1a1a1a; }}
main {{ display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }}
figure {{ margin: 0; flex: 2 1 32rem; max-width: 75rem; }}
figure svg {{ width: 100%; height: auto; }}
aside {{ flex: 1 1 20rem; max-height: 90vh; overflow: auto; position: sticky; top: 1rem; }}
aside h2 {{ font-size: 1rem; }}
aside li {{ margin: .25rem 0; overflow-wrap: anywhere; }}
code {{ color: #5f6368; font-size: .85em; }}
g[id^="prisma-"].live {{ cursor: pointer; }}
g[id^="prisma-"].live:hover path, g[id^="prisma-"].live:focus path, g[id^="prisma-"].chosen path
  {{ stroke: #0072b2 !important; stroke-width: 3 !important; }}
figure text {{ pointer-events: none; }}
@media print {{ aside {{ display: none; }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<main>
<figure>{svg}</figure>
<aside aria-live="polite"><p>Click a box to see the records, reports or studies counted in it.</p></aside>
</main>
<script type="application/json" id="boxes">{data}</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("boxes").textContent);
const panel = document.querySelector("aside");
function show(slot, group) {{
  document.querySelectorAll(".chosen").forEach((g) => g.classList.remove("chosen"));
  group.classList.add("chosen");
  panel.replaceChildren();
  for (const part of data.slots[slot]) {{
    const head = document.createElement("h2");
    head.textContent = part.label + " (n = " + part.n + ")";
    const list = document.createElement("ol");
    for (const id of part.ids) {{
      const item = document.createElement("li");
      const name = document.createElement("code");
      name.textContent = id;
      item.append((data.titles[id] || "") + " ", name);
      list.append(item);
    }}
    panel.append(head, list);
    if (!part.ids.length) list.replaceWith("Only the number is known, not what was counted.");
  }}
}}
for (const slot of Object.keys(data.slots)) {{
  const group = document.getElementById("prisma-" + slot);
  if (!group) continue;
  group.classList.add("live");
  group.setAttribute("tabindex", "0");
  group.setAttribute("role", "button");
  group.setAttribute("aria-label", data.slots[slot].map((part) => part.label + ": " + part.n).join(", "));
  group.addEventListener("click", () => show(slot, group));
  group.addEventListener("keydown", (event) => {{
    if (event.key === "Enter" || event.key === " ") {{ event.preventDefault(); show(slot, group); }}
  }});
}}
</script>
</body>
</html>
"""


def flow_html(flow: Flow, svg: str, titles: Mapping[str, str], *, title: str = "PRISMA 2020 flow diagram") -> str:
    """A self-contained page around the drawing ``svg``; ``titles`` names ids in words."""
    return page_of(slot_boxes(flow), svg, titles, title=title)


def page_of(lists: Mapping[str, list[tuple[str, Box]]], svg: str, titles: Mapping[str, str], *, title: str) -> str:
    """The page around a drawing whose boxes are the keys of ``lists``: slot -> labelled lists behind its numbers."""
    slots = {
        slot: [{"label": label, "n": box.n, "ids": list(box.ids or ())} for label, box in parts if box.n]
        for slot, parts in lists.items()
    }
    shown = {one for parts in lists.values() for _, box in parts for one in box.ids or ()}
    named = {one: titles[one] for one in sorted(shown) if one in titles}
    data = json.dumps({"slots": slots, "titles": named}, ensure_ascii=False).replace("<", "\\u003c")
    drawing = svg[svg.index("<svg") :]
    return _PAGE.format(title=escape(title), svg=drawing, data=data)


def slot_boxes(flow: Flow) -> dict[str, list[tuple[str, Box]]]:
    """For each drawn box, the labelled lists behind its numbers."""
    slots: dict[str, list[tuple[str, Box]]] = {
        "previous": [
            ("Studies included in previous version of review", flow.previous_studies),
            ("Reports of studies included in previous version of review", flow.previous_reports),
        ],
        "identified": [
            *((f"{line.label}, records", line.box) for line in (*flow.databases, *flow.registers)),
            ("Taken up again from previous version", flow.carried),
        ],
        "removed": [
            _who("Duplicates joined by the deduplication tool", "Duplicate records", flow.duplicates_tool),
            ("Duplicates joined by people", flow.duplicates_person),
            ("Records of reports already known from previous version", flow.duplicates_known),
            ("Marked as ineligible by automation tools", flow.automation),
            ("Removed for other reasons", flow.removed_other),
        ],
        "screened": [("Awaiting decision", flow.undecided), ("Records screened", flow.screened)],
        "excluded": [
            _who("Records excluded by a human", "Records excluded", flow.excluded_human),
            ("Records excluded by automation tools", flow.excluded_tool),
        ],
        "other_identified": [
            *((line.label, line.box) for line in flow.other_methods),
            ("Taken up again from previous version", flow.other_carried),
            ("Awaiting decision", flow.other_undecided),
            *((f"Not sought: {line.label}", line.box) for line in flow.other_dropped),
        ],
        "new": [
            ("Studies", flow.new_studies),
            ("Reports of these studies", flow.new_reports),
            ("New reports of studies included before", flow.new_reports_of_old),
            ("Included reports not yet linked to a study", flow.unlinked),
        ],
        "total": [
            ("Total studies", flow.total_studies),
            ("Total reports", flow.total_reports),
            ("Studies no longer included", flow.removed_studies),
            ("Reports no longer included", flow.removed_reports),
            ("Of these, to be decided again", flow.reopened),
        ],
        "syntheses": [(line.label, line.box) for line in flow.syntheses],
    }
    slots.update(_column(flow.main, ""))
    slots.update(_column(flow.other, "other_"))
    return slots


def _who(words: str, otherwise: str, box: Box) -> tuple[str, Box]:
    """A list with its words; numbers read from a file do not tell who did it."""
    return (words if box.ids is not None else otherwise), box


def _column(column: Column, prefix: str) -> dict[str, list[tuple[str, Box]]]:
    return {
        f"{prefix}sought": [("Awaiting retrieval", column.pending), ("Reports sought for retrieval", column.sought)],
        f"{prefix}not_retrieved": [("Reports not retrieved", column.not_retrieved)],
        f"{prefix}assessed": [
            ("Awaiting decision", column.undecided),
            ("Reports assessed for eligibility", column.assessed),
        ],
        f"{prefix}rejected": [(line.label, line.box) for line in column.excluded],
        f"{prefix}unsettled": [
            ("Reports of ongoing studies", column.ongoing),
            ("Reports of studies awaiting classification", column.awaiting),
        ],
    }
