"""The items of the reporting checklists, as published.

References
----------
PRISMA 2020: Page et al. 2021, BMJ 372:n71, table 1 (CC BY 4.0). doi:10.1136/bmj.n71
PRISMA-S: Rethlefsen et al. 2021, Syst Rev 10:39, table 1 (CC BY 4.0). doi:10.1186/s13643-020-01542-z
PRISMA-NMA: Hutton et al. 2015, Ann Intern Med 162:777-784. doi:10.7326/M14-2385 (its 32 items, in our
    words)
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CHECKLISTS", "Item"]


class Item(NamedTuple):
    """An item: its number, its section and topic, and what it asks for."""

    number: str
    topic: str
    text: str


_TOOLS = "and if applicable, details of automation tools used in the process."

PRISMA_2020 = (
    Item("1", "Title", "Identify the report as a systematic review."),
    Item("2", "Abstract", "See the PRISMA 2020 for Abstracts checklist."),
    Item("3", "Rationale", "Describe the rationale for the review in the context of existing knowledge."),
    Item("4", "Objectives", "Provide an explicit statement of the objective(s) or question(s) the review addresses."),
    Item("5", "Eligibility criteria", "Specify the inclusion and exclusion criteria for the review and how studies "
         "were grouped for the syntheses."),
    Item("6", "Information sources", "Specify all databases, registers, websites, organisations, reference lists and "
         "other sources searched or consulted to identify studies. Specify the date when each source was last searched "
         "or consulted."),
    Item("7", "Search strategy", "Present the full search strategies for all databases, registers and websites, "
         "including any filters and limits used."),
    Item("8", "Selection process", "Specify the methods used to decide whether a study met the inclusion criteria of "
         "the review, including how many reviewers screened each record and each report retrieved, whether they worked "
         f"independently, {_TOOLS}"),
    Item("9", "Data collection process", "Specify the methods used to collect data from reports, including how many "
         "reviewers collected data from each report, whether they worked independently, any processes for obtaining or "
         f"confirming data from study investigators, {_TOOLS}"),
    Item("10a", "Data items", "List and define all outcomes for which data were sought. Specify whether all results "
         "that were compatible with each outcome domain in each study were sought (e.g. for all measures, time points, "
         "analyses), and if not, the methods used to decide which results to collect."),
    Item("10b", "Data items", "List and define all other variables for which data were sought (e.g. participant and "
         "intervention characteristics, funding sources). Describe any assumptions made about any missing or unclear "
         "information."),
    Item("11", "Study risk of bias assessment", "Specify the methods used to assess risk of bias in the included "
         "studies, including details of the tool(s) used, how many reviewers assessed each study and whether they "
         f"worked independently, {_TOOLS}"),
    Item("12", "Effect measures", "Specify for each outcome the effect measure(s) (e.g. risk ratio, mean difference) "
         "used in the synthesis or presentation of results."),
    Item("13a", "Synthesis methods", "Describe the processes used to decide which studies were eligible for each "
         "synthesis (e.g. tabulating the study intervention characteristics and comparing against the planned groups "
         "for each synthesis (item #5))."),
    Item("13b", "Synthesis methods", "Describe any methods required to prepare the data for presentation or "
         "synthesis, such as handling of missing summary statistics, or data conversions."),
    Item("13c", "Synthesis methods", "Describe any methods used to tabulate or visually display results of individual "
         "studies and syntheses."),
    Item("13d", "Synthesis methods", "Describe any methods used to synthesize results and provide a rationale for the "
         "choice(s). If meta-analysis was performed, describe the model(s), method(s) to identify the presence and "
         "extent of statistical heterogeneity, and software package(s) used."),
    Item("13e", "Synthesis methods", "Describe any methods used to explore possible causes of heterogeneity among "
         "study results (e.g. subgroup analysis, meta-regression)."),
    Item("13f", "Synthesis methods", "Describe any sensitivity analyses conducted to assess robustness of the "
         "synthesized results."),
    Item("14", "Reporting bias assessment", "Describe any methods used to assess risk of bias due to missing results "
         "in a synthesis (arising from reporting biases)."),
    Item("15", "Certainty assessment", "Describe any methods used to assess certainty (or confidence) in the body of "
         "evidence for an outcome."),
    Item("16a", "Study selection", "Describe the results of the search and selection process, from the number of "
         "records identified in the search to the number of studies included in the review, ideally using a flow "
         "diagram."),
    Item("16b", "Study selection", "Cite studies that might appear to meet the inclusion criteria, but which were "
         "excluded, and explain why they were excluded."),
    Item("17", "Study characteristics", "Cite each included study and present its characteristics."),
    Item("18", "Risk of bias in studies", "Present assessments of risk of bias for each included study."),
    Item("19", "Results of individual studies", "For all outcomes, present, for each study: (a) summary statistics "
         "for each group (where appropriate) and (b) an effect estimate and its precision (e.g. confidence/credible "
         "interval), ideally using structured tables or plots."),
    Item("20a", "Results of syntheses", "For each synthesis, briefly summarise the characteristics and risk of bias "
         "among contributing studies."),
    Item("20b", "Results of syntheses", "Present results of all statistical syntheses conducted. If meta-analysis was "
         "done, present for each the summary estimate and its precision (e.g. confidence/credible interval) and "
         "measures of statistical heterogeneity. If comparing groups, describe the direction of the effect."),
    Item("20c", "Results of syntheses", "Present results of all investigations of possible causes of heterogeneity "
         "among study results."),
    Item("20d", "Results of syntheses", "Present results of all sensitivity analyses conducted to assess the "
         "robustness of the synthesized results."),
    Item("21", "Reporting biases", "Present assessments of risk of bias due to missing results (arising from "
         "reporting biases) for each synthesis assessed."),
    Item("22", "Certainty of evidence", "Present assessments of certainty (or confidence) in the body of evidence for "
         "each outcome assessed."),
    Item("23a", "Discussion", "Provide a general interpretation of the results in the context of other evidence."),
    Item("23b", "Discussion", "Discuss any limitations of the evidence included in the review."),
    Item("23c", "Discussion", "Discuss any limitations of the review processes used."),
    Item("23d", "Discussion", "Discuss implications of the results for practice, policy, and future research."),
    Item("24a", "Registration and protocol", "Provide registration information for the review, including register "
         "name and registration number, or state that the review was not registered."),
    Item("24b", "Registration and protocol", "Indicate where the review protocol can be accessed, or state that a "
         "protocol was not prepared."),
    Item("24c", "Registration and protocol", "Describe and explain any amendments to information provided at "
         "registration or in the protocol."),
    Item("25", "Support", "Describe sources of financial or non-financial support for the review, and the role of the "
         "funders or sponsors in the review."),
    Item("26", "Competing interests", "Declare any competing interests of review authors."),
    Item("27", "Availability of data, code and other materials", "Report which of the following are publicly "
         "available and where they can be found: template data collection forms; data extracted from included studies; "
         "data used for all analyses; analytic code; any other materials used in the review."),
)  # fmt: skip

PRISMA_S = (
    Item("1", "Database name", "Name each individual database searched, stating the platform for each."),
    Item("2", "Multi-database searching", "If databases were searched simultaneously on a single platform, state the "
         "name of the platform, listing all of the databases searched."),
    Item("3", "Study registries", "List any study registries searched."),
    Item("4", "Online resources and browsing", "Describe any online or print source purposefully searched or browsed "
         "(e.g., tables of contents, print conference proceedings, web sites), and how this was done."),
    Item("5", "Citation searching", "Indicate whether cited references or citing references were examined, and "
         "describe any methods used for locating cited/citing references (e.g., browsing reference lists, using a "
         "citation index, setting up email alerts for references citing included studies)."),
    Item("6", "Contacts", "Indicate whether additional studies or data were sought by contacting authors, experts, "
         "manufacturers, or others."),
    Item("7", "Other methods", "Describe any additional information sources or search methods used."),
    Item("8", "Full search strategies", "Include the search strategies for each database and information source, "
         "copied and pasted exactly as run."),
    Item("9", "Limits and restrictions", "Specify that no limits were used, or describe any limits or restrictions "
         "applied to a search (e.g., date or time period, language, study design) and provide justification for their "
         "use."),
    Item("10", "Search filters", "Indicate whether published search filters were used (as originally designed or "
         "modified), and if so, cite the filter(s) used."),
    Item("11", "Prior work", "Indicate when search strategies from other literature reviews were adapted or reused "
         "for a substantive part or all of the search, citing the previous review(s)."),
    Item("12", "Updates", "Report the methods used to update the search(es) (e.g., rerunning searches, email alerts)."),
    Item("13", "Dates of searches", "For each search strategy, provide the date when the last search occurred."),
    Item("14", "Peer review", "Describe any search peer review process."),
    Item("15", "Total records", "Document the total number of records identified from each database and other "
         "information sources."),
    Item("16", "Deduplication", "Describe the processes and any software used to deduplicate records from multiple "
         "database searches and other information sources."),
)  # fmt: skip

PRISMA_NMA = (
    Item("1", "Title", "Call it a systematic review with a network meta-analysis (or a related form)."),
    Item("2", "Structured summary", "Background, methods, results (treatments compared, estimates with intervals, "
         "rankings if they are discussed), conclusions, funding and registration."),
    Item("3", "Rationale", "What is known, and why a network meta-analysis was done."),
    Item("4", "Objectives", "The question: participants, interventions, comparisons, outcomes, designs."),
    Item("5", "Protocol and registration", "Whether there is a protocol and where; the registration number."),
    Item("6", "Eligibility criteria", "Criteria for studies and reports; which treatments are eligible for the "
         "network, and which were lumped into one node, with the reason."),
    Item("7", "Information sources", "Every source with its dates, and the day of the last search."),
    Item("8", "Search", "The full strategy of at least one database, with limits, so that it can be repeated."),
    Item("9", "Study selection", "How studies were selected, and for the syntheses."),
    Item("10", "Data collection process", "How data were taken from reports, and how they were confirmed."),
    Item("11", "Data items", "Every variable for which data were sought, with assumptions and simplifications."),
    Item("S1", "Geometry of the network", "Methods: how the geometry of the treatment network and biases related to "
         "it were explored, how the evidence base was summarised in a graph and described."),
    Item("12", "Risk of bias within individual studies", "How it was assessed, at study or outcome level, and how it "
         "is used in the syntheses."),
    Item("13", "Summary measures", "The main measures; further ones, such as rankings or SUCRA, and how findings are "
         "summarised."),
    Item("14", "Planned methods of analysis", "How results are combined: multi-arm trials, the structure of variances, "
         "priors of Bayesian analyses, the fit of the model."),
    Item("S2", "Assessment of inconsistency", "Methods: the statistical methods used to evaluate the agreement of "
         "direct and indirect evidence, and what was done about inconsistency where it was found."),
    Item("15", "Risk of bias across studies", "How bias that affects the whole (publication, selective reporting) is "
         "assessed."),
    Item("16", "Additional analyses", "Sensitivity and subgroup analyses, meta-regression, other formulations of the "
         "network or other priors; which were planned."),
    Item("17", "Study selection", "Numbers screened, assessed and included, with reasons for exclusions; a flow "
         "diagram."),
    Item("S3", "Presentation of network structure", "Results: a network graph of the included studies."),
    Item("S4", "Summary of network geometry", "Results: a brief overview of the network: numbers of treatments, trials "
         "and patients, gaps of evidence, structure."),
    Item("18", "Study characteristics", "For each study what data were taken from it, and its citation."),
    Item("19", "Risk of bias within studies", "Each study's risk of bias."),
    Item("20", "Results of individual studies", "For each outcome and study the data of each arm, and effects with "
         "intervals."),
    Item("21", "Synthesis of results", "Each meta-analysis with its interval; in large networks the comparisons with "
         "one treatment, and league tables; further summaries, such as rankings."),
    Item("S5", "Exploration for inconsistency", "Results: what the evaluation of inconsistency found, by model fit, "
         "tests, or direct against indirect estimates."),
    Item("22", "Risk of bias across studies", "What its assessment found."),
    Item("23", "Results of additional analyses", "What the further analyses found."),
    Item("24", "Summary of evidence", "Main findings, with the strength of evidence for each outcome, for those who "
         "use them."),
    Item("25", "Limitations", "Of studies, of outcomes and of the review; whether transitivity and consistency hold; "
         "the geometry of the network."),
    Item("26", "Conclusions", "Interpretation beside other evidence; what follows for research."),
    Item("27", "Funding", "Who paid for the review and what they did; ties of the authors to makers of a treatment."),
)  # fmt: skip

CHECKLISTS: dict[str, tuple[str, tuple[Item, ...]]] = {
    "2020": ("PRISMA 2020", PRISMA_2020),
    "S": ("PRISMA-S (searching)", PRISMA_S),
    "NMA": ("PRISMA-NMA (network meta-analysis)", PRISMA_NMA),
}
