"""Starting a review: a project folder with a commented review.toml and an empty database."""

from __future__ import annotations

import json
from pathlib import Path

from toolkit.model.errors import InputError
from toolkit.project import DATABASE, FOLDERS, SETTINGS, Project
from toolkit.records.tables import write_whole

__all__ = ["create_project", "template"]


def create_project(folder: str | Path, *, title: str | None = None) -> Path:
    """Make the folder of a new review and return it; the title is the folder's name if none is given.

    Raises
    ------
    InputError
        if the folder holds a review already, or is not a folder; nothing is overwritten.
    """
    root = Path(folder)
    if root.exists() and not root.is_dir():
        raise InputError("this is a file, not a folder", file=root)
    for name in (SETTINGS, DATABASE):
        if (root / name).exists():
            raise InputError(f"there is a review here already: {name} exists", file=root, hint="Choose another folder.")
    root.mkdir(parents=True, exist_ok=True)
    for name in FOLDERS:
        (root / name).mkdir(exist_ok=True)
    name = title if title is not None and title.strip() else root.resolve().name
    # The settings make the folder a review; should the database fail to follow, the next command makes it.
    write_whole(root / SETTINGS, template(name.strip()).encode("utf-8"))
    with Project.open(root) as project:
        assert project.config.review.title  # the file just written is valid as it stands
    return root


def template(title: str) -> str:
    """The text of a new review.toml: every table, explained, with examples behind '#'."""
    return _TEMPLATE.replace("@TITLE@", json.dumps(title, ensure_ascii=False))


