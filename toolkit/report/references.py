"""References that the methods text of a report cites, by key."""

from __future__ import annotations

__all__ = ["REFERENCES"]

REFERENCES: dict[str, str] = {
    "REML": "Viechtbauer W. Bias and efficiency of meta-analytic variance estimators in the random-effects model. J "
    "Educ Behav Stat 2005;30:261-293. doi:10.3102/10769986030003261",
    "DL": "DerSimonian R, Laird N. Meta-analysis in clinical trials. Control Clin Trials 1986;7:177-188. "
    "doi:10.1016/0197-2456(86)90046-2",
    "HK": "Knapp G, Hartung J. Improved tests for a random effects meta-regression with a single covariate. Stat "
    "Med 2003;22:2693-2710. doi:10.1002/sim.1482",
    "MH": "Robins J, Breslow N, Greenland S. Estimators of the Mantel-Haenszel variance consistent in both sparse "
    "data and large-strata limiting models. Biometrics 1986;42:311-323. doi:10.2307/2531052",
    "I2": "Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. Stat Med 2002;21:1539-1558. "
    "doi:10.1002/sim.1186",
    "PI": "Higgins JPT, Thompson SG, Spiegelhalter DJ. A re-evaluation of random-effects meta-analysis. J R Stat "
    "Soc A 2009;172:137-159. doi:10.1111/j.1467-985X.2008.00552.x",
    "QP": "Viechtbauer W. Confidence intervals for the amount of heterogeneity in meta-analysis. Stat Med "
    "2007;26:37-52. doi:10.1002/sim.2514",
    "NMA": "White IR, Barrett JK, Jackson D, Higgins JPT. Consistency and inconsistency in network meta-analysis: "
    "model estimation using multivariate meta-regression. Res Synth Methods 2012;3:111-125. doi:10.1002/jrsm.1045",
    "DBT": "Higgins JPT, Jackson D, Barrett JK, Lu G, Ades AE, White IR. Consistency and inconsistency in network "
    "meta-analysis: concepts and models for multi-arm studies. Res Synth Methods 2012;3:98-110. "
    "doi:10.1002/jrsm.1044",
    "TYPES": "Lu G, Ades AE. Modeling between-trial variance structure in mixed treatment comparisons. Biostatistics "
    "2009;10:792-805. doi:10.1093/biostatistics/kxp032",
    "PSCORE": "Ruecker G, Schwarzer G. Ranking treatments in frequentist network meta-analysis works without "
    "resampling methods. BMC Med Res Methodol 2015;15:58. doi:10.1186/s12874-015-0060-8",
    "PRISMA": "Page MJ, McKenzie JE, Bossuyt PM, et al. The PRISMA 2020 statement: an updated guideline for "
    "reporting systematic reviews. BMJ 2021;372:n71. doi:10.1136/bmj.n71",
    "HANDBOOK": "Higgins JPT, Thomas J, Chandler J, et al., editors. Cochrane Handbook for Systematic Reviews of "
    "Interventions, version 6.5. Cochrane 2024. www.training.cochrane.org/handbook",
    "DL2": "DerSimonian R, Kacker R. Random-effects model for meta-analysis of clinical trials: an update. Contemp "
    "Clin Trials 2007;28:105-114. doi:10.1016/j.cct.2006.04.004",
    "PM": "Paule RC, Mandel J. Consensus values and weighting factors. J Res Natl Bur Stand 1982;87:377-385. "
    "doi:10.6028/jres.087.022",
    "PMM": "Viechtbauer W. Median-unbiased estimators for the amount of heterogeneity in meta-analysis. European "
    "Congress of Methodology, Valencia 2021.",
    "ML": "Hardy RJ, Thompson SG. A likelihood approach to meta-analysis with random effects. Stat Med "
    "1996;15:619-629.",
    "EB": "Morris CN. Parametric empirical Bayes inference: theory and applications. J Am Stat Assoc 1983;78:47-55. "
    "doi:10.1080/01621459.1983.10477920",
    "HE": "Hedges LV, Olkin I. Statistical Methods for Meta-Analysis. Academic Press 1985.",
    "HS": "Schmidt FL, Hunter JE. Methods of Meta-Analysis. 3rd ed. Sage 2015.",
    "HSk": "Brannick MT, Potter SM, Benitez B, Morris SB. Bias and precision of alternate estimators in "
    "meta-analysis. Organ Res Methods 2019;22:490-514. doi:10.1177/1094428117741966",
    "SJ": "Sidik K, Jonkman JN. Simple heterogeneity variance estimation for meta-analysis. J R Stat Soc C "
    "2005;54:367-384. doi:10.1111/j.1467-9876.2005.00489.x",
    "HK_adhoc": "Roever C, Knapp G, Friede T. Hartung-Knapp-Sidik-Jonkman approach and its modification for "
    "random-effects meta-analysis with few studies. BMC Med Res Methodol 2015;15:99. doi:10.1186/s12874-015-0091-1",
    "KR": "Partlett C, Riley RD. Random effects meta-analysis: coverage performance of 95% confidence and "
    "prediction intervals following REML estimation. Stat Med 2017;36:301-317. doi:10.1002/sim.7140",
    "GLMM": "Stijnen T, Hamza TH, Ozdemir P. Random effects meta-analysis of event outcome in the framework of the "
    "generalized linear mixed model with applications in sparse data. Stat Med 2010;29:3046-3067. "
    "doi:10.1002/sim.4040",
    "SEVEN": "Jackson D, Law M, Stijnen T, Viechtbauer W, White IR. A comparison of seven random-effects models for "
    "meta-analyses that estimate the summary odds ratio. Stat Med 2018;37:1059-1085. doi:10.1002/sim.7588",
    "BB": "Kuss O. Statistical methods for meta-analyses including information from studies without any events. "
    "Stat Med 2015;34:1097-1116. doi:10.1002/sim.6383",
    "PETO": "Yusuf S, Peto R, Lewis J, Collins R, Sleight P. Beta blockade during and after myocardial infarction. "
    "Prog Cardiovasc Dis 1985;27:335-371.",
    "SMD": "Hedges LV. Distribution theory for Glass's estimator of effect size and related estimators. J Educ Stat "
    "1981;6:107-128. doi:10.3102/10769986006002107",
    "HR": "Tierney JF, Stewart LA, Ghersi D, Burdett S, Sydes MR. Practical methods for incorporating summary "
    "time-to-event data into meta-analysis. Trials 2007;8:16. doi:10.1186/1745-6215-8-16",
    "BAYES": "Roever C. Bayesian random-effects meta-analysis using the bayesmeta R package. J Stat Softw "
    "2020;93(6). doi:10.18637/jss.v093.i06",
    "PRIOR": "Roever C, Bender R, Dias S, et al. On weakly informative prior distributions for the heterogeneity "
    "parameter in Bayesian random-effects meta-analysis. Res Synth Methods 2021;12:448-474. doi:10.1002/jrsm.1475",
    "turner2015": "Turner RM, Jackson D, Wei Y, Thompson SG, Higgins JPT. Predictive distributions for "
    "between-study heterogeneity and simple methods for their application in Bayesian meta-analysis. Stat Med "
    "2015;34:984-998. doi:10.1002/sim.6381",
    "rhodes2015": "Rhodes KM, Turner RM, Higgins JPT. Predictive distributions were developed for the extent of "
    "heterogeneity in meta-analyses of continuous outcome data. J Clin Epidemiol 2015;68:52-60. "
    "doi:10.1016/j.jclinepi.2014.08.012",
    "LUO": "Luo D, Wan X, Liu J, Tong T. Optimally estimating the sample mean from the sample size, median, "
    "mid-range, and/or mid-quartile range. Stat Methods Med Res 2018;27:1785-1805. doi:10.1177/0962280216669183",
    "WAN": "Wan X, Wang W, Liu J, Tong T. Estimating the sample mean and standard deviation from the sample size, "
    "median, range and/or interquartile range. BMC Med Res Methodol 2014;14:135. doi:10.1186/1471-2288-14-135",
    "SHI": "Shi J, Luo D, Weng H, et al. Optimally estimating the sample standard deviation from the five-number "
    "summary. Res Synth Methods 2020;11:641-654. doi:10.1002/jrsm.1429",
    "SKEW": "Shi J, Luo D, Wang X, et al. Detecting the skewness of data from the five-number summary and its "
    "application in meta-analysis. Res Synth Methods 2023;14:338-353. doi:10.1002/jrsm.1607",
    "LOGNORMAL": "Shi J, Tong T, Wang Y, Genton MG. Estimating the mean and variance from the five-number summary of a "
    "log-normal distribution. Stat Interface 2020;13:519-531. doi:10.4310/SII.2020.v13.n4.a9",
    "MCGRATH": "McGrath S, Zhao X, Steele R, et al. Estimating the sample mean and standard deviation from commonly "
    "reported quantiles in meta-analysis. Stat Methods Med Res 2020;29:2520-2537. doi:10.1177/0962280219889080",
    "FURUKAWA": "Furukawa TA, Barbui C, Cipriani A, Brambilla P, Watanabe N. Imputing missing standard deviations "
    "in meta-analyses can provide accurate results. J Clin Epidemiol 2006;59:7-10. "
    "doi:10.1016/j.jclinepi.2005.06.006",
    "CHINN": "Chinn S. A simple method for converting an odds ratio to effect size for use in meta-analysis. Stat "
    "Med 2000;19:3127-3131.",
    "BECKER": "Becker MP, Balagtas CC. Marginal modeling of binary cross-over data. Biometrics 1993;49:997-1009. "
    "doi:10.2307/2532242",
    "ELBOURNE": "Elbourne DR, Altman DG, Higgins JPT, et al. Meta-analyses involving cross-over trials: "
    "methodological issues. Int J Epidemiol 2002;31:140-149. doi:10.1093/ije/31.1.140",
    "THREE": "Konstantopoulos S. Fixed effects and variance components estimation in three-level meta-analysis. Res "
    "Synth Methods 2011;2:61-76. doi:10.1002/jrsm.35",
    "CHE": "Pustejovsky JE, Tipton E. Meta-analysis with robust variance estimation: expanding the range of working "
    "models. Prev Sci 2022;23:425-438. doi:10.1007/s11121-021-01246-3",
    "CR2": "Tipton E. Small sample adjustments for robust variance estimation with meta-regression. Psychol Methods "
    "2015;20:375-393. doi:10.1037/met0000011",
    "SCALE": "Viechtbauer W, Lopez-Lopez JA. Location-scale models for meta-analysis. Res Synth Methods "
    "2022;13:697-715. doi:10.1002/jrsm.1562",
    "PERMUTATION": "Follmann DA, Proschan MA. Valid inference in random effects meta-analysis. Biometrics "
    "1999;55:732-737. doi:10.1111/j.0006-341X.1999.00732.x",
    "PERMUTATION_X": "Higgins JPT, Thompson SG. Controlling the risk of spurious findings from meta-regression. "
    "Stat Med 2004;23:1663-1682. doi:10.1002/sim.1752",
    "BOOTSTRAP": "Van den Noortgate W, Onghena P. Parametric and nonparametric bootstrap methods for meta-analysis. "
    "Behav Res Methods 2005;37:11-22. doi:10.3758/BF03206394",
    "CUMULATIVE": "Lau J, Antman EM, Jimenez-Silva J, et al. Cumulative meta-analysis of therapeutic trials for "
    "myocardial infarction. N Engl J Med 1992;327:248-254. doi:10.1056/NEJM199207233270406",
    "INFLUENCE": "Viechtbauer W, Cheung MWL. Outlier and influence diagnostics for meta-analysis. Res Synth Methods "
    "2010;1:112-125. doi:10.1002/jrsm.11",
    "ASYMMETRY": "Sterne JAC, Sutton AJ, Ioannidis JPA, et al. Recommendations for examining and interpreting "
    "funnel plot asymmetry in meta-analyses of randomised controlled trials. BMJ 2011;343:d4002. "
    "doi:10.1136/bmj.d4002",
    "Egger": "Egger M, Davey Smith G, Schneider M, Minder C. Bias in meta-analysis detected by a simple, graphical "
    "test. BMJ 1997;315:629-634. doi:10.1136/bmj.315.7109.629",
    "Begg": "Begg CB, Mazumdar M. Operating characteristics of a rank correlation test for publication bias. "
    "Biometrics 1994;50:1088-1101. doi:10.2307/2533446",
    "Harbord": "Harbord RM, Egger M, Sterne JAC. A modified test for small-study effects in meta-analyses of "
    "controlled trials with binary endpoints. Stat Med 2006;25:3443-3457. doi:10.1002/sim.2380",
    "Peters": "Peters JL, Sutton AJ, Jones DR, Abrams KR, Rushton L. Comparison of two methods to detect "
    "publication bias in meta-analysis. JAMA 2006;295:676-680. doi:10.1001/jama.295.6.676",
    "Macaskill": "Macaskill P, Walter SD, Irwig L. A comparison of methods to detect publication bias in "
    "meta-analysis. Stat Med 2001;20:641-654. doi:10.1002/sim.698",
    "Deeks": "Deeks JJ, Macaskill P, Irwig L. The performance of tests of publication bias and other sample size "
    "effects in systematic reviews of diagnostic test accuracy was assessed. J Clin Epidemiol 2005;58:882-893. "
    "doi:10.1016/j.jclinepi.2005.01.016",
    "Thompson": "Thompson SG, Sharp SJ. Explaining heterogeneity in meta-analysis: a comparison of methods. Stat "
    "Med 1999;18:2693-2708.",
    "Pustejovsky": "Pustejovsky JE, Rodgers MA. Testing for funnel plot asymmetry of standardized mean differences. "
    "Res Synth Methods 2019;10:57-71. doi:10.1002/jrsm.1332",
    "TRIM": "Duval S, Tweedie R. Trim and fill: a simple funnel-plot-based method of testing and adjusting for "
    "publication bias in meta-analysis. Biometrics 2000;56:455-463. doi:10.1111/j.0006-341X.2000.00455.x",
    "pet-peese": "Stanley TD, Doucouliagos H. Meta-regression approximations to reduce publication selection bias. "
    "Res Synth Methods 2014;5:60-78. doi:10.1002/jrsm.1095",
    "limit": "Ruecker G, Schwarzer G, Carpenter JR, Binder H, Schumacher M. Treatment-effect estimates adjusted for "
    "small-study effects via a limit meta-analysis. Biostatistics 2011;12:122-142. doi:10.1093/biostatistics/kxq046",
    "step": "Vevea JL, Hedges LV. A general linear model for estimating effect size in the presence of publication "
    "bias. Psychometrika 1995;60:419-435. doi:10.1007/BF02294384",
    "beta": "Citkowicz M, Vevea JL. A parsimonious weight function for modeling publication bias. Psychol Methods "
    "2017;22:28-41. doi:10.1037/met0000119",
    "PRESTON": "Preston C, Ashby D, Smyth R. Adjusting for publication bias: modelling the selection process. J "
    "Eval Clin Pract 2004;10:313-322. doi:10.1111/j.1365-2753.2003.00457.x",
    "copas": "Copas JB, Shi JQ. A sensitivity analysis for publication bias in systematic reviews. Stat Methods Med "
    "Res 2001;10:251-265. doi:10.1177/096228020101000402",
    "p-curve": "Simonsohn U, Nelson LD, Simmons JP. P-curve: a key to the file-drawer. J Exp Psychol Gen "
    "2014;143:534-547. doi:10.1037/a0033242",
    "henmi-copas": "Henmi M, Copas JB. Confidence intervals for random effects meta-analysis and robustness to "
    "publication bias. Stat Med 2010;29:2969-2983. doi:10.1002/sim.4029",
    "fail-safe": "Rosenthal R. The file drawer problem and tolerance for null results. Psychol Bull "
    "1979;86:638-641. doi:10.1037/0033-2909.86.3.638",
    "fail-safe-random": "Viechtbauer W. Conducting meta-analyses in R with the metafor package. J Stat Softw "
    "2010;36(3):1-48. doi:10.18637/jss.v036.i03",
    "excess": "Ioannidis JPA, Trikalinos TA. An exploratory test for an excess of significant findings. Clin Trials "
    "2007;4:245-253. doi:10.1177/1740774507079441",
    "SSW": "Bakbergenuly I, Hoaglin DC, Kulinskaya E. Methods for estimating between-study variance and overall effect "
    "in meta-analysis of odds ratios. Res Synth Methods 2020;11:426-442. doi:10.1002/jrsm.1404",
    "GRIM": "Brown NJL, Heathers JAJ. The GRIM test: a simple technique detects numerous anomalies in the reporting "
    "of results in psychology. Soc Psychol Personal Sci 2017;8:363-369. doi:10.1177/1948550616673876",
    "SWIM": "Campbell M, McKenzie JE, Sowden A, et al. Synthesis without meta-analysis (SWiM) in systematic "
    "reviews: reporting guideline. BMJ 2020;368:l6890. doi:10.1136/bmj.l6890",
}
