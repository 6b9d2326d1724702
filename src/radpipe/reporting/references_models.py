"""Papers behind predictors, selections and the judgement of models: text and DOI by key."""

MODELS: dict[str, tuple[str, str]] = {
    "an2021": (
        "An C, Park YW, Ahn SS, Han K, Kim H, Lee S-K. Radiomics machine learning study with a "
        "small sample size: single random training-test set split may lead to unreliable results. "
        "PLoS One 2021;16:e0256152.",
        "10.1371/journal.pone.0256152",
    ),
    "bland1986": (
        "Bland JM, Altman DG. Statistical methods for assessing agreement between two methods of "
        "clinical measurement. Lancet 1986;327:307–310.",
        "10.1016/S0140-6736(86)90837-8",
    ),
    "blanche2013": (
        "Blanche P, Dartigues J-F, Jacqmin-Gadda H. Estimating and comparing time-dependent areas "
        "under receiver operating characteristic curves for censored event times with competing "
        "risks. Stat Med 2013;32:5381–5397.",
        "10.1002/sim.5958",
    ),
    "breiman1996": (
        "Breiman L. Stacked regressions. Mach Learn 1996;24:49–64.",
        "10.1007/BF00117832",
    ),
    "broomhead1988": (
        "Broomhead DS, Lowe D. Multivariable functional interpolation and adaptive networks. "
        "Complex Syst 1988;2:321–355.",
        "",
    ),
    "caruana2004": (
        "Caruana R, Niculescu-Mizil A, Crew G, Ksikes A. Ensemble selection from libraries of "
        "models. ICML 2004.",
        "10.1145/1015330.1015432",
    ),
    "cortes1995": (
        "Cortes C, Vapnik V. Support-vector networks. Mach Learn 1995;20:273–297.",
        "10.1007/BF00994018",
    ),
    "cover1967": (
        "Cover T, Hart P. Nearest neighbor pattern classification. IEEE Trans Inf Theory "
        "1967;13:21–27.",
        "10.1109/TIT.1967.1053964",
    ),
    "cox1972": (
        "Cox DR. Regression models and life-tables. J R Stat Soc B 1972;34:187–220.",
        "10.1111/j.2517-6161.1972.tb00899.x",
    ),
    "davison1997": (
        "Davison AC, Hinkley DV. Bootstrap methods and their application. Cambridge University "
        "Press 1997.",
        "10.1017/CBO9780511802843",
    ),
    "fisher1936": (
        "Fisher RA. The use of multiple measurements in taxonomic problems. Ann Eugen "
        "1936;7:179–188.",
        "10.1111/j.1469-1809.1936.tb02137.x",
    ),
    "friedman2001": (
        "Friedman JH. Greedy function approximation: a gradient boosting machine. Ann Stat "
        "2001;29:1189–1232.",
        "10.1214/aos/1013203451",
    ),
    "geurts2006": (
        "Geurts P, Ernst D, Wehenkel L. Extremely randomized trees. Mach Learn 2006;63:3–42.",
        "10.1007/s10994-006-6226-1",
    ),
    "graf1999": (
        "Graf E, Schmoor C, Sauerbrei W, Schumacher M. Assessment and comparison of prognostic "
        "classification schemes for survival data. Stat Med 1999;18:2529–2545.",
        "",
    ),
    "guyon2002": (
        "Guyon I, Weston J, Barnhill S, Vapnik V. Gene selection for cancer classification using "
        "support vector machines. Mach Learn 2002;46:389–422.",
        "10.1023/A:1012487302797",
    ),
    "hand2001": (
        "Hand DJ, Till RJ. A simple generalisation of the area under the ROC curve for multiple "
        "class classification problems. Mach Learn 2001;45:171–186.",
        "10.1023/A:1010920819831",
    ),
    "harrell1982": (
        "Harrell FE, Califf RM, Pryor DB, Lee KL, Rosati RA. Evaluating the yield of medical "
        "tests. JAMA 1982;247:2543–2546.",
        "10.1001/jama.1982.03320430047030",
    ),
    "hoerl1970": (
        "Hoerl AE, Kennard RW. Ridge regression: biased estimation for nonorthogonal problems. "
        "Technometrics 1970;12:55–67.",
        "10.1080/00401706.1970.10488634",
    ),
    "hu2018": (
        "Hu J, Shen L, Sun G. Squeeze-and-excitation networks. CVPR 2018:7132–7141.",
        "10.1109/CVPR.2018.00745",
    ),
    "johnson2007": (
        "Johnson WE, Li C, Rabinovic A. Adjusting batch effects in microarray expression data "
        "using empirical Bayes methods. Biostatistics 2007;8:118–127.",
        "10.1093/biostatistics/kxj037",
    ),
    "kaplan1958": (
        "Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. J Am Stat "
        "Assoc 1958;53:457–481.",
        "10.1080/01621459.1958.10501452",
    ),
    "kononenko1994": (
        "Kononenko I. Estimating attributes: analysis and extensions of RELIEF. ECML 1994, LNCS "
        "784:171–182.",
        "10.1007/3-540-57868-4_57",
    ),
    "kursa2010": (
        "Kursa MB, Rudnicki WR. Feature selection with the Boruta package. J Stat Softw "
        "2010;36(11):1–13.",
        "10.18637/jss.v036.i11",
    ),
    "lin1989": (
        "Lin LI-K. A concordance correlation coefficient to evaluate reproducibility. Biometrics "
        "1989;45:255–268.",
        "10.2307/2532051",
    ),
    "mantel1966": (
        "Mantel N. Evaluation of survival data and two new rank order statistics arising in its "
        "consideration. Cancer Chemother Rep 1966;50:163–170.",
        "",
    ),
    "mclernon2023": (
        "McLernon DJ, Giardiello D, Van Calster B, et al. Assessing performance and clinical "
        "usefulness in prediction models with survival outcomes: practical guidance for Cox "
        "proportional hazards models. Ann Intern Med 2023;176:105–114.",
        "10.7326/M22-0844",
    ),
    "nadeau2003": (
        "Nadeau C, Bengio Y. Inference for the generalization error. Mach Learn 2003;52:239–281.",
        "10.1023/A:1024068626366",
    ),
    "nogueira2018": (
        "Nogueira S, Sechidis K, Brown G. On the stability of feature selection algorithms. J "
        "Mach Learn Res 2018;18(174):1–54.",
        "",
    ),
    "pate2023": (
        "Pate A, Riley RD, Collins GS, et al. Minimum sample size for developing a multivariable "
        "prediction model using multinomial logistic regression. Stat Methods Med Res "
        "2023;32:555–571.",
        "10.1177/09622802231151220",
    ),
    "peng2005": (
        "Peng H, Long F, Ding C. Feature selection based on mutual information: criteria of "
        "max-dependency, max-relevance, and min-redundancy. IEEE Trans Pattern Anal Mach Intell "
        "2005;27:1226–1238.",
        "10.1109/TPAMI.2005.159",
    ),
    "riley2019": (
        "Riley RD, Snell KIE, Ensor J, et al. Minimum sample size for developing a multivariable "
        "prediction model: part I – continuous outcomes. Stat Med 2019;38:1262–1275.",
        "10.1002/sim.7993",
    ),
    "riley2019b": (
        "Riley RD, Snell KIE, Ensor J, et al. Minimum sample size for developing a multivariable "
        "prediction model: part II – binary and time-to-event outcomes. Stat Med "
        "2019;38:1276–1296.",
        "10.1002/sim.7992",
    ),
    "saito2015": (
        "Saito T, Rehmsmeier M. The precision-recall plot is more informative than the ROC plot "
        "when evaluating binary classifiers on imbalanced datasets. PLoS One 2015;10:e0118432.",
        "10.1371/journal.pone.0118432",
    ),
    "simonsohn2020": (
        "Simonsohn U, Simmons JP, Nelson LD. Specification curve analysis. Nat Hum Behav "
        "2020;4:1208–1214.",
        "10.1038/s41562-020-0912-z",
    ),
    "steegen2016": (
        "Steegen S, Tuerlinckx F, Gelman A, Vanpaemel W. Increasing transparency through a "
        "multiverse analysis. Perspect Psychol Sci 2016;11:702–712.",
        "10.1177/1745691616658637",
    ),
    "steyerberg2016": (
        "Steyerberg EW, Harrell FE. Prediction models need appropriate internal, "
        "internal–external, and external validation. J Clin Epidemiol 2016;69:245–247.",
        "10.1016/j.jclinepi.2015.04.005",
    ),
    "tan2019": (
        "Tan M, Le QV. EfficientNet: rethinking model scaling for convolutional neural networks. "
        "ICML 2019:6105–6114.",
        "",
    ),
    "therneau1990": (
        "Therneau TM, Grambsch PM, Fleming TR. Martingale-based residuals for survival models. "
        "Biometrika 1990;77:147–160.",
        "10.1093/biomet/77.1.147",
    ),
    "tibshirani1996": (
        "Tibshirani R. Regression shrinkage and selection via the lasso. J R Stat Soc B "
        "1996;58:267–288.",
        "10.1111/j.2517-6161.1996.tb02080.x",
    ),
    "uno2011": (
        "Uno H, Cai T, Pencina MJ, D'Agostino RB, Wei LJ. On the C-statistics for evaluating "
        "overall adequacy of risk prediction procedures with censored survival data. Stat Med "
        "2011;30:1105–1117.",
        "10.1002/sim.4154",
    ),
    "vickers2008": (
        "Vickers AJ, Cronin AM, Elkin EB, Gonen M. Extensions to decision curve analysis, a novel "
        "method for evaluating diagnostic tests, prediction models and molecular markers. BMC Med "
        "Inform Decis Mak 2008;8:53.",
        "10.1186/1472-6947-8-53",
    ),
    "wolpert1992": (
        "Wolpert DH. Stacked generalization. Neural Netw 1992;5:241–259.",
        "10.1016/S0893-6080(05)80023-1",
    ),
}