_TEMPLATE = """\
# The protocol of this review and everything that changes a number in it. UTF-8 text, TOML format.
# Lines that begin with # are explanations or examples: take the # away to use one.
# 'evipool doctor' checks this file; 'evipool status' says what to do next.

[review]
title = @TITLE@
question = ""                      # one sentence: in whom, what against what, for which outcome
authors = []                       # ["Li Hua", "A. Baker"]
language = "en"                    # language of the report: "en"

[protocol]
# registration = "PROSPERO CRD42020123456"
# url = "https://www.crd.york.ac.uk/prospero/"
# date = 2026-01-15                # day of registration, without quotation marks
notes = ""                         # amendments and deviations, with dates

[eligibility]
population = ""
intervention = ""
comparison = ""
outcomes = ""
designs = ""                       # "randomised and non-randomised comparisons"
other = ""                         # language, dates, publication status ...
# Reasons for exclusion at full text, in the order in which they are checked: the first that applies is counted.
# The PRISMA flow lists them in this order. Please no commas or semicolons inside a reason.
exclusion_reasons = [
  # "wrong population",
  # "wrong comparison",
  # "no outcome of interest",
  # "same patients as another report",
]

# How many reviewers vote on each report at each stage (1 or 2). Two votes that differ are a conflict for a person.
[screening]
title_abstract = 2
full_text = 2

# How sure a merge of duplicates must be: "strict", "balanced" or "sensitive" ('evipool dedup --dry-run' tells what
# each would do). "prefer" names sources whose own fields a report takes first.
[dedup]
strictness = "balanced"
prefer = []

# How a living review is kept; the report and 'evipool prisma --living' say what is stated here, and when the next
# search is due. A source that is searched at other times says so in its own "schedule".
[living]
# rationale = "several trials a year, an open question"
# search = "monthly"
# months = 1                       # between searches
# steps = "screened within two weeks, analysed at once"
# retirement = "after two years without a new trial"
# retired = 2030-01-01             # only once it is no longer kept alive

# Who may act: --as NAME, or the environment variable EVIPOOL_REVIEWER. Roles: reviewer, arbiter (settles conflicts),
# extractor, statistician, tool (an automation tool: what its vote alone excludes is counted apart in the PRISMA flow).
# [[reviewers]]
# name = "LH"
# full_name = "Li Hua"
# role = "reviewer"
# [[reviewers]]
# name = "AB"
# full_name = "A. Baker"

# Where records come from. kind: database, register, website, organisation, citation, other. The first two are one
# column of the PRISMA flow, the rest the other. 'evipool import FILE --database NAME' uses the name given here.
# strategy: for PubMed, the file that 'evipool search run' sends; for others, the strategy as it was run.
# [[sources]]
# name = "PubMed"
# kind = "database"
# platform = "NCBI"
# strategy = "search_strategies/pubmed.txt"
# schedule = "weekly"
# [[sources]]
# name = "Embase"
# platform = "Ovid"
# notes = "subject headings exploded"
# [[sources]]
# name = "ClinicalTrials.gov"
# kind = "register"
# [[sources]]
# name = "Reference lists"
# kind = "citation"

# What is measured. type: binary, continuous, rate, correlation, effect (as the authors computed it, such as a hazard
# ratio).
# better: which direction is good ("lower" or "higher").
# rule: which row of a study counts when it reports several times: "latest", "earliest", "closest:24" (months), "only".
# [[outcomes]]
# id = "pain"                      # a short name, usable as a file name
# name = "Pain"
# type = "continuous"
# labels = ["VAS", "pain (VAS)"]   # how extraction forms may call it
# instrument = "visual analogue scale"
# unit = "points"
# scale_min = 0
# scale_max = 100
# better = "lower"
# smallest_important_difference = 15
# months_min = 12
# months_max = 60
# rule = "closest:24"

# The nodes of the synthesis, and which extracted labels belong to each.
# [[treatments]]
# id = "CD"
# name = "Core decompression"
# labels = ["core decompression", "CD alone"]
# notes = "any drill diameter"
# [[treatments]]
# id = "CD+cells"
# name = "Core decompression with cells"
# labels = ["CD plus BMAC"]
# [[treatments]]
# id = "CD+graft"
# name = "Core decompression with bone graft"
# labels = ["CD plus autologous bone"]

# The analyses, each planned or post hoc with its reason. kind: pairwise, network. measure: OR, RR, RD, MD, SMD, GEN.
# tau2, ci and prediction name methods ('evipool pairwise --help' lists them); leave them out for the defaults.
# [[analyses]]
# id = "pain-cells"
# title = "Pain at two years"
# kind = "pairwise"
# outcome = "pain"
# measure = "MD"
# treatment = "CD+cells"
# reference = "CD"
# treatments = []                  # networks: only these nodes
# designs = ["RCT"]                # only studies of these designs
# studies = []                     # only these studies
# exclude = { "Smith 2001" = "percentages without counts" }
# lump = { "CD+graft" = "CD" }     # read one treatment as another
# preset = "revman5_3"             # pairwise: unset choices as that program makes them ('evipool pairwise --help')
# model = "IV"                     # pairwise: the sum of weighted effects, or a model of counts, such as "UM.FS"
# tau2 = "REML"
# ci = "auto"
# prediction = "t_k1"
# level = 0.95
# zero_add = 0.5                   # added to the cells of a table with a zero
# zero_to = "only0"                # which tables: only0, all, if0all, none
# zero_rr = "events"               # risk ratio: added to the events, or to all cells
# zero_rd = "variance"             # risk difference: correct the variance, or all cells
# zero_arms = "equal"              # the same to every arm, or by its size
# keep_double_zero = false         # studies without an event in either arm
# tau2_ci = "QP"
# figures = ["baujat", "gosh"]     # beside forest and funnel plot
# planned = true
# post_hoc_reason = ""             # needed where planned = false
# role = "headline"                # or "sensitivity", with of = the analysis it varies
# of = "another-analysis"
# notes = ""
# Every option of 'evipool pairwise' is a key of a pairwise analysis, with _ for -. Columns are those of the studies
# form, characteristics, "study", "units_per_patient", and "score" and "reversed" of the results form. What is converted
# or imputed is flagged wherever it is shown, and the result without it stands beside.
# [[analyses]]
# id = "pain-options"
# kind = "pairwise"
# outcome = "pain"
# measure = "SMD"
# treatment = "CD+cells"
# reference = "CD"
# convert = "refuse"               # means and SDs from SE, interval, quantiles, t or p; skewed quantiles: refuse, flag
# impute_sd = "pooled"             # SDs that are still missing: pooled, median, largest of the others
# change = 0.5                     # change scores from baselines, by this correlation of before and after
# score = "score"                  # final and change scores are not mixed in an SMD
# redirect = "reversed"            # scales that run the other way
# several_arms = "combine"         # of one treatment: combine, or split the other side among them
# icc = 0.05                       # with cluster_size: design effect of clusters, or of hips of one patient
# cluster_size = "units_per_patient"
# pairs = "paired"                 # studies with the same people in both arms: yes, or how many pairs
# pair_r = [0.5, 0, 0.25]          # correlation within a pair: the first counts, the others are shown beside it
# smd_or = false                   # studies that report events enter an SMD (or means an OR), Chinn 2000
# grim = 1                         # question means that no whole numbers have at this many decimals
# subgroup = "design"
# common_tau2 = false
# regress = "year + factor(design)"
# cluster = "study"                # several effects of one study: three-level model, CR2
# rho = 0.5
# structure = "nested"
# robust = "CR2"
# scale = "year"                   # covariates of tau2
# permutation = 1000
# bootstrap = 1000
# seed = 1
# bayes = ["half-normal:0.5"]
# mu_prior = [0, 2]
# leave_one_out = true
# cumulative = true
# cumulative_by = "year"
# influence = true
# swim = false                     # directions counted and p values combined, without pooling
# bias = "auto"                    # test of small-study effects; not done under ten studies
# force_bias = false
# trim_fill = "L0"
# adjust = ["limit", "step"]
# contours = true
# forest_style = "bmj"             # manner of the forest plot: bmj, revman, jama
# forest_column = ["country"]      # further columns of it
# rob = ["overall"]                # risk of bias beside it: characteristics that say low, some concerns, high
# mantel_haenszel = "raw"
# q_around = "IV"
# variance = "default"             # of the effects: UB, LS2, AV, HO, AVHO as the measure has them
# study_ci = "model"               # proportions: intervals of the studies; CP, WS, WSCC, AC, SA, SACC
# natural_sd = 22                  # an SMD in units of a familiar scale too
# assumed_risk = 0.2               # a ratio of risks or odds as events per 1,000 too
# A network; "also" names further analyses, each alone or as a table with its settings. The reference of review.toml
# lists them ('evipool network --help' too); what they ask of studies is a column of the studies form or a row of the
# characteristics form ('evipool extract template --table characteristics').
# [[analyses]]
# id = "pain-network"
# kind = "network"
# outcome = "pain"
# measure = "MD"
# reference = "CD"
# largest = false                  # of a network in pieces, the largest
# tau2_by = { inactive = "CD" }    # its comparisons have their own between-study variance; or { subgroup = "design" }
# also = ["contributions", { name = "regression", covariate = "mean age" }]

# What 'evipool monitor' holds an analysis against, named before the data were seen. One effect: risks (control_risk
# with a relative risk_reduction), means (difference with sd), or in a network two treatments (compare with effect).
# [[monitoring]]
# analysis = "pain-cells"
# difference = 15
# sd = 22
# alpha = 0.05
# power = 0.9
# diversity = 0.25                 # heterogeneity that is expected; left out, the observed one counts
# tau2 = 4
# futility = true
# [[monitoring]]
# analysis = "pain-network"
# compare = ["CD+cells", "CD"]
# effect = -15
# [[monitoring]]
# analysis = "pain-options"
# control_risk = 0.3
# risk_reduction = 0.25
# lil = true                       # penalised Z; it and fragility need no effect
# fragility = true
"""
