"""The papers a report may cite, each under a short key."""

from dataclasses import dataclass

from radpipe.reporting.references_encoders import ENCODERS
from radpipe.reporting.references_features import FEATURES
from radpipe.reporting.references_models import MODELS
from radpipe.reporting.references_segmentation import SEGMENTATION


@dataclass(frozen=True)
class Reference:
    """A paper; `doi` is empty where the journal gives none."""

    text: str
    doi: str = ""


REFERENCES: dict[str, Reference] = {
    "ambroise2002": Reference(
        "Ambroise C, McLachlan GJ. Selection bias in gene extraction on the basis of microarray "
        "gene-expression data. PNAS 2002;99:6562–6566.",
        "10.1073/pnas.102102699",
    ),
    "austin2019": Reference(
        "Austin PC, Steyerberg EW. The Integrated Calibration Index (ICI) and related metrics for "
        "quantifying the calibration of logistic regression models. Stat Med 2019;38:4051–4065.",
        "10.1002/sim.8281",
    ),
    "bates2024": Reference(
        "Bates S, Hastie T, Tibshirani R. Cross-validation: what does it estimate and how well "
        "does it do it? J Am Stat Assoc 2024;119:1434–1445.",
        "10.1080/01621459.2023.2197686",
    ),
    "bengio2004": Reference(
        "Bengio Y, Grandvalet Y. No unbiased estimator of the variance of K-fold "
        "cross-validation. J Mach Learn Res 2004;5:1089–1105."
    ),
    "breiman2001": Reference(
        "Breiman L. Random forests. Mach Learn 2001;45:5–32.", "10.1023/A:1010933404324"
    ),
    "cicek2016": Reference(
        "Çiçek Ö, Abdulkadir A, Lienkamp SS, Brox T, Ronneberger O. 3D U-Net: learning dense "
        "volumetric segmentation from sparse annotation. MICCAI 2016, LNCS 9901:424–432.",
        "10.1007/978-3-319-46723-8_49",
    ),
    "cardoso2022": Reference(
        "Cardoso MJ, Li W, Brown R, et al. MONAI: an open-source framework for deep learning in "
        "healthcare. arXiv 2022.",
        "10.48550/arXiv.2211.02701",
    ),
    "collins2024": Reference(
        "Collins GS, Moons KGM, Dhiman P, et al. TRIPOD+AI statement: updated guidance for "
        "reporting clinical prediction models that use regression or machine learning methods. "
        "BMJ 2024;385:e078378.",
        "10.1136/bmj-2023-078378",
    ),
    "delong1988": Reference(
        "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more "
        "correlated receiver operating characteristic curves: a nonparametric approach. "
        "Biometrics 1988;44:837–845.",
        "10.2307/2531595",
    ),
    "he2013": Reference(
        "He K, Sun J, Tang X. Guided image filtering. IEEE Trans Pattern Anal Mach Intell "
        "2013;35:1397–1409.",
        "10.1109/TPAMI.2012.213",
    ),
    "hinton2006": Reference(
        "Hinton GE, Salakhutdinov RR. Reducing the dimensionality of data with neural networks. "
        "Science 2006;313:504–507.",
        "10.1126/science.1127647",
    ),
    "holm1979": Reference(
        "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat "
        "1979;6:65–70."
    ),
    "kapoor2023": Reference(
        "Kapoor S, Narayanan A. Leakage and the reproducibility crisis in machine-learning-based "
        "science. Patterns 2023;4:100804.",
        "10.1016/j.patter.2023.100804",
    ),
    "li1995": Reference(
        "Li H, Manjunath BS, Mitra SK. Multisensor image fusion using the wavelet transform. "
        "Graph Models Image Process 1995;57:235–245.",
        "10.1006/gmip.1995.1022",
    ),
    "li2013": Reference(
        "Li S, Kang X, Hu J. Image fusion with guided filtering. IEEE Trans Image Process "
        "2013;22:2864–2875.",
        "10.1109/TIP.2013.2244222",
    ),
    "lowekamp2013": Reference(
        "Lowekamp BC, Chen DT, Ibáñez L, Blezek D. The design of SimpleITK. Front Neuroinform "
        "2013;7:45.",
        "10.3389/fninf.2013.00045",
    ),
    "lundberg2017": Reference(
        "Lundberg SM, Lee S-I. A unified approach to interpreting model predictions. NeurIPS "
        "2017;30:4765–4774.",
        "10.48550/arXiv.1705.07874",
    ),
    "maierhein2024": Reference(
        "Maier-Hein L, Reinke A, Godau P, et al. Metrics reloaded: recommendations for image "
        "analysis validation. Nat Methods 2024;21:195–212.",
        "10.1038/s41592-023-02151-z",
    ),
    "mattes2003": Reference(
        "Mattes D, Haynor DR, Vesselle H, Lewellen TK, Eubank W. PET-CT image registration in "
        "the chest using free-form deformations. IEEE Trans Med Imaging 2003;22:120–128.",
        "10.1109/TMI.2003.809072",
    ),
    "molder2021": Reference(
        "Mölder F, Jablonski KP, Letcher B, et al. Sustainable data analysis with Snakemake. "
        "F1000Research 2021;10:33.",
        "10.12688/f1000research.29032.2",
    ),
    "nikolov2021": Reference(
        "Nikolov S, Blackwell S, Zverovitch A, et al. Clinically applicable segmentation of head "
        "and neck anatomy for radiotherapy: deep learning algorithm development and validation "
        "study. J Med Internet Res 2021;23:e26151.",
        "10.2196/26151",
    ),
    "obuchowski1997": Reference(
        "Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics "
        "1997;53:567–578.",
        "10.2307/2533958",
    ),
    "ojala2010": Reference(
        "Ojala M, Garriga GC. Permutation tests for studying classifier performance. J Mach "
        "Learn Res 2010;11:1833–1863."
    ),
    "pedregosa2011": Reference(
        "Pedregosa F, Varoquaux G, Gramfort A, et al. Scikit-learn: machine learning in Python. "
        "J Mach Learn Res 2011;12:2825–2830."
    ),
    "phipson2010": Reference(
        "Phipson B, Smyth GK. Permutation P-values should never be zero: calculating exact "
        "P-values when permutations are randomly drawn. Stat Appl Genet Mol Biol 2010;9:39.",
        "10.2202/1544-6115.1585",
    ),
    "ribeiro2016": Reference(
        "Ribeiro MT, Singh S, Guestrin C. “Why should I trust you?”: explaining the predictions "
        "of any classifier. KDD 2016:1135–1144.",
        "10.1145/2939672.2939778",
    ),
    "riley2020": Reference(
        "Riley RD, Ensor J, Snell KIE, et al. Calculating the sample size required for "
        "developing a clinical prediction model. BMJ 2020;368:m441.",
        "10.1136/bmj.m441",
    ),
    "ronneberger2015": Reference(
        "Ronneberger O, Fischer P, Brox T. U-Net: convolutional networks for biomedical image "
        "segmentation. MICCAI 2015, LNCS 9351:234–241.",
        "10.1007/978-3-319-24574-4_28",
    ),
    "tustison2010": Reference(
        "Tustison NJ, Avants BB, Cook PA, et al. N4ITK: improved N3 bias correction. IEEE Trans "
        "Med Imaging 2010;29:1310–1320.",
        "10.1109/TMI.2010.2046908",
    ),
    "vancalster2019": Reference(
        "Van Calster B, McLernon DJ, van Smeden M, Wynants L, Steyerberg EW. Calibration: the "
        "Achilles heel of predictive analytics. BMC Med 2019;17:230.",
        "10.1186/s12916-019-1466-7",
    ),
    "griethuysen2017": Reference(
        "van Griethuysen JJM, Fedorov A, Parmar C, et al. Computational radiomics system to "
        "decode the radiographic phenotype. Cancer Res 2017;77:e104–e107.",
        "10.1158/0008-5472.CAN-17-0339",
    ),
    "vickers2006": Reference(
        "Vickers AJ, Elkin EB. Decision curve analysis: a novel method for evaluating prediction "
        "models. Med Decis Making 2006;26:565–574.",
        "10.1177/0272989X06295361",
    ),
    "welch2019": Reference(
        "Welch ML, McIntosh C, Haibe-Kains B, et al. Vulnerabilities of radiomic signature "
        "development: the need for safeguards. Radiother Oncol 2019;130:2–9.",
        "10.1016/j.radonc.2018.10.027",
    ),
    "wilson1927": Reference(
        "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am "
        "Stat Assoc 1927;22:209–212.",
        "10.1080/01621459.1927.10502953",
    ),
    "zeiler2014": Reference(
        "Zeiler MD, Fergus R. Visualizing and understanding convolutional networks. ECCV 2014, "
        "LNCS 8689:818–833.",
        "10.1007/978-3-319-10590-1_53",
    ),
    "zou2005": Reference(
        "Zou H, Hastie T. Regularization and variable selection via the elastic net. J R Stat "
        "Soc B 2005;67:301–320.",
        "10.1111/j.1467-9868.2005.00503.x",
    ),
    "zwanenburg2020": Reference(
        "Zwanenburg A, Vallières M, Abdalah MA, et al. The Image Biomarker Standardization "
        "Initiative: standardized quantitative radiomics for high-throughput image-based "
        "phenotyping. Radiology 2020;295:328–338.",
        "10.1148/radiol.2020191145",
    ),
}
PAPERS = SEGMENTATION | ENCODERS | FEATURES | MODELS
REFERENCES |= {key: Reference(*parts) for key, parts in PAPERS.items()}
